"""Parts that the simple networks share."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Activation = Literal["relu", "sigmoid", "tanh", "gelu"]

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
}
RISING = ("relu", "sigmoid", "tanh")
"""Monotonic activations; GELU is not, below zero."""


class ClassifierHead(nn.Module):
    """Classifier with an optional dense layer, dropout, and the output.

    Two classes share one output z: the logits are (0, z), whose softmax is (1 - sigmoid(z), sigmoid(z)). So a
    binary classifier has the one sigmoid that textbooks give it, and the zoo its two logits.

    Args:
        features: width of the input.
        num_classes: 2 or more; with separate outputs 1 or more.
        hidden: width of the dense layer; 0 for none.
        activation: after the dense layer.
        dropout: dropout probability before the output, in [0, 1).
        separate_outputs: two outputs stand for themselves, as two values do, and don't share one.

    Raises:
        ValueError: num_classes or dropout is out of range.
    """

    def __init__(
        self,
        features: int,
        num_classes: int,
        hidden: int,
        activation: Activation,
        dropout: float,
        separate_outputs: bool = False,
    ):
        super().__init__()
        if num_classes < (1 if separate_outputs else 2):
            raise ValueError(f"num_classes must be 2 or more, not {num_classes}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), not {dropout}")
        dense = [nn.Linear(features, hidden), ACTIVATIONS[activation]()] if hidden else []
        self.hidden = nn.Sequential(*dense, nn.Dropout(dropout))
        self.binary = num_classes == 2 and not separate_outputs
        self.output = nn.Linear(hidden or features, 1 if self.binary else num_classes)

    def forward(self, features: Tensor) -> Tensor:
        logits = self.output(self.hidden(features))
        return torch.cat([torch.zeros_like(logits), logits], dim=1) if self.binary else logits
