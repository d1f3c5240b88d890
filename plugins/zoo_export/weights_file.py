"""Export of the weights in one file with the zoo's metadata; the zoo builds the network."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zoo_export.card import CARD, metadata, read_card
from zoo_export.reading import ReadFile, of_module
from zoo_export.whole import Reading, Whole

__all__ = ["export", "read"]


def export(bundle: Path, path: Path, network: nn.Module, half: bool = False) -> None:
    """Write the weights as safetensors, with zoo.json among its metadata.

    Args:
        bundle: the folder with zoo.json.
        path: the file to write.
        network: network of the bundle.
        half: store floats as float16; computation is in float32.
    """
    from safetensors.torch import save_file

    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in network.state_dict().items()}
    if half:
        tensors = {name: value.half() if value.is_floating_point() else value for name, value in tensors.items()}
    save_file(tensors, path, metadata={"format": "pt", **metadata(read_card(bundle))})


def read(path: Path, build: Callable[[dict[str, Any]], nn.Module]) -> ReadFile:
    """Open a file of weights in a newly built network.

    Args:
        path: the file.
        build: function of a card that builds its architecture's network, with new weights.
    """
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        card = json.loads(file.metadata()[CARD])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    network = build(card)
    own = network.state_dict()
    network.load_state_dict({name: value.to(own[name].dtype) for name, value in tensors.items() if name in own})
    return of_module(card, Whole(Reading(network.eval().to(torch.float32), card), card))
