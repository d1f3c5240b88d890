"""Which files are models that an exporter wrote. Nothing heavy is imported to tell."""

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
    """What an exporter's files end with."""
    return str(component.suffix or f".{component.name}")


def reader_of(path: Path, registry: Registry) -> Entry | None:
    """The exporter whose files are called as this one, and which can read them; bundled ones first.

    Raises:
        RequestError: two third-party plugins can.
    """
    found = only_reader([e for e in registry.entries("exporter") if _reads(e.component, path)])
    if len(found) > 1:
        raise RequestError(
            f"{path} can be read by more than one plugin: {owners_of(found)}. Turn one off: "
            f"zoo plugins disable {found[-1].origin.plugin}"
        )
    return found[0] if found else None


def artifact_at(word: str | Path, registry: Registry) -> Path | None:
    """The file that a word means, where it is one that an exporter's reader can open; None where it means none.

    Args:
        word: the file itself; or the name or the folder of an imported model that is such a file.
    """
    path = _imported(word) or Path(word)
    return path if path.is_file() and reader_of(path, registry) is not None else None


def is_artifact(word: str | Path, registry: Registry) -> bool:
    """Whether a word means a file that an exporter's reader can open, by its name."""
    return artifact_at(word, registry) is not None


def _imported(word: str | Path) -> Path | None:
    """What an imported model is, where that is a file."""
    for folder in (Path(word), RUNS / word):
        try:
            place = json.loads(read_plain(folder / IMPORTED))["model"]
            return folder / str(place)
        except (OSError, ValueError, LookupError, TypeError):
            continue
    return None


def _reads(component: Any, path: Path) -> bool:
    return component.reader is not None and path.name.endswith(suffix_of(component))
