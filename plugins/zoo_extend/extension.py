"""What an extension found, for its report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.runs import RunResult
from zoo_extend.cost import Cost, Recall

__all__ = ["Extension"]


@dataclass(frozen=True)
class Extension:
    """A run that was extended: its result, and what the new classes cost.

    Args:
        result: as written to result.json.
        folder: folder of the run.
        cost: on the validation images of the old classes.
        recalls: of each new class.
        identical: how the old logits compare with those before, in words.
        facts: origin and cost, as in the result.
    """

    result: RunResult
    folder: Path
    cost: Cost
    recalls: Mapping[str, Recall]
    identical: str
    facts: Mapping[str, Any]
