"""The file: one JSON object per line, appended."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path


def path(run) -> Path | None:
    """The logbook of a run; None where it is switched off."""
    chosen = os.environ.get("LOGBOOK", "")
    if chosen == "off":
        return None
    return Path(chosen) if chosen else Path(run.dir).parent / "logbook.jsonl"


def write(run, event, **fields):
    page = path(run)
    if page is not None:
        page.parent.mkdir(parents=True, exist_ok=True)
        with page.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": event, "run": run.name, "time": time.time(), **fields}) + "\n")


def read(page: Path):
    if not page.is_file():
        return []
    return [json.loads(line) for line in page.read_text(encoding="utf-8").splitlines()]
