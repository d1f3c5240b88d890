"""Downloads by torchvision into the zoo's cache, complete or absent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from zoo import storage
from zoo.storage import downloading, offline
from zoo_torchvision.sets import Source

__all__ = ["cache_folder", "fetch", "no_download"]

_ARCHIVES = ("*.gz", "*.tgz", "*.tar", "*.zip")  # not .bz2: USPS's files stay as they are


def cache_folder() -> Path:
    """Folder of the datasets, in ``ZOO_CACHE`` or the user's cache."""
    return storage.cache_folder() / "datasets" / "torchvision"


def no_download(download: bool) -> str:
    """Reason that forbids a download; empty if it is allowed."""
    if not download:
        return "it does not exist, and download=false"
    return "it does not exist, and downloads are disabled (ZOO_OFFLINE is set)" if offline() else ""


def fetch(source: Source, home: Path, options: Mapping[str, Any]) -> str:
    """Download all splits into ``home``, and return the reason of a failure, or an empty string.

    torchvision checks the archives against its checksums and shows a progress bar on stderr. It treats an existing
    folder as complete, so the folder gets its name only after all files have been downloaded and read.
    """
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".download-", dir=home.parent, ignore_cleanup_errors=True) as staging:
            with downloading(Path(staging)):
                _download(source, staging, options)
            _drop_archives(Path(staging))
            Path(staging).rename(home)
    except Exception as error:  # errors of the network, the disk, a checksum or an archive
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        # Another process may have completed the download.
        return "" if home.is_dir() else f"the download failed ({reason})"
    return ""


def _download(source: Source, folder: str, options: Mapping[str, Any]) -> None:
    from torchvision import datasets

    for told in source.splits.values():
        getattr(datasets, source.maker)(folder, download=True, **told, **options)


def _drop_archives(folder: Path) -> None:
    """Delete archives after unpacking; they take half of the space."""
    for pattern in _ARCHIVES:
        for archive in folder.rglob(pattern):
            archive.unlink()
