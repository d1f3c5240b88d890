"""Deprecated: the names of :mod:`zoo.storage`, for plugins that were written for zoo 0.1."""

from __future__ import annotations

import warnings

from zoo.errors import ZooDeprecationWarning
from zoo.storage.downloads import cache_folder, download, downloading, offline, unpacking

__all__ = ["cache_folder", "download", "downloading", "offline", "unpacking"]

warnings.warn(
    "zoo.downloads is now zoo.storage, and will be removed in zoo 0.4. Type: from zoo.storage import cache_folder",
    ZooDeprecationWarning,
    stacklevel=2,
)
