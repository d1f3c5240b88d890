"""Columns of images, labels and splits in a table, by the hub's description of the columns or by name and type."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.api.jobs import did_you_mean, listing
from zoo.errors import DataError
from zoo_formats.arrow_files import ArrowFile

__all__ = ["Asked", "TableFormat", "described", "format_of"]

_IMAGES = ("image", "img", "picture", "photo", "image_path", "path", "file_name", "filename", "bytes")
_LABELS = ("label", "labels", "class", "target", "category", "class_name")
_LISTS = ("Sequence", "List", "LargeList")
_NUMBERS = ("list", "large_list", "fixed_size_list", "extension", "int", "uint", "float", "double", "halffloat", "bool")
"""Types of columns that hold no encoded images."""


@dataclass(frozen=True)
class Asked:
    """Names of columns as they were asked for; None where they are to be found."""

    image: str | None = None
    label: str | None = None
    split: str = "split"
    group: str = "group"


@dataclass(frozen=True)
class TableFormat:
    """Columns of a table.

    Args:
        image, label: the columns of images and labels.
        names: names of the classes by number, from the hub's description; None where labels are the names.
        several: a label is a list.
        split, group: the columns of splits and groups; None without.
        others: columns that describe images.
    """

    image: str
    label: str
    names: Sequence[str] | None
    several: bool
    split: str | None
    group: str | None
    others: Sequence[str]


def described(schema: Any) -> Mapping[str, Any]:
    """The hub's description of the columns, which the library datasets writes into a file's schema; empty without."""
    try:
        told = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {str(name): about for name, about in told.items()}
    except (LookupError, ValueError, TypeError, AttributeError):
        return {}


def format_of(file: ArrowFile, asked: Asked) -> TableFormat:
    """Find the columns of a table.

    Raises:
        DataError: a column is missing or ambiguous, or has values that are no images or labels.
    """
    features = described(file.schema)
    image = _image(file, features, asked.image)
    label = _label(file, features, asked.label, image)
    about, several = _class_label(features.get(label))
    names = None if about is None else [str(name) for name in about.get("names") or ()]
    _check_image(file, image)
    kinds = {name: str(file.schema.field(name).type) for name in file.names}
    if not several and about is None:
        several = "list<" in kinds[label]
    if kinds[label].startswith(("float", "double", "halffloat", "decimal")):
        raise DataError(
            f"The column {label!r} of {file.path} has decimal numbers, which are values, not classes. Choose another: "
            "--set dataset.label_column=NAME; or list the pictures in a CSV file, which can have values."
        )
    taken = {image, label, asked.split}
    plain = ("string", "large_string", "int", "uint", "bool", "float", "double", "date", "timestamp")
    return TableFormat(
        image,
        label,
        names or None,
        several,
        split=asked.split if asked.split in file.names else None,
        group=asked.group if asked.group in file.names else None,
        others=[name for name in file.names if name not in taken and kinds[name].startswith(plain)],
    )


def _image(file: ArrowFile, features: Mapping[str, Any], asked: str | None) -> str:
    if asked is not None:
        return _need(file, asked, "image_column")
    images = [name for name, about in features.items() if _kind(about) == "Image" and name in file.names]
    images = images or [name for name in file.names if _holds_bytes(file.schema.field(name).type)]
    images = images or [name for name in _IMAGES if name in file.names][:1]
    return _only(file, images, "image_column", "images")


def _check_image(file: ArrowFile, name: str) -> None:
    """Refuse a column of numbers, which are no encoded images."""
    kind = str(file.schema.field(name).type)
    if kind.startswith(_NUMBERS):
        raise DataError(
            f"The column {name!r} of {file.path} has {kind}, and an image is the bytes of a file, such as a PNG, or "
            "its path. Choose another: --set dataset.image_column=NAME; or write the images as files."
        )


def _label(file: ArrowFile, features: Mapping[str, Any], asked: str | None, image: str) -> str:
    if asked is not None:
        return _need(file, asked, "label_column")
    labels = [name for name, about in features.items() if _class_label(about)[0] is not None and name in file.names]
    labels = labels or [name for name in _LABELS if name in file.names and name != image]
    return _only(file, labels, "label_column", "labels")


def _need(file: ArrowFile, name: str, option: str) -> str:
    if name in file.names:
        return name
    raise DataError(
        f"{file.path} has no column {name!r}.{did_you_mean(name, file.names)} It has: {listing(file.names)}. Set "
        f"another: --set dataset.{option}=NAME"
    )


def _only(file: ArrowFile, found: list[str], option: str, what: str) -> str:
    if len(found) == 1:
        return found[0]
    problem = f"several columns of {what}: {listing(found)}" if found else f"no column of {what} that the zoo knows"
    raise DataError(
        f"{file.path} has {problem}. Its columns are: {listing(file.names)}. Choose one: --set dataset.{option}=NAME"
    )


def _holds_bytes(kind: Any) -> bool:
    """Check for bytes, or for the struct of bytes and path that the hub's images are."""
    text = str(kind)
    return text in ("binary", "large_binary") or (text.startswith("struct<") and "bytes: " in text)


def _kind(about: Any) -> str | None:
    return about.get("_type") if isinstance(about, Mapping) else None


def _class_label(about: Any) -> tuple[Mapping[str, Any] | None, bool]:
    """Description of a ClassLabel, and whether a value is a list of them; None for another column."""
    several = _kind(about) in _LISTS or (isinstance(about, list) and len(about) == 1)
    inner = about.get("feature") if isinstance(about, Mapping) and several else about[0] if several else about
    return (inner if _kind(inner) == "ClassLabel" else None), several
