"""What an artifact says of itself: the bundle's zoo.json, and the parts of it that others look for."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["CARD", "Resizing", "dumped", "metadata", "read_card", "resizing"]

CARD = "zoo.json"
"""The entry of an artifact's metadata, and the bundle's file."""
INPUT = "images: uint8 (N, H, W, C), RGB or grey, of any size; all of a batch have one"
OUTPUT = "probabilities: float32 (N, K), in the order of classes"

_NEAREST = {"box": "bilinear", "hamming": "bilinear", "lanczos": "bicubic"}
"""Filters that neither torch nor ONNX has, and the one they have that is most like it."""


class Resizing(NamedTuple):
    """How a job resizes.

    Args:
        size: side of the network's images in pixels.
        shorter: what the shorter side is scaled to before a crop.
        crop: whether the middle is cut out; else both sides are squashed.
        mode: ``bilinear``, ``bicubic`` or ``nearest``.
    """

    size: int
    shorter: int
    crop: bool
    mode: str


def read_card(bundle: Path) -> dict[str, Any]:
    """The bundle's zoo.json."""
    card: dict[str, Any] = json.loads((bundle / CARD).read_text("utf-8"))
    return card


def resizing(card: dict[str, Any]) -> Resizing:
    """How the images of a card are resized; as ``zoo.data.decode.Shape`` has it."""
    shape = card["preprocessing"]
    size, crop = int(shape["image_size"]), shape["resize"] == "crop"
    mode = shape.get("interpolation", "bilinear")
    shorter = math.floor(size / shape.get("crop_pct", 1.0)) if crop else size
    return Resizing(size, shorter, crop, _NEAREST.get(mode, mode))


def dumped(card: dict[str, Any]) -> str:
    """A card as one line of JSON."""
    return json.dumps(card, ensure_ascii=False)


def metadata(card: dict[str, Any]) -> dict[str, str]:
    """Texts by name, for formats that keep such: the whole card, and what is looked for without reading it."""
    return {
        CARD: dumped(card),
        "classes": json.dumps(card["classes"], ensure_ascii=False),
        "preprocessing": json.dumps(card["preprocessing"]),
        "temperature": str(card.get("temperature", 1.0)),
        "provenance": json.dumps(card.get("provenance") or {}),
        "input": INPUT,
        "output": OUTPUT,
    }
