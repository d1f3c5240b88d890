"""torchvision's classification models by name; torchvision is imported on use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zoo.errors import RequestError
from zoo_torchvision.surgery import adapt_classes, adapt_stem, set_dropout

__all__ = ["LISTED", "create", "installed_names"]

LISTED = "0.29.2"  # the torchvision whose models models.txt lists

_GRID = {"maxvit_t": 224}  # its windows fit only multiples of this side
_AUXILIARY = ("googlenet", "inception_v3")


def create(
    name: str,
    num_classes: int,
    in_chans: int = 3,
    pretrained: bool = False,
    dropout: float | None = None,
    image_size: int | None = None,
    **kwargs: Any,
) -> nn.Module:
    """Create a classification model of torchvision: images (N, in_chans, H, W) float -> logits (N, num_classes).

    The auxiliary outputs of googlenet and inception_v3 are removed, also in training.

    Args:
        name: one of ``installed_names()``.
        num_classes: width of the last layer, which is new unless the pretrained one has the same.
        in_chans: channels of the images; a pretrained first layer is adapted.
        pretrained: load torchvision's default weights, from ``TORCH_HOME``'s cache or download.pytorch.org.
        dropout: dropout before the last layer, in 0..1; None keeps the model's default.
        image_size: side of the images in pixels, for vision transformers.
        **kwargs: further parameters of torchvision's builder.

    Raises:
        ValueError: the name or a parameter is unknown, or the image size is not supported.
        RequestError: the pretrained weights can't be downloaded, or ``ZOO_OFFLINE`` is set and they are not cached.
    """
    _check(name, dropout, image_size, kwargs)
    settings = {**_sized(name, image_size), **kwargs}
    model = _pretrained(name, settings) if pretrained else _built(name, {"num_classes": num_classes, **settings})
    adapt_classes(model, num_classes)
    adapt_stem(model, in_chans, keep=pretrained)
    if in_chans != 3 and getattr(model, "transform_input", False):
        model.transform_input = False  # type: ignore[assignment]  # the transform is for RGB
    if dropout is not None:
        set_dropout(model, dropout)
    return model


def installed_names() -> list[str]:
    """List the classification models of the installed torchvision, sorted."""
    from torchvision import models

    return sorted(models.list_models(module=models))  # only this module: detection and others have their own


def _check(name: str, dropout: float | None, image_size: int | None, kwargs: dict[str, Any]) -> None:
    if name not in installed_names():
        import torchvision

        word = name.split("_")[0]
        raise ValueError(
            f"torchvision {torchvision.__version__} has no classification model {name!r}; "
            f"see: zoo list architecture --search {word}"
        )
    if dropout is not None and not 0 <= dropout <= 1:
        raise ValueError(f"dropout must be in 0..1, not {dropout}")
    if kwargs.get("aux_logits"):
        raise ValueError(f"aux_logits=true: auxiliary logits of {name} are not supported; leave it out")
    grid = _GRID.get(name) or _patch(name)
    if image_size is not None and grid and image_size % grid:
        near = max(round(image_size / grid), 1) * grid
        raise ValueError(
            f"{name} needs an image size that is a multiple of {grid}, not {image_size}: --image-size {near}"
        )


def _patch(name: str) -> int | None:
    """Side of a vision transformer's patches in pixels: 16 for ``vit_b_16``; None for other models."""
    return int(name.rpartition("_")[2]) if name.startswith("vit_") else None


def _sized(name: str, image_size: int | None) -> dict[str, Any]:
    """Arguments of the builders for models with a fixed image size or with auxiliary outputs."""
    if name in _AUXILIARY:
        return {"aux_logits": False, "init_weights": True}
    if image_size is None:
        return {}
    if name in _GRID:
        return {"input_size": (image_size, image_size)}
    return {"image_size": image_size} if _patch(name) else {}


def _built(name: str, settings: dict[str, Any], weights: Any = None) -> nn.Module:
    from torchvision import models

    try:
        model: nn.Module = models.get_model(name, weights=weights, **settings)
    except TypeError as error:
        if "unexpected keyword argument" not in str(error) and "multiple values" not in str(error):
            raise
        raise ValueError(f"torchvision's {name} does not accept all of {', '.join(settings)}: {error}") from error
    return model


def _pretrained(name: str, settings: dict[str, Any]) -> nn.Module:
    """Create the model with torchvision's default weights and their classes."""
    from torchvision import models

    weights = models.get_model_weights(name).DEFAULT
    state = _fetch(name, weights)
    settings = {key: value for key, value in settings.items() if key not in ("init_weights", "aux_logits")}
    size, patch = settings.pop("image_size", None), _patch(name)
    if size is None or patch is None or size == weights.meta["min_size"][0]:
        return _without_auxiliary(_built(name, settings, weights))
    # A transformer for another image size: its table of positions is interpolated.
    from torchvision.models.vision_transformer import interpolate_embeddings

    count = len(weights.meta["categories"])
    model = _built(name, {**settings, "image_size": size, "num_classes": count})
    model.load_state_dict(interpolate_embeddings(size, patch, state))
    return model


def _without_auxiliary(model: nn.Module) -> nn.Module:
    """Remove the auxiliary heads of googlenet and inception_v3."""
    if hasattr(model, "aux_logits"):
        for attribute, off in (("aux_logits", False), ("aux1", None), ("aux2", None), ("AuxLogits", None)):
            if hasattr(model, attribute):
                setattr(model, attribute, off)
    return model


def _fetch(name: str, weights: Any) -> Any:
    """Load the state dict of the weights from the cache or the network.

    They are read with ``weights_only`` first, which refuses a cached file that would run code; torchvision's builder
    then reads the file without that check.
    """
    cached = Path(torch.hub.get_dir(), "checkpoints", weights.url.rpartition("/")[2])
    if not cached.is_file() and os.environ.get("ZOO_OFFLINE", "").lower() not in ("", "0", "false"):
        raise RequestError(_no_weights(name, f"offline (ZOO_OFFLINE is set), and they are not in {cached}", weights))
    try:
        return weights.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except Exception as error:  # of the network, the disk, the checksum, or unpickling
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise RequestError(_no_weights(name, reason, weights)) from error


def _no_weights(name: str, reason: str, weights: Any) -> str:
    return (
        f"The pretrained weights of {name!r} are not available: {reason}. They are downloaded once from "
        f"{weights.url}. Without network access, give a file that was downloaded elsewhere: --weights FILE. Or "
        "train from scratch, without --pretrained; for few images: zoo run simple_cnn DATASET"
    )
