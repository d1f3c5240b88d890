"""Lookup of models: runs by name or folder, or models that plugins fetch, such as ``hf:owner/name``."""

from __future__ import annotations

from pathlib import Path

from zoo.job.run_folder import RUNS, find_run
from zoo.registry.registry import Registry

__all__ = ["find_model"]


def find_model(word: str, registry: Registry, out: Path = RUNS) -> Path:
    """Find the folder of a run or a bundle.

    Args:
        word: a name in ``out``, a folder, or a word with the prefix of a model source, whose model is fetched.
        registry: registry of the model sources.
        out: folder of runs.

    Raises:
        RequestError: no model is found.
    """
    source = registry.model_source(word)
    return find_run(word, out) if source is None else Path(source.make(word))
