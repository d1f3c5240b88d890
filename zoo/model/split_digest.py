"""Digest of a dataset's division into splits: a run records it, and another division under the same name is refused."""

from __future__ import annotations

from pathlib import Path

from zoo.errors import BundleError, RequestError
from zoo.job.run_folder import MODEL
from zoo.job.schema import Choice
from zoo.model.bundle import read_card

__all__ = ["SPLIT_DIGEST", "check_split_digest", "recorded_split_digest"]

SPLIT_DIGEST = "split_digest"
"""Its key in a bundle's zoo.json."""


def recorded_split_digest(folder: Path) -> str | None:
    """Read the digest that a run was trained with; None where its dataset has none, or the record is damaged."""
    try:
        found = read_card(folder / MODEL).get(SPLIT_DIGEST)
    except BundleError:
        return None
    return None if found is None else str(found)


def check_split_digest(before: str | None, now: str | None, dataset: Choice, advice: str) -> None:
    """Check that a run's dataset is divided into splits as it was for the run's training.

    Args:
        before: digest that the run recorded.
        now: current digest of its dataset.
        dataset: the dataset, for the message.
        advice: how to continue without the recorded division.

    Raises:
        RequestError: both have a digest, and they differ.
    """
    if before is not None and now is not None and before != now:
        table = dataset.params.get("root") or dataset.name
        raise RequestError(
            f"The splits of {table} have changed: their digest was {before[:12]} when the run was trained, and is "
            f"{now[:12]} now. An image that was trained on may be in val or test. Restore the file, or {advice}"
        )
