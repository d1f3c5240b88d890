"""Which files are models that an exporter wrote. Nothing heavy is imported to tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.entry import Entry
from zoo.registry import Registry, open_registry

__all__ = ["is_artifact", "reader_of", "suffix_of"]


def suffix_of(component: Any) -> str:
    """What an exporter's files end with."""
    return str(component.suffix or f".{component.name}")


def reader_of(path: Path, registry: Registry) -> Entry | None:
    """The exporter whose files are called as this one, and which can read them; bundled ones first."""
    able = [e for e in registry.entries("exporter") if _reads(e.component, path)]
    return next((e for e in able if e.origin.bundled), able[0] if able else None)


def is_artifact(word: str | Path) -> bool:
    """Whether a word means a file that an exporter's reader can open, by its name."""
    return Path(word).is_file() and reader_of(Path(word), open_registry()) is not None


def _reads(component: Any, path: Path) -> bool:
    return component.reader is not None and path.name.endswith(suffix_of(component))
