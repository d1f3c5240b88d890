"""Metadata of artifacts: the bundle's zoo.json, and its parts for other programs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

__all__ = [
    "CARD",
    "ENDS",
    "OPSET",
    "REGRESSION",
    "Resizing",
    "dumped",
    "has_quantiles",
    "metadata",
    "read_card",
    "resizing",
    "window_of",
]

CARD = "zoo.json"
"""Name of the entry in an artifact's metadata, and of the bundle's file."""
OPSET = 18
"""First opset of ONNX whose Resize supports antialiasing, as Pillow does."""
INPUT = "images: uint8 (N, H, W, C), RGB or grey, of any size; all of a batch have one"
VALUES_IN = "images: float32 (N, H, W, C) of any size, in the unit of the training images; all of a batch have one"
UNIT_IN = "images: float32 (N, H, W, C) of any size, 0..1 of the window that each file states; all of a batch have one"
PROBABILITIES = "probabilities: float32 (N, K), in the order of classes"
VALUES = "values: float32 (N, K), in the unit of the training values and in the order of classes, their names"
QUANTILES = "; in ONNX also lowest and highest, the ends of its quantiles"
ENDS = ("lowest", "highest")
"""Outputs of an ONNX file of a regression with quantiles, besides the values."""
REGRESSION = "regression"
"""Task whose answers are values."""

_NEAREST = {"box": "bilinear", "hamming": "bilinear", "lanczos": "bicubic"}
"""Filters that torch and ONNX lack, with the most similar available one."""


class Resizing(NamedTuple):
    """Resizing of a job.

    Args:
        size: side of the network's images in pixels.
        shorter: length in pixels of the scaled shorter side before a crop.
        crop: crop the centre; else squash both sides.
        mode: ``bilinear``, ``bicubic`` or ``nearest``.
    """

    size: int
    shorter: int
    crop: bool
    mode: str


def read_card(bundle: Path) -> dict[str, Any]:
    """Read the bundle's zoo.json."""
    card: dict[str, Any] = json.loads((bundle / CARD).read_text("utf-8"))
    return card


def resizing(card: dict[str, Any]) -> Resizing:
    """Resizing of a card's images, see ``zoo.data.decode.Shape``."""
    shape = card["preprocessing"]
    size, crop = int(shape["image_size"]), shape["resize"] == "crop"
    mode = shape.get("interpolation", "bilinear")
    shorter = math.floor(size / shape.get("crop_pct", 1.0)) if crop else size
    return Resizing(size, shorter, crop, _NEAREST.get(mode, mode))


def window_of(card: dict[str, Any]) -> tuple[float, float] | None:
    """Values that become 0 and 1; None for pixels of 8 bits, which are divided by 255."""
    window = card["preprocessing"].get("window")
    return None if window is None else (0.0, 1.0) if window == "dicom" else (float(window[0]), float(window[1]))


def has_quantiles(card: dict[str, Any]) -> bool:
    """Check whether the network of a card answers several quantiles of each value."""
    return ((card.get("outputs") or {}).get("link") or {}).get("kind") == "quantiles"


def input_of(card: dict[str, Any]) -> str:
    """The input of an artifact, in words."""
    window = card["preprocessing"].get("window")
    return INPUT if window is None else UNIT_IN if window == "dicom" else VALUES_IN


def _output_of(card: dict[str, Any]) -> str:
    if card.get("task") != REGRESSION:
        return PROBABILITIES
    return VALUES + (QUANTILES if has_quantiles(card) else "")


def dumped(card: dict[str, Any]) -> str:
    """Serialise a card to one line of JSON."""
    return json.dumps(card, ensure_ascii=False)


def metadata(card: dict[str, Any]) -> dict[str, str]:
    """Metadata as texts by name: the whole card, and selected parts for other programs."""
    return {
        CARD: dumped(card),
        "classes": json.dumps(card["classes"], ensure_ascii=False),
        "preprocessing": json.dumps(card["preprocessing"]),
        "temperature": str(card.get("temperature", 1.0)),
        "provenance": json.dumps(card.get("provenance") or {}),
        "input": input_of(card),
        "output": _output_of(card),
    }
