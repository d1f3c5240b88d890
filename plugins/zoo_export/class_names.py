"""Class names for models without them: from a file, the folders of a folder, or the command line."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.api.jobs import listing
from zoo.errors import RequestError

__all__ = ["HOW", "IMAGENET", "check_names", "read_names"]

IMAGENET = "imagenet-1k"
HOW = "--classes names.txt (one per line), --classes cat,dog, or --classes FOLDER for the names of its folders, sorted"
_MOST_BYTES = 16 * 2**20


def read_names(word: str) -> list[str]:
    """Read class names from an argument of ``--classes``, in the order of the model's outputs.

    Args:
        word: a file (a name a line; JSON, a list or names by index; CSV, the last column), a folder of class folders,
            whose names are sorted, ``imagenet-1k``, or names separated by commas.

    Raises:
        RequestError: the word is none of these, or the file can't be read.
    """
    path = Path(word).expanduser()
    try:
        if path.is_dir():
            return sorted(each.name for each in path.iterdir() if each.is_dir() and not each.name.startswith("."))
        if path.is_file():
            return _of_file(path)
    except OSError as error:
        if "," not in word:
            raise RequestError(f"The names in {word} can't be read: {error.strerror or error}.") from error
    if word == IMAGENET:
        return _imagenet()
    if "," in word:
        return [name.strip() for name in word.split(",")]
    raise RequestError(f"There is no file or folder {word!r}. Give {HOW}, or --classes {IMAGENET}.")


def check_names(names: Sequence[str], count: int, where: str) -> list[str]:
    """Check that names fit a number of classes.

    Args:
        names: the class names.
        count: number of classes of the model.
        where: origin of the names, for the message.

    Raises:
        RequestError: the number of names differs, or a name is empty or duplicated.
    """
    if len(names) != count:
        raise RequestError(
            f"{where} has {len(names):,} name{'' if len(names) == 1 else 's'} ({listing(names, most=4)}), but the "
            f"model has {count:,} classes. Give as many, in the order of training: {HOW}."
        )
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice or not all(name.strip() for name in names):
        what = f"the name {twice[0]!r} more than once" if twice else "an empty name"
        raise RequestError(f"{where} has {what}. Class names must be unique.")
    return list(names)


def _of_file(path: Path) -> list[str]:
    if path.stat().st_size > _MOST_BYTES:
        raise RequestError(f"{path} is too large for class names.")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(f"{path} is not UTF-8 text. Write one name per line.") from error
    if path.suffix.lower() == ".json":
        return _of_json(path, text)
    if path.suffix.lower() == ".csv":
        return [row[-1].strip() for row in csv.reader(text.splitlines()) if row]
    return [line.strip() for line in text.rstrip().splitlines()]


def _of_json(path: Path, text: str) -> list[str]:
    """Parse a list of names; ``{"0": name}``; or ``{name: 0}``, as in ``class_to_idx``."""
    try:
        found: Any = json.loads(text)
    except ValueError as error:
        raise RequestError(f"{path} is not JSON: {error}.") from error
    if isinstance(found, dict) and found and all(isinstance(v, int) for v in found.values()):
        found = {number: name for name, number in found.items()}
    if isinstance(found, dict):
        by_number = {str(number): name for number, name in found.items()}
        found = [by_number.get(str(i)) for i in range(len(by_number))]
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise RequestError(f'{path} contains no class names: use ["cat", "dog"], {{"0": "cat"}} or {{"cat": 0}}.')
    return found


def _imagenet() -> list[str]:
    """Names of ImageNet-1k in the standard order, from torchvision."""
    from torchvision.models import get_model_weights

    names: list[str] = list(get_model_weights("resnet18").DEFAULT.meta["categories"])
    return names
