"""Images in tar files, read without unpacking."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator

from zoo.errors import RequestError
from zoo_predict.many.items import ImageItem

__all__ = ["check_tar", "is_tar", "members"]

_PACKED = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")


def is_tar(word: str) -> bool:
    """Check by its name that a word is a tar file, compressed ones among them."""
    return word.lower().endswith((".tar", *_PACKED))


def check_tar(word: str) -> None:
    """Refuse a compressed tar file.

    Raises:
        RequestError: the name is that of a compressed tar file.
    """
    if word.lower().endswith(_PACKED):
        raise RequestError(
            f"{word} is compressed, so its images can't be read one by one. Decompress it first: gunzip {word}"
        )


def members(word: str, suffixes: frozenset[str]) -> Iterator[ImageItem]:
    """Yield the images of a tar file in its order, in constant memory; the names are those in the file.

    A file that is damaged yields one item with the problem, after the images before the damage.

    Args:
        word: the tar file.
        suffixes: suffixes of image files.
    """
    path = os.path.abspath(word)  # noqa: PTH100
    try:
        with tarfile.open(path, "r:") as tar:
            while (member := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # it keeps every header otherwise
                if member.isreg() and os.path.splitext(member.name)[1].lower() in suffixes:  # noqa: PTH122
                    yield ImageItem(member.name, path, member.offset_data, member.size)
    except (OSError, tarfile.TarError) as error:
        reason = getattr(error, "strerror", None) or f"not a readable tar file ({error})"
        yield ImageItem(word, path, problem=reason[:1].lower() + reason[1:])
