"""Plain lines for a log: what can't be written in its encoding is written in plainer characters. No rich."""

from __future__ import annotations

from typing import TextIO

from zoo.reports.words import legible

__all__ = ["Lines"]


class Lines:
    """Writes lines to a stream, each at once.

    Args:
        stream: where to.
        quiet: whether :meth:`say` writes nothing.
    """

    def __init__(self, stream: TextIO, quiet: bool = False):
        self.stream, self.quiet = stream, quiet

    def say(self, *lines: str) -> None:
        """Lines on the way."""
        if not self.quiet:
            self.write(*lines)

    def write(self, *lines: str) -> None:
        """Lines that are wanted in any case."""
        for line in lines:
            self.stream.write(legible(line, getattr(self.stream, "encoding", None)) + "\n")
        self.stream.flush()
