"""Import of ONNX classifiers of other frameworks, converted to the format of the zoo's exporter."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo.plugin import Imported
from zoo_export.onnx_file import needed

__all__ = ["Answers", "names_in", "read"]

Answers = Literal["logits", "probabilities", "sigmoid"]
"""Kind of a network's outputs: before or after the softmax, or independent binary probabilities."""
Floats = NDArray[np.float32]

_NAMES = ("names", "classes", "class_names", "labels", "id2label")
_MEAN, _STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
_SIZE = 224


def read(
    file: Path, image_size: int | None = None, answers: Answers | None = None, output: str | None = None
) -> Imported | None:
    """Read a classifier from an ONNX file: images (N, C, H, W) or (N, H, W, C), float -> (N, K).

    Args:
        file: the model; its weights may be in a file beside it.
        image_size: side in pixels, for a model with variable size; by default 224.
        answers: kind of the outputs: ``logits``, ``probabilities`` or, for multi-label models, ``sigmoid``; by default
            derived from the last node and the values.
        output: name of the output to use, where there are several.

    Returns:
        None where the file is not in ONNX format.

    Raises:
        RequestError: the model is not an image classifier, or onnx is not installed.
    """
    needed("onnx", "onnxruntime")
    from zoo_export.onnx_network import load

    network = load(file, output, image_size)
    if network is None:
        return None
    said = network.metadata
    kind = answers or network.ends_with or _looks(network.tried)
    network.answers_with(kind)
    classes, about_names = _classes(said, network.num_classes)
    shape, about_shape = _preprocessing(network, said)
    return Imported(
        architecture=f"onnx/{_word(file)}",
        num_classes=network.num_classes,
        write=network.write,
        format="onnx",
        classes=classes,
        preprocessing=shape,
        in_chans=network.in_chans,
        multilabel=kind == "sigmoid" and not network.binary,
        answer=network.answer,
        notices=(*about_names, *about_shape, *_about_answers(kind, network.ends_with, answers)),
        details={"producer": network.producer, "answers": kind},
    )


def names_in(said: Mapping[str, str]) -> list[str] | None:
    """Class names in a model's metadata, as JSON or Python literals: a list, or names by index."""
    for key in _NAMES:
        if said.get(key):
            found = _parsed(said[key])
            if found is not None:
                return found
    return None


def _parsed(text: str) -> list[str] | None:
    value: Any = None
    for parse in (json.loads, ast.literal_eval):  # neither runs code
        try:
            value = parse(text)
            break
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    if isinstance(value, dict):
        try:
            by_number = {int(number): name for number, name in value.items()}
        except (TypeError, ValueError):
            return None
        whole = sorted(by_number) == list(range(len(by_number)))
        value = [by_number[i] for i in range(len(by_number))] if whole else None
    if value is None and "{" not in text and ("," in text or "\n" in text):
        value = [part.strip() for part in re.split(r"[,\n]", text) if part.strip()]
    good = isinstance(value, list) and value and all(isinstance(name, str | int) for name in value)
    return [str(name) for name in value] if good else None


def _classes(said: Mapping[str, str], count: int) -> tuple[tuple[str, ...] | None, list[str]]:
    names = names_in(said)
    if names is None or len(names) == count:
        return None if names is None else tuple(names), []
    return None, [f"Its metadata has {len(names)} names, but its output has {count} values: the names are ignored."]


def _preprocessing(network: Any, said: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Preprocessing from the metadata or guessed, with notices about the guess."""
    size = network.size or _size_in(said) or _SIZE
    if "ultralytics" in f"{said.get('author', '')} {said.get('description', '')}".lower():
        found = {"image_size": size, "mean": [0.0], "std": [1.0], "resize": "crop", "crop_pct": 1.0}
        return found, ["Its metadata names Ultralytics, whose classifiers take pixels in 0..1 (mean 0, std 1)."]
    grey = network.in_chans == 1
    mean, std = ([sum(_MEAN) / 3], [sum(_STD) / 3]) if grey else (_MEAN, _STD)
    found = {"image_size": size, "mean": mean, "std": std, "interpolation": "bilinear", "resize": "crop"}
    shown = ",".join(f"{x:.3g}" for x in mean), ",".join(f"{x:.3g}" for x in std)
    guess = (
        f"ONNX files do not define the preprocessing. ASSUMED, as for ImageNet: --mean {shown[0]} --std {shown[1]} "
        f"--image-size {size} --resize crop --crop-pct 0.875 --interpolation bilinear. If it was trained with other "
        "preprocessing, its predictions are wrong until you give it."
    )
    return {**found, "crop_pct": 0.875}, [guess]


def _size_in(said: Mapping[str, str]) -> int | None:
    try:
        value = ast.literal_eval(said.get("imgsz", ""))
    except (ValueError, SyntaxError):
        return None
    sides = value if isinstance(value, list | tuple) else [value]
    return sides[0] if sides and isinstance(sides[0], int) and len(set(sides)) == 1 else None


def _looks(tried: Floats) -> Answers:
    """Guess from outputs (n, K) if they are probabilities: non-negative, with rows that sum to one."""
    whole = tried.shape[1] > 1 and tried.min() >= 0 and np.abs(tried.sum(1) - 1).max() < 1e-3
    return "probabilities" if whole else "logits"


def _about_answers(kind: Answers, ends_with: str | None, asked: Answers | None) -> list[str]:
    """Notices about the assumed kind of outputs, where it is uncertain."""
    if asked is None and kind == "sigmoid":
        return ["It ends with a sigmoid, so it is treated as a multi-label model. If it is not: --set answers=logits"]
    if asked is None and kind == "probabilities" and ends_with is None:
        return ["Its output looks like probabilities and is treated as such. If it is not: --set answers=logits"]
    return []


def _word(file: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_.\-]+", "_", file.stem).lstrip("_.-") or "model"
