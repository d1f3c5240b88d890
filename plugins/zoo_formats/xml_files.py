"""XML files of annotations, read with errors that name the file."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from zoo.errors import DataError

__all__ = ["attribute", "number", "read_xml", "text_of"]


def read_xml(path: Path, tag: str) -> ET.Element:
    """Read a file whose outer element has a tag.

    Raises:
        DataError: it is not such a file, or is truncated.
    """
    try:
        root = ET.parse(path).getroot()
    except (OSError, ET.ParseError, ValueError, LookupError) as error:
        raise DataError(f"{path} can't be read as XML: {error}. Export the annotations again.") from error
    if root.tag != tag:
        raise DataError(f"{path} begins with <{root.tag}>, not <{tag}>. Export the annotations again.")
    return root


def text_of(element: ET.Element, path: str, where: str) -> str:
    """Text of an element in another, without white space around it.

    Raises:
        DataError: there is none.
    """
    text = (element.findtext(path) or "").strip()
    if not text:
        raise DataError(f"{where} has no <{path}>. Export the annotations again.")
    return text


def attribute(element: ET.Element, name: str, where: str) -> str:
    """Attribute of an element.

    Raises:
        DataError: there is none.
    """
    text = element.get(name, "").strip()
    if not text:
        raise DataError(f"{where} has a <{element.tag}> without {name}. Export the annotations again.")
    return text


def number(text: str, where: str) -> float:
    """Number of a text.

    Raises:
        DataError: it is none.
    """
    try:
        return float(text)
    except ValueError as error:
        raise DataError(f"{where}: {text!r} is not a number. Export the annotations again.") from error
