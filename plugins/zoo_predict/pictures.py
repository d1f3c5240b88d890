"""Pictures named on the command line: files, folders, patterns and addresses."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from zoo.api.formats import ARRAY_FILES, install_hint, picture_suffixes
from zoo.errors import DataError, RequestError
from zoo_predict.fetch import fetch_picture, is_address
from zoo_predict.many.sources import Sources, is_many
from zoo_predict.many.tars import is_tar

__all__ = ["FoundPictures", "Picture", "find_pictures", "other_files"]


@dataclass(frozen=True)
class Picture:
    """A picture to predict.

    Args:
        name: its path or address as typed, for reports.
        path: the file.
    """

    name: str
    path: Path


@dataclass
class FoundPictures:
    """What the words of a command line name.

    Args:
        pictures: in the order of the words.
        others: files of other formats, with the folder or pattern that they are from.
        problems: a sentence for each address that can't be fetched.
    """

    pictures: list[Picture] = field(default_factory=list)
    others: list[tuple[str, Path]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def note(self) -> str:
        """Count the files of other formats, and say how to read them; empty if there are none."""
        if not self.others:
            return ""
        where = ", ".join(dict.fromkeys(place for place, _ in self.others))
        return other_files(Counter(path.suffix.lower() or "other" for _, path in self.others), where)


def other_files(suffixes: Counter[str], where: str) -> str:
    """Count files of other formats, by suffix, and say how to read them.

    Args:
        suffixes: number of files of each suffix.
        where: the folders that they are in.
    """
    counts = [f"{n} {suffix} file{'' if n == 1 else 's'}" for suffix, n in suffixes.most_common()]
    hints = {suffix: install_hint([suffix]) for suffix in suffixes}
    advice = [f"to read {suffix}: {hint}" for suffix, hint in hints.items() if hint]
    advice = advice or ["not supported; convert images to .jpg"]
    return f"skipped: {', '.join(counts)} in {where}; {'; '.join(advice)}"


def find_pictures(words: Iterable[str], store: Path, *, null: bool = False) -> FoundPictures:
    """Find the pictures that the words of a command line name.

    Args:
        words: files, folders (their pictures, and those of their subfolders), patterns that the shell left as they
            are (``photos/**/*.jpg``), CSV and parquet lists, ``-`` for a list on standard input, and http(s) addresses.
        store: folder for downloads.
        null: paths on standard input are separated by NUL.

    Raises:
        RequestError: a pattern matches nothing, or there are addresses and downloads are disabled.
    """
    found, known = FoundPictures(), picture_suffixes() | ARRAY_FILES
    for word in words:
        if is_address(word):
            _fetch(word, store / str(len(found.pictures)), found)
        elif is_many(word) and not Path(word).expanduser().is_dir():
            _take_listed(word, store, found, null=null)
        else:
            _take(word, known, found)
    return found


def _fetch(url: str, store: Path, found: FoundPictures) -> None:
    try:
        found.pictures.append(Picture(url, fetch_picture(url, store)))
    except DataError as error:
        found.problems.append(str(error))


def _take_listed(word: str, store: Path, found: FoundPictures, *, null: bool) -> None:
    if is_tar(word):
        raise RequestError(
            f"The images of a tar file are predicted into a file. Type: zoo predict RUN {word} --out predictions.csv"
        )
    sources = Sources([word], null)
    sources.check()
    for item in sources:
        if is_address(item.path):
            _fetch(item.path, store / str(len(found.pictures)), found)
        else:
            found.pictures.append(Picture(item.name, Path(item.path)))


def _take(word: str, known: frozenset[str], found: FoundPictures) -> None:
    place = Path(word).expanduser()
    if place.is_dir():
        files = list(_below(place))
    elif place.exists() or not glob.has_magic(word):
        found.pictures.append(Picture(str(place), place))  # typed as it is, whatever its suffix
        return
    else:
        files = list(_matches(str(place), word))
    found.pictures += [Picture(str(path), path) for path in files if path.suffix.lower() in known]
    found.others += [(word, path) for path in files if path.suffix.lower() not in known]


def _below(folder: Path) -> Iterator[Path]:
    """Files in a folder and its subfolders, sorted, without hidden ones."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def _matches(pattern: str, word: str) -> Iterator[Path]:
    """Files that a pattern matches, sorted; a matching folder stands for the files below it.

    Raises:
        RequestError: there are none.
    """
    paths = [Path(path) for path in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207 - may be absolute
    if not paths:
        raise RequestError(f"No file matches {word!r}. In a pattern, * matches any name and ** any folders.")
    files = [path for path in paths if path.is_file()]
    inner = [] if "**" in pattern else [file for path in paths if path.is_dir() for file in _below(path)]
    yield from dict.fromkeys([*files, *inner])
