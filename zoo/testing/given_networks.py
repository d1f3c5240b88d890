"""Checks of an ``nn.Module`` as it is, whose classes and channels are its own."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from zoo.testing.checking import Check
from zoo.testing.networks import close, how_far
from zoo.testing.outcome import fail, need, skip
from zoo.testing.subject import first_line

SIDES = (32, 64, 28, 16, 8, 128, 224, 299, 384)
"""Sides in pixels to try, where the network states none."""
Trial = Callable[[nn.Module, Tensor], None]


def network_checks(network: nn.Module, component: Any, name: str) -> Iterator[Check]:
    """Yield the checks of a network.

    Args:
        network: left unchanged; each check gets a copy.
        component: its declaration, perhaps with an ``input_size``.
        name: full id, for the report.
    """
    sides = (component.input_size,) if component.input_size else SIDES
    for title, trial, mend in _TRIALS:
        yield Check("architecture", name, title, functools.partial(_tried, network, sides, trial), mend)


def _tried(network: nn.Module, sides: tuple[int, ...], trial: Trial) -> None:
    """Run a trial with a copy in evaluation mode, and images that it takes."""
    try:
        own = copy.deepcopy(network).cpu().eval()
    except Exception as error:
        fail(f"it can't be copied: {first_line(error)}.")
    layer = next((each for each in own.modules() if isinstance(each, nn.modules.conv._ConvNd)), None)
    for channels in (3, 1) if layer is None else (layer.in_channels,):
        for side in sides:
            images = torch.rand(4, channels, side, side, generator=torch.Generator().manual_seed(0))
            if _takes(own, images):
                with torch.set_grad_enabled(trial is _has_gradients):
                    trial(own, images)
                return
    if trial is not _gives_logits:
        skip("it takes none of the tried images.")
    fail(f"it takes images of none of the sides {', '.join(map(str, sides))} px.")


def _takes(network: nn.Module, images: Tensor) -> bool:
    try:
        with torch.no_grad():
            network(images)
    except (RuntimeError, ValueError, AssertionError):
        return False
    return True


def _gives_logits(network: nn.Module, images: Tensor) -> None:
    logits = network(images)
    need(isinstance(logits, Tensor), f"it returns {type(logits).__name__}, not a tensor.")
    shape = tuple(logits.shape)
    need(len(shape) == 2 and shape[0] == 4 and shape[1] >= 1, f"for 4 images its logits are {shape}.")
    need(logits.dtype == torch.float32, f"its logits are {logits.dtype}, not torch.float32.")
    need(logits.isfinite().all(), "its logits are not finite.")


def _is_deterministic(network: nn.Module, images: Tensor) -> None:
    first, second = network(images), network(images)
    need(torch.equal(first, second), f"for the same images, its logits differ by {how_far(first, second)}.")


def _is_batch_independent(network: nn.Module, images: Tensor) -> None:
    together, alone = network(images), torch.cat([network(image[None]) for image in images])
    apart = how_far(together, alone)
    need(close(together, alone), f"the logits of an image change by {apart} with the other images of the batch.")


def _has_gradients(network: nn.Module, images: Tensor) -> None:
    learning = [each for each in network.train().parameters() if each.requires_grad]
    need(learning, "none of its parameters is trainable.")
    logits = network(images)
    need(logits.requires_grad, "its logits have no gradient.")
    logits.square().sum().backward()
    gradients = [each.grad for each in learning if each.grad is not None]
    need(all(each.isfinite().all() for each in gradients), "a gradient is not finite.")
    need(any(bool(each.any()) for each in gradients), "all gradients are 0.")


def _comes_back(network: nn.Module, images: Tensor) -> None:
    before, state, other = network(images), copy.deepcopy(network.state_dict()), network
    for parameter in other.parameters():
        parameter.data.add_(1)
    other.load_state_dict(state)
    after = other(images)
    need(close(before, after), f"with its weights loaded again, its logits differ by {how_far(before, after)}.")


_TRIALS: tuple[tuple[str, Trial, str], ...] = (
    ("logits", _gives_logits, "Return one float32 logit for each class and image: (N, num_classes), no softmax."),
    ("eval is deterministic", _is_deterministic, "Use random numbers in training only: check self.training."),
    ("batch independence in eval", _is_batch_independent, "Do not use batch statistics in eval."),
    ("gradients", _has_gradients, "Do not detach or round between images and logits."),
    ("state_dict round trip", _comes_back, "Register everything that forward uses as parameters and buffers."),
)
