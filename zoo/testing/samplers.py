"""Checks of samplers: indices of the items, the same for the same seed and epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.testing.checking import contract
from zoo.testing.outcome import need
from zoo.testing.subject import Subject

_COUNT = 24


@contract("sampler", "can be created", "Give every parameter that the zoo does not pass a default, or set an example.")
def _made(subject: Subject) -> None:
    subject.try_to_make(**_given())


@contract("sampler", "indices of items", "Return integer indices (M,) from 0 to N - 1, with at least one.")
def _indices(subject: Subject) -> None:
    found = _order(subject, 1)
    need(found.ndim == 1 and len(found) > 0, f"the order has the shape {found.shape}")
    need(found.dtype.kind in "iu", f"the indices are of type {found.dtype}")
    need(
        found.min() >= 0 and found.max() < _COUNT,
        f"indices reach from {found.min()} to {found.max()} of {_COUNT} items",
    )


@contract("sampler", "equal length of epochs", "Return the same number of indices in every epoch.")
def _lengths(subject: Subject) -> None:
    lengths = {len(_order(subject, epoch)) for epoch in (1, 2, 3)}
    need(len(lengths) == 1, f"epochs have {sorted(lengths)} items")


@contract(
    "sampler", "repeatable order", "Derive all random numbers from the seed and the epoch: default_rng([seed, epoch])."
)
def _repeatable(subject: Subject) -> None:
    order_of = subject.made(**_given())
    first = np.asarray(order_of(2))
    np.random.seed(1)
    again = np.asarray(order_of(1)), np.asarray(order_of(2))
    need(np.array_equal(first, again[1]), "a second call for epoch 2 gives another order")
    need(np.array_equal(first, _order(subject, 2)), "a new sampler gives another order for epoch 2")


def _given() -> dict[str, Any]:
    labels = np.arange(_COUNT, dtype=np.int64) % 3
    return {"count": _COUNT, "labels": labels, "seed": 0, "shards": None, "processes": 1, "multilabel": False}


def _order(subject: Subject, epoch: int) -> NDArray[Any]:
    return np.asarray(subject.made(**_given())(epoch))
