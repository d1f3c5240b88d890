"""Suggestions for a better result than the requested job's, with the command to type."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch

from zoo.data.open import TRAIN
from zoo.runner.components import RunComponents
from zoo.runner.speed import Speed, one_thread_step_s
from zoo.storage.downloads import offline
from zoo.storage.files import short_path

__all__ = ["hints_of"]

FEW_PER_CLASS = 2000
"""Images per class below which pretrained weights are far better than training from scratch."""
LEAST_PX = 64
"""Image side in pixels below which pretrained networks lack detail."""


def hints_of(parts: RunComponents, speed: Speed | None = None) -> list[str]:
    """Collect the hints for a run, one or two sentences each.

    Args:
        speed: the measured speed, if it was measured.
    """
    return [*_pretrained_hint(parts), *(_threads_hint(parts, speed) if speed else [])]


def _threads_hint(parts: RunComponents, speed: Speed) -> Iterable[str]:
    """Suggest a single thread where other programs hold up the others."""
    alone_s = one_thread_step_s(parts, speed)
    if alone_s is not None:
        yield (
            f"Other programs use the processors, and slow down small steps: {1000 * speed.step_s[speed.phases[0]]:.0f} "
            f"ms with {torch.get_num_threads()} threads, {1000 * alone_s:.0f} ms with one. To train with one thread, "
            "press Ctrl-C, and repeat the command with OMP_NUM_THREADS=1 before it."
        )


def _pretrained_hint(parts: RunComponents) -> Iterable[str]:
    """Suggest a pretrained network over training from scratch, where the recipe names one and images are few."""
    job, known = parts.job, parts.resolved.recipe.get("backbone")
    images = len(parts.splits[TRAIN])
    if not known or job.pretrained or job.weights or job.train.image_size < LEAST_PX:
        return
    if images / len(parts.classes) > FEW_PER_CLASS:
        return
    begin = "--weights FILE" if offline() else "--pretrained"
    reached = f": {known['reached']}" if known.get("reached") else ""
    yield (
        f"{images:,} images are few for training from scratch. A pretrained network would probably do "
        f"better{reached}. Type: zoo run {known['architecture']} {_typed_dataset(parts)} {begin} --freeze backbone"
    )


def _typed_dataset(parts: RunComponents) -> str:
    """The dataset as typed on the command line: a folder by its path, an address with its scheme."""
    dataset, component = parts.job.dataset, parts.resolved.entry("dataset").component
    scheme, address = getattr(component, "scheme", None), dataset.params.get("address")
    if scheme and address:
        return f"{scheme}:{address}"
    root = dataset.params.get("root")
    if not root:
        return dataset.name
    path = short_path(Path(str(root)))
    typed = path if path.is_absolute() else f"./{path.as_posix()}"
    return str(typed) if getattr(component, "opens", ()) else f"{dataset.name} --data {typed}"
