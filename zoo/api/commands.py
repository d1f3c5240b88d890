"""Public: options and context for the commands that plugins contribute. Imports click alone.

Example::

    @click.command()
    @click.argument("words", nargs=-1)
    @job_options("epochs", "seed", "set", "recipe", "offline")
    def count(words, **typed):
        \"\"\"Count the parameters of a job's network.\"\"\"
        resolved, registry = resolve_words(words, typed, "zoo count")
"""

from __future__ import annotations

from zoo.host.context import registry_here
from zoo.job.options import (
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
from zoo.runner.interrupts import Interrupts

__all__ = [
    "LOOKING",
    "RESUME_NAMED",
    "VIEWS",
    "Interrupts",
    "NumberOrAuto",
    "Span",
    "job_options",
    "no_architecture",
    "offline_option",
    "registry_here",
    "request_of",
    "resolve_words",
]
