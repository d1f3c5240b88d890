"""The runs to merge: found, read, and checked to fit together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.api.jobs import listing
from zoo.api.models import find_bundle, read_card
from zoo.api.running import ended_result
from zoo.errors import RequestError
from zoo.runs import IMPORTED, JOB, SUMMARY, WEIGHTS, RunResult, find_run, read_summary
from zoo.storage import read_mapping, sha256_of

__all__ = ["Member", "read_members"]

_SHAPE = ("image_size", "in_chans", "resize", "interpolation", "crop_pct", "window")
"""Preprocessing that the runs must share; an ensemble has the normalisation of each run inside."""
_DEFAULTS = {"interpolation": "bilinear", "crop_pct": 1.0, "window": None}


@dataclass(frozen=True)
class Member:
    """One of the runs to merge.

    Args:
        name: name of its folder; the whole path where two runs have the same name.
        folder, bundle: folder of the run and of its bundle.
        card: content of zoo.json.
        result: content of result.json.
        job: content of job.yaml.
        sha256: digest of the weights.
    """

    name: str
    folder: Path
    bundle: Path
    card: Mapping[str, Any]
    result: RunResult
    job: Mapping[str, Any]
    sha256: str

    @property
    def classes(self) -> list[str]:
        """Names of the classes, in the order of the outputs."""
        return list(self.card["classes"])

    @property
    def task(self) -> str:
        """Name of the task."""
        return str(self.card.get("task", "single-label"))

    @property
    def architecture(self) -> str:
        """Full id of the architecture."""
        return str(self.card["architecture"]["id"])

    @property
    def params(self) -> dict[str, Any]:
        """Parameters of the architecture."""
        return dict(self.card["architecture"]["params"])

    @property
    def temperature(self) -> float:
        """Divisor of the logits before the softmax."""
        return float(self.card.get("temperature", 1.0))

    @property
    def outputs(self) -> Mapping[str, Any]:
        """Scale of a regression's values, and the link of the outputs; empty for logits of classes."""
        return self.card.get("outputs") or {}

    @property
    def link(self) -> Mapping[str, Any] | None:
        """How the outputs are read; None where each is a logit or a value."""
        return self.outputs.get("link")

    @property
    def levels(self) -> list[float]:
        """Levels of the quantiles that stand for each value; empty where its outputs are values or logits."""
        return list((self.link or {}).get("levels") or [])

    @property
    def root(self) -> str:
        """Folder of the images, which their names begin with; empty where the dataset has none."""
        return str(_dataset(self.job).get("root") or "")

    def record(self) -> dict[str, Any]:
        """Describe the run in the provenance of the merged one."""
        return {
            "id": self.name,
            "dir": str(self.folder),
            "sha256": self.sha256,
            "architecture": self.architecture,
            "seed": self.job.get("seed"),
        }


def read_members(words: Sequence[str | Path], out: Path) -> list[Member]:
    """Read the runs to merge; the folder of repeated runs stands for all of them.

    Args:
        words: names or folders of runs.
        out: folder of the runs that are given by name.

    Raises:
        RequestError: a run is missing or has not finished, or they don't fit together; the message says why.
    """
    folders = [folder for word in words for folder in _folders(word, out)]
    if not folders:
        raise RequestError("zoo merge takes two or more runs. See: zoo runs list")
    places = [folder.resolve() for folder in folders]
    if twice := next((f for f, place in zip(folders, places, strict=True) if places.count(place) > 1), None):
        raise RequestError(f"{twice} is given twice. Give each run once.")
    if len(folders) < 2:
        raise RequestError(
            f"zoo merge takes two or more runs, not only {folders[0]}. Give another run of the same dataset, such as "
            "one with another seed. See: zoo runs list"
        )
    names = [folder.name for folder in folders]
    unique = len(set(names)) == len(names)
    members = [_member(folder, folder.name if unique else str(folder)) for folder in folders]
    for other in members[1:]:
        _check_together(members[0], other)
    return members


def _folders(word: str | Path, out: Path) -> list[Path]:
    """Folder of a run, or of each of the repeated runs of a summary."""
    if Path(word).is_file():
        raise RequestError(f"{word} is a file, not a run. An exported file can't be merged: give the run it is from.")
    folder = find_run(str(word), out)
    if (folder / JOB).is_file() or not (folder / SUMMARY).is_file():
        return [folder]
    return [folder.parent / member.run for member in read_summary(folder).members]


