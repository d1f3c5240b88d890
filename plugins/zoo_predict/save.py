"""``--save``: annotated pictures in a folder. ``--sort``: copies of the originals in a folder for each class."""

from __future__ import annotations

import filecmp
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from zoo.errors import BadImage
from zoo.storage import atomic, cannot_write
from zoo_predict.answers import PicturePrediction
from zoo_predict.pictures import Picture
from zoo_predict.places import check_free, folder_names, free_name, make_folder

if TYPE_CHECKING:
    from zoo.api.models import Preprocessing

__all__ = ["NONE", "UNSURE", "Copies", "picture_files", "save_pictures", "sort_pictures"]

UNSURE, NONE = "unsure", "none"
"""Folders for pictures below the threshold, and for those without any label."""


class Copies(NamedTuple):
    """How many pictures each folder received, and how many of all were there already, unchanged."""

    folders: Counter[str]
    unchanged: int


def picture_files(pictures: Sequence[Picture], folder: Path) -> list[Path]:
    """The file in ``folder`` that each annotated picture is written to: a JPEG of its own name."""
    taken: set[str] = set()
    return [folder / free_name(f"{picture.path.stem}.jpg", taken) for picture in pictures]


def save_pictures(answers: Sequence[PicturePrediction], files: Sequence[Path], shape: Preprocessing) -> None:
    """Write each picture with its answer under it.

    Args:
        answers: pictures and predictions.
        files: the file of each, see :func:`picture_files`.
        shape: preprocessing of the model.

    Raises:
        OutputError: the folder can't be written.
    """
    from zoo_predict.annotate import LARGEST, annotated, load_upright, save_jpeg

    for answer, file in zip(answers, files, strict=True):
        make_folder(file.parent)
        save_jpeg(annotated(load_upright(answer.picture.path, shape, LARGEST), answer.prediction), file)


def sort_pictures(
    answers: Sequence[PicturePrediction], folder: Path, classes: Sequence[str], *, overwrite: bool = False
) -> Copies:
    """Copy each original into the folder of its class; with several labels, into the folder of each.

    Pictures of one name in one class get numbers. A file that exists with the same content stays.

    Raises:
        RequestError: a file exists with other content, or is one of the originals.
        OutputError: the folder can't be written.
    """
    plan = list(_plan(answers, folder, classes))
    new = [(source, target) for source, target in plan if not _is_copy(source, target)]
    check_free([target for _, target in new], [source for source, _ in plan], "--sort", overwrite=overwrite)
    for source, target in new:
        make_folder(target.parent)
        _copy(source, target)
    return Copies(Counter(target.parent.name for _, target in plan), len(plan) - len(new))


def _plan(answers: Iterable[PicturePrediction], folder: Path, classes: Sequence[str]) -> Iterator[tuple[Path, Path]]:
    """Pairs of an original and its copy."""
    names, taken = folder_names(classes, {UNSURE, NONE}), {}  # type: dict[str, str], dict[str, set[str]]
    for picture, found in answers:
        inners = [names[label] for label in found.get("labels", [found.get("label")]) if label is not None]
        for inner in [UNSURE] if found.get("sure") is False else inners or [NONE]:
            yield picture.path, folder / inner / free_name(picture.path.name, taken.setdefault(inner, set()))


def _is_copy(source: Path, target: Path) -> bool:
    return target.is_file() and filecmp.cmp(source, target, shallow=False)


def _copy(source: Path, target: Path) -> None:
    """Copy a file with its times, whole or not at all.

    Raises:
        BadImage: the original can't be read any longer.
        OutputError: the copy can't be written.
    """
    try:
        file = source.open("rb")
    except OSError as error:
        raise BadImage(f"{source}: {error.strerror or error}") from error
    with file, atomic(target) as copy:
        shutil.copyfileobj(file, copy)
    try:
        shutil.copystat(source, target)
    except OSError as error:
        raise cannot_write(target, error) from error
