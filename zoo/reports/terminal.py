"""What goes to a terminal: text from anywhere, and nothing in it that a terminal would obey.

Names of files, classes and runs, cards of bundles and messages of plugins may hold escape codes: such as move the
cursor, clear lines, or make a link of a word. Whatever the zoo prints passes here.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from zoo.storage.text import clean_lines

__all__ = ["guarded", "unguarded"]

_COLOUR = r"(?:0|[1-4]|22|3[1-79]|9[1-7])"
_OURS = re.compile(rf"(\A\r(?:\x1b\[K)?|\x1b\[(?:{_COLOUR}(?:;{_COLOUR})*)?m)")
"""What the zoo itself says to a terminal: colours, and a line that is rewritten, such as the progress of a download."""


class _Guarded:
    """A stream to which only clean text is written; in all else it is the stream that it stands for."""

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
    """For the length of a block, stdout and stderr take clean text only, whoever writes to them."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (stream and _Guarded(stream) for stream in before)  # None where the shell closed it
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def unguarded(stream: TextIO) -> TextIO:
    """The stream itself, for who cleans what he writes by himself."""
    found: TextIO = getattr(stream, "unguarded", stream)
    return found
