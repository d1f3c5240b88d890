"""The readers of image files that plugins contribute.

The table is of the whole process, as those of the kinds are: an image is opened where no registry is passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from zoo.plugin import PictureReader

if TYPE_CHECKING:
    from zoo.registry.entry import Entry

__all__ = ["keep_only", "reader_of", "readers", "suffixes_known"]

_READERS: list[Entry] = []


def keep_only(entries: Iterable[Entry]) -> None:
    """Make these the readers, in order of their ids."""
    _READERS[:] = sorted((entry for entry in entries if entry.kind == PictureReader.kind), key=lambda entry: entry.id)


def readers() -> Iterator[tuple[Entry, PictureReader]]:
    """The readers, with their declarations."""
    return ((entry, cast(PictureReader, entry.component)) for entry in _READERS)


def reader_of(suffix: str, head: bytes) -> Entry | None:
    """The reader of a file, by its suffix, else by its first bytes; None where no plugin has one."""
    for entry, reader in readers():
        if suffix in reader.suffixes:
            return entry
    for entry, reader in readers():
        if any(head[at:].startswith(content) for at, content in reader.magics):
            return entry
    return None


def suffixes_known(*, installed: bool) -> frozenset[str]:
    """Suffixes of all readers, or of those whose module is installed."""
    found = (reader for _, reader in readers() if not installed or not reader.needs or find_spec(reader.needs))
    return frozenset(suffix for reader in found for suffix in reader.suffixes)
