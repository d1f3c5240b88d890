"""Which items of the cache are removed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

from zoo.storage import LEFTOVERS, CachedItem

__all__ = ["choose", "parse_size"]

_DAY_S = 86400.0
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)


def choose(
    entries: Iterable[CachedItem], *, older_s: float | None = None, most: int | None = None, downloads: bool = False
) -> list[CachedItem]:
    """Choose the items to remove, least recently used first.

    Args:
        entries: all items of the cache.
        older_s: minimum time since the last use in seconds.
        most: maximum size of the cache in bytes; the least recently used items are removed first.
        downloads: include items that must be downloaded again.
    """
    entries, now = sorted(entries, key=lambda e: e.used), time.time()
    able = [e for e in entries if _may_go(e, now, downloads=downloads)]
    chosen = [e for e in able if e.kind == LEFTOVERS or (older_s is not None and now - e.used > older_s)]
    if most is not None:
        left = sum(e.size for e in entries) - sum(e.size for e in chosen)
        for entry in (e for e in able if e not in chosen):
            if left <= most:
                break
            chosen.append(entry)
            left -= entry.size
    return sorted(chosen, key=lambda e: e.used)


def _may_go(entry: CachedItem, now: float, *, downloads: bool) -> bool:
    if entry.kind == LEFTOVERS:  # a living process may be at it
        return now - entry.used > _DAY_S and not entry.path.name.startswith(".building-")  # the next build's to remove
    fate = entry.fate
    return fate == "made again" or (downloads and fate == "fetched again")


def parse_size(text: str) -> int | None:
    """Parse a size such as ``500MB``, ``5G`` or ``1.5GiB`` to bytes; None for an invalid one."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        return None
    base = 1024 if found[3] else 1000
    return int(float(found[1]) * base ** " kmgt".index(found[2].lower() or " "))
