"""Adaptation of existing networks: number of classes, number of channels, dropout."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["adapt_classes", "adapt_stem", "set_dropout"]


def adapt_classes(model: nn.Module, num_classes: int) -> None:
    """Replace the last layer by one with ``num_classes`` outputs, unless it has as many."""
    path, last = _last(model)
    if isinstance(last, nn.Conv2d):  # squeezenet's classifier is a 1x1 convolution
        if last.out_channels != num_classes:
            _put(model, path, nn.Conv2d(last.in_channels, num_classes, 1))
    elif last.out_features != num_classes:
        _put(model, path, nn.Linear(last.in_features, num_classes, bias=last.bias is not None))


def adapt_stem(model: nn.Module, in_chans: int, keep: bool) -> None:
    """Replace the first convolution by one with ``in_chans`` inputs.

    Args:
        model: the network, changed in place.
        in_chans: number of input channels.
        keep: derive the new weights from the pretrained ones; else draw them with a standard deviation that preserves
            the scale of the output.
    """
    path, first = next((name, m) for name, m in model.named_modules() if isinstance(m, nn.Conv2d))
    if first.in_channels == in_chans:
        return
    stem = nn.Conv2d(
        in_chans,
        first.out_channels,
        first.kernel_size,  # type: ignore[arg-type]
        first.stride,  # type: ignore[arg-type]
        first.padding,  # type: ignore[arg-type]
        first.dilation,  # type: ignore[arg-type]
        bias=first.bias is not None,
    )
    with torch.no_grad():
        stem.weight.copy_(_spread(first.weight, in_chans) if keep else _drawn(first.weight, stem.weight))
        if first.bias is not None and stem.bias is not None:
            stem.bias.copy_(first.bias)
    _put(model, path, stem)


def set_dropout(model: nn.Module, p: float) -> None:
    """Set the dropout of the classifier; a classifier without dropout gets it before its last layer."""
    path, last = _last(model)
    parent = model.get_submodule(path.rpartition(".")[0])
    # For a last layer directly in the model, only the dropout next to it belongs to the classifier.
    near = parent.modules() if parent is not model else [getattr(model, "dropout", None)]
    found = [module for module in near if isinstance(module, nn.Dropout)]
    for module in found:
        module.p = p
    if not found:
        _put(model, path, nn.Sequential(nn.Dropout(p), last))


def _spread(weight: torch.Tensor, in_chans: int) -> torch.Tensor:
    """Convert weights (O, 3, h, w) to (O, in_chans, h, w): summed for greyscale, else repeated and rescaled."""
    if in_chans == 1:
        return weight.sum(1, keepdim=True)
    repeated = weight.repeat(1, -(-in_chans // weight.shape[1]), 1, 1)[:, :in_chans]
    return repeated * (weight.shape[1] / in_chans)


def _drawn(weight: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    drawn: torch.Tensor = torch.randn_like(like) * weight.std() * (weight.shape[1] / like.shape[1]) ** 0.5
    return drawn


def _last(model: nn.Module) -> tuple[str, nn.Linear | nn.Conv2d]:
    layers = [(name, m) for name, m in model.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    return layers[-1]


def _put(model: nn.Module, path: str, layer: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, layer)
