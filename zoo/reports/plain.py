"""The report without a terminal: plain lines for a log, one per epoch. No rich."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TextIO

from zoo.reports import reading
from zoo.reports.advice import next_commands
from zoo.reports.estimate import estimate_line
from zoo.reports.lines import Lines
from zoo.reports.uncertain import baseline_words, uncertain_lines
from zoo.reports.verdict import diagnose
from zoo.reports.words import (
    clean,
    clock,
    component,
    count,
    duration,
    figure,
    label,
    number,
    parameters_text,
    percent,
    short_path,
)
from zoo.runner.main_metric import main_metric_of
from zoo.runner.measurements import EpochRecord, SplitMetrics
from zoo.runner.observer import Observer
from zoo.runner.record import Run
from zoo.runner.run_result import RunResult

__all__ = ["PlainObserver", "final_lines", "plain_epoch"]


class PlainObserver(Observer):
    """Report a run in plain lines.

    Args:
        stream: flushed after each line, so that a log is up to date.
        quiet: write the final line only.
        verbose: write intervals of all metrics and the calibration, too.
    """

    def __init__(self, stream: TextIO, quiet: bool = False, verbose: bool = False):
        lines = Lines(stream, quiet)
        self._say, self._write, self._verbose = lines.say, lines.write, verbose
        self._preparing = ""
        self._told: set[str] = set()
        self._epochs = self._finished = 0

    def preparing(self, what: str, done: int, total: int) -> None:
        if what != self._preparing and done < total:
            self._say(f"{what} ({count(total)}) …")
        self._preparing = what

    def started(self, run: Run) -> None:
        self._say(f"{run.name}: {_model(run)} on {_data(run)}, on {_device(run)}")
        if begins := run.model.begins:
            self._say(f"begins with {clean(begins)}")
        for line in (estimate_line(run), *run.hints):
            if line:
                self._say(line)
        for text in run.notices:
            self.notice(text)

    def epoch_started(self, epoch: int, epochs: int, images: int) -> None:
        del epoch, images  # its end has a line
        self._epochs = epochs

    def epoch_ended(self, record: EpochRecord) -> None:
        self._finished = record.epoch
        self._say(plain_epoch(record, self._epochs))

    def notice(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._say(f"NOTICE: {clean(text)}")

    def ended(self, run: Run, result: RunResult) -> None:
        del run  # the result contains it
        for text in result.notices:
            self.notice(text)
        first, *others = final_lines(result)
        self._write(first)
        if self._verbose:
            self._say(*(line for split in reading.scored_splits(result) for line in uncertain_lines(result, split)))
        self._say(*others)

    def failed(self, run: Run | None, error: BaseException) -> None:
        if run is not None and not isinstance(error, KeyboardInterrupt):  # else the error is printed next
            self._say(f"failed after {self._finished} of {self._epochs} epochs, {short_path(run.dir)}")


def plain_epoch(record: EpochRecord, epochs: int) -> str:
    """Format one epoch as a line, without missing values."""
    train, val = record.train, record.val
    metric = main_metric_of(val)
    parts: Iterable[tuple[str, Callable[[Any], str], Any]] = (
        ("train loss", number, train.loss),
        (metric.name, metric.text, metric.value(train)),
        ("val loss", number, val.loss),
        (metric.name, metric.text, metric.value(val)),
        ("F1", percent, val.f1_macro),
        ("", clock, record.seconds),
        ("", lambda value: f"{count(value)} img/s", record.images_per_second),
    )
    words = [f"{label} {show(value)}".strip() for label, show, value in parts if value is not None]
    head = f"epoch {record.epoch:>{len(str(epochs))}}/{epochs}"
    return "  ".join([head, *words, *(["best"] if record.best else [])])


def final_lines(result: RunResult) -> list[str]:
    """Format the end of a run: the figures in one line, then the verdict, the folder, and the next command."""
    verdict = diagnose(result)
    lines = [f"{clean(result.run or 'run')}: {', '.join(_figures(result))}"]
    lines += [f"verdict: {verdict.headline}", *(f"  {sentence}" for sentence in verdict.evidence)]
    lines += [f"  try: {advice}" for advice in verdict.advice]
    for title, text in result.sections:
        lines += [f"{clean(title)}: {clean(line)}" for line in text.splitlines() if line.strip()]
    if result.dir:
        lines.append(f"run: {short_path(result.dir)}")
    return lines + [f"next: {command}" for _, command in next_commands(result)[:1]]


def _figures(result: RunResult) -> Iterable[str]:
    yield clean(result.status or "scored")
    drawn, metric = " (of drawings)" if reading.is_drawn(result) else "", reading.metric_in(result)
    for split in reading.scored_splits(result):
        metrics = result.metrics[split]
        yield f"{split} {metric.name} {metric.text(metric.value(metrics))}{drawn}"
        yield from _beside(result, metrics)
    if result.best_epoch:
        yield f"best epoch {result.best_epoch} of {len(result.epochs)}"
    if result.timing.total_s is not None:
        yield duration(result.timing.total_s)


def _beside(result: RunResult, metrics: SplitMetrics) -> Iterable[str]:
    """The figures beside the main metric, in one line."""
    if not result.has_values:
        yield f"F1 {percent(metrics.f1_macro)}"
    for name in ("r2", "mae_ranks", "qwk"):
        if (value := metrics.numbers.get(name)) is not None and (result.has_values or result.task == "ordinal"):
            yield f"{label(name)} {figure(name, value)}"
    if result.has_values and (words := baseline_words(result, metrics)):
        yield words


def _model(run: Run) -> str:
    parameters = run.model.parameters
    name = clean(run.model.id or component(run.job.architecture.document()))
    return f"{name} ({parameters_text(run.model)})" if parameters else name


def _data(run: Run) -> str:
    sizes = ", ".join(f"{count(split.images)} {name}" for name, split in run.splits.items())
    name = clean(run.job.dataset.name)
    return f"{name} ({sizes})" if sizes else name


def _device(run: Run) -> str:
    return clean(run.device.get("description") or run.device.get("name") or "an unknown device")
