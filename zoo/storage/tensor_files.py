"""Tensor files of trainers, read without running their code."""

from __future__ import annotations

import re
import zipfile
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.errors import RequestError
from zoo.storage.files import open_plain

__all__ = ["bare_names", "read_content"]

_PREFIXES = ("module.", "_orig_mod.")
"""Prefixes of all names from DistributedDataParallel, averaged models and torch.compile."""
_SAVE_WEIGHTS = "torch.save(model.state_dict(), FILE)"
_LFS = b"version https://git-lfs"


def read_content(path: Path) -> Mapping[str, Any]:
    """Read the mapping in a .safetensors file or a file written by ``torch.save``.

    Pickles are read by torch's ``weights_only`` unpickler. ``argparse.Namespace``, which holds a trainer's arguments
    and runs no code, is allowed in addition.

    Raises:
        RequestError: the file can't be read, or reading it would run code.
    """
    try:
        _check_form(path)
        content = _read(path)
    except RequestError:
        raise
    except Exception as error:  # pickle, zip and torch raise many types for damaged files
        raise RequestError(f"{path} can't be read as weights ({_reason(error)}") from error
    if not isinstance(content, Mapping):
        kind = type(content).__name__
        raise RequestError(f"{path} can't be read as weights (a {kind}, not named tensors). Write: {_SAVE_WEIGHTS}")
    return content


def bare_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Remove the prefixes of wrappers from the names of tensors."""
    found = dict(tensors)
    for prefix in (*_PREFIXES, *_PREFIXES):  # wrappers may be nested in either order
        if found and all(name.startswith(prefix) for name in found):
            found = {name.removeprefix(prefix): tensor for name, tensor in found.items()}
    return found


def _check_form(path: Path) -> None:
    """Check that a file can hold plain tensors, and explain how to extract the weights from other forms."""
    with open_plain(path) as file:
        if file.read(len(_LFS)) == _LFS:
            raise RequestError(f"{path} is a Git LFS pointer, not the file itself. Type: git lfs pull")
    if path.suffix == ".safetensors" or not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        names = [name.partition("/")[2] for name in archive.namelist()]
    if "constants.pkl" in names:
        raise RequestError(
            f"{path} is a TorchScript program, which contains code. If you trust it, extract the weights: "
            f'torch.save(torch.jit.load("{path.name}").state_dict(), "weights.pth")'
        )
    if any(name.startswith("models/") for name in names) and "data.pkl" not in names:
        raise RequestError(
            f"{path} is a program of torch.export. If you trust it, extract the weights: "
            f'torch.save(torch.export.load("{path.name}").state_dict, "weights.pth")'
        )


def _read(path: Path) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    with torch.serialization.safe_globals([Namespace]):
        return torch.load(path, map_location="cpu", weights_only=True)


def _reason(error: Exception) -> str:
    """Second half of the error message: the reason, and what to provide instead."""
    text = str(error).strip()
    if "weights_only" in text or "Unsupported" in text:
        named = re.search(r"GLOBAL ([\w.]+)", text)
        what = f", {named[1]}" if named else ""
        return (
            f"it contains more than tensors{what}): reading it would execute code. Give a .safetensors file or, if "
            f"you trust it, save only the weights: {_SAVE_WEIGHTS}"
        )
    return f"{text.splitlines()[0] if text else type(error).__name__}). Give a .safetensors or .pth file."
