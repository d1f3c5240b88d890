"""Callbacks on repeated runs as a whole, made of the components that a job names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from zoo.errors import ContractError, RequestError
from zoo.job.resolve import Resolved
from zoo.plugin import Kind
from zoo.registry.kinds import ALL
from zoo.registry.suggest import listing
from zoo.runner.repeats_summary import RepeatsSummary

__all__ = ["RepeatsCallback", "check_single", "repeats_callbacks", "without_repeats_kinds"]


class RepeatsCallback:
    """The events of repeated runs (``--seeds``, ``--folds``); every method does nothing unless it is overridden.

    Example::

        class WriteMean(RepeatsCallback):
            def repeats_end(self, summary, resolved):
                mean = summary.metrics["val"]["accuracy"].mean
                Path(summary.dir, "mean.txt").write_text(f"{mean:.3f}")
                return [f"The mean accuracy is in {summary.dir}/mean.txt."]
    """

    def repeats_start(self, resolved: Resolved, by: str, folder: Path, *, new: bool) -> None:
        """Check the job before its first run.

        Args:
            resolved: the job, with ``resolved.registry``.
            by: what varies between the runs: ``seed`` or ``fold``.
            folder: folder of the summary, beside those of the runs.
            new: no earlier runs are continued or replaced.

        Raises:
            ZooError: the runs can't be acted on; none begins.
        """

    def repeats_end(self, summary: RepeatsSummary, resolved: Resolved) -> Iterable[str]:
        """Act on the complete runs; ``--resume`` repeats this where it fails.

        Returns:
            Sentences, which become notices of the summary.
        """
        return ()


def repeats_callbacks(resolved: Resolved) -> list[RepeatsCallback]:
    """Build the callback of each kind of component that acts on repeated runs, where the job names such components.

    Raises:
        RequestError: a component can't be built, or the code that uses it can't be imported.
        ContractError: an object is not a callback of repeated runs.
    """
    from zoo.runner.chosen_callbacks import function_of, objects_of  # a dry run must not import torch

    found = []
    for kind in _kinds():
        if not (objects := objects_of(resolved, kind, {})):
            continue
        callback = function_of(kind, kind.repeats)(objects)
        if not isinstance(callback, RepeatsCallback):
            title = f"{kind.name} {type(callback).__name__!r}"
            raise ContractError(f"{title} is not a RepeatsCallback: derive its class from zoo.api.running's.")
        found.append(callback)
    return found


def check_single(resolved: Resolved) -> None:
    """Refuse a single run whose job names components that act on repeated runs alone.

    Raises:
        RequestError: it does.
    """
    for kind in _kinds():
        if not kind.use and (places := resolved.choices_at(kind.path)):
            asked = listing(choice.name for _, choice in places)
            raise RequestError(
                f"{kind.option or kind.path} {asked} needs repeated runs. Add --seeds N or --folds N, or leave it out."
            )


def without_repeats_kinds(resolved: Resolved) -> Resolved:
    """The job of a single one of the repeated runs: without the components that act on all."""
    return resolved.without({kind.path for kind in _kinds() if not kind.use})


def _kinds() -> list[Kind]:
    return [kind for kind in ALL.values() if kind.repeats]
