"""Identification of torchvision's models by the names and shapes of their tensors, from a stored list.

``python -m zoo_torchvision.shapes`` writes shapes.txt from the installed torchvision: a name, its last layer, a hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

__all__ = ["known", "last_layer", "models_with", "shapes_of"]

Shapes = Mapping[str, tuple[int, ...]]
_LIST = "shapes.txt"


def models_with(shapes: Shapes) -> list[str]:
    """Models with exactly these tensors, regardless of the number of classes."""
    from zoo_torchvision.models import installed_names

    listed = known()
    hashes = {last: _hash(shapes, last) for last in {last for last, _ in listed.values()} if f"{last}.weight" in shapes}
    return [name for name in installed_names() if name in listed and hashes.get(listed[name][0]) == listed[name][1]]


def shapes_of(name: str) -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors of a model for 1000 classes, in order."""
    from zoo_torchvision.models import create

    with _Weightless():
        return {key: tuple(value.shape) for key, value in create(name, 1000).state_dict().items()}


def last_layer(shapes: Shapes) -> str:
    """Name of the output layer: the last weight matrix in the order of the tensors."""
    weights = [name for name, shape in shapes.items() if name.endswith(".weight") and len(shape) > 1]
    return weights[-1].removesuffix(".weight")


@cache
def known() -> dict[str, tuple[str, str]]:
    """Last layer of each listed model, and hash of its other tensors."""
    lines = resources.files("zoo_torchvision").joinpath(_LIST).read_text("utf-8").splitlines()
    return {name: (last, digest) for name, last, digest in map(str.split, lines)}


def listing(names: Iterable[str]) -> str:
    """Generate the text of shapes.txt."""
    found = []
    for name in names:
        shapes = shapes_of(name)
        last = last_layer(shapes)
        found.append(f"{name} {last} {_hash(shapes, last)}\n")
    return "".join(found)


def _hash(shapes: Shapes, last: str) -> str:
    """Hash of names and shapes, without the last layer and without batch counters, which older files lack."""
    left_out = (f"{last}.weight", f"{last}.bias")
    kept = [(k, v) for k, v in sorted(shapes.items()) if k not in left_out and not k.endswith("num_batches_tracked")]
    return hashlib.sha256(repr(kept).encode()).hexdigest()[:16]


class _Weightless(TorchFunctionMode):
    """Create parameters without memory; torch's meta device alone fails for regnets, which compute their widths."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **{**(kwargs or {}), **({"device": "meta"} if func is torch.empty else {})})


def _write() -> None:
    from zoo_torchvision.models import installed_names

    Path(__file__).with_name(_LIST).write_text(listing(installed_names()), "utf-8")


if __name__ == "__main__":
    _write()
