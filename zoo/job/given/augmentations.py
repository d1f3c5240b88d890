"""Augmentations given from Python: transforms of torchvision and Kornia, and functions of images."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from zoo.errors import ContractError, RequestError
from zoo.job.given.factory import (
    Given,
    around,
    class_of,
    loaded,
    makes_objects,
    own_copy,
    parameters_of,
    required,
    titled,
    torch_class,
)

_LINE = 'augment=[torchvision.transforms.v2.RandomHorizontalFlip(), "crop"]'


class PerImage:
    """A transform of one image (C, H, W), applied to each image of a batch with random numbers of its own."""

    def __init__(self, transform: Any):
        self.transform = transform

    def __call__(self, images: Any, targets: Any) -> tuple[Any, Any]:
        import torch

        return torch.stack([_checked(self.transform, self.transform(image), image) for image in images]), targets


class PerBatch:
    """A transform of a batch that draws for each image itself, such as Kornia's; with targets, where it mixes them."""

    def __init__(self, transform: Any, *, mixes: bool = False):
        self.transform, self.mixes = transform, mixes

    def __call__(self, images: Any, targets: Any) -> tuple[Any, Any]:
        found, labels = self.transform(images, targets) if self.mixes else (self.transform(images), targets)
        return _checked(self.transform, found, images), labels


def adapt(value: Any) -> Given:
    """Make a factory of an augmentation.

    Raises:
        RequestError: it can't be called with images, or normalises them.
    """
    if not callable(value):
        raise RequestError(f"{titled('augmentation', value)} is neither a name nor a transform. This works: {_LINE}")
    if makes_objects(value) or required(value)[:1] == ["size"]:
        return Given(_made_by(value), class_of(value))
    _applied(value)  # refuses what can't be applied before anything is trained
    of = class_of(value)
    return Given(around(lambda size, num_classes=0: _applied(own_copy(value, "augmentation")), of, ("size",)), of)


def _made_by(factory: Any) -> Any:
    """Factory that gives the size and the number of classes only to a class that takes them."""
    own = parameters_of(factory)
    names = [one.name for one in own]
    if names[:1] == ["size"] and _ours(factory):
        return factory

    def build(size: int, num_classes: int = 0, **params: Any) -> Any:
        runner = {name: value for name, value in (("size", size), ("num_classes", num_classes)) if name in names}
        return _applied(factory(**runner, **params))

    rest = [one for one in own if one.name not in ("size", "num_classes")]
    rest = [one for one in rest if one.kind not in (inspect.Parameter.VAR_POSITIONAL,)]
    return around(build, class_of(factory), ("size",), rest, num_classes=0)


def _ours(factory: Any) -> bool:
    """Check that a factory's objects aren't transforms of a library, which take one image."""
    module = torch_class("nn.Module")
    cls = class_of(factory)
    return not (module is not None and isinstance(cls, type) and issubclass(cls, module))


def _applied(transform: Any) -> Any:
    """A transform as the runner calls it, with a batch of images and its targets.

    Raises:
        RequestError: it normalises, which the zoo does itself, or takes no images.
    """
    parts = list(_parts(transform))
    if any(type(part).__name__ == "Normalize" for part in parts):
        raise RequestError(
            f"{titled('augmentation', transform)} normalises, and a run normalises the images itself, after it. Leave "
            'out Normalize; for other statistics: set={"data.mean": [0.5], "data.std": [0.25]}'
        )
    if any(_mixes(part) for part in parts):
        return PerBatch(transform, mixes=True)
    if any(hasattr(part, "same_on_batch") for part in parts):  # Kornia's
        return PerBatch(transform)
    module = torch_class("nn.Module")
    if module is not None and isinstance(transform, module) and len(required(transform)) < 2:
        return PerImage(transform)
    count = len(required(transform))
    if count == 2:
        return transform
    if count == 1:
        return PerImage(transform)
    raise RequestError(
        f"{titled('augmentation', transform)} takes {count} arguments, not an image (C, H, W), nor images and targets. "
        f"This works: {_LINE}"
    )


def _parts(transform: Any) -> Iterator[Any]:
    """A transform and those that it is composed of."""
    yield transform
    inner = getattr(transform, "transforms", None)
    for part in inner if isinstance(inner, Iterable) else getattr(transform, "children", tuple)():
        yield from _parts(part)


def _mixes(transform: Any) -> bool:
    """Check for MixUp and CutMix of torchvision, which take images and labels."""
    v2 = loaded("torchvision.transforms.v2")
    return v2 is not None and isinstance(transform, v2.MixUp | v2.CutMix)


def _checked(transform: Any, found: Any, images: Any) -> Any:
    """A transform's result as a plain tensor.

    Raises:
        ContractError: it is not a tensor, or has another shape than the images.
    """
    import torch

    if not isinstance(found, torch.Tensor) or found.shape != images.shape:
        got = tuple(getattr(found, "shape", ())) or type(found).__name__
        raise ContractError(
            f"{titled('augmentation', transform)} returned {got} for {tuple(images.shape)}: it must keep the shape. "
            "The job sets the size of the images: image_size=…"
        )
    return found.as_subclass(torch.Tensor)
