"""``tracking.json`` in a run's folder: which MLflow run it is, so that a resumed run goes on in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

__all__ = ["FILE", "epochs_done", "read", "remember", "without_secrets"]

FILE = "tracking.json"


def read(folder: Path) -> dict[str, Any]:
    """What was remembered; empty where there is nothing, or nothing that can be read."""
    try:
        found = json.loads((folder / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remember(folder: Path, tracker: str, what: dict[str, Any]) -> None:
    """Add to what is remembered. The file is written whole or not at all."""
    draft = folder / f".{FILE}.draft"
    draft.write_text(json.dumps({**read(folder), tracker: what}, indent=2) + "\n", "utf-8")
    draft.replace(folder / FILE)


def without_secrets(uri: str) -> str:
    """An address without its user, password and query: a run's folder is given to others."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri.rpartition("@")[2]
    if not parts.netloc:  # a file
        return uri
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def epochs_done(folder: Path) -> int:
    """How many epochs a run has behind it: the lines of its metrics.jsonl."""
    try:
        return len((folder / "metrics.jsonl").read_text("utf-8").splitlines())
    except OSError:
        return 0