def _member(folder: Path, name: str) -> Member:
    if not (folder / JOB).is_file():
        why = "was imported" if (folder / IMPORTED).is_file() else f"has no {JOB}"
        raise RequestError(
            f"{folder} {why}, so the images that it was trained on are unknown, and a merged model could not be "
            "measured on images that are new to all of its parts. Merge runs of zoo run. See: zoo runs list"
        )
    result = ended_result(folder)
    if result is None:
        raise RequestError(f"{folder} has not finished. Resume it first: zoo run --resume {folder}")
    bundle = find_bundle(folder)
    card = read_card(bundle)
    if card["architecture"]["id"].startswith("python/"):
        raise RequestError(
            f"The network of {folder} was passed from Python, so a merged model could not build it. Register it "
            "first, and train with its name: see zoo info architecture"
        )
    if "trained_on" in card:
        parts = listing(each["id"] for each in card.get("merged", {}).get("runs", []))
        raise RequestError(
            f"{folder} was merged of runs with different validation images, so none of these is new to it. Merge the "
            f"runs that it was made of: {parts}"
        )
    return Member(name, folder, bundle, card, result, read_mapping(folder / JOB), sha256_of(bundle / WEIGHTS))


def _check_together(first: Member, other: Member) -> None:
    """Check that two runs have the same task, classes, preprocessing and dataset.

    Raises:
        RequestError: they don't.
    """
    for problem in _differences(first, other):
        raise RequestError(problem)


def _differences(first: Member, other: Member) -> Iterator[str]:
    pair = f"{first.name} and {other.name}"
    if other.task != first.task:
        yield f"{first.name} is {first.task}, but {other.name} is {other.task}. Merge runs of one task."
    what = "values" if first.task == "regression" else "classes"
    if lacking := sorted(set(first.classes) ^ set(other.classes)):
        owner = first.name if lacking[0] in first.classes else other.name
        yield (
            f"{pair} have different {what}: only {owner} has {listing(lacking, most=4)}. Merge runs that were trained "
            f"on the same {what}."
        )
    if first.link != other.link:
        said = (f"{_meaning(each)} of {each.name}" for each in (first, other))
        yield (
            f"The outputs of {pair} have no mean: {' and '.join(said)} are different quantities. Merge runs of the "
            "same loss with the same parameters; job.yaml has them under loss."
        )
    if first.link and first.task == "ordinal" and first.classes != other.classes:
        yield f"{pair} have the classes in different orders, which their ranks are counted in. Train both with one."
    mine, theirs = ({**_DEFAULTS, **each.card["preprocessing"]} for each in (first, other))
    for name in _SHAPE:
        if mine[name] != theirs[name]:
            yield (
                f"{pair} take different images: {name} is {mine[name]} and {theirs[name]}. A merged model gets each "
                f"image once, so train both with the same {name}; mean and std may differ."
            )
    if _place(first.job) != _place(other.job):
        yield (
            f"{pair} were trained on different datasets ({_said(first.job)} and {_said(other.job)}), so it is unknown "
            "which images are new to both. Merge runs that were trained on the same one."
        )

    folds = [(each.job.get("data") or {}).get("folds") for each in (first, other)]
    if (folds[0] is None) != (folds[1] is None):
        yield (
            f"Of {pair} only one was trained on folds, whose validation images are another part of the dataset. Merge "
            "runs of one kind: all of --folds, or none."
        )


def _meaning(member: Member) -> str:
    """The outputs of a run in words."""
    if member.levels:
        return f"the quantiles {listing(f'{level:g}' for level in member.levels)}"
    what = "values" if member.task == "regression" else "logits of classes"
    return f"the {what}" if member.link is None else f"the logits of ranks ({member.link['kind']})"


def _dataset(job: Mapping[str, Any]) -> dict[str, Any]:
    dataset = job.get("dataset")
    return dict(dataset) if isinstance(dataset, Mapping) else {"name": dataset}


def _place(job: Mapping[str, Any]) -> dict[str, Any]:
    """The dataset of a job, with an absolute folder, without its plugin's name, and with lists of names sorted."""
    dataset = _dataset(job)
    root = dataset.get("root")
    name = str(dataset.get("name")).rpartition("/")[2]
    lists = {key: sorted(map(str, value)) for key, value in dataset.items() if isinstance(value, list)}
    return {**dataset, **lists, "name": name, "root": str(Path(root).resolve()) if root else None}


def _said(job: Mapping[str, Any]) -> str:
    dataset = _dataset(job)
    return str(dataset.get("root") or dataset.get("name"))
