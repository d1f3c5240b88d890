"""Cats and dogs of Oxford-IIIT Pet: downloaded by torchvision, read from the dataset's lists.

O. M. Parkhi, A. Vedaldi, A. Zisserman, C. V. Jawahar: Cats and Dogs. CVPR 2012.
https://www.robots.ox.ac.uk/~vgg/data/pets/
"""

from __future__ import annotations

import queue
import threading
import urllib.request
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlparse

from zoo.storage import downloading
from zoo_images.files import ImageFiles, need_split

__all__ = ["FOLDER", "MARKER", "URL", "fetch", "is_complete", "read", "unreachable"]

# torchvision's OxfordIIITPet can read the same folder, with ``download=False``.
FOLDER = "oxford-iiit-pet"
MARKER = "complete"
URL = "https://www.robots.ox.ac.uk/~vgg/data/pets/data/annotations.tar.gz"
LISTS = {"train": "trainval.txt", "test": "test.txt"}
SPECIES = {"1": "cats", "2": "dogs"}

_PROBE_S = 4.0
# Failures are final within this process, since the splits of one run must come from one source.
_failed: dict[Path, str] = {}


def is_complete(cache: Path) -> bool:
    """Check that ``cache`` holds a complete download, whose marker file is written last."""
    return (cache / FOLDER / MARKER).is_file()


def read(cache: Path, split: str) -> ImageFiles:
    """Images of ``"train"`` (3,680) or ``"test"`` (3,669), with the classes cats and dogs.

    torchvision's class is not used, since it takes seconds to import and decodes each image at full size.

    Raises:
        DataError: there is no such split.
        OSError: the lists can't be read.
    """
    need_split(split, LISTS, "Oxford-IIIT Pet")
    # A line is "Abyssinian_100 1 1 1": image, class of 37, species, breed.
    lines = (cache / FOLDER / "annotations" / LISTS[split]).read_text(encoding="ascii").splitlines()
    rows = [line.split() for line in lines if line.strip()]
    return ImageFiles(
        [cache / FOLDER / "images" / f"{row[0]}.jpg" for row in rows],
        [SPECIES[row[2]] for row in rows],
        source="Oxford-IIIT Pet (Parkhi et al., 2012), cats and dogs",
        licence="CC BY-SA 4.0; the copyright of the photos remains with their owners",
    )


def fetch(cache: Path) -> str:
    """Download into ``cache`` if necessary, and return the reason of a failure, or an empty string.

    About 800 MB, checked against torchvision's checksums, with a progress bar on stderr. The folder appears only when
    complete. A failure is cached until the process ends.
    """
    if is_complete(cache):
        return ""
    if cache not in _failed:
        problem = _in_the_way(cache) or unreachable(URL) or _try_download(cache)
        if not problem:
            return ""
        _failed[cache] = problem
    return _failed[cache]


def unreachable(url: str, timeout_s: float = _PROBE_S) -> str:
    """Reason why ``url`` can't be reached within the timeout, or an empty string.

    The request uses urllib and thus a configured proxy; it runs in a thread, as name resolution has no timeout.
    """
    answers: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(_knock(url, timeout_s)), daemon=True).start()
    try:
        return answers.get(timeout=timeout_s)
    except queue.Empty:
        return f"{urlparse(url).hostname} did not answer within {timeout_s:g} s"


def _knock(url: str, timeout_s: float) -> str:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=timeout_s):
            return ""
    except (OSError, HTTPException) as error:
        return f"{urlparse(url).hostname} can't be reached ({getattr(error, 'reason', error)})"


def _in_the_way(cache: Path) -> str:
    folder = cache / FOLDER
    if not folder.exists():
        return ""
    tip = f"remove it (or, if it is complete, add an empty file {MARKER!r} to it)"
    return f"{folder} exists, but is not a complete download: {tip}"


def _try_download(cache: Path) -> str:
    try:
        _download(cache)
    except (OSError, RuntimeError, HTTPException) as error:
        # Another process may have completed the download.
        return "" if is_complete(cache) else f"the download failed ({error})"
    return ""


def _download(cache: Path) -> None:
    from torchvision.datasets import OxfordIIITPet

    cache.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".download-", dir=cache, ignore_cleanup_errors=True) as staging:
        with downloading(Path(staging)):
            OxfordIIITPet(staging, target_types="binary-category", download=True)
        done = Path(staging, FOLDER)
        for archive in done.glob("*.tar.gz"):
            archive.unlink()
        (done / MARKER).touch()
        done.rename(cache / FOLDER)
