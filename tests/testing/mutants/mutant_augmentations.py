"""A good augmentation, and for each check one that breaks it."""

import os

import torch
from torch import Tensor

Batch = tuple[Tensor, Tensor]


def noise(images: Tensor, *, alike: bool = False, generator: torch.Generator | None = None) -> Tensor:
    """A little brighter or darker, each by itself or all alike."""
    shifts = torch.rand(1 if alike else len(images), 1, 1, 1, generator=generator)
    return images + 0.4 * (shifts - 0.5)


class Good:
    """A little brighter or darker."""

    def __init__(self, size: int, strength: float = 1.0):
        self.size = size

    def __call__(self, images: Tensor, targets: Tensor) -> Batch:
        return noise(images).clamp(0, 1), targets


class Mixes(Good):
    """Good, too: each image is mixed with the next, and so are their targets."""

    def __call__(self, images: Tensor, targets: Tensor) -> Batch:
        shares = targets if targets.ndim == 2 else torch.nn.functional.one_hot(targets, 3).float()
        first = torch.rand(len(images))
        mixed = first[:, None, None, None] * images + (1 - first)[:, None, None, None] * images.flip(3).roll(1, 0)
        return mixed.clamp(0, 1), first[:, None] * shares + (1 - first)[:, None] * shares.roll(1, 0)


class NoPair(Good):
    """It returns the images alone."""

    def __call__(self, images: Tensor, targets: Tensor) -> Tensor:  # type: ignore[override]
        return noise(images).clamp(0, 1)


class Crops(Good):
    """A row is gone."""

    def __call__(self, images: Tensor, targets: Tensor) -> Batch:
        return noise(images).clamp(0, 1)[:, :, 1:], targets


class Double(Good):
    """Images in double precision."""

    def __call__(self, images: Tensor, targets: Tensor) -> Batch:
        return noise(images).clamp(0, 1).double(), targets


class Unclamped(Good):
    """Pixels below 0 and above 1."""

    def __call__(self, images: Tensor, targets: Tensor) -> Batch:
        return noise(images), targets


class AllAlike(Good):
    """One draw for the batch."""

    def __call__(self, images: Tensor, targets: Tensor) -> Batch:
        return noise(images, alike=True).clamp(0, 1), targets


class Unseeded(Good):
    """The operating system's randomness."""

    def __call__(self, images: Tensor, targets: Tensor) -> Batch:
        own = torch.Generator().manual_seed(int.from_bytes(os.urandom(6)))
        return noise(images, generator=own).clamp(0, 1), targets


class AlwaysTheSame(Good):
    """A seed of its own at each call."""

    def __call__(self, images: Tensor, targets: Tensor) -> Batch:
        return noise(images, generator=torch.Generator().manual_seed(0)).clamp(0, 1), targets


class SwapsLabels(Good):
    """The next image's label."""

    def __call__(self, images: Tensor, targets: Tensor) -> Batch:
        return noise(images).clamp(0, 1), targets.roll(1, 0)


class LosesShares(Good):
    """Soft targets that don't add up to one."""

    def __call__(self, images: Tensor, targets: Tensor) -> Batch:
        return noise(images).clamp(0, 1), targets if targets.ndim == 1 else targets / 2


class InPlace(Good):
    """It works on the batch that it was given."""

    def __call__(self, images: Tensor, targets: Tensor) -> Batch:
        return images.copy_(noise(images).clamp(0, 1)), targets
