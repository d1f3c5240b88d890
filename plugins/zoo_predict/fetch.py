"""Pictures behind http(s) addresses, fetched with limits."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from zoo.errors import RequestError
from zoo.storage import download, offline

__all__ = ["MOST_BYTES", "MOST_SECONDS", "fetch_picture", "is_address"]

MOST_BYTES = 100 * 2**20
MOST_SECONDS = 60.0
"""Limits of a download."""
_NAME_LENGTH = 100


def is_address(word: str) -> bool:
    """Check for an http or https address."""
    return word.lower().startswith(("http://", "https://"))


def fetch_picture(url: str, store: Path) -> Path:
    """Download a picture into a folder, under the file name of its address.

    Raises:
        RequestError: downloads are disabled by ``--offline`` or ``ZOO_OFFLINE``.
        DataError: the download failed, is too large or too slow.
    """
    if offline():
        raise RequestError(
            f"{url} was not downloaded: downloads are disabled (--offline or ZOO_OFFLINE). Allow them, or name a file."
        )
    scheme, _, rest = url.partition("://")
    return download(
        f"{scheme.lower()}://{rest}", store / name_of(url), most=MOST_BYTES, plain=True, limit_s=MOST_SECONDS
    )


def name_of(url: str) -> str:
    """File name for an address: the last part of its path, in characters that every disk takes."""
    last = unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2]
    return re.sub(r"[^\w.() -]", "_", last)[-_NAME_LENGTH:].lstrip(". ") or "picture"
