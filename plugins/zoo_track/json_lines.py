"""JSON-lines tracker: one object per event, for programs of your own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from zoo_track.flat import final_numbers, parameters
from zoo_track.tracking import RunTracker

FILE = "tracking.jsonl"


class JsonLines(RunTracker):
    """Append one JSON object per event to a file: ``started``, ``epoch``, ``ended``, ``interrupted`` or ``failed``.

    Args:
        path: the file; by default ``tracking.jsonl`` in the run's folder.
    """

    title = "JSON lines"

    def __init__(self, folder: Path, path: Path | None = None) -> None:
        self.name = folder.name
        self.path = folder / FILE if path is None else path.expanduser().absolute()

    def where(self) -> str:
        return f"JSON lines: {self.path}"

    def started(self, run: Any) -> None:
        self._write("started", dir=str(run.dir), parameters=parameters(run), notices=run.notices)

    def epoch(self, record: dict[str, Any]) -> None:
        self._write("epoch", **record)

    def ended(self, run: Any, result: dict[str, Any], pictures: dict[str, bytes]) -> None:
        self._write("ended", status=result.get("status"), metrics=final_numbers(result))

    def failed(self, run: Any, error: BaseException) -> None:
        event = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        self._write(event, error=f"{type(error).__name__}: {error}".rstrip(": "))

    def _write(self, event: str, **content: Any) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": event, "run": self.name, **content}, default=str) + "\n")
