from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.plugin import Family, Importer, Loss, Optimizer, Schedule, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def zoo_architectures() -> Iterable[Family]:
    return [
        Family(
            "architecture",
            "zoo_foundation.vit:create",
            "zoo_foundation:names.txt",
            summary="Vision transformer of the fnd family",
            tags=("transformer", "foundation"),
            attributes={"license": "BSD-3-Clause"},
            samples=("fnd_tiny",),
        )
    ]


@hookimpl
def zoo_losses() -> Iterable[Loss]:
    return [Loss("agreement", "zoo_foundation.training:Agreement", summary="Cross entropy with a penalty on confidence")]


@hookimpl
def zoo_optimizers() -> Iterable[Optimizer]:
    return [
        Optimizer(
            "split_adam",
            "zoo_foundation.training:split_adam",
            summary="AdamW without weight decay of vectors (norms, biases, tokens)",
            lr=1e-3,
            weight_decay=0.05,
        )
    ]


@hookimpl
def zoo_schedules() -> Iterable[Schedule]:
    return [Schedule("inverse_sqrt", "zoo_foundation.training:inverse_sqrt", summary="Warm-up, then 1 / sqrt(step)")]


@hookimpl
def zoo_importers() -> Iterable[Importer]:
    return [Importer("fnd", "zoo_foundation.checkpoint:read", summary="Checkpoints of the fnd trainer", suffixes=(".fnd",))]
