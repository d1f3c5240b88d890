"""What a run is while it runs: the one object that observers, hooks and reports are given."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Run"]


@dataclass
class Run:
    """A run that is ready to train, as plain data: nothing here holds a tensor, a model or a file.

    Args:
        name: the folder's name, unique in the output folder.
        dir: the run's folder.
        job: the resolved job: ``architecture``, ``dataset`` and ``loss`` (each a dict with ``name`` and its
            parameters), ``metrics``, ``augment``, ``train``, ``data``, ``device``, ``precision``, ``seed``.
        sources: dotted path in the job -> where its value came from (``"command line"``, ``"--set"``,
            ``"job.yaml"``, ``"recipe simple_cnn+cats_dogs"``, ``"registry.yaml"``, ``"default"``, …).
        classes: the class names, in label order.
        splits: split -> ``images`` (how many), ``skipped`` (``name`` and ``reason``, each), ``source``.
        model: ``id``, ``parameters`` (how many), ``plugin``, ``version``, ``begins`` (with what weights, in words, or
            None), ``features`` (whether a frozen backbone runs once).
        device: ``name`` and ``description``.
        execution: number format and memory layout, in words.
        expect: what the recipe leads one to expect (``metric``, ``value``, ``photos``, ``measured``), or None.
        estimate_s: seconds that the epochs still to be trained will take, by a few steps of them; None where they
            couldn't be timed.
        hints: what would probably do better, a sentence each with the command to type.
        notices: what has to be said loudly, in the order it came up.
        sections: ``(title, plain text)`` that plugins add to the report.
    """

    name: str
    dir: Path
    job: dict[str, Any]
    sources: dict[str, str] = field(default_factory=dict)
    classes: list[str] = field(default_factory=list)
    splits: dict[str, dict[str, Any]] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    device: dict[str, str] = field(default_factory=dict)
    execution: str = ""
    expect: dict[str, Any] | None = None
    estimate_s: float | None = None
    hints: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    sections: list[tuple[str, str]] = field(default_factory=list)
