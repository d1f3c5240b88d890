"""A file that tells whether it was opened, by Python or by a library's own code."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

__all__ = ["Trap", "trap"]

_LONG_AGO = 1.0
_set: dict[str, bool] = {}
"""Each trap's path, and whether Python has opened it."""


class Trap:
    """A file to be named to a component that must not read it.

    Args:
        path: the file. It holds a pickle.
    """

    def __init__(self, path: Path):
        self.path = path
        path.write_bytes(pickle.dumps({}, protocol=2))
        os.utime(path, (_LONG_AGO, path.stat().st_mtime))
        _set[str(path)] = False
        _listen()

    @property
    def opened(self) -> bool:
        """Whether the file was opened.

        Python tells of its own opening; of a library's in C or Rust the time of the last access does, where the disk
        keeps it.
        """
        return _set[str(self.path)] or self.path.stat().st_atime > _LONG_AGO


@contextmanager
def trap(name: str) -> Iterator[Trap]:
    """A trap of that name in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        found = Trap(Path(folder, name))
        try:
            yield found
        finally:
            del _set[str(found.path)]


@cache
def _listen() -> None:
    """Take note of every file that Python opens: an audit hook, which stays to the end of the process."""

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and _set and str(arguments[0]) in _set:
            _set[str(arguments[0])] = True

    sys.addaudithook(note)
