"""Atomic files, downloads and the user's cache, for plugins.

Example::

    from zoo.storage import cache_folder, download

    archive = download("https://example.org/leaves.zip", cache_folder() / "leaves.zip", most=10**9)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.storage.downloads import download, downloading, offline, unpacking
    from zoo.storage.files import cache_folder

__all__ = ["cache_folder", "download", "downloading", "offline", "unpacking"]


def __getattr__(name: str) -> Any:
    if name == "cache_folder":
        from zoo.storage import files

        return files.cache_folder
    if name in __all__:
        from zoo.storage import downloads

        return getattr(downloads, name)
    raise AttributeError(f"module 'zoo.storage' has no attribute {name!r}")
