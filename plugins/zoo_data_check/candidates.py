"""Candidate pairs of duplicates: each image is compared with windows of every other one, by 32 numbers per window."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.api.images import Pixels
from zoo_data_check.cells import CellIndex, centres_of

EXACT = 8192
"""Number of images up to which all pairs are compared; above it an index finds the pairs that are compared."""
_PROBES = 16  # cells of the index to which an image belongs
_CELLS = 8  # cells per side of a window's mosaic
_NUMBERS = 32  # length of a window's descriptor
_STARTS = {1.0: (0.0,), 0.9: (0.0, 0.05, 0.1), 0.8: (0.0, 0.1, 0.2), 0.7: (0.0, 0.1, 0.2, 0.3)}
"""Positions of windows by their side; both are fractions of the image's side."""
_MOST, _LEAST = 5, 0.7  # per image, and minimum similarity: of 600 cropped photos the least was 0.76
_LEAST_OF_MANY = 0.75  # minimum similarity by the index: chance makes more pairs similar the more images there are
_ROWS, _COLUMNS = 512, 4096  # images per block: 60 MB
_SAMPLE = 2000  # images for the estimate of the principal directions
_LEARNED_FROM = 4000  # images whose windows the cells are learned from
_FLAT = 1.0  # standard deviation in grey levels below which a window counts as empty


class Pairs(NamedTuple):
    """P candidate pairs of duplicates.

    Args:
        whole: (P,), index of one image of each pair.
        part: (P,), index of the other, which may match a window of the first.
        window: float32 (P, 4): left, top, width and height of that window, as fractions of the image's sides.
    """

    whole: NDArray[np.int64]
    part: NDArray[np.int64]
    window: NDArray[np.float32]


def candidates(thumbs: Pixels, progress: Callable[[int], None]) -> Pairs:
    """Find the most similar images of which each image may be a window, five at most.

    Up to ``EXACT`` images, every image is compared with every window of the others, in blocks: N² · 35 products of 32
    numbers. Above, an image is compared with the windows in the cells of an index that are nearest to it.

    Args:
        thumbs: uint8 (N, S, S) grey thumbnails.
        progress: called with the number of processed images.
    """
    basis = _whitening(thumbs)
    whole_ones = torch.cat(
        [_descriptors(thumbs[i : i + _ROWS], basis, windows()[:1])[:, 0] for i in range(0, len(thumbs), _ROWS)]
    )
    best = _Best(len(thumbs))
    compare = _compare_all if len(thumbs) <= EXACT else _compare_indexed
    compare(thumbs, basis, whole_ones, best, progress)
    whole, part, window = best.pairs()
    unknown = np.flatnonzero(window < 0)
    window[unknown] = _best_windows(thumbs, whole[unknown], whole_ones[part[unknown]], basis)
    return Pairs(whole, part, windows()[window])


def _compare_all(
    thumbs: Pixels, basis: Tensor, whole_ones: Tensor, best: _Best, progress: Callable[[int], None]
) -> None:
    """Compare every image with every window of the others."""
    for start in range(0, len(thumbs), _COLUMNS):
        inside = _descriptors(thumbs[start : start + _COLUMNS], basis, windows()).transpose(0, 1).contiguous()
        for first in range(0, len(thumbs), _ROWS):
            best.take(_similarity(whole_ones[first : first + _ROWS], inside), first, start)
        progress(min(start + _COLUMNS, len(thumbs)))


