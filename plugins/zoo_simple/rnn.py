"""The simple recurrent network, which reads an image as a sequence of rows."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from zoo_simple.parts import ClassifierHead

_CELLS: dict[str, type[nn.RNNBase]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def simple_rnn(
    num_classes: int,
    in_chans: int = 3,
    *,
    image_size: int = 32,
    cell: Literal["rnn", "gru", "lstm"] = "lstm",
    hidden: int = 128,
    layers: int = 1,
    bidirectional: bool = True,
    dropout: float = 0.2,
    separate_outputs: bool = False,
) -> nn.Module:
    """A recurrent network over the rows of an image, top to bottom, with a classifier on the mean of its states.

    Args:
        num_classes: two classes share one output; see :class:`zoo_simple.parts.ClassifierHead`.
        in_chans: channels of the images; a row is all of them side by side.
        image_size: width of the images in pixels.
        cell: a plain (tanh) recurrent cell, a gated recurrent unit, or a long short-term memory.
        hidden: width of the state, in each direction.
        layers: recurrent layers on top of each other.
        bidirectional: read from the bottom up as well.
        dropout: dropout probability between recurrent layers and before the output.
        separate_outputs: see :class:`zoo_simple.parts.ClassifierHead`.

    Returns:
        images (N, in_chans, H, image_size) -> logits (N, num_classes).

    Raises:
        ValueError: hidden or layers is less than 1.
    """
    if min(hidden, layers) < 1:
        raise ValueError(f"hidden and layers must be 1 or more, not {hidden} and {layers}")
    between = dropout if layers > 1 else 0.0
    recurrent = _CELLS[cell](
        in_chans * image_size, hidden, layers, batch_first=True, dropout=between, bidirectional=bidirectional
    )
    width = hidden * (2 if bidirectional else 1)
    return SimpleRNN(recurrent, ClassifierHead(width, num_classes, 0, "tanh", dropout, separate_outputs))


class SimpleRNN(nn.Module):
    """Recurrent network over rows, and a classifier on the mean of its states."""

    def __init__(self, recurrent: nn.RNNBase, classifier: nn.Module):
        super().__init__()
        self.recurrent = recurrent
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        rows = torch.flatten(images.transpose(1, 2), 2)  # (N, C, H, W) -> (N, H, C * W)
        states, _ = self.recurrent(rows)  # (N, H, hidden)
        return self.classifier(states.mean(dim=1))
