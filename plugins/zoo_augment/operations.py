"""The operations that AutoAugment chose from, on a batch: images (N, C, H, W) in 0..1, strengths (N,) of their own.

They count in PIL's 256 steps where PIL does (posterize, equalize), and agree with it there.
"""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_augment.warp import keep_format

__all__ = ["auto_contrast", "equalize", "posterize", "sharpen", "solarize"]


def sharpen(images: Tensor, factors: Tensor) -> Tensor:
    """Away from the smoothed image by factors (N,): 0 is smoothed, 1 as it was, 2 sharper. The edge stays.

    Images of fewer than three pixels a side are left alone.
    """
    if min(images.shape[-2:]) < 3:
        return images
    inner = images[..., 1:-1, 1:-1]
    rows = images[..., :-2, :] + images[..., 1:-1, :] + images[..., 2:, :]
    smooth = (rows[..., :-2] + rows[..., 1:-1]).add_(rows[..., 2:]).add_(inner, alpha=4).div_(13)  # the middle: 5 times
    result = images.clone()
    result[..., 1:-1, 1:-1] = torch.lerp(smooth, inner, factors.to(images.dtype).view(-1, 1, 1, 1)).clamp_(0, 1)
    return result


def posterize(images: Tensor, bits: Tensor) -> Tensor:
    """Only the highest of each pixel's 8 bits, as many as ``bits`` (N,) says, whole numbers in 0..8."""
    step = torch.exp2(8 - bits.to(images.dtype)).view(-1, 1, 1, 1)
    steps = (images * 255).round_().div_(step).floor_()
    return steps.mul_(step).div_(255)


def solarize(images: Tensor, thresholds: Tensor) -> Tensor:
    """Pixels of at least their image's threshold (N,) turned to their negative."""
    return torch.where(images >= thresholds.to(images.dtype).view(-1, 1, 1, 1), 1 - images, images)


def auto_contrast(images: Tensor) -> Tensor:
    """Each channel of each image stretched to 0..1; a channel of one value stays."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    flat = high <= low
    low, span = torch.where(flat, 0, low), torch.where(flat, 1, high - low)
    return ((images - low) / span).clamp_(0, 1)


def equalize(images: Tensor) -> Tensor:
    """Each channel of each image with a histogram as even as can be, in 256 steps; a channel of one value stays."""
    n, channels, height, width = images.shape
    values = (images * 255).round_().long().flatten(2)  # (N, C, H * W)
    counts = values.new_zeros(n, channels, 256).scatter_add_(2, values, torch.ones_like(values))
    highest = counts.gather(2, values.amax(2, keepdim=True))
    step = (height * width - highest) // 255
    below = counts.cumsum(2) - counts
    table = ((below + step // 2) // step.clamp(min=1)).clamp_(max=255)
    table = torch.where(step > 0, table, torch.arange(256, device=images.device))
    result = table.gather(2, values).view(n, channels, height, width)
    return keep_format(result.to(images.dtype).div_(255), images)
