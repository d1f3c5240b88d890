"""Label Studio's JSON: exports of its projects are imported, and labels are written as tasks that it imports."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from zoo.errors import RequestError
from zoo.storage import check_target, read_plain, write_json
from zoo_label.journal import LabelAnswer, timestamp
from zoo_label.labelling import Labelling

__all__ = ["export_labels", "import_labels", "read_tasks"]

_UPLOAD = 9  # characters before the name of an uploaded file: 8 of a hash, and a hyphen
_NAMES = {"from_name": "choice", "to_name": "image"}


class LabelTask(NamedTuple):
    """The label of one task.

    Args:
        image: path or address of the picture, as the task gives it.
        label: its class; empty where the task has none.
        who: who labelled it; empty where the task doesn't say.
        when: time of the annotation; empty where the task doesn't say.
        several: the task has several classes.
    """

    image: str
    label: str
    who: str = ""
    when: str = ""
    several: bool = False


def import_labels(labelling: Labelling, file: Path, who: str) -> Iterator[str]:
    """Append the labels of an export, JSON or JSON-MIN, to the journal.

    Args:
        who: name of the person where the file gives none.

    Returns:
        What was taken over and what was left out, in numbers.

    Raises:
        RequestError: the file is not such an export, or none of its pictures is in the pool.
        OutputError: the journal can't be written.
    """
    tasks = read_tasks(file)
    places = _Places(labelling)
    left: Counter[str] = Counter()
    answers: dict[int, LabelAnswer] = {}
    for task in tasks:
        index = places.find(task.image)
        if task.several:
            left["have several classes, and a picture here has one"] += 1
        elif not task.label:
            left["have no label"] += 1
        elif index is None:
            left[f"are not in {labelling.pool.source}"] += 1
        else:
            name = labelling.add_class(task.label)
            answers[index] = LabelAnswer(
                labelling.pool.names[index], name, "label", task.who or who, task.when or timestamp()
            )
    if not answers:
        reasons = "; ".join(f"{count} {reason}" for reason, count in left.items())
        raise RequestError(f"{file} has no labels of these pictures: of its {len(tasks)} tasks {reasons or 'none'}.")
    same = [i for i, answer in answers.items() if _holds(labelling, i, answer)]
    labelling.answer("import", [answer for i, answer in answers.items() if i not in same])
    yield f"{len(answers) - len(same):,} labels of {file} are taken over into {labelling.journal.path}"
    if same:
        yield f"{len(same):,} were there already"
    yield from (f"{count:,} tasks are left out: they {reason}" for reason, count in left.items())


def export_labels(labelling: Labelling, file: Path, *, overwrite: bool = False) -> Iterator[str]:
    """Write the labels as annotated tasks with the paths of local files.

    Returns:
        What was written and what was left out.

    Raises:
        RequestError: there are no labels, or the file exists.
        OutputError: the file can't be written.
    """
    check_target(file, (".json",), lambda path: False, option="--export-labels", overwrite=overwrite)
    labels = labelling.labels()
    if not labels:
        raise RequestError(f"{labelling.journal.path} has no labels to write. Label pictures first: zoo label POOL")
    write_json(file, [_task(labelling.answers[index]) for index in sorted(labels)])
    yield f"{len(labels):,} labels of {labelling.journal.path} are written to {file}"
    if left := len(labelling.answers) - len(labels):
        yield f"{left:,} pictures are left out: they are skipped, or none of the classes"


def read_tasks(file: Path) -> list[LabelTask]:
    """Read the tasks of an export.

    Raises:
        RequestError: the file can't be read, or is not an export of pictures with choices.
    """
    try:
        found = json.loads(read_plain(file))
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError(f"{file} can't be read as JSON: {error}.") from error
    try:
        return [_read(task) for task in found]
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise RequestError(
            f"{file} is not an export of Label Studio with one picture and one choice a task ({type(error).__name__}: "
            f"{error}). Export the project as JSON or JSON-MIN."
        ) from error


def _read(task: Mapping[str, Any]) -> LabelTask:
    if "data" not in task:
        return _of_minimal(task)
    image = _image_of(task["data"])
    done = [each for each in task.get("annotations", []) if not each.get("was_cancelled")]
    if not done:
        return LabelTask(image, "")
    last = max(done, key=lambda each: str(each.get("updated_at") or each.get("created_at") or ""))
    choices = [name for part in last["result"] if part.get("type") == "choices" for name in part["value"]["choices"]]
    when = _printable(str(last.get("created_at") or ""))
    return LabelTask(image, _only(choices), _person(last.get("completed_by")), when, len(choices) > 1)


def _of_minimal(task: Mapping[str, Any]) -> LabelTask:
    """A task of JSON-MIN, where the choice is a value beside the picture: a name, or an object with several."""
    choice = task.get("choice", "")
    choices = [choice] if isinstance(choice, str) else choice["choices"]
    when = _printable(str(task.get("created_at") or ""))
    return LabelTask(_image_of(task), _only(choices), _person(task.get("annotator")), when, len(choices) > 1)


def _only(choices: Sequence[str]) -> str:
    return str(choices[0]) if len(choices) == 1 else ""


def _image_of(data: Mapping[str, Any]) -> str:
    """The picture: under ``image``, or the only text of the task."""
    if isinstance(data.get("image"), str):
        return str(data["image"])
    (text,) = [value for value in data.values() if isinstance(value, str)]
    return text


def _person(who: Any) -> str:
    if isinstance(who, Mapping):
        who = who.get("email") or who.get("id")
    return "" if who is None else _printable(str(who))


def _printable(text: str) -> str:
    """Text without line breaks and other control characters, for a cell of the journal."""
    return "".join(letter for letter in text if letter.isprintable())


class _Places:
    """Finds pictures of the pool by the addresses that Label Studio has for them."""

    def __init__(self, labelling: Labelling):
        pool = labelling.pool
        self.by_name = {**labelling.index, **{str(path): index for index, path in enumerate(pool.paths)}}
        counts = Counter(path.name for path in pool.paths)
        self.by_file = {path.name: index for index, path in enumerate(pool.paths) if counts[path.name] == 1}

    def find(self, image: str) -> int | None:
        """Index of a picture: by its path, by the end of it, or by a file name that only one picture has."""
        address = urlsplit(image)
        local = parse_qs(address.query).get("d", [""])[0]
        path = local or unquote(address.path)
        parts = path.strip("/").split("/")
        ends = ["/".join(parts[start:]) for start in range(len(parts))]
        for name in (path, *ends):
            if name in self.by_name:
                return self.by_name[name]
        for name in (parts[-1], parts[-1][_UPLOAD:]):
            if name in self.by_file:
                return self.by_file[name]
        return None


def _task(answer: LabelAnswer) -> Mapping[str, Any]:
    result = {**_NAMES, "type": "choices", "value": {"choices": [answer.label]}}
    task: dict[str, Any] = {
        "data": {"image": f"/data/local-files/?d={answer.path.lstrip('/')}"},
        "meta": {"who": answer.who},
        "annotations": [{"result": [result], "created_at": answer.when}],
    }
    if answer.guess:
        guessed = {**_NAMES, "type": "choices", "value": {"choices": [answer.guess]}}
        task["predictions"] = [{"model_version": "zoo label", "result": [guessed]}]
    return task


def _holds(labelling: Labelling, index: int, new: LabelAnswer) -> bool:
    """Check that a picture has the label already."""
    present = labelling.answers.get(index)
    return present is not None and present.event == "label" and present.label == new.label
