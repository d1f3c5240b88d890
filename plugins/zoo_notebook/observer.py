"""A run in a notebook while it trains: a bar, and the curves so far."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from zoo.api.running import Observer, Run
from zoo.reports.kit.fragments import Pace, accuracy_plot, loss_plot
from zoo.reports.kit.results import MainMetric, main_metric, reading
from zoo.reports.kit.text import duration, short_path
from zoo.runs import EpochRecord, RunResult
from zoo_notebook.fragments import dataset_name, fragment, show_html

__all__ = ["NotebookObserver"]

REDRAW_S = 0.25
"""The display is redrawn, and the totals are read, at most once in so many seconds."""


class _Totals(Protocol):
    """The running figures of an epoch: mean loss, and share of correct predictions in 0..1."""

    @property
    def loss(self) -> float:
        """Mean loss over the images seen."""

    @property
    def accuracy(self) -> float:
        """Share of the images seen that were predicted right."""

    @property
    def score(self) -> tuple[str, float]:
        """Name and mean of the main metric."""


class NotebookObserver(Observer):
    """Shows a run below its cell: while it trains a bar and curves, at its end one line.

    Args:
        show: displays HTML, and returns a function that replaces it.
        clock: seconds that never decrease.
    """

    def __init__(
        self,
        show: Callable[[str], Callable[[str], None]] = show_html,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._show, self._clock = show, clock
        self._update: Callable[[str], None] | None = None
        self._begin()

    def _begin(self) -> None:
        """Forget the run before: with several seeds, one observer shows each run."""
        self._run: Run | None = None
        self._metric = main_metric(None)
        self._records: list[EpochRecord] = []
        self._curves: list[tuple[str, Any]] = []
        self._notices: list[str] = []
        self._line: str | None = "preparing"  # None while an epoch is trained
        self._done, self._totals, self._over = 0.0, "", False
        self._drawn = -REDRAW_S
        self._pace = Pace(self._clock)

    def loading(self) -> None:
        self._begin()
        self._say("loading PyTorch …")

    def preparing(self, what: str, done: int, total: int) -> None:
        self._done = done / max(1, total)
        if done == total or self._is_due():
            self._say(f"{what}: {done:,} of {total:,}")

    def started(self, run: Run) -> None:
        self._run, self._done, self._metric = run, 0.0, main_metric(_known(run.task))
        self._notices += [text for text in run.notices if text not in self._notices]
        self._say("training begins")

    def epoch_started(self, epoch: int, epochs: int, images: int) -> None:
        self._line, self._totals = None, ""
        self._pace.begin(epoch, epochs, images)

    def step(self, seen: int, totals: _Totals) -> None:
        self._pace.seen = seen
        if self._is_due():
            score = totals.accuracy if self._metric.is_share else totals.score[1]
            self._totals = f"loss {totals.loss:.4f} · {self._metric.name} {self._metric.text(score)}"
            self._draw()

    def epoch_ended(self, record: EpochRecord) -> None:
        self._pace.end()
        self._records.append(record)
        self._curves = _curves(self._records, self._metric)
        self._draw()

    def notice(self, text: str) -> None:
        if text not in self._notices:
            self._notices.append(text)
            self._draw()

    def ended(self, run: Run, result: RunResult) -> None:
        self._notices = list(dict.fromkeys([*self._notices, *result.notices]))
        splits = reading.scored_splits(result)
        metric = main_metric(_known(result.task))
        scores = [f"{split} {metric.name} {metric.text(metric.value(result.metrics[split]))}" for split in splits]
        took = duration(result.timing.total_s)
        self._end(" · ".join([*scores, f"{len(result.epochs)} epochs in {took}", short_path(run.dir)]))

    def failed(self, run: Run | None, error: BaseException) -> None:
        what = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        where = "" if run is None else f" · {short_path(run.dir)}"
        self._end(f"{what} after {len(self._records)} of {self._pace.epochs} epochs{where}")

    def close(self) -> None:
        self._update = None  # the next run is displayed below

    def _is_due(self) -> bool:
        return self._clock() - self._drawn >= REDRAW_S

    def _say(self, line: str) -> None:
        self._line = line
        self._draw()

    def _end(self, line: str) -> None:
        """Leave one line, and the notices: the result shows the rest."""
        self._curves, self._over = [], True
        self._say(line)

    def _draw(self) -> None:
        self._drawn = self._clock()
        html = fragment("live.html.j2", **self._facts())
        if self._update is None:
            self._update = self._show(html)
        else:
            self._update(html)

    def _facts(self) -> dict[str, Any]:
        pace, run = self._pace, self._run
        return {
            "name": "" if run is None else run.name,
            "what": "" if run is None else _what(run),
            "line": self._line,
            "done": pace.run_share if self._line is None else self._done,
            "pace": pace,
            "totals": self._totals if pace.share < 1 else "evaluating",
            "best": max((r for r in self._records if r.best), key=lambda r: r.epoch, default=None),
            "metric": self._metric,
            "curves": self._curves,
            "notices": self._notices,
            "over": self._over,
        }


def _what(run: Run) -> str:
    """``simple_cnn on digits · 1,437 train, 360 val images · cpu``."""
    sizes = ", ".join(f"{split.images or 0:,} {name}" for name, split in run.splits.items())
    names = f"{run.job.architecture.name} on {dataset_name(run.job)}"
    return " · ".join(filter(None, [names, sizes and f"{sizes} images", run.device.get("description")]))


def _known(task: str | None) -> str | None:
    """The task, as far as its name matters here: an exact match is an accuracy."""
    return None if task == "multi-label" else task


def _curves(records: list[EpochRecord], metric: MainMetric) -> list[tuple[str, Any]]:
    """The curves of the epochs so far; from the second on, as one point is not a curve."""
    from markupsafe import Markup

    if len(records) < 2:
        return []
    so_far = RunResult.read({"epochs": records, "task": None if metric.is_share else "regression"})
    return [(metric.title, Markup(accuracy_plot(so_far))), ("Loss", Markup(loss_plot(so_far)))]
