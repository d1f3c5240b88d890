"""The dataset ``label_studio``: the JSON and JSON-MIN exports of Label Studio."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from zoo.api.jobs import listing
from zoo.errors import DataError
from zoo_formats.annotations import (
    AnnotatedPicture,
    AnnotationDataset,
    Annotations,
    Crops,
    LabelledBox,
    kept_while_unchanged,
)
from zoo_formats.boxes import Box, bounds, turned_corners
from zoo_formats.glimpse import IMAGES, text_head
from zoo_formats.paths import inside, need_root
from zoo_formats.splits import named, split_in

__all__ = ["LabelStudio", "recognises"]

_WHAT = "a JSON or JSON-MIN export of Label Studio"
_KEY = re.compile(r'"(annotations|completions|annotation_id|annotator|lead_time)"\s*:')
_HASH = re.compile(r"^[0-9a-f]{8}-")
"""Beginning of the names of uploaded files."""
_CHOICES, _BOXES = "choices", "rectanglelabels"
_OWN = ("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "group", "split")


def recognises(path: Path) -> bool:
    """Check for a list of tasks by its first characters."""
    text = text_head(path)
    return text.startswith("[") and _KEY.search(text) is not None


class LabelStudio(AnnotationDataset):
    """Pictures with the choices and boxes of Label Studio's JSON, whole or cut at their boxes.

    Whole pictures have the choices of their annotation, or in a file without choices the labels of their boxes; they
    are multi-label where one has several. With ``crops=boxes`` each box is an image. Of several annotations of a
    picture the ground truth counts, else the one of latest update, and disagreements are counted. Skipped tasks have no
    label. Pictures are files in the folder of the JSON or in its ``images/``: nothing is downloaded. Further data of a
    task are attributes; ``group`` is its group and ``split`` its split.

    Args:
        root: the JSON file.
        split: one of ``available_splits(root)``; ``"all"`` too where there are no splits.
        crops: ``"boxes"`` cuts out the boxes.
        images: folder of the pictures; None for the folder of the file and its ``images/``.
        field: name of the choices or boxes, where a task has several.
        multilabel: whether a picture may have several labels; None to find out.

    Raises:
        DataError: there is no such file, it is damaged, a task has no picture, a picture is outside of the folder, the
            training images are of one class only, or there is no such split.
    """

    def __init__(
        self,
        root: Path | None,
        split: str,
        crops: Crops = "none",
        images: str | None = None,
        field: str | None = None,
        multilabel: bool | None = None,
    ) -> None:
        listed = self.listed(root, crops, multilabel, images=images, field=field)
        super().__init__(split, listed, "Label Studio's annotations")

    @classmethod
    def read(
        cls, root: Path | None, images: str | None = None, field: str | None = None, **options: Any
    ) -> Annotations:
        """Read the annotations.

        Raises:
            DataError: see the class.
        """
        path = need_root(root, "label_studio", _WHAT)
        if path.is_dir():
            raise DataError(f"{path} is a folder. label_studio reads {_WHAT}; give the file.")
        tasks = [_with_field(task, field, str(path)) for task in _read(path)]
        _need_one_field(path, tasks, field)
        home = path.parent if images is None else path.parent / Path(images).expanduser()
        folders = (home, home / "images") if images is None else (home,)
        pictures = []
        for task in tasks:
            results = [each for each in task.results if field in (None, each.field)]
            labels = [label for each in results if each.box is None for label in each.labels]
            boxes = [LabelledBox(label, each.box) for each in results if each.box for label in each.labels]
            size = next((each.size for each in results if each.size), None)
            split = split_in(task.data.get("split", ""))
            told = {name: value for name, value in task.data.items() if name not in _OWN}
            file = _file(task.image, home, folders, str(path))
            pictures.append(AnnotatedPicture(file, labels, boxes, size, split, task.data.get("group"), told))
        return Annotations(str(path), pictures, _disagreements(tasks), _rotated(tasks))


class _Result(NamedTuple):
    """Choices, or a box, of an annotation."""

    field: str
    labels: tuple[str, ...]
    box: Box | None = None
    size: tuple[int, int] | None = None
    turned: bool = False


class _Task(NamedTuple):
    """A picture as it is written, with its data and annotation; ``others`` counts annotations that disagree."""

    image: str
    data: dict[str, str]
    results: list[_Result]
    others: int = 0


def _with_field(task: _Task, field: str | None, where: str) -> _Task:
    """A task whose data ``field`` is its label: JSON-MIN has a single choice as a text, as it has data."""
    if field is None or field not in task.data or any(each.field == field for each in task.results):
        return task
    data = {name: text for name, text in task.data.items() if name != field}
    return task._replace(data=data, results=[*task.results, _Result(field, (named(task.data[field], where),))])


def _disagreements(tasks: Sequence[_Task]) -> list[str]:
    """Notice about annotations of one picture that differ; an empty list without any."""
    several = sum(task.others > 0 for task in tasks)
    if not several:
        return []
    return [
        f"{several:,} of {len(tasks):,} pictures have annotations that disagree: the ground truth counts, else the "
        "latest."
    ]


def _rotated(tasks: Sequence[_Task]) -> list[str]:
    """Notice about rotated boxes; an empty list without any."""
    turned = sum(each.turned for task in tasks for each in task.results)
    return [f"Rotated boxes, cut out as the upright boxes around them: {turned:,}."] if turned else []


@kept_while_unchanged
def _read(path: Path) -> list[_Task]:
    """Read the tasks.

    Raises:
        DataError: see :class:`LabelStudio`.
    """
    try:
        told = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} can't be read as JSON: {error}. Export the annotations again.") from error
    if not isinstance(told, list) or not all(isinstance(each, dict) for each in told):
        raise DataError(f"{path} is not a list of tasks. Export the project as JSON or JSON-MIN.")
    return [_task(each, f"{path}, task {each.get('id', number)}") for number, each in enumerate(told)]


def _task(told: Mapping[str, Any], where: str) -> _Task:
    try:
        if "data" not in told:
            return _small_task(told, where)
        given = told.get("annotations", told.get("completions")) or []
        kept = [each for each in given if not each.get("was_cancelled")]
        kept.sort(key=lambda each: (bool(each.get("ground_truth")), str(each.get("updated_at", ""))))
        found = [list(_results(each.get("result") or (), where)) for each in kept]
        labels = [sorted((each.field, each.labels) for each in results) for results in found]
        others = sum(each != labels[-1] for each in labels)
        return _Task(_image(told["data"], where), _texts(told["data"]), found[-1] if found else [], others)
    except (TypeError, AttributeError, LookupError, ValueError) as error:
        raise DataError(f"{where} is not a task of Label Studio ({error!r}). Export the project again.") from error


def _small_task(told: Mapping[str, Any], where: str) -> _Task:
    """A task of JSON-MIN: its data and its results side by side."""
    results = []
    for name, value in told.items():
        if isinstance(value, Mapping) and _CHOICES in value:
            results.append(_choices(name, value, where))
        elif isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
            results += [_result_box(name, each, each, where) for each in value if _BOXES in each]
    image = _image(told, where)
    # A single choice is a text, as data are: the fields of tasks are called choice or label by the templates.
    single = [name for name in ("choice", "label", "class") if isinstance(told.get(name), str)]
    results += [_Result(name, (named(told[name], where),)) for name in single]
    data = {name: text for name, text in _texts(told).items() if name not in single}
    return _Task(image, data, results)


def _results(results: Sequence[Mapping[str, Any]], where: str) -> Iterator[_Result]:
    for each in results:
        name, value = str(each.get("from_name", "")), each.get("value") or {}
        if _CHOICES in value:
            yield _choices(name, value, where)
        elif _BOXES in value:
            yield _result_box(name, value, each, where)


def _choices(name: str, value: Mapping[str, Any], where: str) -> _Result:
    return _Result(name, tuple(named(choice, where) for choice in value[_CHOICES]))


def _result_box(name: str, value: Mapping[str, Any], about: Mapping[str, Any], where: str) -> _Result:
    """A box, given in percent of the picture."""
    left, top, width, height = (float(value[key]) / 100 for key in ("x", "y", "width", "height"))
    size = (int(about.get("original_width") or 0), int(about.get("original_height") or 0))
    degrees = float(value.get("rotation") or 0)
    box = Box(left, top, left + width, top + height, relative=True)
    if degrees and all(size):  # about the first corner, in pixels
        across, down = size
        edges = (left * across, top * down, (left + width) * across, (top + height) * down)
        box = bounds(turned_corners(edges, degrees, edges[:2]))
    labels = tuple(named(label, where) for label in value[_BOXES])
    return _Result(name, labels, box, size if all(size) else None, degrees != 0)


def _texts(data: Mapping[str, Any]) -> dict[str, str]:
    """Data that are texts or numbers, but not pictures."""
    plain = {str(name): str(value) for name, value in data.items() if isinstance(value, str | int | float)}
    return {name: text for name, text in plain.items() if not _is_picture(text)}


def _is_picture(text: str) -> bool:
    return PurePosixPath(_paths(text)[0]).suffix.lower() in IMAGES


def _image(data: Mapping[str, Any], where: str) -> str:
    """The picture of a task: its data ``image``, else the first that is a picture by its suffix."""
    given = [value for value in (data.get("image"), *data.values()) if isinstance(value, str) and _is_picture(value)]
    if not given:
        raise DataError(f"{where} has no picture in its data. Export the project again.")
    return given[0]


def _paths(image: str) -> list[str]:
    """Paths in the folder of the pictures that an address may stand for, the most probable first."""
    parts = urlsplit(image)
    local = parse_qs(parts.query).get("d")
    path = local[0] if local else unquote(parts.path)
    name = PurePosixPath(path.replace("\\", "/")).name
    if not local and (parts.scheme or path.startswith("/data/")):
        return [name, _HASH.sub("", name)]  # an address of the server or of the web: the file is elsewhere
    return [path, name, _HASH.sub("", name)]


def _file(image: str, home: Path, folders: Sequence[Path], where: str) -> Path:
    paths = [inside(home, name, where, folder) for name in dict.fromkeys(_paths(image)) for folder in folders]
    return next((path for path in paths if path.is_file()), paths[0])


def _need_one_field(path: Path, tasks: Sequence[_Task], field: str | None) -> None:
    """Check that the choices, or the boxes, of a file are of one field."""
    for boxes in (False, True):
        fields = sorted({each.field for task in tasks for each in task.results if (each.box is not None) == boxes})
        if field is None and len(fields) > 1:
            raise DataError(
                f"{path} has several fields of {'boxes' if boxes else 'choices'}: {listing(fields)}. Choose one: --set "
                f"dataset.field={fields[0]}"
            )
    known = sorted({each.field for task in tasks for each in task.results})
    if field is not None and field not in known:
        raise DataError(f"{path} has no field {field!r}. It has: {listing(known) or 'none'}.")
