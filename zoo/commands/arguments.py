"""Command-line arguments that click can't express."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.job.options import RESUME_NAMED

if TYPE_CHECKING:
    from zoo.registry.loaded_plugin import LoadedPlugin

FLAGS = {
    "--debug": "Show the traceback of an error.",
    "--no-plugins": "Disable third-party plugins; ZOO_PLUGINS=a,b enables those.",
    "--trace-plugins": "Log plugin imports and hook calls with their times.",
}
"""Flags that every command accepts, anywhere on the command line, with their help texts."""
VARIABLE = "_ZOO_COMPLETE"
"""Environment variable through which a shell requests completions, in click's protocol."""


def take_flags(words: list[str]) -> tuple[list[str], set[str]]:
    """Split global flags from the words; everything after ``--`` is left unchanged.

    Returns:
        The words without global flags, and the flags.
    """
    end = words.index("--") if "--" in words else len(words)
    mine = {word for word in words[:end] if word in FLAGS}
    return [w for w in words[:end] if w not in mine] + words[end:], mine


@contextmanager
def obeying(flags: Iterable[str]) -> Iterator[None]:
    """Apply the flags that disable or trace plugins, for the length of a block."""
    if not set(flags) & {"--no-plugins", "--trace-plugins"}:
        yield
        return
    from zoo.host import enablement, hook_calls

    before = os.environ.get(enablement.ALLOW_LIST)
    if "--no-plugins" in flags:
        os.environ[enablement.ALLOW_LIST] = ""  # worker processes inherit the variable
    if "--trace-plugins" in flags:
        hook_calls.tracers.append(_trace)
    try:
        yield
    finally:
        if "--trace-plugins" in flags:
            hook_calls.tracers.remove(_trace)
        if "--no-plugins" in flags:
            os.environ.pop(enablement.ALLOW_LIST)
            if before is not None:
                os.environ[enablement.ALLOW_LIST] = before


def _trace(plugin: LoadedPlugin, what: str, milliseconds: float) -> None:
    origin = plugin.origin
    sys.stderr.write(f"zoo: {milliseconds:9.2f} ms  {what:<22} {origin.plugin} ({origin.distribution})\n")


def tidy_arguments(words: list[str], command: click.Command) -> list[str]:
    """Insert the placeholder for a named run after a ``--resume`` that takes a run and is not followed by one."""
    options = (option for option in command.params if isinstance(option, click.Option))
    if not any("--resume" in option.opts and not option.is_flag for option in options):
        return words
    tidy: list[str] = []
    named = any(word == "--name" or word.startswith("--name=") for word in words)
    for i, word in enumerate(words):
        tidy.append(word)
        following = words[i + 1] if i + 1 < len(words) else "-"
        if word == "--resume" and (following.startswith("-") or (named and not _is_run(words, following))):
            tidy.append(RESUME_NAMED)
    return tidy


def _is_run(words: list[str], word: str) -> bool:
    out = Path(words[words.index("--out") + 1]) if "--out" in words[:-1] else Path("runs")
    return any((path / "job.yaml").is_file() for path in (Path(word), out / word))
