"""Files of folders and patterns in a fixed order, one at a time, in constant memory."""

from __future__ import annotations

import glob
import heapq
import os
import pickle
import tempfile
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import islice
from typing import NamedTuple

__all__ = ["FoundFile", "files_below", "matching_files"]

IN_MEMORY = 50_000
"""Names of one folder that are sorted in memory; more are sorted in temporary files."""
_BLOCK = 500
_FOLDER, _LINKED, _FILE = "folder", "linked folder", "file"
_Named = tuple[str, str]


class FoundFile(NamedTuple):
    """A file; or a folder that can't be listed, with the reason."""

    path: str
    problem: str = ""


def files_below(folder: str) -> Iterator[FoundFile]:
    """Yield the files in a folder and its subfolders, without hidden ones, in the order of their names.

    Links to folders are not followed; a link to a missing file is a file.
    """
    try:
        entries = _entries(folder)
    except OSError as error:
        yield _unlisted(folder, error)
        return
    for name, kind in entries:
        path = os.path.join(folder, name)  # noqa: PTH118 - a Path for each of a million files takes longer
        if kind == _FOLDER:
            yield from files_below(path)
        elif kind == _FILE:
            yield FoundFile(path)


def matching_files(pattern: str) -> Iterator[FoundFile]:
    """Yield the files that a pattern matches, each once; a matching folder stands for the files below it.

    ``*``, ``?`` and ``[…]`` match within a name, and ``**`` any folders. Hidden names match a leading dot only.
    """
    parts = pattern.split("/")
    plain = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    root = "/".join(parts[:plain])
    yield from _matching(f"{root}/" if pattern.startswith("/") and not root else root, parts[plain:])


def _matching(folder: str, parts: Sequence[str]) -> Iterator[FoundFile]:
    first, *rest = parts
    if first == "**":
        for found in files_below(folder or "."):
            path = found.path if folder else found.path.removeprefix("./")
            if not found.problem and _fits(os.path.relpath(path, folder or ".").split("/"), parts):
                yield FoundFile(path)
        return
    try:
        entries = _entries(folder or ".", hidden=first.startswith("."))
    except FileNotFoundError:
        return
    except OSError as error:
        yield _unlisted(folder, error)
        return
    for name, kind in entries:
        if fnmatchcase(name, first):
            yield from _matched(os.path.join(folder, name), kind, rest)  # noqa: PTH118


def _unlisted(folder: str, error: OSError) -> FoundFile:
    return FoundFile(folder, f"the folder can't be listed ({error.strerror})")


def _matched(path: str, kind: str, rest: Sequence[str]) -> Iterator[FoundFile]:
    if kind == _FILE:
        yield from [] if rest else [FoundFile(path)]
    elif rest:
        yield from _matching(path, rest)
    else:
        yield from files_below(path)


def _fits(names: Sequence[str], parts: Sequence[str]) -> bool:
    """Check the names of a path against the parts of a pattern."""
    if not parts or not names:
        return not names and not parts
    if parts[0] == "**":
        return len(parts) == 1 or any(_fits(names[i:], parts[1:]) for i in range(len(names)))
    return fnmatchcase(names[0], parts[0]) and _fits(names[1:], parts[1:])


def _entries(folder: str, *, hidden: bool = False) -> Iterator[_Named]:
    """Names in a folder with their kinds, sorted.

    Raises:
        OSError: the folder can't be listed.
    """
    with os.scandir(folder) as found:
        named = ((entry.name, _kind(entry)) for entry in found if hidden or not entry.name.startswith("."))
        runs = [iter(sorted(islice(named, IN_MEMORY)))]
        while run := sorted(islice(named, IN_MEMORY)):
            runs.append(_in_file(run))
    return heapq.merge(*runs) if len(runs) > 1 else runs[0]


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_dir():
        return _LINKED if entry.is_symlink() else _FOLDER
    missing = entry.is_symlink() and not os.path.exists(entry.path)  # noqa: PTH110
    return _FILE if missing or entry.is_file() else ""


def _in_file(run: list[_Named]) -> Iterator[_Named]:
    """Keep a sorted run in a temporary file, and read it in blocks."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the iterator
    for start in range(0, len(run), _BLOCK):
        pickle.dump(run[start : start + _BLOCK], file)
    file.seek(0)
    return _blocks(file)


def _blocks(file: object) -> Iterator[_Named]:
    with file:  # type: ignore[attr-defined]
        while True:
            try:
                yield from pickle.load(file)  # type: ignore[arg-type]
            except EOFError:
                return
