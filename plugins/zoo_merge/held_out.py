"""Images that the merged runs were not trained on, with the predictions of each run that has not seen them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.api.compute import Answers, task_of_card
from zoo.api.images import TEST, VAL
from zoo.api.running import Predictions, predictions_file, read_predictions
from zoo.errors import RequestError
from zoo_merge.averaging import Average, averaged
from zoo_merge.members import Member

__all__ = ["HeldOut", "part", "read_held_out"]


@dataclass(frozen=True)
class HeldOut:
    """The validation images of several runs, each with the predictions of the runs that were not trained on it.

    Args:
        own: predictions of each run for its own validation images, by the run's name; classes in the first one's order.
        test: of each run for the test images; empty where the dataset has none.
    """

    own: Mapping[str, Predictions]
    test: Mapping[str, Predictions]

    @property
    def names(self) -> list[str]:
        """Images that at least one of the runs was not trained on."""
        return list(dict.fromkeys(name for each in self.own.values() for name in each.names))

    @property
    def common(self) -> list[str]:
        """Images that none of the runs was trained on, without those of a test split."""
        known = [set(each.names) for each in self.own.values()]
        return [name for name in self.names if all(name in names for names in known)]

    @property
    def same(self) -> bool:
        """True where all runs have the same validation images."""
        return len(self.common) == len(self.names)

    @property
    def mean_runs(self) -> float:
        """Mean number of runs that were not trained on an image."""
        return sum(len(each.names) for each in self.own.values()) / len(self.names)

    def logits(self, members: Sequence[Member]) -> dict[str, Tensor]:
        """Logits of each run at its temperature, or values on the scale of the first run's, (N, K), by its name."""
        task = task_of_card(members[0].card)
        each = {member.name: torch.from_numpy(self.own[member.name].logits).float() for member in members}
        return {member.name: task.standardise(each[member.name]) / member.temperature for member in members}

    def averaged(self, logits: Mapping[str, Tensor], how: Average, card: Mapping[str, Any]) -> Answers:
        """Average the predictions for each image over the runs that were not trained on it.

        Args:
            logits: of each run for its own images, as :func:`zoo_merge.averaging.averaged` takes them.
            card: card of the first run.

        Returns:
            The outputs (N, M) of the ensemble for all of :attr:`names`, and targets as a loss takes them.
        """
        names = self.names
        place = {name: row for row, name in enumerate(names)}
        rows = {run: np.array([place[name] for name in each.names]) for run, each in self.own.items()}
        held = np.zeros((len(names), len(rows)), bool)
        for column, found in enumerate(rows.values()):
            held[found, column] = True
        whole = [torch.from_numpy(_gathered([(rows[run], logits[run].numpy())], len(names))) for run in rows]
        targets = _gathered([(rows[run], each.targets) for run, each in self.own.items()], len(names))
        parts = []
        for runs in np.unique(held, axis=0):
            chosen = np.flatnonzero((held == runs).all(axis=1))
            several = [each[chosen] for each, has in zip(whole, runs, strict=True) if has]
            parts.append((chosen, averaged(several, how).numpy()))
        outputs = torch.from_numpy(_gathered(parts, len(names)))
        return Answers(outputs, targets_of(targets, card))


def targets_of(labels: NDArray[Any], card: Mapping[str, Any]) -> Tensor:
    """Labels of predictions as a loss takes them: (N,) int64, or (N, K) float32, values standardised."""
    found = torch.from_numpy(labels)
    return task_of_card(card).standardise(found.float()) if found.ndim == 2 else found


def _gathered(parts: Sequence[tuple[NDArray[np.int64], NDArray[np.generic]]], count: int) -> NDArray[np.generic]:
    """Arrays of parts of the images as one array of all images."""
    first = parts[0][1]
    found = np.zeros((count, *first.shape[1:]), first.dtype)
    for rows, values in parts:
        found[rows] = values
    return found


def read_held_out(members: Sequence[Member]) -> HeldOut:
    """Read the predictions of all runs.

    Raises:
        RequestError: a run has no predictions, or two images of a run have the same name.
    """
    classes = members[0].classes
    own = {member.name: _read(member, VAL, classes) for member in members}
    _check_labels(own)
    tested = [member for member in members if predictions_file(member.folder, TEST).is_file()]
    test = {member.name: _read(member, TEST, classes) for member in members} if tested else {}
    return HeldOut(own, test)


def _check_labels(own: Mapping[str, Predictions]) -> None:
    """Check that an image has the same label in all runs.

    Raises:
        RequestError: it has not.
    """
    (first, one), *others = own.items()
    for name, other in others:
        known = set(other.names)
        both = [image for image in one.names if image in known]
        mine, theirs = part(one, both).targets, part(other, both).targets
        wrong = mine != theirs
        if one.has_values and both:  # float32, standardised by other training images: they differ in rounding
            wrong = ~np.isclose(mine, theirs, rtol=1e-4, atol=1e-6 + 1e-5 * one.targets.std(axis=0))
        rows = np.flatnonzero(wrong.any(axis=1) if wrong.ndim == 2 else wrong)
        if len(rows):
            raise RequestError(
                f"{first} and {name} have different labels for {len(rows):,} images, such as {both[rows[0]]}: the "
                "dataset has changed between the runs. Train both again."
            )


def _read(member: Member, split: str, classes: list[str]) -> Predictions:
    found = read_predictions(member.folder, split)
    if len(set(found.names)) < len(found.names):
        raise RequestError(
            f"Images of {member.name} have the same name, so it is unknown which of them the other runs were trained "
            "on. Give each image a name of its own, and train again."
        )
    return _in_order(found, classes)


def _in_order(found: Predictions, classes: list[str]) -> Predictions:
    """Predictions with another order of the classes."""
    if found.classes == classes:
        return found
    columns = [found.classes.index(name) for name in classes]
    logits = found.logits[:, columns]
    if found.targets.ndim == 2:
        targets, predicted = found.targets[:, columns], found.predicted[:, columns]
    else:
        new = np.argsort(columns)
        targets, predicted = new[found.targets], new[found.predicted]
    return replace(found, classes=classes, targets=targets, predicted=predicted, logits=logits)


def part(found: Predictions, names: Sequence[str]) -> Predictions:
    """Predictions for these images alone, in this order."""
    place = {name: row for row, name in enumerate(found.names)}
    return found.part(np.array([place[name] for name in names], np.int64))
