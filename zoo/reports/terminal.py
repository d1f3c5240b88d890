"""Text of any origin for a terminal, without the control characters that a terminal would interpret.

Names of files, classes and runs, cards of bundles and messages of plugins may contain escape codes that move the
cursor, clear lines, or turn a word into a link. Everything that the zoo prints passes through this module.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from zoo.storage.text import clean_lines

__all__ = ["guarded", "is_terminal", "shown_while", "unguarded"]

_COLOUR = r"(?:0|[1-4]|22|3[1-79]|9[1-7])"
_OURS = re.compile(rf"(\A\r(?:\x1b\[K)?|\x1b\[(?:{_COLOUR}(?:;{_COLOUR})*)?m)")
"""Codes that the zoo itself sends: colours, and the return to the start of a line, for counts and downloads."""


class _Guarded:
    """Wrap a stream so that only clean text is written to it; all other attributes are those of the stream."""

    def __init__(self, stream: TextIO):
        self.unguarded = stream

    def write(self, text: str) -> int:
        self.unguarded.write("".join(part if i % 2 else clean_lines(part) for i, part in enumerate(_OURS.split(text))))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unguarded, name)


@contextmanager
def guarded() -> Iterator[None]:
    """Restrict stdout and stderr to clean text for the length of a block, whoever writes to them."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (stream and _Guarded(stream) for stream in before)  # None where the shell closed it
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def unguarded(stream: TextIO) -> TextIO:
    """Return the underlying stream, for callers that clean their own text."""
    found: TextIO = getattr(stream, "unguarded", stream)
    return found


def is_terminal(stream: TextIO) -> bool:
    """Check whether a stream is a terminal on which the cursor can be moved."""
    return stream.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


@contextmanager
def shown_while(text: str, *, silent: bool = False) -> Iterator[None]:
    """Show a line on the terminal for the length of a block, in one process of a run. No rich: it is there at once."""
    shown = not silent and is_terminal(sys.stdout) and os.environ.get("RANK", "0") == "0"
    for part in (text, "\r") if shown else ():  # what is printed meanwhile begins at the start of the line
        sys.stdout.write(part)
    sys.stdout.flush()
    try:
        yield
    finally:
        if shown:
            sys.stdout.write("\r\x1b[K")
            sys.stdout.flush()
