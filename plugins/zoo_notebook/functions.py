"""Functions for Python: ``zoo.evaluate``, ``zoo.compare`` and ``zoo.result``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.api import Result
from zoo.api.jobs import Registry, components
from zoo.errors import RequestError

if TYPE_CHECKING:
    from zoo_notebook.comparison import RunComparison

__all__ = ["compare", "evaluate", "result"]


def evaluate(
    run: str | Path | Result,
    dataset: str | None = None,
    *,
    data: str | Path | None = None,
    split: str | None = None,
    device: str = "auto",
    tta: str | None = None,
    keep: bool = False,
) -> Result:
    """Evaluate a trained model, as ``zoo evaluate`` does.

    Args:
        run: a result of ``zoo.run``, the name or folder of a run, an exported file, or ``hf:owner/name``.
        dataset: name of a dataset, a folder or a CSV file; by default the images that the run was validated with.
        data: folder or file of the dataset.
        split: train, val, test or all; by default test, else val, else all images.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        tta: test-time augmentation; by default as in the run's job.
        keep: store the predictions in the run's folder, so that runs can be compared on them.

    Returns:
        A result without epochs, with ``metrics``, ``mistakes`` and ``splits`` by split.

    Raises:
        RequestError: the run, dataset or split doesn't exist.
        DataError: the images don't fit the model, for example because of an unknown class.
    """
    from zoo.api.running import evaluate_run

    folder = None if data is None else Path(data)
    registry, word = components(), _word(run)
    found = evaluate_run(word, dataset, registry=registry, data=folder, split=split, device=device, tta=tta, keep=keep)
    return Result(found.document())


def compare(*runs: str | Path | Result, split: str | None = None, shared: bool = False) -> RunComparison:
    """Compare runs with the first of them, image by image, as ``zoo runs compare`` does.

    Args:
        runs: two or more results of ``zoo.run``, names or folders of runs.
        split: val or test; by default test where the first run has predictions for it, else val.
        shared: where the runs were evaluated on different images, compare on the common ones.

    Raises:
        RequestError: there are fewer than two runs, or a run has no predictions for these images.
    """
    from zoo.api.running import compare_runs
    from zoo_notebook.comparison import RunComparison

    if len(runs) < 2:
        raise RequestError("zoo.compare takes two or more runs: zoo.compare(first, second).")
    registry = components()
    return RunComparison(compare_runs([_folder(run, registry) for run in runs], registry, split, shared=shared))


def result(run: str | Path) -> Result:
    """Read the result of an earlier run; a notebook shows its report.

    Args:
        run: the name or folder of a run, or of several runs by seeds or folds.

    Raises:
        RequestError: there is no such run, it has not ended, or its result is damaged.
    """
    from zoo.runs import SUMMARY, read_result, read_summary

    folder = _folder(run, components())
    found = read_summary(folder) if (folder / SUMMARY).is_file() else read_result(folder)
    return Result(found.document())


def _word(run: str | Path | Result) -> str | Path:
    return run.dir if isinstance(run, Result) else run


def _folder(run: str | Path | Result, registry: Registry) -> Path:
    from zoo.api.models import find_model

    return find_model(str(_word(run)), registry)
