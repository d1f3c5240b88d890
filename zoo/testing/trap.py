"""Files that record whether they were opened, by Python or by a library's native code."""

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
"""Path of each trap, and True once Python has opened it."""


class Trap:
    """A file that a component must not read.

    Args:
        path: path of the file, which holds a pickle.
    """

    def __init__(self, path: Path):
        self.path = path
        path.write_bytes(pickle.dumps({}, protocol=2))
        os.utime(path, (_LONG_AGO, path.stat().st_mtime))
        _set[str(path)] = False
        _listen()

    @property
    def opened(self) -> bool:
        """True if the file was opened.

        Python's own opening is recorded by an audit hook; that of C or Rust code shows in the access time, where the
        disk maintains it.
        """
        return _set[str(self.path)] or self.path.stat().st_atime > _LONG_AGO


@contextmanager
def trap(name: str) -> Iterator[Trap]:
    """Create a trap with a name in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        found = Trap(Path(folder, name))
        try:
            yield found
        finally:
            del _set[str(found.path)]


@cache
def _listen() -> None:
    """Record every file that Python opens, by an audit hook that stays until the process ends."""

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and _set and str(arguments[0]) in _set:
            _set[str(arguments[0])] = True

    sys.addaudithook(note)
