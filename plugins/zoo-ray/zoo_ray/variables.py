"""Environment variables: those that size the workers, and those that workers get."""

from __future__ import annotations

import os
from typing import Any

from zoo.errors import RequestError
from zoo_ray.cluster import WorkerSize, has_gpus

WORKERS, CPUS, GPUS = "ZOO_RAY_WORKERS", "ZOO_RAY_CPUS_PER_WORKER", "ZOO_RAY_GPUS_PER_WORKER"
"""Defaults of the options of ``zoo ray run``, and the sizes of the engines of ``--on ray``."""


def worker_size(ray: Any) -> WorkerSize:
    """Resources of a worker of ``--on ray``: one CPU, and one GPU where the cluster has any."""
    gpus = _number(GPUS)
    return WorkerSize(_number(CPUS) or 1.0, float(has_gpus(ray)) if gpus is None else gpus)


def worker_count() -> int | None:
    """Largest number of workers of ``--on ray``; None for as many as the cluster has room for."""
    count = _number(WORKERS)
    return None if count is None else max(1, int(count))


def _number(name: str) -> float | None:
    text = os.environ.get(name)
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if number < 0:
        raise RequestError(f"{name} is {text!r}, not a number from 0 on. Type, for example: export {name}=2")
    return number


def hide_gpus(size: WorkerSize) -> None:
    """Hide the GPUs of this worker's machine if the worker has not reserved any; before torch is used."""
    if not size.gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
