"""A run whose model was made without training steps, by fitting a layer or from other runs: measured and recorded.

The folder gets what a training leaves: job.yaml, the bundle, predictions, pictures and result.json.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from zoo.data.batches import Batches, Normalize
from zoo.data.open import VAL
from zoo.data.split import Split
from zoo.data.splits import absent_notice
from zoo.engine.calibration import calibrate_outputs
from zoo.engine.evaluate import Answers
from zoo.engine.task import DETAILS, SINGLE_LABEL, Task
from zoo.evaluation.evaluate import score_answers
from zoo.job.names import with_ids
from zoo.job.resolve import Resolved
from zoo.job.run_folder import JOB, MODEL, PICTURES, RESULT
from zoo.model.build import count_parameters
from zoo.model.bundle import copied_weights, preprocessing_of, write_card, write_weights
from zoo.runner import build
from zoo.runner.environment import environment, versions
from zoo.runner.losses import Scored
from zoo.runner.measurements import Mistake, SplitMetrics
from zoo.runner.pictures import INDEX, draw_mistakes
from zoo.runner.predictions import relative_names, write_predictions
from zoo.runner.run_result import SCHEMA, RunResult
from zoo.storage.files import write_json, write_text

__all__ = ["UntrainedRun", "write_untrained"]


@dataclass(frozen=True)
class UntrainedRun:
    """A model that was made without training steps, and all that its run records.

    Args:
        resolved: a job that describes the model and its data; without components passed from Python.
        model: the network, on the CPU: images (N, C, H, W) -> logits (N, K).
        classes: names of the K classes, in the order of the logits.
        splits: train, val and, where there is one, test; with labels as the task's losses take them.
        logits: (N, K) float32 on the CPU of val and, where there is one, test.
        task: the task, fitted to its targets.
        made: how the model was made, in words, such as ``extended from brave-otter``; the first comment of job.yaml.
        seconds: duration of making the model.
        card: further entries of zoo.json.
        result: further entries of result.json.
        notices: sentences for the user.
        sections: ``[title, plain text]`` for the report.
    """

    resolved: Resolved
    model: nn.Module
    classes: Sequence[str]
    splits: Mapping[str, Split]
    logits: Mapping[str, Tensor]
    made: str
    task: Task = SINGLE_LABEL
    seconds: float = 0.0
    card: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    notices: Sequence[str] = ()
    sections: Sequence[Sequence[str]] = ()

    def answers(self, split: str) -> Answers:
        """Logits and targets of a split."""
        return Answers(self.logits[split], torch.from_numpy(self.splits[split].labels))


def write_untrained(run: UntrainedRun, home: Path, place: Path) -> RunResult:
    """Measure a model, and write its run: everything except the report.

    A temperature, the usual range of familiarity and the thresholds of a multi-label task are fitted on val.

    Args:
        home: folder to write into, which exists.
        place: final folder of the run, for the result.

    Returns:
        The result, as written to result.json.

    Raises:
        OutputError: the folder can't be written.
        TrainingError: the logits of an image are not finite.
    """
    card = _card(run)
    text = yaml.safe_dump(with_ids(run.resolved.job, run.resolved.entries), sort_keys=False, allow_unicode=True)
    write_text(home / JOB, f"# {run.made}\n{text}")
    (home / MODEL).mkdir()
    write_weights(home / MODEL, copied_weights(run.model))
    write_card(home / MODEL, card)
    metrics, mistakes = _measured(run, card, home)
    _draw(run, mistakes.get(VAL, []), home)
    result = RunResult.read({**_document(run, place), "metrics": metrics, "mistakes": mistakes, **run.result})
    write_json(home / RESULT, result.document())
    return result


def _card(run: UntrainedRun) -> Mapping[str, Any]:
    entry, task, (logits, targets, _) = run.resolved.entry("architecture"), run.task, run.answers(VAL)
    fitted = calibrate_outputs(logits, targets, task)
    return {
        "classes": list(run.classes),
        "task": task.name,
        **({DETAILS: details} if (details := task.card()) else {}),
        **({"thresholds": task.thresholds(logits, targets)} if task.multilabel else {}),
        **({} if fitted is None else fitted.card()),
        "preprocessing": preprocessing_of(run.resolved.job),
        "architecture": {**entry.provenance(), "params": run.resolved.job.architecture.params},
        "parameters": count_parameters(run.model),
        "provenance": run.resolved.provenance(),
        "versions": versions(),
        **run.card,
    }


def _measured(
    run: UntrainedRun, card: Mapping[str, Any], home: Path
) -> tuple[dict[str, SplitMetrics], dict[str, list[Mistake]]]:
    """Numbers and worst mistakes of each split with logits, whose predictions are written."""
    task = run.task
    scoring = build.build_scoring(run.resolved, Scored(list(run.classes), task), torch.device("cpu"))
    root = run.resolved.job.dataset.params.get("root")
    metrics: dict[str, SplitMetrics] = {}
    mistakes: dict[str, list[Mistake]] = {}
    for name in run.logits:
        names, answers = run.splits[name].names, run.answers(name)
        metrics[name], mistakes[name] = score_answers(answers, names, card, *scoring, fitted_here=name == VAL)
        heat, read = card.get("temperature", 1.0), (task.read(answers.logits), task.read_labels(answers.targets))
        write_predictions(home, name, relative_names(names, root), list(run.classes), *read, heat)
    return metrics, mistakes


def _draw(run: UntrainedRun, mistakes: Sequence[Mistake], home: Path) -> None:
    """Draw the worst mistakes for the report, which does without where the network or the images don't allow it."""
    data = run.resolved.job.data
    if data.in_chans not in (1, 3) or not mistakes:
        return
    batches = Batches(run.splits[VAL], len(mistakes), Normalize(data.mean, data.std, torch.device("cpu"), data.scale))
    with contextlib.suppress(RuntimeError, ValueError):
        (home / PICTURES).mkdir()
        rows = draw_mistakes(run.model, batches, mistakes, run.classes, home / PICTURES, task=run.task)
        write_json(home / PICTURES / INDEX, {"mistakes": rows})


def _document(run: UntrainedRun, place: Path) -> Mapping[str, Any]:
    resolved, entry = run.resolved, run.resolved.entry("architecture")
    absent = [text for split in run.splits.values() for text in absent_notice(split, run.classes)]
    return {
        "schema": SCHEMA,
        "status": "completed",
        "run": place.name,
        "dir": str(place),
        "job": resolved.job.plain(),
        "job_sources": resolved.sources,
        "task": run.task.name,
        "classes": list(run.classes),
        "splits": {name: split.summary(run.classes) for name, split in run.splits.items()},
        "notices": list(dict.fromkeys([*run.notices, *absent])),
        "timing": {"total_s": run.seconds},
        "environment": environment("fitted on the CPU", "cpu"),
        "provenance": resolved.provenance(),
        "model": {
            "id": entry.id,
            "parameters": count_parameters(run.model),
            "plugin": entry.origin.plugin,
            "version": entry.origin.version,
            "begins": run.made,
            "bundle": MODEL,
        },
        "sections": [list(section) for section in run.sections],
    }
