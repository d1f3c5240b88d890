"""The observed runs, each with its trackers, and each tracker in its own thread.

Importing MLflow and creating its database takes seconds, and a server may be slow. Hooks therefore queue their work and
return. Only the start and the end of a run wait, for a limited time: work during the first epoch would distort its
images per second, and the logs should be complete when the run ends.
"""

from __future__ import annotations

import os
import re
import sys
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from zoo_tracking.choose import VARIABLE, choose, installed

__all__ = ["Tracker", "end", "epoch", "failed", "say", "sections", "start"]

PATIENCE_S = 8.0
"""Maximum seconds that the start and the end of a run wait for queued work; the zoo waits 10 s for a hook."""


class Tracker(Protocol):
    """A destination of logs. All its methods are called in one thread, in sequence."""

    title: str

    def started(self, run: Any) -> None: ...
    def epoch(self, record: dict[str, Any]) -> None: ...
    def ended(self, run: Any, result: dict[str, Any], pictures: dict[str, bytes]) -> None: ...
    def failed(self, run: Any, error: BaseException) -> None: ...
    def where(self) -> str:
        """Location of the logs and the command to view them, as plain text."""
        ...


class _TrackerThread:
    """A tracker with its thread; it is disabled after its first error, without effect on other trackers."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.broken = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"zoo-tracking-{tracker.title}")

    def do(self, step: str, *arguments: Any) -> Future[None]:
        return self._thread.submit(self._do, step, *arguments)

    def finish(self, step: str, *arguments: Any) -> Future[None]:
        """Queue the last step, after which the thread ends."""
        last = self.do(step, *arguments)
        self._thread.shutdown(wait=False)
        return last

    def _do(self, step: str, *arguments: Any) -> None:
        if self.broken:
            return
        try:
            getattr(self.tracker, step)(*arguments)
        except Exception as error:  # from any library or server; logging must not end the run
            self.broken = True
            say(f"{self.tracker.title} is disabled for the rest of this run: {_one_line(error)}")


_active: dict[Path, list[_TrackerThread]] = {}


def start(run: Any) -> None:
    """Start the selected trackers."""
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    names, lines = choose(os.environ.get(VARIABLE), installed(uri))
    for text in lines:
        say(text)
    if names:
        _active[_key(run)] = opened = [_TrackerThread(_tracker(name, run)) for name in names]
        wait([line.do("started", run) for line in opened], timeout=PATIENCE_S)


def _tracker(name: str, run: Any) -> Tracker:
    if name == "tensorboard":
        from zoo_tracking.to_tensorboard import TensorBoard

        return TensorBoard(Path(run.dir))
    from zoo_tracking.to_mlflow import MLflow

    return MLflow(Path(run.dir), os.environ.get("MLFLOW_TRACKING_URI"))


def epoch(run: Any, record: dict[str, Any]) -> None:
    """Queue an epoch's metrics."""
    for line in _active.get(_key(run), ()):
        line.do("epoch", dict(record))


def end(run: Any, result: dict[str, Any]) -> None:
    """Queue the result, and close the trackers."""
    lines = _active.pop(_key(run), [])
    until = monotonic() + PATIENCE_S
    pictures = _pictures(result) if lines else {}
    last = [line.finish("ended", run, result, pictures) for line in lines]
    wait(last, timeout=max(0.0, until - monotonic()))


def _pictures(result: dict[str, Any]) -> dict[str, bytes]:
    """Draw the confusion matrices as PNG, by split, in the main thread, as matplotlib is not thread-safe."""
    from zoo_tracking.confusion import confusion_png

    if result.get("task") == "multi-label":
        return {}  # a multi-label task has a matrix per class
    matrices = {split: numbers.get("confusion_matrix") for split, numbers in result.get("metrics", {}).items()}
    try:
        return {split: confusion_png(m, result["classes"], f"{split} images") for split, m in matrices.items() if m}
    except Exception as error:  # the metrics must be logged, and the writers closed, nevertheless
        say(f"the confusion matrix was not drawn: {_one_line(error)}")
        return {}


def failed(run: Any, error: BaseException) -> None:
    """Log the error, and close the trackers."""
    wait([line.finish("failed", run, error) for line in _active.pop(_key(run), [])], timeout=PATIENCE_S)


def sections(run: Any) -> list[tuple[str, str]]:
    """Section of the report with the location of the logs."""
    places = [line.tracker.where() for line in _active.get(_key(run), ()) if not line.broken]
    return [("Tracking", "\n".join(places))] if places else []


def say(text: str) -> None:
    """Print a line to stderr, as stdout may carry machine-readable output."""
    sys.stderr.write(f"zoo-tracking: {text}\n")


def _one_line(error: Exception) -> str:
    text = re.sub(r"//[^/\s@]*@", "//", " ".join(str(error).split()))  # remove credentials from addresses
    return f"{type(error).__name__}: {text[:300]}"


def _key(run: Any) -> Path:
    return Path(run.dir).absolute()
