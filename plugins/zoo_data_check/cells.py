"""An index of vectors by cells, which compares a vector with the stored ones of few cells instead of with all."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_MOST = 2048  # cells
_LEARNED_FROM = 64  # vectors per cell for learning the centres


class Hits(NamedTuple):
    """H pairs of similar vectors.

    Args:
        stored: int64 (H,), row of the stored vector of each pair.
        asked: int64 (H,), row of the other one.
        similarity: float32 (H,), their cosine.
    """

    stored: Tensor
    asked: Tensor
    similarity: Tensor


def centres_of(vectors: Tensor, seed: int = 0) -> Tensor:
    """Centres (C, D) of about the square root of the number of vectors, at most 2,048, by k-means on the unit sphere.

    Args:
        vectors: float32 (n, D) of length 1, a sample of those that will be compared.
        seed: seed of k-means.
    """
    from sklearn.cluster import MiniBatchKMeans

    count = max(1, min(_MOST, len(vectors) // _LEARNED_FROM))
    model = MiniBatchKMeans(count, n_init=1, max_iter=10, batch_size=8192, random_state=seed)
    return torch.nn.functional.normalize(torch.from_numpy(model.fit(vectors.numpy()).cluster_centers_).float(), dim=1)


class CellIndex:
    """Stored vectors by the cells of their nearest centres, an inverted file.

    A compared vector is in the cell of its nearest centre, and is compared with the stored vectors of that cell only.
    With as many probes as centres all pairs are compared.
    Source: Jégou, Douze & Schmid 2011, "Product Quantization for Nearest Neighbor Search", section IV.

    Args:
        centres: float32 (C, D).
        stored: float32 (N, D), of length 1 or 0.
        probes: number of nearest centres to whose cells each stored vector belongs.
    """

    def __init__(self, centres: Tensor, stored: Tensor, probes: int):
        self.centres, self.stored = centres, stored
        cells = torch.cat(
            [
                (part @ centres.T).topk(min(probes, len(centres))).indices.to(torch.int32)
                for part in torch.split(stored, 8192)
            ]
        )
        order = torch.argsort(cells.flatten(), stable=True)
        self.rows = (order // cells.shape[1]).to(torch.int32)
        self.starts = _starts(cells.flatten(), len(centres))

    def hits(self, vectors: Tensor, least: float) -> Hits:
        """Find pairs of at least a similarity.

        Args:
            vectors: float32 (m, D), of length 1, or 0 for no pair.
            least: minimum cosine, above 0.
        """
        cells = torch.cat([(part @ self.centres.T).argmax(1) for part in torch.split(vectors, 8192)])
        order = torch.argsort(cells)
        starts = _starts(cells, len(self.centres))
        found = []
        for cell in np.flatnonzero((np.diff(starts) > 0) & (np.diff(self.starts) > 0)):
            asked = order[starts[cell] : starts[cell + 1]]
            rows = self.rows[self.starts[cell] : self.starts[cell + 1]].long()
            similarity = vectors[asked] @ self.stored[rows].T
            a, s = torch.nonzero(similarity >= least, as_tuple=True)
            found.append(Hits(rows[s], asked[a], similarity[a, s]))
        if not found:
            return Hits(torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64), torch.zeros(0))
        return Hits(*(torch.cat(parts) for parts in zip(*found, strict=True)))


def _starts(cells: Tensor, count: int) -> NDArray[np.int64]:
    """Start of each cell among sorted cells, and the end of the last: (C + 1,)."""
    return np.concatenate([[0], np.cumsum(np.bincount(cells.numpy(), minlength=count))]).astype(np.int64)
