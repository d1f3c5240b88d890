"""Public: options and context for the commands that plugins contribute. Imports click alone.

Example::

    import click
    from zoo.api.commands import job_options, resolve_words

    @click.command()
    @click.argument("words", nargs=-1, metavar="ARCHITECTURE DATASET | JOB.yaml")
    @job_options("lr", "recipe", "set", "offline")
    def rate(words, **typed):
        \"\"\"Print the learning rate of a job, and its source.\"\"\"
        resolved, _ = resolve_words(words, typed, "zoo rate")
        click.echo(f"{resolved.job.train.lr} ({resolved.sources['train.lr']})")
"""

from __future__ import annotations

from zoo.host.context import registry_here
from zoo.job.options import (
    DEVICES,
    LOOKING,
    RESUME_NAMED,
    VIEWS,
    NumberOrAuto,
    Span,
    job_options,
    no_architecture,
    offline_option,
    request_of,
    resolve_words,
)
from zoo.job.sections import SectionCommand, SectionOption
from zoo.runner.interrupts import Interrupts

__all__ = [
    "DEVICES",
    "LOOKING",
    "RESUME_NAMED",
    "VIEWS",
    "Interrupts",
    "NumberOrAuto",
    "SectionCommand",
    "SectionOption",
    "Span",
    "job_options",
    "no_architecture",
    "offline_option",
    "registry_here",
    "request_of",
    "resolve_words",
]
