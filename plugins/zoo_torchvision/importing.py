"""Importer of weights of torchvision's models, bare or in checkpoints of its reference script."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from zoo.errors import RequestError
from zoo.plugin import Imported
from zoo_torchvision.shapes import known, last_layer, models_with, shapes_of

__all__ = ["read"]

_PLUGIN = "torchvision/"
_WRAPPERS = re.compile(r"^(module\.|_orig_mod\.)+")
"""Prefixes of all names from DistributedDataParallel, averaged models and torch.compile."""
_AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
"""Prefixes of heads for training only, which the zoo's networks don't have."""
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")
_MOVES_COLOURS = ("googlenet", "inception_v3")
_MOST = 6


def read(
    file: Path, content: Mapping[str, Any], architecture: str | None = None, transform_input: bool = False
) -> Imported | None:
    """Read weights of a torchvision model: a state dict, or a checkpoint of the reference script or PyTorch's example.

    Args:
        file: path of the file, for messages.
        content: content of the file.
        architecture: ``torchvision/NAME``; by default the one that the checkpoint names, or the only one with such
            tensors.
        transform_input: for googlenet and inception_v3: renormalise the input within the network, as torchvision's
            pretrained weights of these two need.

    Returns:
        None where the tensors match no model of torchvision.

    Raises:
        RequestError: several models have such tensors, or the checkpoint names no model of torchvision.
    """
    if architecture is not None and not architecture.startswith(_PLUGIN):
        return None
    state, said = _state(content)
    tensors = _as_now(state)
    if not tensors:
        return None
    named = architecture.removeprefix(_PLUGIN) if architecture else said.get("model")
    name = named or _guess(tensors, file)
    if name is None:
        return None
    _check_name(name, file)
    return Imported(
        architecture=_PLUGIN + name,
        num_classes=_width(tensors, name, file),
        params={"transform_input": True} if name in _MOVES_COLOURS and transform_input else {},
        tensors=tensors,
        preprocessing=_preprocessing(said),
        notices=tuple(_notices(name, named is None, transform_input)),
        details={k: content[k] for k in ("epoch", "best_acc1") if isinstance(content.get(k), int | float)},
    )


def _state(content: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Weights of the checkpoint, and arguments of the script."""
    args = content.get("args")
    if isinstance(content.get("model"), Mapping):  # torchvision's references/classification/train.py
        averaged = content.get("model_ema")
        state = averaged if isinstance(averaged, Mapping) and averaged else content["model"]
        return state, vars(args) if isinstance(args, Namespace) else {}
    if isinstance(content.get("state_dict"), Mapping):
        if isinstance(args, Namespace):  # timm's train.py
            return {}, {}
        # PyTorch's examples/imagenet/main.py
        ours = isinstance(content.get("arch"), str) and "best_acc1" in content
        return content["state_dict"], {"model": content["arch"]} if ours else {}
    return content, {}


def _as_now(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Rename tensors to their names in current torchvision."""
    found: dict[str, Tensor] = {}
    for key, value in state.items():
        name = _WRAPPERS.sub("", str(key))
        if isinstance(value, Tensor) and not name.startswith(_AUXILIARY) and name != "n_averaged":
            found[_OLD_DENSENET.sub(r"\1\2.", name)] = value
    return found


def _guess(tensors: Mapping[str, Tensor], file: Path) -> str | None:
    found = models_with({name: tuple(tensor.shape) for name, tensor in tensors.items()})
    if len(found) > 1:
        shown = " or ".join(f"--architecture {_PLUGIN}{name}" for name in found[:_MOST])
        raise RequestError(f"The tensors of {file} match {len(found)} models of torchvision. Choose one: {shown}")
    return found[0] if found else None


def _check_name(name: str, file: Path) -> None:
    from zoo_torchvision.models import installed_names

    if name not in installed_names():
        raise RequestError(
            f"{file} was trained as {name!r}, which is not a classification model of this torchvision. Give the "
            "architecture: --architecture torchvision/NAME; see: zoo list architecture --search torchvision/"
        )


def _width(tensors: Mapping[str, Tensor], name: str, file: Path) -> int:
    """Number of classes: the width of the model's last layer in the checkpoint."""
    last = known()[name][0] if name in known() else last_layer(shapes_of(name))
    if f"{last}.weight" in tensors:
        return int(tensors[f"{last}.weight"].shape[0])
    raise RequestError(
        f"{file} has no last layer of {name}, which would be {last}: without it, the weights can only be used for "
        f"training. Type: zoo run {_PLUGIN}{name} DATASET --weights {file.name}"
    )


def _preprocessing(said: Mapping[str, Any]) -> dict[str, Any]:
    """Preprocessing of the reference script's validation images; empty for other checkpoints."""
    if "val_crop_size" not in said:
        return {}
    from zoo_torchvision.list_models import share

    crop = int(said["val_crop_size"])
    resize = max(int(said.get("val_resize_size") or crop), crop)
    found = {"image_size": crop, "resize": "crop", "crop_pct": share(crop, resize)}
    return {**found, **({"interpolation": said["interpolation"]} if said.get("interpolation") else {})}


def _notices(name: str, guessed: bool, transform_input: bool) -> Iterator[str]:
    if guessed:
        yield (
            f"The file does not name its network; its tensors match torchvision's {name}. For a model of another "
            "library: --architecture NAME"
        )
    if name in _MOVES_COLOURS and not transform_input:
        yield (
            f"The weights of {name} by torchvision need a colour transform in the network: for those, add --set "
            "transform_input=true. Weights that were trained without it do not."
        )
