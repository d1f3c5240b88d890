"""Check that an extended network gives the old classes the same logits, bit for bit, on real images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from zoo.api.images import Normalize, Split
from zoo.api.models import Preprocessing
from zoo.errors import TrainingError

__all__ = ["BATCHES", "IMAGES", "check_identical", "sample"]

IMAGES = 8
"""Number of images."""
BATCHES = (1, 3, 8)
"""Batch sizes: a matrix product's rounding depends on them."""


def sample(split: Split, shape: Preprocessing) -> Tensor:
    """Take images from the whole of a split, as the networks' input (n, C, H, W) float32 on the CPU."""
    rows = np.unique(np.linspace(0, len(split) - 1, min(IMAGES, len(split))).astype(np.int64))
    pixels = torch.from_numpy(np.ascontiguousarray(split.gather(rows))).permute(0, 3, 1, 2)
    normalize = Normalize(shape.mean, shape.std, torch.device("cpu"), shape.window)
    return normalize(normalize.to_unit(pixels)).contiguous()


def check_identical(old: nn.Module, new: nn.Module, images: Tensor, sizes: Sequence[int] = BATCHES) -> None:
    """Compare the old logits of two networks on the CPU, in one or two batches of each size.

    Raises:
        TrainingError: a bit differs.
    """
    old.eval()
    new.eval()
    with torch.inference_mode():
        for size in sizes:
            for batch in torch.split(images[: 2 * size], size):
                wanted, found = old(batch), new(batch)
                if not torch.equal(found[:, : wanted.shape[1]], wanted):
                    off = float((found[:, : wanted.shape[1]] - wanted).abs().max())
                    raise TrainingError(
                        f"The old classes' logits differ by up to {off:.2g} in batches of {size}: the network's result "
                        "changes from call to call. Nothing was written. To fit the whole head again: --refit"
                    )
