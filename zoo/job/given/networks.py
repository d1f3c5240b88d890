"""Networks given from Python: a class, a factory, or an ``nn.Module``, trained or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.errors import RequestError
from zoo.job.given.factory import Given, around, own_copy, titled, torch_class

_DESIGNED = {"mean": tuple, "std": tuple, "interpolation": str, "crop_pct": float}
"""Fields of a declaration that a module of timm states in ``pretrained_cfg``, with their types."""


def adapt(value: Any) -> Given:
    """Make a factory of a network.

    Raises:
        RequestError: it is neither a module nor a function or class.
    """
    module = torch_class("nn.Module")
    if module is None or not isinstance(value, module):
        if callable(value):
            return Given(value, value)
        raise RequestError(
            f"{titled('architecture', value)} is neither a name nor a factory (a class or function), nor an nn.Module."
        )
    network = getattr(value, "_orig_mod", value)  # of torch.compile
    factory = around(
        lambda num_classes, in_chans=3, image_size=0: _copied(network, num_classes, in_chans, image_size),
        *(type(network), ("num_classes",)),
        in_chans=3,
        image_size=0,
    )
    return Given(factory, type(network), _designed(network))


def _copied(network: Any, num_classes: int, in_chans: int, image_size: int) -> Any:
    """Copy the network with its weights, checked with blank images.

    Raises:
        RequestError: it doesn't take the job's images, or has another number of outputs than classes.
    """
    import torch

    copied, name = own_copy(network, "architecture"), type(network).__name__
    if not image_size:
        return copied
    images = torch.zeros(2, in_chans, image_size, image_size)
    try:
        with torch.no_grad():
            logits = copied.cpu().eval()(images)
    except (RuntimeError, ValueError, AssertionError) as error:
        raise RequestError(_refused(copied, name, in_chans, image_size, error)) from error
    shape = tuple(getattr(logits, "shape", ()))
    if len(shape) == 2 and shape[1] != num_classes:
        raise RequestError(
            f"The {name} given as architecture has {shape[1]} outputs, and the data have {num_classes} classes. "
            f"{_replaced_head(copied, num_classes)}"
        )
    return copied


def _replaced_head(network: Any, num_classes: int) -> str:
    """The line that gives a network another number of outputs, where its last layer is known."""
    import torch

    linear = [(path, layer) for path, layer in network.named_modules() if isinstance(layer, torch.nn.Linear) and path]
    if not linear:
        return f"Give a network with {num_classes} outputs"
    path, layer = linear[-1]
    place = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in path.split("."))
    return f"Replace its last layer first: network{place} = torch.nn.Linear({layer.in_features}, {num_classes})"


def _refused(network: Any, name: str, in_chans: int, image_size: int, error: Exception) -> str:
    """Message for a network that doesn't take the images: with its number of channels, where it states one."""
    import torch

    convolution = next((m for m in network.modules() if isinstance(m, torch.nn.modules.conv._ConvNd)), None)
    own = in_chans if convolution is None else convolution.in_channels
    why = (str(error).splitlines() or [type(error).__name__])[0]
    remedy = "another image_size=…" if own == in_chans else f'set={{"data.in_chans": {own}}}'
    size = f"{in_chans}x{image_size}x{image_size}"
    return f"The {name} given as architecture can't take images of {size}: {why}. Try {remedy}"


def _designed(network: Any) -> Mapping[str, Any]:
    """Preprocessing that a network of a library was trained with, as far as it states it."""
    known = getattr(network, "pretrained_cfg", None)
    if not isinstance(known, Mapping):
        return {}
    found = {name: kind(known[name]) for name, kind in _DESIGNED.items() if known.get(name) is not None}
    size = known.get("input_size")
    return {**found, **({"input_size": int(size[-1])} if size else {})}
