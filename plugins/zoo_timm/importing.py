"""Importer of checkpoints of timm's train.py, and of weights of timm's models; timm is imported on use."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.errors import RequestError
from zoo.plugin import Imported

__all__ = ["read"]

_PLUGIN = "timm/"
_HUBS = ("hf-hub:timm/", "hf_hub:timm/", "hf-hub:", "hf_hub:", "timm/")
"""Prefixes of a model's name on train.py's command line."""
_WRAPPERS = re.compile(r"^(module\.|_orig_mod\.)+")
"""Prefixes of all names from DistributedDataParallel and torch.compile."""
_RESIZES = {"center": "crop", "squash": "squash"}


def read(file: Path, content: Mapping[str, Any], architecture: str | None = None, ema: bool = True) -> Imported | None:
    """Read a checkpoint of timm's train.py, or the weights of the timm model that ``architecture`` names.

    Args:
        file: path of the file, for messages.
        content: content of the file.
        architecture: ``timm/NAME``; by default the one that the checkpoint names.
        ema: use the averaged weights (``--model-ema``) where the file has both.

    Returns:
        None where neither the file nor ``architecture`` refers to timm.

    Raises:
        RequestError: timm has no such model, or the file has no weights of it.
    """
    args = content.get("args")
    said = vars(args) if isinstance(args, Namespace) and "state_dict" in content else {}
    if architecture is not None and not architecture.startswith(_PLUGIN):
        return None
    if architecture is None and not isinstance(said.get("model"), str):
        return None
    name = architecture.removeprefix(_PLUGIN) if architecture else _model_name(str(said["model"]), file)
    tensors, notices = _weights(content, file, ema)
    params = _params(said)
    model = _skeleton(name, params)
    return Imported(
        architecture=_PLUGIN + name,
        num_classes=_width(tensors, model, file, name),
        params=params,
        tensors=tensors,
        preprocessing=_preprocessing(model, said, file) if said else {},
        in_chans=_in_chans(said, tensors, model),
        notices=(*notices, *_of_classes(said)),
        details=_details(content, said),
    )


def _model_name(word: str, file: Path) -> str:
    """Resolve train.py's ``--model`` to a model of the installed timm."""
    import timm

    name = next((word.removeprefix(hub) for hub in _HUBS if word.startswith(hub)), word)
    base, _, tag = name.partition(".")
    if not timm.is_model(base):
        raise RequestError(
            f"{file} was trained as {word!r}, which timm {timm.__version__} does not have. Give the current name of "
            "the architecture: --architecture timm/NAME; see: zoo list architecture --search timm/"
        )
    return name if tag and name in timm.list_models(f"{base}.*", include_tags=True) else base


def _weights(content: Mapping[str, Any], file: Path, ema: bool) -> tuple[dict[str, Tensor], list[str]]:
    """Weights of the checkpoint, and notices about their choice."""
    places = {
        name: found
        for name in ("state_dict_ema", "state_dict", "model")
        if isinstance(found := content.get(name), Mapping) and found
    }
    if not places:
        return _tensors(content, file), []
    both = {"state_dict_ema", "state_dict"} <= set(places)
    if both and ema:
        said = ["These are the averaged weights (--model-ema); for the last weights: --set ema=false."]
        return _tensors(places["state_dict_ema"], file), said
    return _tensors(places.get("state_dict") or next(iter(places.values())), file), []


def _tensors(state: Mapping[str, Any], file: Path) -> dict[str, Tensor]:
    found = {_WRAPPERS.sub("", str(name)): tensor for name, tensor in state.items() if isinstance(tensor, Tensor)}
    if not found:
        raise RequestError(f"{file} contains no weights: no named tensors. See: zoo import --help")
    return found


def _params(said: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that train.py passed to timm's model and that affect its outputs."""
    pooled = {"global_pool": said["gp"]} if said.get("gp") else {}
    return {**dict(said.get("model_kwargs") or {}), **pooled}


def _in_chans(said: Mapping[str, Any], tensors: Mapping[str, Tensor], model: Any) -> int:
    """Number of channels: train.py's argument, else that of the first layer."""
    size = said.get("input_size")
    if told := said.get("in_chans") or (size[0] if size else None):
        return int(told)
    first = model.pretrained_cfg.get("first_conv")
    weight = tensors.get(f"{first if isinstance(first, str) else (first or ('',))[0]}.weight")
    return int(weight.shape[1]) if weight is not None and weight.ndim == 4 else 3


def _skeleton(name: str, params: Mapping[str, Any]) -> Any:
    """Create the model on the meta device, without memory for weights."""
    from zoo_timm.models import create

    with torch.device("meta"):
        return create(name, 1000, **params)


def _width(tensors: Mapping[str, Tensor], model: Any, file: Path, name: str) -> int:
    """Number of classes: the width of the model's last layer in the checkpoint."""
    layers = model.pretrained_cfg.get("classifier") or ()
    for layer in (layers,) if isinstance(layers, str) else layers:
        for parameter in (f"{layer}.weight", f"{layer}.bias", f"{layer}.l.weight", f"{layer}.fc2.weight"):
            if parameter in tensors:
                return int(tensors[parameter].shape[0])
    alike = len(model.state_dict().keys() & tensors.keys())
    if alike < len(tensors) / 2:
        raise RequestError(
            f"{file} doesn't fit timm/{name}: of its {len(tensors)} tensors, {alike} have names of that model. Give "
            "the right one: --architecture NAME; see: zoo list architecture --search WORD"
        )
    raise RequestError(
        f"{file} has no last layer of {name}, which would be {' or '.join(layers) if layers else 'unknown'}: "
        f"without it, the weights can only be used for training. Type: zoo run timm/{name} DATASET --weights "
        f"{file.name}"
    )


def _preprocessing(model: Any, said: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Preprocessing of train.py's validation images; timm's defaults where the command line has none."""
    from timm.data import resolve_data_config

    how = resolve_data_config(dict(said), model=model)
    height, width = how["input_size"][-2:]
    if height != width:
        raise RequestError(
            f"{file} takes images of {height}x{width}, but only square images are supported. It can't be imported."
        )
    resize = _RESIZES.get(how["crop_mode"], "crop")
    return {
        "image_size": int(height),
        "mean": [float(x) for x in how["mean"]],
        "std": [float(x) for x in how["std"]],
        "interpolation": how["interpolation"] if how["interpolation"] != "random" else "bilinear",
        "resize": resize,
        "crop_pct": float(how["crop_pct"]) if resize == "crop" else 1.0,
    }


def _of_classes(said: Mapping[str, Any]) -> list[str]:
    """Notice about the file of class names that train.py used."""
    named = said.get("class_map")
    return [f"It was trained with --class-map {named}: the class names are in that file."] if named else []


def _details(content: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Details of the training in the checkpoint, as plain data."""
    kept = {key: content[key] for key in ("epoch", "metric") if isinstance(content.get(key), int | float)}
    words = {key: said[key] for key in ("dataset", "experiment") if isinstance(said.get(key), str) and said[key]}
    return {**kept, **words}
