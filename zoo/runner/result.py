"""The records of a run's beginning and end: the run as observers see it, its bundle's card, and its result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.data.open import TRAIN
from zoo.data.split import Split
from zoo.data.splits import absent_notice
from zoo.engine.calibration import Calibration
from zoo.engine.task import DETAILS
from zoo.engine.tta import NONE, account
from zoo.engine.tta import notices as tta_notices
from zoo.engine.value_intervals import ValueIntervals
from zoo.job.task_fit import numbers_notice
from zoo.model.build import count_parameters
from zoo.model.bundle import preprocessing_of
from zoo.model.split_digest import SPLIT_DIGEST
from zoo.runner.components import RunComponents
from zoo.runner.environment import environment, versions
from zoo.runner.job_record import JobRecord
from zoo.runner.losses import loss_weights
from zoo.runner.measurements import SplitSummary
from zoo.runner.record import Run
from zoo.runner.result_parts import Expectation, ModelSummary, TeacherSummary, TuningAccount
from zoo.runner.run_result import SCHEMA, RunResult
from zoo.runner.training import FinalNumbers, Training
from zoo.runner.verdict_facts import signs_of


def _execution_text(parts: RunComponents) -> str:
    """Describe the device and precision of training, and of evaluation where it differs."""
    words, answers = parts.execution.describe(), parts.answering
    same = answers.dtype is parts.execution.dtype
    return words if same else f"{words} · inference in {answers.precision}"


def run_record(parts: RunComponents, folder: Path) -> Run:
    """Describe the run for observers and hooks."""
    entry, splits = parts.resolved.entry("architecture"), parts.splits
    where, *how = _execution_text(parts).split(" · ")
    notices = [text for split in splits.values() for text in split.notices]
    notices += _frozen_notice(parts)
    notices += _numbers_notice(parts)
    notices += [text for split in splits.values() for text in absent_notice(split, parts.classes)]
    notices += [_skipped_notice(split) for split in splits.values() if split.skipped]
    return Run(
        name=folder.name,
        dir=folder,
        job=JobRecord.read(parts.job.plain()),
        sources=parts.resolved.sources,
        classes=parts.classes,
        splits={name: SplitSummary.read(split.summary(parts.classes)) for name, split in splits.items()},
        model=ModelSummary.read(
            {
                "id": entry.id,
                "parameters": count_parameters(parts.model),
                "loss_parameters": sum(p.numel() for p in loss_weights(parts.loss_fn)) or None,
                "plugin": entry.origin.plugin,
                "version": entry.origin.version,
                "begins": _initial_weights_text(parts),
                "features": parts.learner.alone,
            }
        ),
        device={"name": str(parts.execution.device), "description": where},
        execution=", ".join(how),
        expect=Expectation.read(expect) if (expect := parts.resolved.recipe.get("expect")) else None,
        reasons=parts.resolved.reasons,
        notices=list(dict.fromkeys(notices)),
        task=parts.task.name,
    )


def _initial_weights_text(parts: RunComponents) -> str | None:
    """Describe the initial weights; None for random ones."""
    if parts.loaded is not None:
        return parts.loaded.sentence()
    return "pretrained weights" if parts.job.pretrained else None


def _frozen_notice(parts: RunComponents) -> list[str]:
    by_chance = parts.job.train.freeze is not None and _initial_weights_text(parts) is None
    text = "The frozen layers have random weights. Start from trained weights: --pretrained, or --weights FILE."
    return [text] if by_chance else []


def _numbers_notice(parts: RunComponents) -> list[str]:
    if parts.task.name != "single-label":
        return []
    name = str(getattr(parts.dataset, "target_name", ""))
    found = numbers_notice(parts.job.task, parts.classes, len(parts.splits["train"]), name)
    return [] if found is None else [found]


def _skipped_notice(split: Split) -> str:
    shown = ", ".join(f"{Path(s['name']).name} ({s['reason']})" for s in split.skipped[:3])
    more = f" and {len(split.skipped) - 3} more" if len(split.skipped) > 3 else ""
    one = len(split.skipped) == 1
    images = "image could not be decoded and is" if one else "images could not be decoded and are"
    return f"{len(split.skipped)} {split.name} {images} skipped: {shown}{more}."


def bundle_card(
    parts: RunComponents, thresholds: list[float] | None = None, calibration: Calibration | ValueIntervals | None = None
) -> dict[str, Any]:
    """Build the bundle's zoo.json: everything that is needed to use the weights.

    Args:
        thresholds: decision threshold of each class of a multi-label task; 0.5 each where None.
        calibration: temperature scaling, or intervals of values, of the best weights, once they are evaluated.
    """
    entry = parts.resolved.entry("architecture")
    return {
        "classes": parts.classes,
        "task": parts.task.name,
        **({} if parts.job.tta == NONE else {"tta": parts.job.tta}),
        **({DETAILS: details} if (details := parts.task.card()) else {}),
        **({"thresholds": thresholds} if parts.task.multilabel else {}),
        **({} if calibration is None else calibration.card()),
        "preprocessing": preprocessing_of(parts.job),
        "architecture": {**entry.provenance(), "params": parts.job.architecture.params},
        "parameters": count_parameters(parts.model),
        "provenance": parts.resolved.provenance(),
        **({} if (digest := parts.splits[TRAIN].split_digest) is None else {SPLIT_DIGEST: digest}),
        "versions": versions(),
    }


def _weights(parts: RunComponents) -> dict[str, Any] | None:
    """Account of the initial weights; None for random ones."""
    if parts.loaded is not None:
        return parts.loaded.as_dict()
    return {"pretrained": True} if parts.job.pretrained else None


def _teacher(parts: RunComponents) -> dict[str, TeacherSummary]:
    """Account of the teacher of a distilled network; empty where there is none."""
    return {} if parts.teacher is None else {"teacher": parts.teacher.summary()}


def result_of(training: Training, run: Run, status: str, reason: str | None, final: FinalNumbers) -> RunResult:
    """Build the result of a run, complete or not.

    Args:
        status: ``completed``, ``stopped``, ``interrupted`` or ``failed``.
        reason: reason for ending before the last epoch.
        final: final metrics; empty where no epoch was finished.
    """
    parts, state, recipe = training.parts, training.state, training.job.recipe
    return RunResult.read(
        {
            "schema": SCHEMA,
            "status": status,
            "stop_reason": reason,
            "run": run.name,
            "dir": str(run.dir),
            "job": run.job,
            "job_sources": run.sources,
            "recipe": {"name": recipe, "expect": run.expect} if recipe else None,
            "task": parts.task.name,
            "classes": run.classes,
            **({"thresholds": training.thresholds} if parts.task.multilabel else {}),
            "splits": run.splits,
            "notices": [*run.notices, *state.notices],
            "metrics": final.metrics,
            "mistakes": final.mistakes,
            "best": state.best,
            "epochs": state.history,
            "timing": _timing(training),
            "environment": environment(_execution_text(parts), run.device["name"]),
            "provenance": {
                **parts.resolved.provenance(),
                **parts.resolved.recipe_provenance(),
                **parts.resolved.settings_provenance(),
            },
            "model": {
                **run.model,
                "weights": _weights(parts),
                **_teacher(parts),
                "bundle": "model" if state.best else None,
            },
            **({"trial": parts.trial} if parts.trial else {}),
            **training.analyses.entries(),
        }
    )


def final_result(training: Training, run: Run, status: str, reason: str | None, tuning: TuningAccount) -> RunResult:
    """Evaluate the best weights, and build the result with the facts for a verdict.

    Args:
        tuning: account of the values that the run determined before training.
    """
    result = result_of(training, run, status, reason, training.evaluate_best())
    best, tta = training.state.best, training.job.tta
    alone = f" With a single view, {best.metric} is {best.value:.4g}." if best else ""
    return result.changed(
        notices=[*result.notices, *(f"{text}{alone}" for text in tta_notices(tta))],
        **({"signs": signs_of(training)} if training.ranks.first else {}),
        **account(tta),
        **({"tuning": tuning} if tuning.keys() else {}),
    )


def _timing(training: Training) -> dict[str, float | None]:
    """Seconds by phase and in total, and the training speed in images per second."""
    timing = training.state.timing
    seen = len(training.parts.splits["train"]) * len(training.state.history)
    speed = seen / timing["train_s"] if seen else None
    return {**timing, "total_s": sum(timing.values()), "train_images_per_second": speed}
