"""The way of the images to the GPU: kept there where they fit, copied from pinned memory where they don't."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from zoo.api.jobs import make_request, resolve
from zoo.api.running import Observer, build_components
from zoo.data.gpu_cache import Residence
from zoo.engine.step import StepConfig, TrainStep


@pytest.fixture
def parts(device: torch.device) -> Callable[..., Any]:
    """Components of a run of a small network on digits."""
    from zoo.host.loader import components

    def made(**more: Any) -> Any:
        sets = {"architecture.channels": [8, 16], "architecture.batch_norm": True, **more.pop("set", {})}
        asked = {"architecture": "simple_cnn", "dataset": "digits", "device": device.type, "set": sets, **more}
        return build_components(resolve(make_request(asked), components()), Observer())

    return made


def copied(batches: Any) -> list[tuple[Tensor, Tensor]]:
    """The batches of an epoch when images don't stay on the device."""
    batches.residence = Residence(batches.device, free=lambda: 0)
    return list(batches)


def test_images_that_fit_are_on_the_device_once(parts: Any, device: torch.device, gpu_only: None):
    built = parts()
    kept = built.train_batches.residence.images(built.splits["train"])
    assert kept is not None
    assert kept.device == device
    assert kept.dtype is torch.uint8
    val = built.data.images(built.splits["val"])
    assert val.residence is built.train_batches.residence, "the splits of a run share what is kept"


def test_kept_and_copied_images_are_the_same_to_the_last_bit(parts: Any, device: torch.device):
    built = parts(augment=["flip", "affine", "colour"])
    built.begin_epoch(1)
    residence = built.train_batches.residence
    if device.type == "cpu":
        residence.free = lambda: 1 << 30
    torch.manual_seed(0)
    kept = list(built.train_batches)
    torch.manual_seed(0)
    for (images, labels), (others, goals) in zip(kept, copied(built.train_batches), strict=True):
        assert images.device == device
        assert torch.equal(labels, goals)
        assert torch.equal(images, others)


def test_both_ways_train_the_same_network(parts: Any, device: torch.device, exact: None):
    def trained(resident: bool) -> list[Tensor]:
        built = parts(precision="fp32", seed=3)
        built.begin_epoch(1)
        built.train_batches.residence = Residence(device, free=lambda: (1 << 30) * resident)
        torch.manual_seed(0)
        step = TrainStep(built.stepped, built.loss_fn, built.optimizer, built.execution, built.step_config())
        built.learner.trained.train()
        for images, targets in built.train_batches:
            step(images, targets)
        return [p.detach().cpu() for p in built.learner.trained.parameters()]

    for mine, theirs in zip(trained(True), trained(False), strict=True):
        assert torch.equal(mine, theirs)


def test_batches_are_copied_from_pinned_memory(parts: Any, gpu_only: None):
    built = parts()
    pixels, labels = built.train_batches._gather(np.arange(16))
    assert pixels.is_pinned()
    assert labels.is_pinned()


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize(
    "augment", [[], ["flip", "shift"], ["affine", "colour", "random_erasing"], ["mixup"], ["crop"]]
)
def test_no_step_waits_for_the_gpu(
    parts: Any, device: torch.device, gpu_only: None, resident: bool, augment: list[str]
):
    """A step that reads a number back holds up the next one, which could be prepared meanwhile."""
    built = parts(augment=augment, precision="bf16")
    built.begin_epoch(1)
    built.train_batches.residence = Residence(device, free=lambda: (1 << 34) * resident)
    built.learner.trained.train()
    config = StepConfig(frozen=built.learner.frozen, schedule=built.schedule, clip_norm=1.0)
    step = TrainStep(built.stepped, built.loss_fn, built.optimizer, built.execution, config)
    for images, targets in built.train_batches:  # the first epoch chooses kernels
        step(images, targets)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        steps = iter(built.train_batches)
        step(*next(steps))
        torch.cuda.set_sync_debug_mode("warn")
        try:
            for images, targets in steps:
                step(images, targets)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    places = {f"{w.filename}:{w.lineno}" for w in said if "synchroniz" in str(w.message)}
    assert not places


def test_losses_and_images_in_uint8_leave_for_the_device_in_one_piece(parts: Any, device: torch.device):
    """Normalising happens on the device: 1 byte a pixel is copied, not 4."""
    built = parts()
    pixels, labels = built.train_batches._gather(np.arange(8))
    assert pixels.dtype is torch.uint8
    images, targets = built.train_batches.prepare(pixels, labels)
    assert images.dtype is torch.float32
    assert images.device == targets.device == device
    logits = built.learner.trained(images)
    assert torch.isfinite(cross_entropy(logits, targets))
