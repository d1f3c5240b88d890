"""Load weights into a network, and determine its preprocessing from several sources."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import nn

from zoo.api.images import Pixels
from zoo.api.jobs import listing
from zoo.api.models import Preprocessing
from zoo.errors import RequestError
from zoo.plugin import Imported
from zoo.storage import bare_names

__all__ = ["load", "noise", "preprocessing"]

_GUESS: dict[str, Any] = {"image_size": 224, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
"""ImageNet's preprocessing: most published networks were trained or pretrained with it."""


def preprocessing(
    found: Imported, known: Mapping[str, Any], asked: Mapping[str, Any]
) -> tuple[Preprocessing, list[str]]:
    """Determine the preprocessing: the user's options, else the file's, else the architecture's, else a guess.

    Args:
        found: result of the importer.
        known: fields of the architecture component.
        asked: the user's options.

    Returns:
        The preprocessing, and notices for the user about guessed values.

    Raises:
        RequestError: the length of a mean or standard deviation doesn't fit the channels.
    """
    own = {
        "image_size": known.get("input_size"),
        **{k: known.get(k) for k in ("mean", "std", "interpolation", "crop_pct")},
    }
    words = {k: v for k, v in asked.items() if v is not None}
    said = {k: v for k, v in {**own, **found.preprocessing, **words}.items() if v is not None}
    missing = {k: v for k, v in _GUESS.items() if k not in said}
    said |= missing
    if "resize" not in words and ("crop_pct" in words or "resize" not in said):
        said["resize"] = "crop" if "crop_pct" in said else "squash"
    if said["resize"] == "squash":
        said["crop_pct"] = 1.0
    for key in ("mean", "std"):
        said[key] = _for_channels(key, said[key], found.in_chans)
    guessed = " ".join(f"--{k.replace('_', '-')} {_shown(said[k])}" for k in missing)
    notices = [f"Neither the file nor the architecture defines the preprocessing. ASSUMED: {guessed}."]
    return Preprocessing(in_chans=found.in_chans, **said), notices if missing else []


def load(network: nn.Module, tensors: Mapping[str, Any], architecture: str, file: str) -> None:
    """Load all tensors into the network.

    Raises:
        RequestError: the tensors belong to another network, or are not finite; the message names them.
    """
    own, theirs = network.state_dict(), bare_names(tensors)
    theirs = {**{k: v for k, v in own.items() if k.endswith("num_batches_tracked")}, **theirs}  # older files lack them
    missing, unknown = sorted(own.keys() - theirs.keys()), sorted(theirs.keys() - own.keys())
    wrong = [k for k in own if k in theirs and own[k].shape != theirs[k].shape]
    if missing or unknown or wrong:
        shapes = [f"{k} {tuple(theirs[k].shape)} in the file, {tuple(own[k].shape)} in the network" for k in wrong[:3]]
        parts = [
            f"{len(v)} {what}: {listing(v, most=3)}" for what, v in (("missing", missing), ("unknown", unknown)) if v
        ]
        parts += [f"{len(wrong)} of different shape: {', '.join(shapes)}"] if wrong else []
        raise RequestError(
            f"{file} doesn't fit {architecture} ({'; '.join(parts)}). It belongs to another architecture or image "
            "size: --architecture NAME, --image-size N; see: zoo list architecture --search WORD"
        )
    network.load_state_dict(theirs)
    if not all(bool(v.isfinite().all()) for v in network.state_dict().values() if v.is_floating_point()):
        raise RequestError(
            f"{file} contains weights that are not finite, from a failed training. Use an earlier checkpoint."
        )


def _for_channels(key: str, values: Sequence[float], in_chans: int) -> list[float]:
    found = [float(x) for x in values]
    if key == "std" and not all(x > 0 for x in found):
        raise RequestError("--std must be above 0.")
    if len(found) in (1, in_chans):
        return found
    if in_chans == 1:
        return [math.fsum(found) / len(found)]
    raise RequestError(f"--{key} takes one number, or one per channel ({in_chans}), not {len(found)}.")


def noise(count: int, size: int, in_chans: int) -> Pixels:
    """Noise images uint8 (count, size, size, in_chans) of varying contrast and brightness."""
    draw = np.random.default_rng(0)
    grain = draw.integers(0, 256, (count, size, size, in_chans))
    tint = draw.integers(0, 256, (count, 1, 1, in_chans))
    share = np.linspace(0, 1, count)[:, None, None, None]
    return np.ascontiguousarray((grain * share + tint * (1 - share)).astype(np.uint8))


def _shown(value: Any) -> str:
    return ",".join(f"{x:g}" for x in value) if isinstance(value, list) else str(value)
