"""Registration of candidate pairs: fit a window to subpixel accuracy, and compare its content."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, pad

from zoo.api.images import Pixels
from zoo_data_check.candidates import Pairs

COARSE = 32
_BATCH = 256
_STEPS = (2, 6, 4)  # iterations at 32 pixels, at 32 pixels again, and at 64
_LIKELY = 0.35  # minimum score after the first: of 685 duplicates the least was 0.44, and 97% of other pairs are below
_PROMISING = 0.5  # minimum score after the second
_SMALLEST, _LARGEST, _INSIDE = 0.55, 1.15, 0.75  # limits of a window's sides, and least fraction inside the image
_BLUR = 5  # pixels: coarser structures are not compared
_NOISE = 2.0  # grey levels: smaller differences are noise of decoders


def agreement(thumbs: Pixels, pairs: Pairs, progress: Callable[[int], None]) -> NDArray[np.float32]:
    """Correlation of details of each pair, after fitting its window.

    The window, gain and offset are fitted together by least squares on the image gradients (Lucas & Kanade 1981, with
    gain and offset as in Evangelidis & Psarakis 2008). Coarse structures are then removed from both images, as many
    images have a bright centre, and the remaining details are correlated.

    Args:
        thumbs: uint8 (N, 64, 64).
        pairs: P candidate pairs.
        progress: called with the number of processed pairs.

    Returns:
        (P,), -1 to 1. Pairs whose windows leave the image are -1.
    """
    found = np.full(len(pairs.whole), -1.0, np.float32)
    for start in range(0, len(found), _BATCH):
        rows = slice(start, start + _BATCH)
        found[rows] = _of_batch(thumbs[pairs.whole[rows]], thumbs[pairs.part[rows]], pairs.window[rows])
        progress(min(start + _BATCH, len(found)))
    return found


def _of_batch(whole: Pixels, part: Pixels, window: NDArray[np.float32]) -> NDArray[np.float32]:
    larger, target = (torch.from_numpy(images).float()[:, None] for images in (whole, part))
    fitted = torch.from_numpy(window.copy())
    factor = larger.shape[-1] // COARSE
    small, small_target = avg_pool2d(larger, factor), avg_pool2d(target, factor)
    found, rows = torch.full((len(window),), -1.0), torch.arange(len(window))
    for steps, least in zip(_STEPS[:2], (_LIKELY, _PROMISING), strict=True):
        fitted[rows] = _fit(small[rows], small_target[rows], fitted[rows], steps)
        rows = rows[_score(small[rows], small_target[rows], fitted[rows]) >= least]
        if not len(rows):
            return found.numpy()
    finer = _fit(larger[rows], target[rows], fitted[rows], _STEPS[2])
    found[rows] = _score(larger[rows], target[rows], finer)
    return found.numpy()


def _fit(images: Tensor, targets: Tensor, window: Tensor, steps: int) -> Tensor:
    """Fit windows (P, 4) of images (P, 1, S, S) to targets of the same shape, by Gauss-Newton steps."""
    side = images.shape[-1]
    padded = pad(images, (1, 1, 1, 1), mode="replicate")
    across = (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]) * (side / 2)
    down = (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]) * (side / 2)
    layers = torch.cat([images, across, down], dim=1)
    places = _places(side)
    for _ in range(steps):
        (seen, gx, gy), inside = _sample(layers, window)
        ones = torch.ones_like(seen)
        columns = torch.stack([gx, gy, gx * places, gy * places.T, seen, ones]).flatten(2)  # (6, P, S * S)
        weighted = columns * inside.flatten(1)
        normal = torch.einsum("ipn,jpn->pij", weighted, columns)
        right = torch.einsum("ipn,pn->pi", weighted, targets.flatten(1))
        scale = normal.diagonal(dim1=1, dim2=2).clamp_min(1e-6)
        normal = normal + torch.diag_embed(1e-4 * scale)
        solved = torch.linalg.solve(normal, right)
        gain = solved[:, 4:5]
        step = (solved[:, :4] / torch.where(gain.abs() < 0.1, torch.full_like(gain, 0.1), gain)).clamp(-0.08, 0.08)
        window = window + step
        window = torch.cat([window[:, :2].clamp(-0.5, 1), window[:, 2:].clamp(0.3, 1.5)], dim=1)
    return window


def _places(side: int) -> Tensor:
    """Horizontal position (S, S) of each pixel's centre, 0..1."""
    return ((torch.arange(side) + 0.5) / side).expand(side, side)


def _sample(layers: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
    """Sample windows of (P, L, S, S): values (L, P, S, S), and a mask (P, S, S) of samples within the image."""
    places = _places(layers.shape[-1])
    left, top, width, height = (value[:, None, None] for value in window.unbind(1))
    x, y = left + width * places, top + height * places.T
    grid = torch.stack([x, y], dim=-1) * 2 - 1
    found = grid_sample(layers, grid, mode="bilinear", padding_mode="border", align_corners=False)
    inside = ((x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)).float()
    return found.transpose(0, 1), inside


def _score(images: Tensor, targets: Tensor, window: Tensor) -> Tensor:
    """Correlation of the details, (P,)."""
    seen, inside = _sample(images, window)
    one, other = (_details(values) * inside for values in (seen[0], targets[:, 0]))
    products = [(a * b).sum((1, 2)) for a, b in ((one, other), (one, one), (other, other))]
    noise = _NOISE**2 * inside.sum((1, 2)).clamp_min(1)
    score = products[0] / ((products[1] + noise) * (products[2] + noise)).sqrt()
    sides = window[:, 2:]
    fits = (sides.amin(1) >= _SMALLEST) & (sides.amax(1) <= _LARGEST) & (inside.mean((1, 2)) >= _INSIDE)
    return torch.where(fits, score, torch.full_like(score, -1.0))


def _details(images: Tensor) -> Tensor:
    """Remove coarse structures from (P, S, S) by subtracting a box blur."""
    images = images[:, None]
    blurred = avg_pool2d(pad(images, (_BLUR // 2,) * 4, mode="replicate"), _BLUR, stride=1)
    return (images - blurred)[:, 0]
