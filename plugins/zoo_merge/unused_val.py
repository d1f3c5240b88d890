"""The val split of a dataset that folds leave unused: images that are new to every run of a cross-validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from zoo.api.compute import task_of_card
from zoo.api.images import VAL, Split, build_opener
from zoo.api.jobs import make_request, resolve
from zoo.api.models import Preprocessing
from zoo.api.running import Predictions
from zoo.runs import JOB, MODEL
from zoo_merge.members import Member
from zoo_merge.mergers import MergePlace
from zoo_merge.predicting import predict_bundle

__all__ = ["UNUSED", "predict_unused"]

UNUSED = "unused val"
"""The split in words."""


def predict_unused(
    members: Sequence[Member], place: MergePlace
) -> tuple[Mapping[str, Predictions], Predictions] | None:
    """Predict the dataset's own val split with the runs and with the merged model.

    Returns:
        The predictions of each run by name, and those of the merged model; None where the runs are no folds, or the
        dataset has no such split.
    """
    first = members[0]
    if (first.job.get("data") or {}).get("folds") is None or (split := _open(first, place)) is None:
        return None
    place.tell(f"evaluating on the {len(split):,} images of the val split, which folds leave unused")
    singles = {member.name: _predicted(member.bundle, first.classes, split, place) for member in members}
    return singles, _predicted(place.home / MODEL, first.classes, split, place)


def _open(member: Member, place: MergePlace) -> Split | None:
    """Open the val split of a run's dataset; None where it has none."""
    resolved = resolve(make_request({}, file=member.folder / JOB), place.registry)
    opener = build_opener(resolved, Preprocessing(**member.card["preprocessing"]).shape)
    return opener.decode(opener.open(VAL), VAL, member.classes) if VAL in opener.splits() else None


def _predicted(bundle: Path, classes: list[str], split: Split, place: MergePlace) -> Predictions:
    """Predictions of a bundle for a split, with the classes in this order."""
    outputs, labels, card = predict_bundle(bundle, split, place)
    task = task_of_card(card)
    logits, targets = task.read(outputs).numpy(), labels.numpy()
    logits = logits[:, [card["classes"].index(name) for name in classes]]
    targets = targets >= 0.5 if task.multilabel else targets
    predicted = logits if not task.classifies else logits >= 0 if task.multilabel else logits.argmax(axis=1)
    return Predictions(list(split.names), classes, targets, predicted, logits, float(card.get("temperature", 1.0)))