def _compare_indexed(
    thumbs: Pixels, basis: Tensor, whole_ones: Tensor, best: _Best, progress: Callable[[int], None]
) -> None:
    """Compare every image with the windows in its nearest cells."""
    chosen = thumbs[:: -(-len(thumbs) // _LEARNED_FROM)]
    sample = _descriptors(chosen, basis, windows()).flatten(0, 1)
    sample = sample[sample.any(1)]
    if not len(sample):
        progress(len(thumbs))
        return
    index = CellIndex(centres_of(sample), whole_ones, _PROBES)
    for start in range(0, len(thumbs), _COLUMNS):
        inside = _descriptors(thumbs[start : start + _COLUMNS], basis, windows()).flatten(0, 1)
        hits = index.hits(inside, _LEAST_OF_MANY)
        best.merge(hits.stored, hits.asked // len(windows()) + start, hits.similarity, hits.asked % len(windows()))
        progress(min(start + _COLUMNS, len(thumbs)))


@cache
def windows() -> NDArray[np.float32]:
    """All windows, float32 (35, 4): left, top, width, height; the whole image comes first."""
    found = [(x, y, side, side) for side, starts in _STARTS.items() for y in starts for x in starts]
    return np.array(found, np.float32)


def mosaics(thumbs: Pixels, places: NDArray[np.float32]) -> Tensor:
    """Reduce windows of images to mosaics of 8 × 8 cells.

    Args:
        thumbs: uint8 (n, S, S).
        places: (W, 4), windows as :func:`windows` returns them.

    Returns:
        float32 (n, W, 64), each of mean 0; zeros for windows without contrast.
    """
    images, side = torch.from_numpy(thumbs).float(), thumbs.shape[-1]
    found = []
    for x, y, width, height in places.tolist():
        down, across = _means(y, height, side), _means(x, width, side)
        found.append((down @ images @ across.T).flatten(1))
    cells = torch.stack(found, dim=1)
    cells = cells - cells.mean(2, keepdim=True)
    return cells * (cells.std(2, keepdim=True) >= _FLAT)


def _means(start: float, length: float, side: int) -> Tensor:
    """Weights (8, side) that average the pixels of each cell, with fractional coverage at the edges."""
    edges = (start + length * np.arange(_CELLS + 1) / _CELLS) * side
    pixels = np.arange(side)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights = covered.clip(0) / covered.clip(0).sum(1, keepdims=True)
    return torch.from_numpy(weights.astype(np.float32))


def _whitening(thumbs: Pixels) -> Tensor:
    """Whitening projection (64, 32) to the principal components of mosaics.

    Without it, most images with a bright centre would be similar.
    """
    chosen = thumbs[:: -(-len(thumbs) // _SAMPLE)]
    cells = torch.nn.functional.normalize(mosaics(chosen, windows()).flatten(0, 1), dim=1)
    values, directions = torch.linalg.eigh(cells.T @ cells / len(cells))
    values, directions = values[-_NUMBERS:], directions[:, -_NUMBERS:]
    scaled: Tensor = directions / values.clamp_min(1e-3 * float(values[-1]) + 1e-9).sqrt()
    return scaled


def _descriptors(thumbs: Pixels, basis: Tensor, places: NDArray[np.float32]) -> Tensor:
    """Normalised descriptors (n, W, 32) of windows; zeros for empty windows."""
    return torch.nn.functional.normalize(mosaics(thumbs, places) @ basis, dim=2)


def _similarity(looks: Tensor, inside: Tensor) -> Tensor:
    """Similarity (n, m): cosine of descriptors (n, 32) and the best of each image's windows (W, m, 32)."""
    best = looks @ inside[0].T
    for window in inside[1:]:
        torch.maximum(best, looks @ window.T, out=best)
    return best


def _best_windows(thumbs: Pixels, whole: NDArray[np.int64], looks: Tensor, basis: Tensor) -> NDArray[np.int64]:
    """Index of the most similar window of each pair, (P,)."""
    found = np.zeros(len(whole), np.int64)
    for start in range(0, len(whole), _ROWS):
        rows = slice(start, start + _ROWS)
        inside = _descriptors(thumbs[whole[rows]], basis, windows())
        found[rows] = (inside * looks[rows, None]).sum(2).argmax(1).numpy()
    return found


class _Best:
    """The most similar images found so far, for each image."""

    def __init__(self, count: int):
        self.likeness = torch.full((count, _MOST), -2.0)
        self.whole = torch.zeros((count, _MOST), dtype=torch.int64)
        self.window = torch.full((count, _MOST), -1, dtype=torch.int64)  # where the comparison knows it

    def take(self, likeness: Tensor, first: int, start: int) -> None:
        """Merge a block of similarities (n, m): images from ``first`` on, in windows of those from ``start`` on."""
        rows = torch.arange(first, first + len(likeness))
        likeness = likeness.masked_fill(rows[:, None] == torch.arange(start, start + likeness.shape[1]), -2.0)
        found, place = likeness.topk(min(_MOST, likeness.shape[1]), dim=1)
        joined = torch.cat([self.likeness[rows], found], dim=1)
        wholes = torch.cat([self.whole[rows], place + start], dim=1)
        self.likeness[rows], order = joined.topk(_MOST, dim=1)
        self.whole[rows] = wholes.gather(1, order)

    def merge(self, part: Tensor, whole: Tensor, likeness: Tensor, window: Tensor) -> None:
        """Merge pairs (H,) of an image and a window of another, in which it may be, in any number and order."""
        kept = torch.nonzero(self.likeness > -1, as_tuple=True)
        rows = torch.cat([part, kept[0]])
        wholes, found = torch.cat([whole, self.whole[kept]]), torch.cat([likeness, self.likeness[kept]])
        places = torch.cat([window, self.window[kept]])
        rows, wholes, found, places = (each[rows != wholes] for each in (rows, wholes, found, places))
        order = np.lexsort((-found.numpy(), wholes.numpy(), rows.numpy()))  # the best window of each pair
        pair = np.stack([rows.numpy(), wholes.numpy()])[:, order]
        first = np.concatenate([[True], (np.diff(pair) != 0).any(0)])[: len(order)]
        order = order[first]
        order = order[np.lexsort((-found.numpy()[order], rows.numpy()[order]))]  # the best of each image
        own = rows.numpy()[order]
        begins = np.concatenate([[True], np.diff(own) != 0])[: len(own)]
        place = np.arange(len(own)) - np.maximum.accumulate(np.where(begins, np.arange(len(own)), 0))
        order, own, place = (each[place < _MOST] for each in (order, own, place))
        self.likeness.fill_(-2.0)
        self.likeness[own, place], self.whole[own, place] = found[order], wholes[order]
        self.window[own, place] = places[order]

    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Candidate pairs (whole, part, window) above the minimum similarity; the window is -1 where it is unknown."""
        part, place = torch.nonzero(self.likeness >= _LEAST, as_tuple=True)
        return self.whole[part, place].numpy(), part.numpy(), self.window[part, place].numpy()
