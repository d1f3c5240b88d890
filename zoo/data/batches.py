"""Batches: whole-batch gathers, and the path from pixels to the network's input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from zoo.data.gpu_cache import Residence
from zoo.data.samplers import Sampling, cut
from zoo.data.split import Labels, Split
from zoo.engine.ranks import ALONE, Ranks

Augment = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class Normalize:
    """Pixels to floats in 0..1, and to the network's scale; the two halves stand around augmentation.

    Args:
        mean, std: of pixels in 0..1, one value for all channels or one for each.
        device: device of the images.
        window: values that become 0 and 1, in the pixels' own unit; those outside become 0 or 1 too. None for pixels of
            8 bits; ``dicom`` for pixels that are in 0..1 already.
    """

    def __init__(
        self,
        mean: Sequence[float],
        std: Sequence[float],
        device: torch.device,
        window: Sequence[float] | Literal["dicom"] | None = None,
    ):
        self.device = device
        self.window = None if window is None else (0.0, 1.0) if isinstance(window, str) else tuple(window)
        self.mean = torch.tensor(mean, device=device).view(1, -1, 1, 1)
        self.std = torch.tensor(std, device=device).view(1, -1, 1, 1)
        self.nothing = not any(mean) and all(value == 1 for value in std)

    def to_unit(self, pixels: Tensor) -> Tensor:
        if self.window is None:
            return pixels.float() / 255
        low, high = self.window
        return ((pixels.float() - low) / (high - low)).clamp(0, 1)

    def __call__(self, images: Tensor) -> Tensor:
        if self.nothing:
            return images
        count, channels, height, width = images.shape
        if channels == 1 or not images.is_contiguous(memory_format=torch.channels_last):
            return (images - self.mean) / self.std
        # Row by row: a loop over three channels at a time takes four times as long.
        mean, std = (v.expand(1, channels, 1, 1).flatten().repeat(width) for v in (self.mean, self.std))
        rows = (images.permute(0, 2, 3, 1).reshape(count, height, -1) - mean) / std
        return rows.view(count, height, width, channels).permute(0, 3, 1, 2)

    def undone(self, images: Tensor) -> Tensor:
        """The network's scale back to 0..1."""
        return images * self.std + self.mean


class Batches:
    """Batches of a split on the device, normalised, and in training augmented.

    Args:
        split: where the images are.
        batch_size: items a batch; the last may have fewer.
        normalize: the job's scale, on the device that batches go to.
        augment: applied in order, on images in 0..1; none for evaluation.
        sampling: of training; None keeps the split's own order, every item once.
        channels_last: memory format of the images.
        residence: where images stay on the device, shared by a run's splits; by default they are copied batch by batch.
        ranks: the processes that share the batches: in training each has a part of every one, else some of them whole.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        normalize: Normalize,
        *,
        augment: Sequence[Augment] = (),
        sampling: Sampling | None = None,
        channels_last: bool = True,
        residence: Residence | None = None,
        ranks: Ranks = ALONE,
    ):
        self.split, self.batch_size, self.normalize, self.device = split, batch_size, normalize, normalize.device
        self.augment, self.sampling, self.channels_last = augment, sampling, channels_last
        self.residence, self.ranks = residence, ranks
        self.weight = 1.0  # of the batch that was given last: see Ranks.share
        self.epoch = 0
        self.begin = 0  # so many batches of the epoch are left out: they were trained on before
        self.size: int | None = None  # side in pixels, where it is not the split's own
        self.room = 1.0  # so much larger is what augmentation is given: what it enlarges is then sharp

    def indices(self, epoch: int) -> list[NDArray[np.int64]]:
        """The items of each batch of an epoch."""
        if self.sampling is None:
            return cut(np.arange(len(self.split)), self.batch_size, merge_last=False)
        return cut(self.sampling.order(self.split, epoch, self.ranks.size), self.batch_size, merge_last=True)

    def _left(self) -> list[tuple[NDArray[np.int64], float]]:
        """What is still to be given to this process, with its weights."""
        left = self.indices(self.epoch)[self.begin :]
        if self.sampling is None:
            return [(indices, 1.0) for indices in self.ranks.dealt(left)]
        return [self.ranks.share(indices) for indices in left]

    def __len__(self) -> int:
        return len(self.indices(self.epoch))

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """(images (n, C, H, W) float, labels (n,) int64 or (n, K) float32), both on the device."""
        resident = None if self.residence is None else self.residence.images(self.split)
        return self._copied() if resident is None else self._resident(resident)

    def _resident(self, whole: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        labels = targets_of(self.split.labels).to(self.device)
        rows = None if self.split.rows is None else torch.from_numpy(self.split.rows).to(self.device)
        same = whole.view(torch.int16) if whole.dtype == torch.uint16 else whole  # CUDA gathers no uint16
        for indices, weight in self._left():
            self.weight = weight
            items = torch.from_numpy(indices).to(self.device, non_blocking=True)
            yield self.prepare(same[items if rows is None else rows[items]].view(whole.dtype), labels[items])

    def _copied(self) -> Iterator[tuple[Tensor, Tensor]]:
        left = self._left()
        with ThreadPoolExecutor(1) as pool:  # gathers the next batch while the processor works on this one
            ahead = pool.submit(self._gather, left[0][0]) if left else None
            for following, (_, weight) in enumerate(left, start=1):
                assert ahead is not None
                gathered = ahead
                ahead = pool.submit(self._gather, left[following][0]) if following < len(left) else None
                pixels, labels = gathered.result()
                self.weight = weight
                yield self.prepare(pixels, labels)

    def _gather(self, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        pixels = torch.from_numpy(np.ascontiguousarray(self.split.gather(indices)))
        labels = targets_of(self.split.labels[indices])
        if self.device.type == "cuda":  # only from pinned memory is a copy made while the GPU computes
            return pixels.pin_memory(), labels.pin_memory()
        return pixels, labels

    def prepare(self, pixels: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels (n, H, W, C) to the network's input."""
        pixels = pixels.to(self.device, non_blocking=True).permute(0, 3, 1, 2)  # channels_last as it lies
        targets = labels.to(self.device, non_blocking=True)
        images = self.normalize.to_unit(pixels if self.channels_last else pixels.contiguous())
        whole = images.shape[-1]
        size = self.size or whole
        images = _resized(images, min(round(size * self.room), whole))
        for augment in self.augment:
            images, targets = augment(images, targets)
        return self.normalize(_resized(images, size)), targets


def _resized(images: Tensor, side: int) -> Tensor:
    if images.shape[-1] == side:
        return images
    return interpolate(images, (side, side), mode="bilinear", antialias=True)


def pixels_of(items: Sequence[Any]) -> Tensor:
    """Decoded images (H, W, C) as one tensor (n, H, W, C), of the widest type among them."""
    return torch.from_numpy(np.stack(items))


def targets_of(labels: Labels) -> Tensor:
    """Convert labels to the tensor that a loss takes: int64 (N,), or float32 (N, K)."""
    found = torch.from_numpy(labels)
    return found.float() if found.is_floating_point() else found
