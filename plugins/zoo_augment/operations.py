"""The operations of AutoAugment on batches: images (N, C, H, W) in 0..1, with individual strengths (N,).

Posterize and equalize quantise to 256 steps as PIL does, with the same results.
"""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_augment.warp import keep_format

__all__ = ["auto_contrast", "equalize", "posterize", "sharpen", "solarize"]


def sharpen(images: Tensor, factors: Tensor) -> Tensor:
    """Sharpen or smooth images by factors (N,): 0 is smoothed, 1 unchanged, 2 sharpened; border pixels are unchanged.

    Images with a side below three pixels are returned unchanged.
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
    """Keep the highest ``bits`` (N,) of each pixel's 8 bits, integers in 0..8."""
    step = torch.exp2(8 - bits.to(images.dtype)).view(-1, 1, 1, 1)
    steps = (images * 255).round_().div_(step).floor_()
    return steps.mul_(step).div_(255)


def solarize(images: Tensor, thresholds: Tensor) -> Tensor:
    """Invert the pixels of at least their image's threshold (N,)."""
    return torch.where(images >= thresholds.to(images.dtype).view(-1, 1, 1, 1), 1 - images, images)


def auto_contrast(images: Tensor) -> Tensor:
    """Stretch each channel of each image to 0..1; a constant channel is unchanged."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    flat = high <= low
    low, span = torch.where(flat, 0, low), torch.where(flat, 1, high - low)
    return ((images - low) / span).clamp_(0, 1)


def equalize(images: Tensor) -> Tensor:
    """Equalise the histogram of each channel of each image in 256 steps; a constant channel is unchanged."""
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
