"""Images of a run's dataset, and the outputs of bundles for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from zoo.api.compute import Execution, choose_execution, predict_logits, task_of_card
from zoo.api.images import Batches, Normalize, Split, build_opener
from zoo.api.jobs import make_request, resolve
from zoo.api.models import Preprocessing, load_model
from zoo.api.running import own_split
from zoo.runs import JOB
from zoo_merge.members import Member
from zoo_merge.mergers import MergePlace

__all__ = ["execution_of", "named", "own_images", "predict_bundle"]

_BATCH = 64


def own_images(member: Member, splits: Sequence[str], place: MergePlace) -> list[Split]:
    """Open splits of a run's job; what it held out of train is its val split."""
    resolved = resolve(make_request({}, file=member.folder / JOB), place.registry)
    opener = build_opener(resolved, Preprocessing(**member.card["preprocessing"]).shape)
    return [own_split(opener, resolved, member.classes, name, own=True) for name in splits]


def named(split: Split, names: Sequence[str], root: str) -> Split:
    """The part of a split with these names, in their order.

    Args:
        root: folder that the names of the split begin with.
    """
    start = f"{root.rstrip('/')}/" if root else ""
    rows = {str(name).removeprefix(start): row for row, name in enumerate(split.names)}
    return split.part(split.name, np.array([rows[name] for name in names], np.int64))


def execution_of(card: Mapping[str, Any], place: MergePlace) -> Execution:
    """Device and precision for a model: values are computed in float32, as bfloat16 has three digits."""
    return choose_execution(place.device, "auto" if task_of_card(card).classifies else "fp32")


def predict_bundle(bundle: Path, split: Split, place: MergePlace) -> tuple[Tensor, Tensor, Mapping[str, Any]]:
    """Raw outputs (N, M) of a bundle for a split, on the CPU; the split's labels; and the bundle's card."""
    network, card = load_model(bundle, place.registry)
    execution = execution_of(card, place).suited(network)
    shape = Preprocessing(**card["preprocessing"])
    batches = Batches(split, _BATCH, Normalize(shape.mean, shape.std, execution.device, shape.window))
    outputs, labels = predict_logits(execution.place(network), batches, execution)
    return outputs.cpu(), labels.cpu(), card
