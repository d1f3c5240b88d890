"""Find a model: a run by its name or folder, or one that a plugin fetches, as ``hf:owner/name``."""

from __future__ import annotations

from pathlib import Path

from zoo.job.run_folder import RUNS, find_run
from zoo.registry.registry import Registry

__all__ = ["find_model"]


def find_model(word: str, registry: Registry, out: Path = RUNS) -> Path:
    """The folder of a run or a bundle.

    Args:
        word: a name in ``out``, a folder, or a word with the prefix of a model source, whose model is fetched.

    Raises:
        RequestError: there is none.
    """
    source = registry.model_source(word)
    return find_run(word, out) if source is None else Path(source.make(word))
