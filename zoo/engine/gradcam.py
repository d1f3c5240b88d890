"""Grad-CAM: where in an image a network found what it answered.

Source: Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks via gradient-based localization",
arXiv:1610.02391. Libraries for it bring OpenCV, or an older NumPy than the zoo's; it is twenty lines.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

__all__ = ["grad_cam", "painted"]

_HEAT = np.array([255, 64, 0], np.float32)
_SHOWN = 0.6


def grad_cam(model: nn.Module, images: Tensor, classes: Tensor, *, multilabel: bool = False) -> Tensor | None:
    """Heat maps of a network that evaluates, from the last of its layers that still has places.

    Args:
        model: in evaluation; its weights and gradients stay as they are.
        images: (n, C, H, W), normalised, on the model's device.
        classes: (n,) int64, whose evidence is looked for.
        multilabel: an image may have several labels, so that each logit is evidence by itself.

    Returns:
        (n, H, W) float32, 0..1 in each map, and 0 everywhere where no place speaks for the class; or None where no
        layer gives (n, D, h, w) with more than one place, as in transformers.
    """
    found: list[Tensor] = []

    def keep(module: nn.Module, given: Any, answer: Any) -> None:
        if isinstance(answer, Tensor) and answer.ndim == 4 and answer.shape[-1] * answer.shape[-2] > 1:
            found[:] = [answer]

    leaves = [module for module in model.modules() if not list(module.children())]
    hooks = [module.register_forward_hook(keep) for module in leaves]
    try:
        with torch.enable_grad():
            logits = model(images.detach().requires_grad_())
            if not found or logits.ndim != 2:
                return None
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


def _evidence(logits: Tensor, classes: Tensor, *, multilabel: bool) -> Tensor:
    """What speaks for a class, (n,): its logit; of two classes its logit less the other's.

    Networks may give two classes one logit, (0, z): the first's is a constant, and what speaks for it is -z.
    """
    own = logits.gather(1, classes.clamp(max=logits.shape[1] - 1)[:, None])[:, 0]
    if multilabel or logits.shape[1] > 2:
        return own
    if logits.shape[1] == 2:
        return 2 * own - logits.sum(1)
    return torch.where(classes > 0, own, -own)


def painted(pixels: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    """A picture with its heat map over it; None where the map has no place that speaks for the class.

    Args:
        pixels: (H, W, 1 or 3).
        heat: (H, W), 0..1.

    Returns:
        uint8 (H, W, 3).
    """
    if not heat.any():  # it would be the picture itself, and look like an answer
        return None
    share = _SHOWN * heat[..., None]
    coloured: NDArray[np.uint8] = (pixels.astype(np.float32) * (1 - share) + _HEAT * share).astype(np.uint8)
    return coloured
