"""The runs that are watched: each with its trackers, each tracker in a thread of its own.

MLflow takes seconds to be imported and to make its database, and a server may be far away. A hook hands its work over
and returns. Only the start and the end of a run wait, and not for long: what goes on beside the first epoch would spoil
its images per second, and who reads the logs when the run is over wants them whole.
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
"""How long the start and the end of a run wait for what is still to be done; the zoo waits 10 s for a hook."""


class Tracker(Protocol):
    """Where a run is written to. All calls come one after another, in one thread."""

    title: str

    def started(self, run: Any) -> None: ...
    def epoch(self, record: dict[str, Any]) -> None: ...
    def ended(self, run: Any, result: dict[str, Any], pictures: dict[str, bytes]) -> None: ...
    def failed(self, run: Any, error: BaseException) -> None: ...
    def where(self) -> str:
        """Where the logs are and how to see them, in plain text."""
        ...


class _Line:
    """A tracker and its thread. After its first error it is left alone, and the others go on."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.broken = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"zoo-tracking-{tracker.title}")

    def do(self, step: str, *arguments: Any) -> Future[None]:
        return self._thread.submit(self._do, step, *arguments)

    def finish(self, step: str, *arguments: Any) -> Future[None]:
        """The last thing to do; the thread ends with it."""
        last = self.do(step, *arguments)
        self._thread.shutdown(wait=False)
        return last

    def _do(self, step: str, *arguments: Any) -> None:
        if self.broken:
            return
        try:
            getattr(self.tracker, step)(*arguments)
        except Exception as error:  # of whatever library or server; the run is worth more than its log
            self.broken = True
            say(f"{self.tracker.title} is left out of the rest of this run: {_one_line(error)}")


_watched: dict[Path, list[_Line]] = {}


def start(run: Any) -> None:
    """Open the trackers that are on."""
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    names, lines = choose(os.environ.get(VARIABLE), installed(uri))
    for text in lines:
        say(text)
    if names:
        _watched[_key(run)] = opened = [_Line(_tracker(name, run)) for name in names]
        wait([line.do("started", run) for line in opened], timeout=PATIENCE_S)


def _tracker(name: str, run: Any) -> Tracker:
    if name == "tensorboard":
        from zoo_tracking.to_tensorboard import TensorBoard

        return TensorBoard(Path(run.dir))
    from zoo_tracking.to_mlflow import MLflow

    return MLflow(Path(run.dir), os.environ.get("MLFLOW_TRACKING_URI"))


def epoch(run: Any, record: dict[str, Any]) -> None:
    """Hand over an epoch's numbers."""
    for line in _watched.get(_key(run), ()):
        line.do("epoch", dict(record))


def end(run: Any, result: dict[str, Any]) -> None:
    """Hand over the result, and close."""
    lines = _watched.pop(_key(run), [])
    until = monotonic() + PATIENCE_S
    pictures = _pictures(result) if lines else {}
    last = [line.finish("ended", run, result, pictures) for line in lines]
    wait(last, timeout=max(0.0, until - monotonic()))


def _pictures(result: dict[str, Any]) -> dict[str, bytes]:
    """The confusion matrices as PNGs, by split; drawn once, here, because matplotlib is no friend of threads."""
    from zoo_tracking.confusion import confusion_png

    if result.get("task") == "multi-label":
        return {}  # each class has a matrix of its own
    matrices = {split: numbers.get("confusion_matrix") for split, numbers in result.get("metrics", {}).items()}
    try:
        return {split: confusion_png(m, result["classes"], f"{split} images") for split, m in matrices.items() if m}
    except Exception as error:  # the numbers are logged all the same, and the writers closed
        say(f"the confusion matrix was not drawn: {_one_line(error)}")
        return {}


def failed(run: Any, error: BaseException) -> None:
    """Close with what went wrong."""
    wait([line.finish("failed", run, error) for line in _watched.pop(_key(run), [])], timeout=PATIENCE_S)


def sections(run: Any) -> list[tuple[str, str]]:
    """The report's section: where the logs are."""
    places = [line.tracker.where() for line in _watched.get(_key(run), ()) if not line.broken]
    return [("Tracking", "\n".join(places))] if places else []


def say(text: str) -> None:
    """One line for the user: not to stdout, which may be a program's."""
    sys.stderr.write(f"zoo-tracking: {text}\n")


def _one_line(error: Exception) -> str:
    text = re.sub(r"//[^/\s@]*@", "//", " ".join(str(error).split()))  # an address may hold a password
    return f"{type(error).__name__}: {text[:300]}"


def _key(run: Any) -> Path:
    return Path(run.dir).absolute()
