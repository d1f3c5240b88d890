"""Affine resampling of batches, with one matrix per sample."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["affine_matrices", "keep_format", "warp"]


def affine_matrices(
    images: Tensor,
    *,
    angle: Tensor | None = None,
    zoom: tuple[Tensor, Tensor] | None = None,
    shift: tuple[Tensor, Tensor] | None = None,
    mirror: Tensor | None = None,
    shear: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Build matrices (N, 2, 3) from output to input coordinates, both in -1..1, for :func:`warp`.

    Effect on the image: the point at ``shift`` moves to the centre; the image is then rotated, zoomed, flipped and
    finally sheared about the centre. Parameters that are None have no effect.

    Args:
        images: (N, C, H, W); only shape, dtype and device are used.
        angle: (N,) degrees, anticlockwise; right angles are preserved in pixels for H != W.
        zoom: horizontal and vertical enlargement, (N,) each, above 0; 2 shows the central half.
        shift: horizontal and vertical position of the new centre, (N,) each, in -1..1.
        mirror: (N,) 1 or -1; -1 flips horizontally.
        shear: horizontal displacement of the source per vertical pixel, and vertical per horizontal pixel, (N,) each.
    """
    n, _, height, width = images.shape
    ones, zeros = torch.ones(n, device=images.device), torch.zeros(n, device=images.device)
    zoom_x, zoom_y = zoom or (ones, ones)
    shift_x, shift_y = shift or (zeros, zeros)
    radians = (zeros if angle is None else angle).deg2rad()
    cos, sin = radians.cos(), radians.sin()
    to_x, to_y = (ones if mirror is None else mirror) / zoom_x, ones / zoom_y
    # Sines and shears mix the axes, whose units in -1..1 are W / 2 and H / 2 pixels.
    row_x = cos * to_x, -sin * to_y * (height / width), shift_x
    row_y = sin * to_x * (width / height), cos * to_y, shift_y
    if shear is not None:
        along_x, along_y = shear[0] * (height / width), shear[1] * (width / height)
        row_x, row_y = ((x + y * along_y, y + x * along_x, at) for x, y, at in (row_x, row_y))
    return torch.stack([torch.stack(row_x, dim=1), torch.stack(row_y, dim=1)], dim=1).to(images.dtype)  # (N, 2, 3)


def warp(images: Tensor, matrices: Tensor, size: tuple[int, int] | None = None) -> Tensor:
    """Resample images (N, C, H, W) in 0..1 by ``matrices``, bilinear, with reflection at the borders.

    Args:
        matrices: (N, 2, 3) from :func:`affine_matrices`.
        size: height and width of the result; by default those of the images.
    """
    height, width = size or images.shape[-2:]
    grid = F.affine_grid(matrices, [*images.shape[:2], height, width], align_corners=False)
    moved = F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return keep_format(moved.clamp_(0, 1), images)  # bilinear weights sum to 1 only up to rounding


def keep_format(result: Tensor, images: Tensor) -> Tensor:
    """Return ``result`` in channels_last memory format if ``images`` have it."""
    if images.is_contiguous(memory_format=torch.channels_last) and not images.is_contiguous():
        return result.contiguous(memory_format=torch.channels_last)
    return result
