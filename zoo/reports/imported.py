"""What ``zoo import`` has made, in plain text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

from zoo.registry.suggest import listing
from zoo.reports.words import count, mebibytes

__all__ = ["import_lines"]

_WIDTH = 80
_INDENT = 12


def import_lines(document: Mapping[str, Any]) -> list[str]:
    """A line for each thing that one wants to see right, what was guessed, and what to type next.

    Args:
        document: import.json of the model's folder.
    """
    return [line for name, text in _rows(document) for line in _wrapped(name, text)]


def _rows(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    source, check = document["imported"], document["check"]
    yield "imported", f"{source['file']}, {mebibytes(source['bytes'])}, by {source['importer']}"
    parameters = f", {count(document['parameters'])} parameters" if document["parameters"] else ""
    yield "model", f"{document['architecture']}{parameters}"
    yield "classes", f"{count(len(document['classes']))}: {listing(document['classes'], most=5)}"
    yield "images", _images(document["preprocessing"])
    if check is not None:
        within = f"probabilities within {check['largest_difference']:.1e}"
        yield "check", f"same predictions as the file itself on {check['images']} images of noise; {within}"
    yield from (("notice", text) for text in document["notices"])
    yield "kept", f"{document['dir']}/{document['model']}"
    yield "next", f"zoo predict {document['run']} IMAGE"


def _images(shape: Mapping[str, Any]) -> str:
    size = shape["image_size"]
    cut = f"the middle {shape['crop_pct']:.3g} of the shorter side" if shape["resize"] == "crop" else "squashed"
    mean, std = (",".join(f"{x:.3g}" for x in shape[key]) for key in ("mean", "std"))
    return f"{size}x{size}, {cut}, {shape['interpolation']}; mean {mean}, std {std}"


def _wrapped(name: str, text: str) -> list[str]:
    lines = wrap(text, _WIDTH - _INDENT, break_long_words=False, break_on_hyphens=False)
    return [f"{name if i == 0 else '':<{_INDENT}}{line}" for i, line in enumerate(lines)]
