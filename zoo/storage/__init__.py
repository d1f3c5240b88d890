"""Public: files that are written whole or not at all, downloads, and the user's cache.

Example::

    from zoo.storage import cache_folder, download

    archive = download("https://example.org/leaves.zip", cache_folder() / "leaves.zip", most=10**9)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.storage.cache import (
        IN_USE,
        LEFTOVERS,
        CachedItem,
        free_bytes,
        in_bytes,
        remove_item,
        survey,
        writable,
    )
    from zoo.storage.downloads import download, downloading, offline, room_in, unpacking
    from zoo.storage.files import (
        atomic,
        cache_folder,
        cannot_write,
        check_target,
        dump_json,
        is_write_error,
        made_folder,
        open_plain,
        placed,
        put_folder,
        read_plain,
        sha256_of,
        workplace,
        write_json,
        write_text,
    )
    from zoo.storage.lock import Lock, take
    from zoo.storage.safe_yaml import parse_typed, read_mapping
    from zoo.storage.tensor_files import bare_names, read_content

__all__ = [
    "IN_USE",
    "LEFTOVERS",
    "CachedItem",
    "Lock",
    "atomic",
    "bare_names",
    "cache_folder",
    "cannot_write",
    "check_target",
    "download",
    "downloading",
    "dump_json",
    "free_bytes",
    "in_bytes",
    "is_write_error",
    "made_folder",
    "offline",
    "open_plain",
    "parse_typed",
    "placed",
    "put_folder",
    "read_content",
    "read_mapping",
    "read_plain",
    "remove_item",
    "room_in",
    "sha256_of",
    "survey",
    "take",
    "unpacking",
    "workplace",
    "writable",
    "write_json",
    "write_text",
]

_ELSEWHERE = {
    **dict.fromkeys(
        ("IN_USE", "LEFTOVERS", "CachedItem", "free_bytes", "in_bytes", "remove_item", "survey", "writable"), "cache"
    ),
    **dict.fromkeys(("download", "downloading", "offline", "room_in", "unpacking"), "downloads"),
    **dict.fromkeys(("Lock", "take"), "lock"),
    **dict.fromkeys(("parse_typed", "read_mapping"), "safe_yaml"),
    **dict.fromkeys(("bare_names", "read_content"), "tensor_files"),
}
"""The module of each name that is not one of ``files``: a start of ``zoo`` imports none of them for another."""


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(f"{__name__}.{_ELSEWHERE.get(name, 'files')}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
