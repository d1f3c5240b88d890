"""Fusion of batch norms into the preceding convolutions, which saves a pass over memory for each norm."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torch.utils.hooks import RemovableHandle

from zoo.engine.outputs import all_outputs

__all__ = ["fold_norms"]

_TOLERANCE = 1e-3
"""Relative tolerance of the fused network's outputs, since float32 sums change their order."""


def fold_norms(model: nn.Module, images: Tensor) -> nn.Module:
    """Return a copy of a network for evaluation with batch norms fused into their convolutions.

    In evaluation a batch norm is a factor and a summand for each channel, which the convolution before it can apply at
    no cost. On 2 CPU cores that is a third of the time of an EfficientNet.

    Args:
        images: (N, C, H, W) float32; the outputs of the copy and of the network are compared on these.

    Returns:
        The copy; or the network itself, in evaluation mode, where there is nothing to fuse or the outputs differ, which
        shows that its layers are not applied one after the other.
    """
    model.eval()
    if not any(isinstance(module, nn.BatchNorm2d) for module in model.modules()):
        return model
    with torch.no_grad():  # not inference_mode: its tensors have no gradients, which Grad-CAM needs
        wanted, pairs = _pairs(model, images)
        folded = copy.deepcopy(model)
        for conv, norm in pairs:
            _fold(folded, conv, norm)
        found = all_outputs(folded, images)
    return folded if all(_close(found[name], value) for name, value in wanted.items()) else model


def _close(found: Tensor, wanted: Tensor) -> bool:
    largest = float(wanted.abs().max())
    return math.isfinite(largest) and torch.allclose(found, wanted, rtol=_TOLERANCE, atol=_TOLERANCE * largest)


def _pairs(model: nn.Module, images: Tensor) -> tuple[dict[str, Tensor], list[tuple[str, str]]]:
    """Run the network, and pair each convolution with the batch norm that takes its output, by path.

    A network with several views of an image runs each pair repeatedly; each counts once.
    """
    made: list[tuple[Tensor, str]] = []
    found: list[tuple[str, str]] = []

    def convolved(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        return lambda module, given, out: made.append((out, name))

    def normed(name: str) -> Callable[[nn.Module, Any], None]:
        return lambda module, given: found.extend((conv, name) for out, conv in made if out is given[0])

    hooks: list[RemovableHandle] = []
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(convolved(name)))
        elif isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
            hooks.append(module.register_forward_pre_hook(normed(name)))
    try:
        answer = all_outputs(model, images)
    finally:
        for hook in hooks:
            hook.remove()
    different = list(dict.fromkeys(found))
    uses = Counter(name for pair in different for name in pair)
    return answer, [pair for pair in different if uses[pair[0]] == uses[pair[1]] == 1]


def _fold(model: nn.Module, conv_name: str, norm_name: str) -> None:
    conv, norm = model.get_submodule(conv_name), model.get_submodule(norm_name)
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    weight, bias = fuse_conv_bn_weights(
        conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    conv.weight, conv.bias = weight, bias
    # timm's batch norms include an activation.
    model.set_submodule(norm_name, getattr(norm, "act", None) or nn.Identity())
