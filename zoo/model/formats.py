"""Identification of exported models, files and folders, without heavy imports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.errors import RequestError
from zoo.job.run_folder import CARD, IMPORTED, RUNS, is_run
from zoo.registry.entry import Entry, owners_of
from zoo.registry.registry import Registry, claimants
from zoo.storage.files import read_plain

__all__ = ["EXPORTED", "artifact_at", "exported_by", "is_artifact", "reader_of", "suffix_of"]

EXPORTED = "exported"
"""Key of an exported model's card, with its exporter and the exporter's parameters."""


def suffix_of(component: Any) -> str:
    """Suffix of an exporter's files and folders."""
    return str(component.suffix or f".{component.name}")


def exported_by(path: Path) -> Mapping[str, Any] | None:
    """Return the exporter that wrote a folder, as its zoo.json describes it; None for anything else."""
    try:
        found: Mapping[str, Any] = json.loads(read_plain(path / CARD))[EXPORTED]["exporter"]
        return found if isinstance(found["id"], str) else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def reader_of(word: str | Path, registry: Registry) -> Entry | None:
    """Find the exporter that reads an exported model: the one that ``ID:PATH`` names, else by the name of the file.

    Of a folder, and of an imported model, the exporter is recorded.

    Raises:
        RequestError: several plugins read files of this name, or the plugin that wrote the folder is missing.
    """
    able, path = _able(word, registry)
    if len(able) > 1:
        raise RequestError(
            f"{path} can be read by several plugins: {owners_of(able)}. Choose one by its full id, such as "
            f"{able[0].id}:{path}"
        )
    return able[0] if able else None


def artifact_at(word: str | Path, registry: Registry) -> Path | None:
    """Resolve a word to an exported file or folder that a reader can open; None otherwise.

    Args:
        word: the path; the name or folder of an imported model that is such a file; or ``ID:PATH``, with the full id of
            the exporter whose reader opens the path.
        registry: registry of the exporters.

    Raises:
        RequestError: the plugin that wrote the folder is missing.
    """
    able, path = _able(word, registry)
    return path if able and path.exists() else None


def is_artifact(word: str | Path, registry: Registry) -> bool:
    """Check that a word stands for an exported file or folder that a reader can open, by its name."""
    return artifact_at(word, registry) is not None


def _able(word: str | Path, registry: Registry) -> tuple[list[Entry], Path]:
    """Exporters that can read the model of a word, and its path."""
    prefix, colon, rest = str(word).partition(":")
    readers = [e for e in registry.entries("exporter") if getattr(e.component, "reader", None) is not None]
    chosen = [e for e in readers if colon and e.id == prefix]
    imported, by = _imported(rest if chosen else word)
    path = imported or Path(rest if chosen else word)
    if chosen:
        return chosen, path
    if recorded := [e for e in readers if e.id == by]:
        return recorded, path
    if path.is_dir():
        return _of_folder(path, readers), path
    return claimants([e for e in readers if path.name.endswith(suffix_of(e.component))]), path


def _of_folder(path: Path, readers: list[Entry]) -> list[Entry]:
    """The exporter that wrote a folder; none for a run and other folders.

    Raises:
        RequestError: that exporter is not installed, or has no reader.
    """
    by = None if is_run(path) else exported_by(path)
    if by is None:
        return []
    if found := [e for e in readers if e.id == by["id"]]:
        return found
    plugin = f" of {by['distribution']} {by.get('version')}" if by.get("distribution") else ""
    raise RequestError(
        f"{path} was exported by {by['id']}{plugin}, which is not installed here, is disabled, or can't read it. See: "
        "zoo list exporter"
    )


def _imported(word: str | Path) -> tuple[Path | None, str | None]:
    """File of an imported model and the id of the exporter that reads it; None where the model is not a file."""
    for folder in (Path(word), RUNS / word):
        try:
            found = json.loads(read_plain(folder / IMPORTED))
            return folder / str(found["model"]), found.get("exporter")
        except (OSError, ValueError, LookupError, TypeError):
            continue
    return None, None
