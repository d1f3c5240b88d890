"""Identification of exported model files by name, without heavy imports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from zoo.errors import RequestError
from zoo.job.run_folder import IMPORTED, RUNS
from zoo.registry.entry import Entry
from zoo.registry.registry import Registry, only_reader, owners_of
from zoo.storage.files import read_plain

__all__ = ["artifact_at", "is_artifact", "reader_of", "suffix_of"]


def suffix_of(component: Any) -> str:
    """Suffix of an exporter's files."""
    return str(component.suffix or f".{component.name}")


def reader_of(path: Path, registry: Registry) -> Entry | None:
    """Find the exporter that can read a file with this name; bundled ones have precedence.

    Raises:
        RequestError: two third-party plugins can read it.
    """
    found = only_reader([e for e in registry.entries("exporter") if _reads(e.component, path)])
    if len(found) > 1:
        raise RequestError(
            f"{path} can be read by several plugins: {owners_of(found)}. Disable one: zoo plugins disable "
            f"{found[-1].origin.plugin}"
        )
    return found[0] if found else None


def artifact_at(word: str | Path, registry: Registry) -> Path | None:
    """Resolve a word to an exported file that a reader can open; None otherwise.

    Args:
        word: the file; or the name or folder of an imported model that is such a file.
        registry: registry of the exporters.
    """
    path = _imported(word) or Path(word)
    return path if path.is_file() and reader_of(path, registry) is not None else None


def is_artifact(word: str | Path, registry: Registry) -> bool:
    """Check that a word stands for an exported file that a reader can open, by its name."""
    return artifact_at(word, registry) is not None


def _imported(word: str | Path) -> Path | None:
    """File of an imported model; None where the model is not a file."""
    for folder in (Path(word), RUNS / word):
        try:
            place = json.loads(read_plain(folder / IMPORTED))["model"]
            return folder / str(place)
        except (OSError, ValueError, LookupError, TypeError):
            continue
    return None


def _reads(component: Any, path: Path) -> bool:
    return component.reader is not None and path.name.endswith(suffix_of(component))
