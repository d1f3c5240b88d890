"""Whether one picture is a window of another: the window is fitted to the pixel, and what is then seen is compared."""

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
_STEPS = (8, 4)  # at 32 pixels, then at 64
_PROMISING = 0.5  # after the first
_SMALLEST, _LARGEST, _INSIDE = 0.55, 1.15, 0.75  # of a window's sides, and of its area within the picture
_BLUR = 5  # pixels: what is larger than this is not compared
_NOISE = 2.0  # grey levels: finer differences are a decoder's


def agreement(thumbs: Pixels, pairs: Pairs, progress: Callable[[int], None]) -> NDArray[np.float32]:
    """How alike pictures are in their details, each pair with its window fitted.

    The window and the brightness of what is in it are fitted together by least squares on the pictures' gradients
    (Lucas & Kanade 1981, with gain and offset as Evangelidis & Psarakis 2008 have them). Then what is coarse is taken
    away from both, for many pictures have a bright middle, and the correlation of what is left is the answer.

    Args:
        thumbs: uint8 (N, 64, 64).
        progress: told how many pairs are through.

    Returns:
        (P,), -1 to 1. Pairs whose windows leave the picture are -1.
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
    fitted = _fit(small, small_target, fitted, _STEPS[0])
    found = torch.full((len(window),), -1.0)
    rows = torch.nonzero(_score(small, small_target, fitted) >= _PROMISING)[:, 0]
    if len(rows):
        finer = _fit(larger[rows], target[rows], fitted[rows], _STEPS[1])
        found[rows] = _score(larger[rows], target[rows], finer)
    return found.numpy()


def _fit(images: Tensor, targets: Tensor, window: Tensor, steps: int) -> Tensor:
    """Move windows (P, 4) of images (P, 1, S, S) to where they show what the targets show."""
    side = images.shape[-1]
    padded = pad(images, (1, 1, 1, 1), mode="replicate")
    across = (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]) * (side / 2)
    down = (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]) * (side / 2)
    layers = torch.cat([images, across, down], dim=1)
    places = _places(side)
    for _ in range(steps):
        (seen, gx, gy), inside = _seen(layers, window)
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
    """(S, S): how far to the right each pixel's middle is, 0..1."""
    return ((torch.arange(side) + 0.5) / side).expand(side, side)


def _seen(layers: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
    """What windows show of (P, L, S, S): (L, P, S, S), and which of it lies within the picture, (P, S, S)."""
    places = _places(layers.shape[-1])
    left, top, width, height = (value[:, None, None] for value in window.unbind(1))
    x, y = left + width * places, top + height * places.T
    grid = torch.stack([x, y], dim=-1) * 2 - 1
    found = grid_sample(layers, grid, mode="bilinear", padding_mode="border", align_corners=False)
    inside = ((x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)).float()
    return found.transpose(0, 1), inside


def _score(images: Tensor, targets: Tensor, window: Tensor) -> Tensor:
    """Correlation of details, (P,)."""
    seen, inside = _seen(images, window)
    one, other = (_details(values) * inside for values in (seen[0], targets[:, 0]))
    products = [(a * b).sum((1, 2)) for a, b in ((one, other), (one, one), (other, other))]
    noise = _NOISE**2 * inside.sum((1, 2)).clamp_min(1)
    score = products[0] / ((products[1] + noise) * (products[2] + noise)).sqrt()
    sides = window[:, 2:]
    fits = (sides.amin(1) >= _SMALLEST) & (sides.amax(1) <= _LARGEST) & (inside.mean((1, 2)) >= _INSIDE)
    return torch.where(fits, score, torch.full_like(score, -1.0))


def _details(images: Tensor) -> Tensor:
    """(P, S, S) without what is coarse."""
    images = images[:, None]
    blurred = avg_pool2d(pad(images, (_BLUR // 2,) * 4, mode="replicate"), _BLUR, stride=1)
    return (images - blurred)[:, 0]
