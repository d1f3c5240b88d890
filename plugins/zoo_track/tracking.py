"""The trackers of a run, each in its own thread.

Importing a tracking library and creating its database takes seconds, and a server may be slow. Events are therefore
queued. Only the start and the end of a run wait, for a limited time: work during the first epoch would distort its
images per second, and the logs should be complete when the run ends.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import redirect_stdout
from importlib.util import find_spec
from time import monotonic
from typing import Any

from zoo.api.running import Callback, TrainState
from zoo.errors import RequestError

__all__ = ["RunTracker", "TrackerCallback", "need"]

PATIENCE_S = 8.0
"""Maximum seconds that the start and the end of a run wait for queued work."""


class RunTracker:
    """A destination of logs; every method does nothing unless it is overridden.

    All methods are called in one thread, in sequence, in the first process of a run. After an exception the tracker is
    disabled for the rest of the run, with a notice; the run continues.
    """

    title = "tracker"

    def started(self, run: Any) -> None:
        """Begin or continue the logs of a run, which has ``name``, ``dir``, ``job``, ``classes``, ``model`` …"""

    def epoch(self, record: dict[str, Any]) -> None:
        """Log an epoch: its line of metrics.jsonl."""

    def ended(self, run: Any, result: dict[str, Any], pictures: dict[str, bytes]) -> None:
        """Log the result, as result.json has it, and a confusion matrix as PNG by split; close the logs."""

    def failed(self, run: Any, error: BaseException) -> None:
        """Log the error that ended the run (KeyboardInterrupt: it can be resumed), and close the logs."""

    def where(self) -> str:
        """Location of the logs and the command to view them, as plain text."""
        return ""


def need(tracker: str, *modules: str) -> None:
    """Check that the libraries of a tracker are installed, without importing them.

    Raises:
        RequestError: one is not; the message has the command that installs it.
    """
    if missing := [name for name in modules if not _is_here(name)]:
        raise RequestError(
            f"tracker {tracker!r} needs the package {missing[0]}, which is not installed. Type: "
            f"pip install 'visionzoo[{tracker}]'"
        )


def _is_here(module: str) -> bool:
    spec = find_spec(module)
    return spec is not None and spec.origin is not None  # a folder of that name in the working folder has no origin


class _TrackerThread:
    """A tracker with its thread; it is disabled after its first error, without effect on other trackers."""

    def __init__(self, tracker: RunTracker, notice: Callable[[str], None]) -> None:
        self.tracker, self.notice = tracker, notice
        self.problem = ""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"zoo-track-{tracker.title}")

    def do(self, step: str, *arguments: Any) -> Future[None]:
        return self._thread.submit(self._do, step, *arguments)

    def finish(self, step: str, *arguments: Any) -> Future[None]:
        """Queue the last step, after which the thread ends."""
        last = self.do(step, *arguments)
        self._thread.shutdown(wait=False)
        return last

    def _do(self, step: str, *arguments: Any) -> None:
        if self.problem:
            return
        try:
            getattr(self.tracker, step)(*arguments)
        except Exception as error:  # from any library or server; logging must not end the run
            self.problem = f"{self.tracker.title} is disabled for the rest of this run: {_one_line(error)}"
            self.notice(self.problem)

    def where(self) -> str:
        """Location of the logs, or why there are none."""
        return self.problem or self.tracker.where()


class TrackerCallback(Callback):
    """Passes the events of a run to its trackers, as plain data.

    Args:
        trackers: the trackers that the job names.
    """

    def __init__(self, trackers: Sequence[RunTracker]):
        self.waiting: list[str] = []
        self.notice: Callable[[str], None] | None = None
        self.threads = [_TrackerThread(tracker, self._tell) for tracker in trackers]

    def train_start(self, state: TrainState) -> None:
        self.notice = state.notice
        for text in self.waiting:
            state.notice(text)
        self.waiting.clear()

    def run_start(self, run: Any) -> None:
        plain = run.with_plain_parts()
        _wait([thread.do("started", plain) for thread in self.threads])

    def epoch_end(self, run: Any, epoch: Any) -> None:
        for thread in self.threads:
            thread.do("epoch", epoch.document())

    def report_sections(self, run: Any, result: Any) -> list[tuple[str, str]]:
        places = [thread.where() for thread in self.threads]
        return [("Tracking", "\n".join(filter(None, places)))] if any(places) else []

    def run_end(self, run: Any, result: Any) -> None:
        until, document = monotonic() + PATIENCE_S, result.document()
        pictures = self._pictures(document)
        last = [thread.finish("ended", run.with_plain_parts(), document, pictures) for thread in self.threads]
        _wait(last, max(0.0, until - monotonic()))

    def run_failed(self, run: Any, error: BaseException) -> None:
        plain = run.with_plain_parts()
        _wait([thread.finish("failed", plain, error) for thread in self.threads])

    def _pictures(self, result: dict[str, Any]) -> dict[str, bytes]:
        """Draw the confusion matrices as PNG, by split, in the main thread, as matplotlib is not thread-safe."""
        from zoo_track.confusion import confusion_png

        if result.get("task") == "multi-label":
            return {}  # a multi-label task has a matrix per class
        matrices = {split: numbers.get("confusion_matrix") for split, numbers in result.get("metrics", {}).items()}
        try:
            return {split: confusion_png(m, result["classes"], f"{split} images") for split, m in matrices.items() if m}
        except Exception as error:  # the metrics must be logged, and the writers closed, nevertheless
            self._tell(f"The confusion matrix was not drawn: {_one_line(error)}")
            return {}

    def _tell(self, text: str) -> None:
        """Show a notice; before training they are kept until the state can show them."""
        if self.notice is None:
            self.waiting.append(text)
        else:
            self.notice(text)


def _wait(work: Sequence[Future[None]], timeout_s: float | None = None) -> None:
    """Wait for queued work; what libraries print meanwhile is kept apart from the result that ``--json`` prints."""
    with redirect_stdout(sys.stderr):
        wait(work, timeout=PATIENCE_S if timeout_s is None else timeout_s)


def _one_line(error: Exception) -> str:
    text = re.sub(r"//[^/\s@]*@", "//", " ".join(str(error).split()))  # remove credentials from addresses
    return f"{type(error).__name__}: {text[:300]}"
