"""Images that the merged runs were not trained on, with the predictions of each run that has not seen them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

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

    def averaged(self, members: Sequence[Member], how: Average) -> Predictions:
        """Average the predictions for each image over the runs that were not trained on it.

        Args:
            members: the runs, whose temperatures are applied.

        Returns:
            The predictions for all of :attr:`names`, with the temperature 1.
        """
        names = self.names
        place = {name: row for row, name in enumerate(names)}
        rows = {run: np.array([place[name] for name in each.names]) for run, each in self.own.items()}
        held = np.zeros((len(names), len(rows)), bool)
        for column, found in enumerate(rows.values()):
            held[found, column] = True
        logits = self._averaged(members, how, held, rows)
        targets = _gathered([(rows[run], each.targets) for run, each in self.own.items()], len(names))
        scores = logits.numpy()
        predicted = scores >= 0 if targets.ndim == 2 else scores.argmax(axis=1)
        return Predictions(names, next(iter(self.own.values())).classes, targets, predicted, scores)

    def _averaged(
        self, members: Sequence[Member], how: Average, held: NDArray[np.bool_], rows: Mapping[str, NDArray[np.int64]]
    ) -> Tensor:
        """Average each group of images that the same runs were not trained on."""
        whole = []
        for member in members:
            scaled = torch.from_numpy(self.own[member.name].logits).float() / member.temperature
            wide = torch.zeros(len(held), scaled.shape[1])
            wide[torch.from_numpy(rows[member.name])] = scaled
            whole.append(wide)
        found = torch.zeros_like(whole[0])
        for runs in np.unique(held, axis=0):
            chosen = torch.from_numpy((held == runs).all(axis=1))
            found[chosen] = averaged([each[chosen] for each, has in zip(whole, runs, strict=True) if has], how)
        return found


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
        wrong = part(one, both).targets != part(other, both).targets
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
    if found.multilabel:
        targets, predicted = found.targets[:, columns], found.predicted[:, columns]
    else:
        new = np.argsort(columns)
        targets, predicted = new[found.targets], new[found.predicted]
    return replace(found, classes=classes, targets=targets, predicted=predicted, logits=logits)


def part(found: Predictions, names: Sequence[str]) -> Predictions:
    """Predictions for these images alone, in this order."""
    place = {name: row for row, name in enumerate(found.names)}
    return found.part(np.array([place[name] for name in names], np.int64))
