"""Analyses of a trained model: what a job or ``zoo evaluate`` measures of its answers beside the metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.data.open import TEST, VAL
from zoo.data.split import Split
from zoo.engine.evaluate import Answers
from zoo.engine.part_numbers import PartScore
from zoo.errors import ContractError, RequestError
from zoo.job.resolve import Resolved
from zoo.model.build import build
from zoo.runner.build import unique_names
from zoo.runner.components import RunComponents
from zoo.runner.measurements import SplitMetrics

__all__ = ["Analyses", "Evaluated", "Findings", "analyses_of_run", "build_analyses"]

PATH = "analyses"
Document = Mapping[str, Any]
Progress = Callable[[str, int, int], None]
Predict = Callable[[Split], Answers]


def _silent(what: str, done: int, total: int) -> None:
    del what, done, total


@dataclass(frozen=True)
class Evaluated:
    """A trained model with its answers on the images of a split.

    Args:
        folder: the run's folder, or an exported file.
        card: content of the model's zoo.json.
        split: the decoded images, uint8 (N, H, W, C) by ``split.gather(indices)``, their labels, names and attributes.
        answers: logits (N, K) float32, targets, and further outputs of the network, on the device.
        numbers: the numbers of the split.
        higher: names of those of the numbers for which higher is better.
        score: computes the same numbers, with intervals, of other answers, such as of a part of the images.
        predictor: computes the answers of the model for other images; None at the end of a run.
        progress: receives what is being computed, and how many steps of it are done and planned.
    """

    folder: Path
    card: Mapping[str, Any]
    split: Split
    answers: Answers
    numbers: SplitMetrics
    higher: frozenset[str]
    score: PartScore
    predictor: Predict | None = None
    progress: Progress = _silent

    def predict(self, split: Split) -> Answers:
        """Compute the answers of the model for other images.

        Raises:
            RequestError: the evaluation is the end of a run, which doesn't predict other images.
        """
        if self.predictor is None:
            raise RequestError("The analysis predicts further images, which is for zoo evaluate, not for a run.")
        return self.predictor(split)


@dataclass(frozen=True)
class Findings:
    """What an analysis has found.

    Args:
        document: plain data, for result.json and ``--json``.
        sections: ``(title, plain text)`` of the report.
        figures: SVG drawings by the title of the section that the page shows them in.
        columns: values of the N images by name, to be stored with the predictions.
    """

    document: Document
    sections: Sequence[tuple[str, str]] = ()
    figures: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Analyses:
    """The analyses of an evaluation, and what they have found so far.

    Args:
        each: analyses by name.
        several: whether the title of a section names the split.
    """

    def __init__(self, each: Mapping[str, Callable[[Evaluated], Findings | None]], *, several: bool = False):
        self.each, self.several = each, several
        self.documents: dict[str, dict[str, Document]] = {}
        self.sections: list[list[str]] = []
        self.figures: list[dict[str, str]] = []

    def check(self, split: Split) -> None:
        """Check that the images have what the analyses need.

        Raises:
            RequestError: they have not.
        """
        for analyse in self.each.values():
            if (check := getattr(analyse, "check", None)) is not None:
                check(split)

    def run(self, evaluated: Evaluated) -> dict[str, Sequence[str]]:
        """Run each analysis on a split, and return the columns to store with its predictions.

        Raises:
            ContractError: an analysis returned neither findings nor None.
        """
        columns: dict[str, Sequence[str]] = {}
        for name, analyse in self.each.items():
            found = analyse(evaluated)
            if found is None:
                continue
            if not isinstance(found, Findings):
                raise ContractError(f"analysis {name!r} must return Findings or None, not {type(found).__name__}")
            self._keep(name, evaluated.split.name, found)
            columns |= found.columns
        return columns

    def _keep(self, name: str, split: str, found: Findings) -> None:
        titles = {title: f"{title}, {split}" if self.several else title for title, _ in found.sections}
        self.documents.setdefault(name, {})[split] = dict(found.document)
        self.sections += [[titles[title], text] for title, text in found.sections]
        self.figures += [{"title": titles.get(title, title), "svg": svg} for title, svg in found.figures.items()]

    def entries(self) -> Document:
        """The entries of a result; empty where nothing was found."""
        return {**({PATH: self.documents} if self.documents else {}), "sections": self.sections}


def build_analyses(resolved: Resolved, *, several: bool = False) -> Analyses:
    """Build the analyses that a job lists.

    Raises:
        RequestError: one can't be built with its parameters.
    """
    choices: Any = getattr(resolved.job, PATH, None) or []
    built = [
        build(resolved.entry(f"{PATH}.{i}"), choice.params, f"{PATH}.{choice.name}") for i, choice in enumerate(choices)
    ]
    return Analyses(dict(zip(unique_names(choices), built, strict=True)), several=several)


def analyses_of_run(parts: RunComponents) -> Analyses:
    """Build the analyses of a run, and check that its held-out images have what they need.

    Raises:
        RequestError: one can't be built with its parameters, or the images lack what it needs.
    """
    held_out = [parts.splits[name] for name in (VAL, TEST) if name in parts.splits]
    found = build_analyses(parts.resolved, several=len(held_out) > 1)
    for split in held_out:
        found.check(split)
    return found
