"""The records of an extended run: its job, its origin, its threshold, and the section of its report."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from zoo.api.compute import calibrate
from zoo.api.images import TRAIN, VAL, Split, class_counts
from zoo.api.jobs import Registry, Request, Resolved, plain, resolve
from zoo.api.running import Predictions, by_precision, by_recall
from zoo.errors import RequestError
from zoo_extend.source import SourceRun

__all__ = ["NETWORK", "ExtendedJob", "reject_again"]

NETWORK, IMAGES, LOSS = "extend/extended", "extend/extended", "losses/cross_entropy"
"""Components of the job of every extended run."""
_ORIGIN = ("distribution", "version", "target", "sha256")
_FITTED: Mapping[str, Any] = {
    "freeze": "backbone",
    "freeze_epochs": None,
    "unfreeze_epochs": 0,
    "class_weights": "none",
    "distill_weight": 0.5,
    "distill_temperature": 4.0,
    "stop_after": None,
    "monitor": "val/accuracy",
}
"""Values of train that describe a head fitted on a frozen backbone."""
_WORDS = {"linear": "a linear layer", "prototypes": "class means", "knn": "nearest neighbours"}


@dataclass(frozen=True)
class ExtendedJob:
    """The job that describes an extended model and its images.

    Args:
        source: the run that was extended.
        folders: folder of pictures by new class.
        head: kind of the head.
        refit: the scores of all classes were fitted.
    """

    source: SourceRun
    folders: Mapping[str, str]
    head: str
    refit: bool

    @property
    def words(self) -> str:
        """How the model was made, in words."""
        how = "for all classes" if self.refit else "beside the old logits"
        return f"extended from {self.source.folder.name} by {', '.join(self.folders)}: {_WORDS[self.head]} {how}"

    @property
    def extended_before(self) -> bool:
        """True where the source run was itself extended: its network gets a further head."""
        return bool(self.source.card["architecture"]["id"] == NETWORK)

    def resolved(self, path: str, features: Tensor, registry: Registry) -> Resolved:
        """Resolve the job.

        Args:
            path: path of the old network's last layer.
            features: (N, D), those that the head is fitted on.
        """
        old: Any = plain(self.source.resolved.job.plain())
        job = {
            **old,
            "architecture": {"name": NETWORK, "parts": self._parts(path, features)},
            "dataset": self._dataset(old["dataset"], old["seed"], old["data"]["val_fraction"]),
            "loss": {"name": LOSS},
            "train": {**old["train"], **_FITTED},
            "augment": [],
            "callbacks": [],
            "pretrained": False,
            **dict.fromkeys(("weights", "teacher", "recipe")),
        }
        found = resolve(Request(options=job), registry)
        made = f"extended from {self.source.folder.name}"
        return dataclasses.replace(found, sources=dict.fromkeys(found.sources, made))

    def _parts(self, path: str, features: Tensor) -> list[dict[str, Any]]:
        """The parts of the network, see :func:`zoo_extend.network.extended`."""
        network, params = self.source.card["architecture"], self.source.card["architecture"]["params"]
        stored = {"stored": len(features)} if self.head == "knn" else {}
        head = {"name": self.head, "classes": list(self.folders), "refitted": self.refit, **stored}
        if self.extended_before:
            return [*params["parts"], head]
        origin = {name: network.get(name) for name in _ORIGIN}
        base = {"name": network["id"], "params": params, "classes": self.source.classes, "path": path}
        return [{**base, "features": features.shape[1], **origin}, head]

    def _dataset(self, old: Mapping[str, Any], seed: int, fraction: float) -> dict[str, Any]:
        """The images, see :class:`zoo_extend.dataset.ExtendedImages`."""
        params = {name: value for name, value in old.items() if name not in ("name", "root")}
        entry = self.source.resolved.entry("dataset")
        return {
            "name": IMAGES,
            "root": old.get("root"),
            "base": [{"name": entry.id, "params": params}],
            "added": [list(each) for each in self.folders.items()],
            "fraction": fraction,
            "seed": seed,
        }

    def base_record(self) -> dict[str, Any]:
        """Provenance of the old network's architecture."""
        card = self.source.card["architecture"]
        first = card["params"]["parts"][0] if self.extended_before else {**card, "name": card["id"]}
        return {"kind": "architecture", "id": first["name"], **{name: first.get(name) for name in _ORIGIN}}

    def origin(self, new: Mapping[str, Split]) -> dict[str, Any]:
        """Origin of the model, for its bundle and its result.

        Args:
            new: pictures of the new classes.
        """
        names = list(self.folders)
        first = len(self.source.classes)
        counts = {split: class_counts(new[split].labels - first, len(names)).tolist() for split in (TRAIN, VAL)}
        return {
            "from": self.source.folder.name,
            "sha256": self.source.sha256,
            "head": self.head,
            "refitted": self.refit,
            "classes": names,
            "pictures": {name: {split: each[i] for split, each in counts.items()} for i, name in enumerate(names)},
            "seed": self.source.resolved.job.seed,
        }


def reject_again(
    card: Mapping[str, Any], classes: Sequence[str], names: Sequence[str], logits: Tensor, targets: Tensor
) -> tuple[dict[str, Any] | None, list[str]]:
    """Choose the confidence threshold of a bundle again, as it was chosen, on other validation images.

    Args:
        card: card of the old bundle.
        classes: all classes; names: of the N images; logits: (N, K + M); targets: (N,) int64.

    Returns:
        The entry ``reject`` of the new bundle, or None; and notices.
    """
    before = card.get("reject")
    if not before:
        return None, []
    fitted = calibrate(logits, targets)
    heat = 1.0 if fitted is None else fitted.temperature
    scores = logits.numpy()
    kept = Predictions(list(names), list(classes), targets.numpy(), scores.argmax(axis=1), scores, heat)
    by, several = dict(before.get("by") or {}), isinstance(before["below"], dict)
    choose = {"precision": by_precision, "recall": by_recall}.get(next(iter(by), ""))
    lost = "The threshold for 'not sure' was not taken over"
    if choose is None:
        return None, [f"{lost}: it was not chosen by precision or recall. Choose it again: zoo runs threshold RUN"]
    try:
        below = choose(kept, float(next(iter(by.values()))), per_class=several)
    except RequestError as error:
        return None, [f"{lost}: {error} See: zoo runs threshold --help"]
    return {"below": below, "by": by}, []
