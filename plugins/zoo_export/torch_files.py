"""Torch's formats of programs: torch.export and TorchScript."""

from __future__ import annotations

import copy
import json
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zoo_export.card import CARD, metadata, read_card, resizing, window_of
from zoo_export.reading import ReadFile, of_module
from zoo_export.whole import Reading, Whole

__all__ = ["export_pt2", "export_torchscript", "read_pt2", "read_torchscript"]


def export_pt2(bundle: Path, path: Path, network: nn.Module, half: bool = False) -> None:
    """Write a program of torch.export: uint8 (N, H, W, C), any N, H and W -> probabilities or values (N, K).

    Args:
        bundle: the folder with zoo.json.
        path: the file to write.
        network: network of the bundle, in evaluation mode on the CPU.
        half: compute in float16, with weights of half the size.
    """
    card = read_card(bundle)
    whole = Whole(Reading(_in(network, half), card), card, half).eval()
    sides = dict.fromkeys((0, 1, 2), torch.export.Dim.DYNAMIC)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of torch.export about itself
        program = torch.export.export(whole, (_images(card),), dynamic_shapes=(sides,))
        torch.export.save(program, path, extra_files=metadata(card))


def read_pt2(path: Path) -> ReadFile:
    """Open a program of torch.export."""
    extra = {CARD: ""}
    program = torch.export.load(path, extra_files=extra)
    return of_module(json.loads(extra[CARD]), program.module())


def export_torchscript(bundle: Path, path: Path, network: nn.Module, half: bool = False) -> None:
    """Write TorchScript: uint8 (N, H, W, C), any N, H and W -> probabilities or values (N, K).

    The network is traced, and the rest is scripted, since only that depends on the size of the images.

    Args:
        bundle, path, network: see :func:`export_pt2`.
        half: compute in float16, with weights of half the size.
    """
    card = read_card(bundle)
    size, chosen = resizing(card).size, Reading(_in(network, half), card).eval()
    image = torch.zeros(2, card["preprocessing"]["in_chans"], size, size)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, and tracing warns about constants
        traced = torch.jit.trace(chosen, image.half() if half else image, check_trace=False)
        script = torch.jit.script(Whole(traced, card, half).eval())
        torch.jit.save(script, str(path), _extra_files=metadata(card))


def read_torchscript(path: Path) -> ReadFile:
    """Open a TorchScript program."""
    extra: dict[str, Any] = {CARD: ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = torch.jit.load(str(path), map_location="cpu", _extra_files=extra)
    return of_module(json.loads(extra[CARD]), script.eval())


def _in(network: nn.Module, half: bool) -> nn.Module:
    return copy.deepcopy(network).half() if half else network


def _images(card: dict[str, Any]) -> Tensor:
    """Two images, larger than the network's and of unequal sides, so that no size becomes a constant."""
    size, _, _, _ = resizing(card)
    dtype = torch.uint8 if window_of(card) is None else torch.float32
    return torch.zeros(2, 2 * size + 3, 2 * size + 10, card["preprocessing"]["in_chans"], dtype=dtype)
