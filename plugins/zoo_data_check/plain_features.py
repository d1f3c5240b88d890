"""Features without a trained network: a bag of visual words of small patches, and mean colours."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, unfold

from zoo.api.images import Pixels
from zoo_data_check.labels import Blocks

_WORDS = 256  # number of visual words
_SIDE = 6  # side of a patch in pixels
_QUARTERS = 2  # per side: regions over which words are pooled
_COLOURS = 4  # per side: cells of mean colours, as normalised patches lack them
_BATCH = 32
_DENSE = 20_000  # images up to which patches begin at every pixel; of more images, at every other
_LEARNED_FROM = 60_000  # number of patches for learning the words
_NOISE = 10.0  # variance of grey levels below which a patch counts as flat


def plain_features(colours: Pixels, seed: int) -> Blocks:
    """Return a function that computes visual words (256 per quarter of an image) and mean colours (4 × 4 cells).

    The words are learned from the images themselves.

    Source: Coates, Ng & Lee 2011, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning".

    Args:
        colours: uint8 (n, S, S, 3).
        seed: seed of the patch sample and of k-means.

    Returns:
        A function of the rows of b images: float32 (b, 1072).
    """
    mean, whiten, words = _learn(colours, seed)
    step = 1 if len(colours) <= _DENSE else 2

    def features(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        parts = (colours[rows[start : start + _BATCH]] for start in range(0, len(rows), _BATCH))
        return torch.cat([_features(part, mean, whiten, words, step) for part in parts]).numpy()

    return features


def _features(colours: Pixels, mean: Tensor, whiten: Tensor, words: Tensor, step: int) -> Tensor:
    patches = (_patches(colours, step) - mean) @ whiten  # (b, L, 108)
    distance = torch.cdist(patches, words.expand(len(patches), -1, -1))
    near = (distance.mean(2, keepdim=True) - distance).clamp_min(0)
    side = round(near.shape[1] ** 0.5)
    layers = near.transpose(1, 2).reshape(len(patches), len(words), side, side)
    tints = torch.from_numpy(colours).float().permute(0, 3, 1, 2) / 255
    pooled = adaptive_avg_pool2d(layers, _QUARTERS), adaptive_avg_pool2d(tints, _COLOURS)
    return torch.cat([part.flatten(1) for part in pooled], dim=1)


def _patches(colours: Pixels, step: int = 1) -> Tensor:
    """Patches of (b, S, S, 3) at every ``step`` pixels, each with mean 0 and variance about 1: (b, L, 108)."""
    images = torch.from_numpy(colours).float().permute(0, 3, 1, 2)
    patches = unfold(images, _SIDE, stride=step).transpose(1, 2)
    patches = patches - patches.mean(2, keepdim=True)
    return patches / (patches.var(2, keepdim=True) + _NOISE).sqrt()


def _learn(colours: Pixels, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Learn the mean (108,) and ZCA whitening (108, 108) of patches, and the visual words (256, 108)."""
    from sklearn.cluster import MiniBatchKMeans

    generator = np.random.default_rng(seed)
    chosen = generator.permutation(len(colours))[: _LEARNED_FROM // 20]
    sample = []
    for start in range(0, len(chosen), _BATCH):
        patches = _patches(colours[np.sort(chosen[start : start + _BATCH])])
        places = generator.permutation(patches.shape[1])[: max(20, _LEARNED_FROM // 20 // len(chosen))]
        sample.append(patches[:, places].flatten(0, 1))
    patches = torch.cat(sample)
    mean = patches.mean(0)
    values, directions = torch.linalg.eigh(torch.cov(patches.T))
    whiten = directions @ torch.diag((values.clamp_min(0) + 0.1).rsqrt()) @ directions.T
    white = ((patches - mean) @ whiten).numpy()
    kinds = MiniBatchKMeans(min(_WORDS, len(white)), n_init=1, max_iter=20, batch_size=4096, random_state=seed)
    return mean, whiten, torch.from_numpy(kinds.fit(white).cluster_centers_.astype(np.float32))
