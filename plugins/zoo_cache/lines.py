"""What the cache holds, as text. Without rich, as lists are."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence

import click

from zoo.plugin import CacheKind
from zoo.reports.kit.text import clean, count
from zoo.storage import CachedItem, in_bytes

__all__ = ["entry_lines", "kind_lines", "pruned_line"]

_DAY_S = 86400


def kind_lines(
    entries: Sequence[CachedItem], kinds: Mapping[str, CacheKind], folder: str, free: int, width: int
) -> Iterator[str]:
    """A line for each kind: its name, how much, its last use, and its content.

    Args:
        free: bytes on the cache's disk.
        width: columns.
    """
    yield f"{clean(folder)}: {in_bytes(sum(e.size for e in entries))}; {in_bytes(free)} are free on its disk"
    rows = [_cells(kind, [e for e in entries if e.kind == kind.name]) for kind in kinds.values()]
    rows = [("kind", "entries", "size", "last used", "content"), *(row for row in rows if row[1] != "0")]
    if len(rows) == 1:
        yield "The cache is empty."
        return
    rooms = [max(len(row[i]) for row in rows) for i in range(4)]
    for i, row in enumerate(rows):
        cells = [row[0].ljust(rooms[0]), row[1].rjust(rooms[1]), row[2].rjust(rooms[2]), row[3].ljust(rooms[3])]
        head = "  ".join(cells) + "  "
        first, *others = textwrap.wrap(row[4], max(20, width - len(head)))
        yield click.style(head + first, bold=i == 0)
        yield from (" " * len(head) + line for line in others)
    yield ""
    yield "A kind: zoo cache list stores   Free space: zoo cache prune --older-than 30 --dry-run"


def _cells(kind: CacheKind, entries: Sequence[CachedItem]) -> tuple[str, str, str, str, str]:
    size, used = sum(e.size for e in entries), max((e.used for e in entries), default=0.0)
    return kind.name, count(len(entries)), in_bytes(size), _ago(used), kind.summary


def entry_lines(entries: Sequence[CachedItem], none: str) -> Iterator[str]:
    """A line for each entry, as it is given: size, last use, name.

    Args:
        none: what to say where there is none.
    """
    if not entries:
        yield none
    for entry in entries:
        yield f"{in_bytes(entry.size):>8}  {_ago(entry.used):<14}  {clean(entry.name)}"


def pruned_line(entries: Sequence[CachedItem], gone: Sequence[CachedItem], *, dry_run: bool) -> str:
    """Number and size of the removed entries, and the remaining size."""
    size, all_of_it = sum(e.size for e in gone), sum(e.size for e in entries)
    many = f"{count(len(gone))} {'entry' if len(gone) == 1 else 'entries'}, {in_bytes(size)}"
    left = in_bytes(all_of_it - size)
    if not dry_run:
        return f"Removed {many}; {left} left."
    again = " To remove them, repeat without --dry-run." if gone else ""
    return f"Would remove {many}; {left} would be left.{again}"


def _ago(used: float) -> str:
    days = int((time.time() - used) // _DAY_S)
    if days <= 0:
        return "today"
    return "yesterday" if days == 1 else f"{count(days)} days ago"
