"""``zoo bench`` of exported files: inference speed on noise images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from zoo.api.compute import call_rates, compared
from zoo.api.images import Shape, framed
from zoo.api.jobs import Registry
from zoo.api.models import Artifact, Preprocessing, artifact_at, open_file

__all__ = ["bench_files"]

BATCH = 16


def bench_files(words: Sequence[str], registry: Registry, rounds: int, batch_size: int = BATCH) -> dict[str, Any]:
    """Benchmark the inference of one file, or of two alternately, each with its own runtime on the CPU.

    Args:
        words: one or two exported files or folders.
        registry: provides the formats' readers.
        rounds: number of timed batches per file, after one warm-up batch.
        batch_size: images per batch; a single image is timed as well.

    Returns:
        ``benchmarks``, for each ``file, architecture, image_size, batch_size, bytes, inference``, which has
        ``images_per_second`` and ``one_image_s``; and of two files the ``comparison`` of ``inference``.
    """
    opened = [open_file(word, registry) for word in words]
    paths = [artifact_at(word, registry) or Path(word) for word in words]
    batches = [_noise(artifact, batch_size) for artifact in opened]
    many = call_rates(list(zip(opened, batches, strict=True)), rounds)
    single = call_rates([(artifact, batch[:1]) for artifact, batch in zip(opened, batches, strict=True)], rounds)
    benchmarks = [
        {
            "file": str(path),
            "architecture": artifact.card["architecture"]["id"],
            "image_size": _shape(artifact).size,
            "batch_size": batch_size,
            "bytes": _size_of(path),
            "inference": {"images_per_second": median(rates), "one_image_s": 1 / median(alone)},
        }
        for path, artifact, rates, alone in zip(paths, opened, many, single, strict=True)
    ]
    comparison = {"comparison": {"inference": compared(*many)}} if len(paths) == 2 else {}
    return {"benchmarks": benchmarks, **comparison}


def _size_of(path: Path) -> int:
    return sum(each.stat().st_size for each in (path, *path.rglob("*")) if each.is_file())


def _noise(artifact: Artifact, count: int) -> Any:
    """Noise images at the network's size, so that resizing does not affect the timing."""
    shape = _shape(artifact)
    drawn = np.random.default_rng(0).integers(0, 256, (count, shape.size, shape.size, shape.in_chans), np.uint8)
    return framed(drawn, shape)


def _shape(artifact: Artifact) -> Shape:
    return Preprocessing(**artifact.card["preprocessing"]).shape
