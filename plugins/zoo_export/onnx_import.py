"""ONNX classifiers of other frameworks: what is in one, and how it becomes a file as the zoo's exporter writes it."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo.errors import RequestError
from zoo.plugin import Imported
from zoo_export.card import CARD
from zoo_export.onnx_file import needed

__all__ = ["Answers", "names_in", "read"]

Answers = Literal["logits", "probabilities", "sigmoid"]
"""What a network's last numbers are: softmax is still to come, or was; or each class is a yes or no of its own."""
Floats = NDArray[np.float32]

_NAMES = ("names", "classes", "class_names", "labels", "id2label")
_OTHER_TASKS = ("detect", "segment", "pose", "obb")
_MEAN, _STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
_SIZE = 224


def read(
    file: Path, image_size: int | None = None, answers: Answers | None = None, output: str | None = None
) -> Imported | None:
    """A classifier as an ONNX file: images (N, C, H, W) or (N, H, W, C), float -> (N, K).

    Args:
        file: the model; its weights may lie beside it.
        image_size: side in pixels, of a file that takes any; by default 224.
        answers: what its numbers are: ``logits``, ``probabilities`` or, for several labels an image, ``sigmoid``; by
            default what its last node is, and how they look.
        output: which of several outputs is meant.

    Returns:
        None where it is no ONNX file.

    Raises:
        RequestError: it is no classifier of images, or onnx is not here.
    """
    needed("onnx", "onnxruntime")
    from zoo_export.onnx_network import load

    network = load(file, output, image_size)
    if network is None:
        return None
    said = network.metadata
    if CARD in said:
        raise RequestError(f"{file} is a file that zoo export wrote: use it as it is. Type: zoo predict {file} IMAGE")
    if said.get("task") in _OTHER_TASKS:
        raise RequestError(f"{file} says that its task is {said['task']!r}: the zoo takes classifiers.")
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
        notices=(*about_names, *about_shape, *_about_answers(kind, answers)),
        details={"producer": network.producer, "answers": kind},
    )


def names_in(said: Mapping[str, str]) -> list[str] | None:
    """The class names in a model's metadata, read as JSON or as Python's literals: a list, or names by number."""
    for key in _NAMES:
        if said.get(key):
            found = _parsed(said[key])
            if found is not None:
                return found
    return None


def _parsed(text: str) -> list[str] | None:
    value: Any = None
    for parse in (json.loads, ast.literal_eval):  # neither runs anything
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
    return None, [f"Its metadata has {len(names)} names, and it answers with {count} numbers: they were left aside."]


def _preprocessing(network: Any, said: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """What an ONNX file doesn't say, guessed, and the words that it is."""
    size = network.size or _size_in(said) or _SIZE
    if "ultralytics" in f"{said.get('author', '')} {said.get('description', '')}".lower():
        found = {"image_size": size, "mean": [0.0], "std": [1.0], "resize": "crop", "crop_pct": 1.0}
        return found, [
            "Its metadata names Ultralytics, whose classifiers take pixels in 0..1 as they are: mean 0, std 1."
        ]
    grey = network.in_chans == 1
    mean, std = ([sum(_MEAN) / 3], [sum(_STD) / 3]) if grey else (_MEAN, _STD)
    found = {"image_size": size, "mean": mean, "std": std, "interpolation": "bilinear", "resize": "crop"}
    shown = ",".join(f"{x:.3g}" for x in mean), ",".join(f"{x:.3g}" for x in std)
    guess = (
        f"An ONNX file doesn't say how its images are prepared. GUESSED: as ImageNet's, --mean {shown[0]} --std "
        f"{shown[1]} --image-size {size} --resize crop --crop-pct 0.875 --interpolation bilinear. Where it was trained "
        "otherwise its answers are worthless until you say how."
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
    """Whether numbers (n, K) are probabilities by the look of them: none below 0, and each row adds up to one."""
    whole = tried.shape[1] > 1 and tried.min() >= 0 and np.abs(tried.sum(1) - 1).max() < 1e-3
    return "probabilities" if whole else "logits"


def _about_answers(kind: Answers, asked: Answers | None) -> list[str]:
    if asked or kind == "logits":
        return []
    what = {
        "probabilities": "as probabilities of one class an image",
        "sigmoid": "each class as a yes or no of its own",
    }
    return [f"Its answers are taken {what[kind]}; if they are something else: --set answers=logits"]


def _word(file: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_.\-]+", "_", file.stem).lstrip("_.-") or "model"
