"""Grad-CAM: heat maps of the image regions that support a network's prediction.

Source: Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks via gradient-based localization",
arXiv:1610.02391. Libraries for it need OpenCV, or an older NumPy than the zoo's; it is twenty lines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from zoo.engine.task_protocol import Task

__all__ = ["evidence_of", "grad_cam", "painted"]

_HEAT = np.array([255, 64, 0], np.float32)
_SHOWN = 0.6


def grad_cam(
    model: nn.Module,
    images: Tensor,
    classes: Tensor,
    *,
    multilabel: bool = False,
    read: Callable[[Tensor], Tensor] = lambda outputs: outputs,
) -> Tensor | None:
    """Compute Grad-CAM heat maps from the last layer with spatial output.

    Args:
        model: network in evaluation mode; weights and gradients are unchanged.
        images: (n, C, H, W), normalised, on the model's device.
        classes: (n,) int64, class to explain for each image.
        multilabel: classes are independent binary labels, so that each logit alone is the evidence.
        read: conversion of the network's raw outputs (n, M) to logits (n, K), or to the evidence of each value.

    Returns:
        (n, H, W) float32 in 0..1, all 0 where no region supports the class; or None where no layer outputs
        (n, D, h, w) with h * w > 1, as in transformers.
    """
    found: list[Tensor] = []

    def keep(module: nn.Module, given: Any, answer: Any) -> None:
        if isinstance(answer, Tensor) and answer.ndim == 4 and answer.shape[-1] * answer.shape[-2] > 1:
            found[:] = [answer]

    leaves = [module for module in model.modules() if not list(module.children())]
    hooks = [module.register_forward_hook(keep) for module in leaves]
    try:
        with torch.enable_grad():
            outputs = model(images.detach().requires_grad_())
            if not found or outputs.ndim != 2:
                return None
            logits = read(outputs)
            evidence = _evidence(logits, classes, multilabel=multilabel)
            (gradient,) = torch.autograd.grad(evidence.sum(), found[0], allow_unused=True)
    finally:
        for hook in hooks:
            hook.remove()
    if gradient is None:
        return None
    with torch.no_grad():
        heat = (gradient.mean((2, 3), keepdim=True) * found[0]).sum(1, keepdim=True).relu().float()
        heat = interpolate(heat, images.shape[-2:], mode="bilinear")[:, 0]
        return heat / heat.amax((1, 2), keepdim=True).clamp(min=1e-12)


def evidence_of(task: Task) -> Callable[[Tensor], Tensor]:
    """Function of a network's raw outputs (n, M) that returns what a heat map explains, (n, K).

    Of classes these are the logits. Of values it is their distance from the mean of the training values, in standard
    deviations: a heat map then shows what raises a high value, and what lowers a low one.
    """
    if task.classifies:
        return task.read
    return lambda outputs: task.standardise(task.read(outputs)).abs()


def _evidence(logits: Tensor, classes: Tensor, *, multilabel: bool) -> Tensor:
    """Evidence for a class, (n,): its logit, or the difference of the two logits with two classes.

    A network may return logits (0, z) for two classes; the evidence for the first class is then -z.
    """
    own = logits.gather(1, classes.clamp(max=logits.shape[1] - 1)[:, None])[:, 0]
    if multilabel or logits.shape[1] > 2:
        return own
    if logits.shape[1] == 2:
        return 2 * own - logits.sum(1)
    return torch.where(classes > 0, own, -own)


def painted(pixels: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    """Blend an image with its heat map; None where the map is zero everywhere.

    Args:
        pixels: uint8 (H, W, 1 or 3).
        heat: (H, W) float32 in 0..1.

    Returns:
        uint8 (H, W, 3).
    """
    if not heat.any():  # the unchanged image would look like an explanation
        return None
    share = _SHOWN * heat[..., None]
    coloured: NDArray[np.uint8] = (pixels.astype(np.float32) * (1 - share) + _HEAT * share).astype(np.uint8)
    return coloured
