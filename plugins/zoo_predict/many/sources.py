"""From the words of a command line to images: folders, patterns, lists, tar files, standard input and addresses."""

from __future__ import annotations

import glob
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zoo.api.formats import ARRAY_FILES, picture_suffixes
from zoo.errors import RequestError
from zoo_predict.fetch import is_address
from zoo_predict.many.items import ImageItem
from zoo_predict.many.lists import STDIN, check_list, is_list, paths_in, paths_of_stream
from zoo_predict.many.tars import check_tar, is_tar, members
from zoo_predict.many.walk import FoundFile, files_below, matching_files

__all__ = ["Sources", "is_many"]


def is_many(word: str) -> bool:
    """Check that a word stands for images in a way that the commands for few images don't read: a list, tar, stdin."""
    return word == STDIN or is_list(word) or is_tar(word)


@dataclass
class Sources:
    """The images that words name, in a fixed order, read lazily.

    Args:
        words: folders, patterns, CSV and parquet lists, tar files, ``-`` for standard input, addresses, or files.
        null: paths on standard input are separated by NUL.
        others: number of files of other formats in folders and patterns, by suffix; counted while items are read.
    """

    words: Sequence[str]
    null: bool = False
    others: Counter[str] = field(default_factory=Counter)

    def check(self) -> None:
        """Check what can be checked without reading everything.

        Raises:
            RequestError: a pattern matches nothing, a list can't be read, or standard input is named twice.
            DataError: a list has no column ``path``.
        """
        if list(self.words).count(STDIN) > 1:
            raise RequestError("Standard input (-) can be read once. Leave out the second -.")
        for word in map(_expanded, self.words):
            if is_tar(word):
                check_tar(word)
            elif is_list(word) and not os.path.isdir(word):  # noqa: PTH112
                check_list(word)
            elif _is_pattern(word) and next(matching_files(word), None) is None:
                raise RequestError(f"No file matches {word!r}. In a pattern, * matches any name and ** any folders.")

    @property
    def countable(self) -> bool:
        """True where the images can be counted quickly: neither standard input nor tar files."""
        return not any(word == STDIN or is_tar(word) for word in self.words)

    def count(self) -> int:
        """Count the images, which lists every folder once."""
        return sum(1 for _ in Sources(self.words))

    def __iter__(self) -> Iterator[ImageItem]:
        suffixes = picture_suffixes() | ARRAY_FILES
        for word in self.words:
            yield from self._of(_expanded(word), suffixes)

    def _of(self, word: str, suffixes: frozenset[str]) -> Iterator[ImageItem]:
        if word == STDIN:
            names = paths_of_stream(sys.stdin.buffer, null=self.null)
            yield from (_item(name, name) for name in names)
        elif is_address(word):
            yield ImageItem(word, word)
        elif os.path.isdir(word):  # noqa: PTH112 - before the suffixes: a folder may be called a.tar
            yield from self._pictures(files_below(word.rstrip("/") or "/"), suffixes)
        elif is_tar(word):
            yield from members(word, suffixes - ARRAY_FILES)
        elif is_list(word):
            yield from (_item(*pair) for pair in paths_in(word))
        elif _is_pattern(word):
            yield from self._pictures(matching_files(word), suffixes)
        else:
            yield _item(word, word)

    def _pictures(self, files: Iterator[FoundFile], suffixes: frozenset[str]) -> Iterator[ImageItem]:
        """Items of the image files; the others are counted."""
        for path, problem in files:
            suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122
            if problem or suffix in suffixes:
                yield ImageItem(path, os.path.abspath(path), problem=problem)  # noqa: PTH100
            else:
                self.others[suffix or "other"] += 1


def _item(name: str, path: str) -> ImageItem:
    return ImageItem(name, name if is_address(name) else os.path.abspath(path))  # noqa: PTH100


def _expanded(word: str) -> str:
    return os.path.expanduser(word)  # noqa: PTH111


def _is_pattern(word: str) -> bool:
    return not is_address(word) and not Path(word).exists() and glob.has_magic(word)
