"""What to predict with: the model and the options that decide the rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["PredictTask"]


@dataclass(frozen=True)
class PredictTask:
    """A model and how it predicts, which can be pickled.

    Args:
        model: absolute path of a run, a bundle or an exported file; or a word of a model source, such as
            ``hf:owner/name``.
        device: as ``--device`` has it.
        top_k, tta: see ``zoo.api.models.Classifier.predict``.
        reject_below: confidence in 0..1 below which a prediction is not sure; None for the model's.
        coverage: rate at which the set of classes of a row holds the true one; None for no sets.
        embeddings: rows have the input of the network's last layer.
    """

    model: str
    device: str = "auto"
    top_k: int = 5
    tta: str | None = None
    reject_below: float | None = None
    embeddings: bool = False
    coverage: float | None = None

    def options(self) -> dict[str, Any]:
        """The options that decide the rows, for the record of an output."""
        kept = ("top_k", "tta", "reject_below", "coverage", "embeddings")
        return {name: value for name, value in asdict(self).items() if name in kept}

    @staticmethod
    def model_word(word: str) -> str:
        """Make the path of a model absolute, so that a process with another working folder finds it."""
        for folder in (Path(), Path("runs")):
            if (folder / word).exists():
                return str((folder / word).resolve())
        return word
