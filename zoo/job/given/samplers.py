"""Samplers given from Python: a function of the epoch, a class or factory, or a sampler of torch."""

from __future__ import annotations

from typing import Any

from zoo.errors import RequestError
from zoo.job.given.factory import Given, around, class_of, makes_objects, required, titled, torch_class
from zoo.registry.kinds import ALL

_SEED_STEP = 1_000_003


class EachEpoch:
    """A sampler of torch as a function of the epoch: its random numbers depend on the seed and the epoch alone.

    Args:
        sampler: iterates over indices.
        seed: the job's.
    """

    def __init__(self, sampler: Any, seed: int):
        self.sampler, self.seed = sampler, seed

    def __call__(self, epoch: int) -> list[int]:
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed * _SEED_STEP + epoch)
            if getattr(self.sampler, "generator", None) is not None:
                self.sampler.generator.manual_seed(self.seed * _SEED_STEP + epoch)
            return [int(index) for index in self.sampler]


def adapt(value: Any) -> Given:
    """Make a factory of a sampler.

    Raises:
        RequestError: it neither iterates over indices nor can be called with an epoch.
    """
    cls = torch_class("utils.data.Sampler")
    if cls is not None and isinstance(value, cls):
        return Given(around(lambda seed=0: EachEpoch(value, seed), type(value), (), seed=0), type(value))
    needed = required(value) if callable(value) else []
    if callable(value) and (makes_objects(value) or not set(needed) - set(ALL["sampler"].given)):
        return Given(value, class_of(value))
    if len(needed) == 1:
        return Given(around(lambda: value, class_of(value), ()), class_of(value))
    raise RequestError(
        f"{titled('sampler', value)} is neither a name, nor a function of the epoch that returns indices, nor a "
        "sampler of torch: sampler=torch.utils.data.WeightedRandomSampler(weights, len(weights))"
    )
