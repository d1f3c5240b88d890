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
from typing import Any, TextIO, cast

from zoo.storage.text import clean_lines

__all__ = ["guarded", "is_terminal", "torch_announced", "unguarded"]

_COLOUR = r"(?:0|[1-4]|22|3[1-79]|9[1-7])"
_OURS = re.compile(rf"(\A\r(?:\x1b\[K)?|\x1b\[(?:{_COLOUR}(?:;{_COLOUR})*)?m)")
"""Codes that the zoo itself sends: colours, and the return to the start of a line, for counts and downloads."""


class _Stream:
    """Wrap a stream: the announcement on the terminal is erased before anything is written."""

    def __init__(self, stream: TextIO):
        self.unguarded = stream

    def write(self, text: str) -> int:
        _announcement.erase()
        return self.unguarded.write(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unguarded, name)


class _Guarded(_Stream):
    """Wrap a stream so that only clean text is written to it."""

    def write(self, text: str) -> int:
        super().write("".join(part if i % 2 else clean_lines(part) for i, part in enumerate(_OURS.split(text))))
        return len(text)


class _Announcement:
    """Name PyTorch on the terminal when its import begins, which takes seconds, unless something was printed before.

    A finder of sys.meta_path, without importlib.abc as its base, and without rich: their import would take longer than
    the announcement may wait.
    """

    def __init__(self) -> None:
        self.wanted = self.shown = False

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Find nothing; the import is left to the other finders."""
        if name == "torch" and self.wanted and sys.stdout and is_terminal(sys.stdout):
            self._write("loading PyTorch …\r")  # text of a subprocess begins at the start of the line
            self.wanted, self.shown = False, True

    def erase(self) -> None:
        """Erase the announcement, and announce nothing from now on."""
        self.wanted = False
        if self.shown:
            self.shown = False
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        stream = getattr(sys.stdout, "unguarded", sys.stdout)
        stream.write(text)
        stream.flush()


_announcement = _Announcement()


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
    """Return a stream without the restriction to clean text, for callers that clean their own text."""
    found = getattr(stream, "unguarded", None)
    return stream if found is None else cast("TextIO", _Stream(found))


def is_terminal(stream: TextIO) -> bool:
    """Check whether a stream is a terminal on which the cursor can be moved."""
    return stream.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


@contextmanager
def torch_announced(*, silent: bool = False) -> Iterator[None]:
    """Announce the import of PyTorch on the terminal within a block; other output replaces the announcement."""
    _announcement.wanted = not silent and os.environ.get("RANK", "0") == "0"
    sys.meta_path.insert(0, _announcement)
    try:
        yield
    finally:
        sys.meta_path.remove(_announcement)
        _announcement.erase()
