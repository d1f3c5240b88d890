"""Checks of augmentations: shape, range, per-sample randomness, and valid targets."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from zoo.testing.checking import contract
from zoo.testing.outcome import need, skip
from zoo.testing.subject import CLASSES, Subject

KIND = "augmentation"
Augment = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
SIDE = 16
FORMS = ((8, 3, SIDE), (1, 3, SIDE), (5, 1, 24), (2, 3, 7))
"""Number of images, channels and side in pixels of the batches to test."""
MANY = 64


@contract(KIND, "can be created", "Take size, and return a callable (images, targets) -> (images, targets).")
def _can_be_made(subject: Subject) -> None:
    augment = subject.try_to_make(SIDE, num_classes=CLASSES)
    need(callable(augment), f"its factory returns {type(augment).__name__}, which is not callable.")
    result = augment(_images(8), torch.arange(8) % CLASSES)
    pair = isinstance(result, tuple) and len(result) == 2
    need(pair, f"for a batch it returns {type(result).__name__}, not (images, targets).")


@contract(KIND, "shape", "Return the same number of images, with the same channels and size.")
def _keeps_the_shape(subject: Subject) -> None:
    for count, chans, side in FORMS:
        images = _images(count, chans, side)
        result, targets = _made(subject, side)(images.clone(), torch.arange(count) % CLASSES)
        need(result.shape == images.shape, f"for images {tuple(images.shape)} it returns {tuple(result.shape)}.")
        need(len(targets) == count, f"for {count} images it returns {len(targets)} targets.")


@contract(KIND, "dtype", "Return float32, like the input.")
def _keeps_the_dtype(subject: Subject) -> None:
    result, _ = _made(subject)(_images(8), torch.arange(8) % CLASSES)
    need(result.dtype == torch.float32, f"for float32 images it returns {result.dtype}.")


@contract(KIND, "range", "Clamp the images to 0..1: normalisation follows.")
def _keeps_the_range(subject: Subject) -> None:
    for seed in range(4):
        for count, chans, side in FORMS:
            result = _drawn(_made(subject, side), _images(count, chans, side), seed)
            need(result.isfinite().all(), "a pixel is not finite.")
            low, high = float(result.min()), float(result.max())
            need(low >= 0 and high <= 1, f"for pixels in 0..1 it returns {low:.3g}..{high:.3g}.")


@contract(KIND, "per-sample randomness", "Use a random number for each image of the batch: torch.rand(len(images)).")
def _draws_for_each_sample(subject: Subject) -> None:
    alike = _images(2).repeat(MANY, 1, 1, 1)  # alternating, so that augmentations that mix images have an effect
    result = _drawn(_made(subject), alike, 0)
    if torch.equal(result, alike):
        skip("it changes nothing.")
    need(not (result[::2] == result[0]).all(), f"{MANY} identical images are changed identically.")


@contract(KIND, "seeded", "Use torch's random state in each call, which is seeded by the job.")
def _is_seeded(subject: Subject) -> None:
    augment, images = _made(subject), _images(MANY)
    first, again, other = (_drawn(augment, images, seed) for seed in (1, 1, 2))
    if torch.equal(first, images) and torch.equal(other, images):
        skip("it changes nothing.")
    need(torch.equal(first, again), "the same seed gives different images.")
    need(not torch.equal(first, other), "another seed gives the same images.")


@contract(KIND, "targets stay whole", "Keep labels unchanged; for mixed images, return class weights that sum to one.")
def _keeps_targets_whole(subject: Subject) -> None:
    labels = torch.arange(9) % CLASSES
    soft = 0.9 * one_hot(labels, CLASSES).float() + 0.1 / CLASSES
    for given in (labels, soft):
        after = _made(subject)(_images(9), given.clone())[1]
        if after.ndim == 1:
            need(torch.equal(after, given), "it changes labels.")
        else:
            whole = after.sum(1).allclose(torch.ones(len(after))) and after.min() >= 0
            need(whole, "the class weights that it returns don't sum to one.")


@contract(KIND, "batch untouched", "Work on a copy: the images may be used again.")
def _leaves_the_batch(subject: Subject) -> None:
    augment = _made(subject)
    for seed in range(4):
        images, labels = _images(8), torch.arange(8) % CLASSES
        given = images.clone(), labels.clone()
        torch.manual_seed(seed)
        augment(*given)
        need(torch.equal(given[0], images), "it changes the given images in place.")
        need(torch.equal(given[1], labels), "it changes the given targets in place.")


def _made(subject: Subject, side: int = SIDE) -> Augment:
    """Create the augmentation; skips results that are no pair, which another check covers."""
    augment = subject.made(side, num_classes=CLASSES)
    if not callable(augment):
        skip("it is not callable.")

    def call(images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        result = augment(images, targets)
        return result if isinstance(result, tuple) and len(result) == 2 else skip("it does not return a pair.")

    return call


def _drawn(augment: Augment, images: Tensor, seed: int) -> Tensor:
    """Apply the augmentation with all random states set to ``seed``."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    return augment(images.clone(), torch.arange(len(images)) % CLASSES)[0]


def _images(count: int, chans: int = 3, side: int = SIDE) -> Tensor:
    return torch.rand(count, chans, side, side, generator=torch.Generator().manual_seed(0))
