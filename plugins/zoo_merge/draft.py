"""A merged model with all that its run is written from, and the writing."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from torch import nn

from zoo.api.compute import (
    NONE,
    Answers,
    calibrate_outputs,
    choose_execution,
    evaluate_logits,
    final_numbers,
    task_of_card,
)
from zoo.api.images import TEST, VAL, class_counts
from zoo.api.jobs import make_request, resolve
from zoo.api.models import copied_weights, count_parameters, write_card, write_weights
from zoo.api.running import EvaluationOptions, environment, evaluate, versions, write_predictions
from zoo.runs import JOB, MODEL, PICTURES, RESULT, RunResult
from zoo.storage import write_json, write_text
from zoo_merge.held_out import HeldOut
from zoo_merge.members import Member
from zoo_merge.mergers import MergePlace
from zoo_merge.words import title

__all__ = ["Draft", "merged_entry", "write_bundle", "write_run"]

_FITTED = (
    *("temperature", "familiar", "conformal", "intervals", "thresholds", "reject"),
    *("tta", "schema", "attachments", "merged", "trained_on"),
)
"""Entries of zoo.json that belong to the weights of one run, not to its classes and images."""


@dataclass(frozen=True)
class Draft:
    """A merged model.

    Args:
        how: name of the merger.
        members: the merged runs.
        held: their validation images.
        network: the model.
        architecture: its record in zoo.json: id, params and origin.
        names: names of the validation images that are new to it, which temperature, thresholds and intervals are
            fitted on.
        answers: its outputs for these images, and their targets as a loss takes them.
        account: sentences about the merging, for the report.
        notices: what a reader of the numbers has to know.
        job: changes of the first run's job.
        started: time at the beginning, by ``time.perf_counter``.
    """

    how: str
    members: Sequence[Member]
    held: HeldOut
    network: nn.Module
    architecture: Mapping[str, Any]
    names: Sequence[str]
    answers: Answers
    account: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    job: Mapping[str, Any] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    @property
    def first(self) -> Member:
        """The run whose job the merged run has."""
        return self.members[0]

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        """The merged runs, for the provenance."""
        return {f"merged.{i}": member.record() for i, member in enumerate(self.members)}

    @cached_property
    def card(self) -> dict[str, Any]:
        """Content of zoo.json."""
        kept = {name: value for name, value in self.first.card.items() if name not in _FITTED}
        origin = {name: value for name, value in self.architecture.items() if name != "params"}
        views = {member.card.get("tta", NONE) for member in self.members}
        return {
            **kept,
            **({} if len(views) > 1 or views == {NONE} else {"tta": views.pop()}),
            **self._fitted(),
            "architecture": dict(self.architecture),
            "parameters": count_parameters(self.network),
            "provenance": {**(kept.get("provenance") or {}), "architecture": origin},
            "versions": versions(),
            "merged": merged_entry(self.how, self.members),
            **({} if self.held.same else {"trained_on": {VAL: self._seen()}}),
        }

    def _fitted(self) -> dict[str, Any]:
        """Temperature, familiarity, thresholds and scores of intervals."""
        outputs, targets, _ = self.answers
        task = task_of_card(self.first.card)
        thresholds, calibration = task.thresholds(outputs, targets), calibrate_outputs(outputs, targets, task)
        return {
            **({} if thresholds is None else {"thresholds": thresholds}),
            **({} if calibration is None else calibration.card()),
        }

    def _seen(self) -> str:
        return (
            f"At least one of the {len(self.members)} merged runs was trained on these val images, so these numbers "
            "are too good. Evaluate it on new images: zoo evaluate RUN DATASET"
        )


def merged_entry(how: str, members: Sequence[Member]) -> dict[str, Any]:
    """The merged runs, for zoo.json; without their folders, since the bundle may be shared."""
    runs = [{name: value for name, value in member.record().items() if name != "dir"} for member in members]
    return {"as": how, "runs": runs}


def write_bundle(draft: Draft, folder: Path) -> None:
    """Write the weights and zoo.json."""
    folder.mkdir(parents=True)
    write_weights(folder, copied_weights(draft.network))
    write_card(folder, draft.card)


def write_run(draft: Draft, place: MergePlace) -> RunResult:
    """Write the files of a merged run and evaluate it; return its result."""
    home = place.home
    write_bundle(draft, home / MODEL)
    write_text(home / JOB, _job_text(draft))
    resolved = resolve(make_request({}, file=home / JOB), place.registry)
    (home / PICTURES).mkdir()
    evaluated = [_evaluated(split, place, pictures=not i) for i, split in enumerate(_measured_splits(draft))]
    known = {} if draft.held.same else _of_predictions(draft, home)
    entry = place.registry.find("architecture", draft.architecture["id"])
    result = RunResult.read(
        {
            "schema": 1,
            "status": "completed",
            "run": place.target.name,
            "dir": str(place.target),
            "job": resolved.job.plain(),
            "job_sources": {**resolved.sources, "architecture": "zoo merge"},
            "task": draft.first.task,
            "classes": draft.first.classes,
            **({"thresholds": draft.card["thresholds"]} if "thresholds" in draft.card else {}),
            "splits": {**_training_images(draft), **known.get("splits", {}), **_merged(evaluated, "splits")},
            "notices": list(dict.fromkeys([*draft.notices, *(text for each in evaluated for text in each.notices)])),
            "metrics": {**known.get("metrics", {}), **_merged(evaluated, "metrics")},
            "mistakes": {**known.get("mistakes", {}), **_merged(evaluated, "mistakes")},
            "timing": {"total_s": time.perf_counter() - draft.started},
            "environment": _environment(place.device),
            "provenance": {**draft.card["provenance"], **draft.records},
            "model": {
                "id": entry.id,
                "parameters": draft.card["parameters"],
                "plugin": entry.origin.plugin,
                "version": entry.origin.version,
                "bundle": MODEL,
            },
            "sections": [[title(draft.how), "\n".join(draft.account)]],
        }
    )
    write_json(home / RESULT, result.document())
    return result


def _job_text(draft: Draft) -> str:
    """The first run's job with the merged architecture, as YAML; a comment says how the model was made."""
    names = ", ".join(member.name for member in draft.members)
    job = {**draft.first.job, **draft.job}
    return f"# Merged, not trained: {draft.how} of {names}\n" + yaml.safe_dump(job, sort_keys=False, allow_unicode=True)


