"""The description of a run in progress, passed to observers, callbacks and reports."""

from __future__ import annotations

import copy
from dataclasses import field, fields
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass

from zoo.runner.job_record import JobRecord
from zoo.runner.measurements import SplitSummary
from zoo.runner.records import Number, plain
from zoo.runner.result_parts import Expectation, ModelSummary

__all__ = ["Run"]


@dataclass
class Run:
    """A run that is ready to train, as plain data: nothing here holds a tensor, a model or a file.

    Args:
        name: the folder's name, unique in the output folder.
        dir: the run's folder.
        job: the resolved job: ``architecture``, ``dataset`` and ``loss`` (each with ``name`` and its
            parameters), ``metrics``, ``augment``, ``train``, ``data``, ``device``, ``precision``, ``seed``.
        sources: dotted path in the job -> where its value came from (``"command line"``, ``"--set"``,
            ``"job.yaml"``, ``"recipe simple_cnn+cats_dogs"``, ``"registry.yaml"``, ``"default"``, …).
        classes: the class names, in label order.
        task: ``single-label``, ``multi-label``, ``ordinal`` or ``regression``.
        splits: split -> ``images`` (how many), ``skipped`` (``name`` and ``reason``, each), ``source``.
        model: ``id``, ``parameters`` and ``loss_parameters`` (how many), ``plugin``, ``version``, ``begins`` (with
            what weights, in words, or None), ``features`` (whether a frozen backbone runs once).
        device: ``name`` and ``description``.
        execution: number format and memory layout, in words.
        expect: what the recipe leads one to expect (``metric``, ``value``, ``photos``, ``measured``), or None.
        reasons: dotted path -> why a rule chose the value for this data or this machine.
        estimate_s: seconds that the epochs still to be trained will take, by a few steps of them; None where they
            couldn't be timed.
        hints: what would probably do better, a sentence each with the command to type.
        notices: what has to be said loudly, in the order it came up.
        sections: ``(title, plain text)`` that plugins add to the report.
        settings: in a plugin's hook, the object of the dataclass that the plugin's ``zoo_settings`` returns; else None.
    """

    name: str
    dir: Path
    job: JobRecord
    sources: dict[str, str] = field(default_factory=dict)
    classes: list[str] = field(default_factory=list)
    splits: dict[str, SplitSummary] = field(default_factory=dict)
    model: ModelSummary = field(default_factory=ModelSummary)
    device: dict[str, str] = field(default_factory=dict)
    execution: str = ""
    expect: Expectation | None = None
    reasons: dict[str, str] = field(default_factory=dict)
    estimate_s: Number | None = None
    hints: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    sections: list[tuple[str, str]] = field(default_factory=list)
    settings: Any = None
    task: str | None = None

    def with_plain_parts(self) -> Any:
        """Copy the run with plain mappings in place of records, as hooks have received them since version 0.1."""
        found = copy.copy(self)
        for each in fields(self):
            setattr(found, each.name, copy.deepcopy(plain(getattr(self, each.name))))
        return found
