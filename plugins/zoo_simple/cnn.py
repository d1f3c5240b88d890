"""The simple convolutional network: the tutorial's by default, a stronger small one with parameters."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from zoo_simple.parts import ACTIVATIONS, RISING, Activation, ClassifierHead


def simple_cnn(
    num_classes: int,
    in_chans: int = 3,
    *,
    image_size: int = 150,
    channels: tuple[int, ...] = (32, 64, 128),
    convs_per_stage: int = 1,
    stem_stride: int = 1,
    padding: bool = False,
    batch_norm: bool = False,
    global_pool: Literal["none", "avg", "max"] = "none",
    hidden: int | None = None,
    activation: Activation = "relu",
    dropout: float = 0.5,
    separate_outputs: bool = False,
) -> nn.Module:
    """A sequence of stages, each with 3x3 convolutions, an activation and a 2x2 max-pool, followed by a classifier.

    With its defaults, 150-pixel colour images and two classes it has 19,034,177 parameters: convolutions of
    32, 64 and 128 channels without padding, flatten, dense 512, dropout 0.5 and one output, whose sigmoid
    is the probability of the second class. Without batch norm the weights start as the tutorial's do: Glorot and
    Bengio's uniform distribution (2010), biases at zero. (With it their scale has no effect, and torch's stays.)

    Args:
        num_classes: two classes share one output; see :class:`zoo_simple.parts.ClassifierHead`.
        in_chans: channels of the images.
        image_size: side of the images in pixels; fixed for a network that flattens the features.
        channels: output channels of each stage.
        convs_per_stage: convolutions before each pool.
        stem_stride: stride of the first convolution; with 2, the first stage has no pool.
        padding: keep the size in a convolution (1 pixel of zeros), instead of losing 2 pixels.
        batch_norm: batch normalisation after each convolution, which then has no bias.
        global_pool: ``avg`` or ``max`` over the last map; ``none`` flattens it.
        hidden: width of the dense layer before the output; by default 512 after flattening, none after pooling.
        activation: relu, sigmoid, tanh or gelu.
        dropout: dropout probability before the output.
        separate_outputs: see :class:`zoo_simple.parts.ClassifierHead`.

    Returns:
        images (N, in_chans, image_size, image_size) -> logits (N, num_classes).

    Raises:
        ValueError: a parameter is out of range, or the image too small for that many stages.
    """
    _check(channels, convs_per_stage, stem_stride)
    side = _final_side(image_size, len(channels), convs_per_stage, stem_stride, padding)
    layers: list[nn.Module] = []
    width = in_chans
    for stage, out in enumerate(channels):
        for i in range(convs_per_stage):
            stride = stem_stride if stage == i == 0 else 1
            layers += _convolution(width, out, stride, padding, batch_norm, activation)
            width = out
        if stage > 0 or stem_stride == 1:
            layers += _pooled(layers.pop(), activation)
    layers += {"avg": [nn.AdaptiveAvgPool2d(1)], "max": [nn.AdaptiveMaxPool2d(1)], "none": []}[global_pool]
    features = width * (side * side if global_pool == "none" else 1)
    if hidden is None:
        hidden = 512 if global_pool == "none" else 0
    head = ClassifierHead(features, num_classes, hidden, activation, dropout, separate_outputs)
    model = SimpleCNN(nn.Sequential(*layers), head)
    return model if batch_norm else model.apply(_glorot)


class SimpleCNN(nn.Module):
    """Feature extractor and classifier as two named parts, so that the first can be frozen or get another head."""

    def __init__(self, features: nn.Module, classifier: nn.Module):
        super().__init__()
        self.features = features
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        # (N, C, H, W) -> (N, channels, h, w) -> (N, features) -> (N, num_classes)
        return self.classifier(torch.flatten(self.features(images), 1))


def _glorot(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        assert module.bias is not None
        nn.init.zeros_(module.bias)


def _convolution(
    width: int, out: int, stride: int, padding: bool, batch_norm: bool, activation: Activation
) -> list[nn.Module]:
    convolution = nn.Conv2d(width, out, 3, stride=stride, padding=1 if padding else 0, bias=not batch_norm)
    norm = [nn.BatchNorm2d(out)] if batch_norm else []
    return [convolution, *norm, ACTIVATIONS[activation]()]


def _pooled(last: nn.Module, activation: Activation) -> list[nn.Module]:
    """Activation and pool of a stage, in the faster order.

    A monotonic activation commutes with the max-pool, in value and gradient; after the pool it has a quarter of the
    inputs, which makes a training step a twelfth faster.
    """
    pool = nn.MaxPool2d(2)
    return [pool, last] if activation in RISING else [last, pool]


def _check(channels: tuple[int, ...], convs_per_stage: int, stem_stride: int) -> None:
    if not channels or min(channels) < 1:
        raise ValueError(f"channels must be one or more positive numbers, not {list(channels)}")
    if convs_per_stage < 1:
        raise ValueError(f"convs_per_stage must be 1 or more, not {convs_per_stage}")
    if stem_stride not in (1, 2):
        raise ValueError(f"stem_stride must be 1 or 2, not {stem_stride}")


def _final_side(image_size: int, stages: int, convs_per_stage: int, stem_stride: int, padding: bool) -> int:
    """Side of the last feature map in pixels."""
    side = image_size
    for stage in range(stages):
        for i in range(convs_per_stage):
            stride = stem_stride if stage == i == 0 else 1
            side = (side + (0 if padding else -2) - 1) // stride + 1
        if stage > 0 or stem_stride == 1:
            side //= 2
        if side < 1:
            raise ValueError(
                f"images of {image_size} px are too small for {stages} stages: the feature map is empty after "
                f"{stage + 1}. Use a larger image_size, fewer channels, or padding=true"
            )
    return side