def _measured_splits(draft: Draft) -> list[str]:
    """Splits on which the merged model itself is evaluated."""
    return [*([VAL] if draft.held.same else []), *([TEST] if draft.held.test else [])]


def _evaluated(split: str, place: MergePlace, *, pictures: bool) -> RunResult:
    """Evaluate the merged model on its own images; its worst mistakes on the first split become pictures."""
    place.tell(f"evaluating on the {split} images")
    folder = place.home / PICTURES if pictures else None
    options = EvaluationOptions(split=split, device=place.device, keep=True, pictures=folder)
    return evaluate(place.home, options, place.registry)


def _of_predictions(draft: Draft, home: Path) -> dict[str, Any]:
    """Numbers of the predictions for validation images that are new to the model, stored as those of val."""
    names, classes, heat = draft.names, draft.first.classes, draft.card.get("temperature")
    task, (outputs, targets, _) = task_of_card(draft.card), draft.answers
    numbers = evaluate_logits(outputs, targets, None, classes, thresholds=draft.card.get("thresholds"), task=task)
    beside, mistakes = final_numbers(draft.answers, None, names, classes, temperature=heat, fitted_here=True, task=task)
    write_predictions(home, VAL, names, classes, task.read(outputs), task.read_labels(targets), heat or 1.0)
    counted = classes if task.classifies else []
    counts = class_counts(targets.numpy(), len(counted)).tolist() if counted else []
    images = {"images": len(names), "per_class": dict(zip(counted, counts, strict=True))}
    return {"metrics": {VAL: {**numbers, **beside}}, "mistakes": {VAL: mistakes}, "splits": {VAL: images}}


def _training_images(draft: Draft) -> dict[str, Any]:
    """Summary of the training images, where all runs have the same ones."""
    return {"train": draft.first.result.images_of("train").document()} if draft.held.same else {}


def _merged(evaluated: Sequence[RunResult], name: str) -> dict[str, Any]:
    return {split: value for each in evaluated for split, value in each.document()[name].items()}


def _environment(device: str) -> dict[str, Any]:
    execution = choose_execution(device, "fp32")
    return environment(execution.describe(), str(execution.device)).document()
