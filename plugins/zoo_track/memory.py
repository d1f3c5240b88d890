"""``tracking.json`` in a run's folder: what a tracker has to know to continue the logs of a resumed run."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

__all__ = ["FILE", "epochs_done", "read", "remember", "without_secrets"]

FILE = "tracking.json"
_one_at_a_time = threading.Lock()


def read(folder: Path) -> dict[str, Any]:
    """Read the record; empty where it is missing or unreadable."""
    try:
        found = json.loads((folder / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remember(folder: Path, tracker: str, what: dict[str, Any]) -> None:
    """Add an entry to the record, writing the file atomically; each tracker calls it in a thread of its own."""
    draft = folder / f".{FILE}.draft"
    with _one_at_a_time:
        draft.write_text(json.dumps({**read(folder), tracker: what}, indent=2) + "\n", "utf-8")
        draft.replace(folder / FILE)


def without_secrets(uri: str) -> str:
    """Remove user, password and query from an address, as a run's folder may be shared."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri.rpartition("@")[2]
    if not parts.netloc:  # a file
        return uri
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def epochs_done(folder: Path) -> int:
    """Number of finished epochs of a run: the lines of its metrics.jsonl."""
    try:
        return len((folder / "metrics.jsonl").read_text("utf-8").splitlines())
    except OSError:
        return 0
