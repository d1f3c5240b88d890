"""Several runs of one job in plain lines: the runs while they are made, and what they say together. No rich."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from zoo.reports import reading
from zoo.reports.plain import PlainObserver, final_lines
from zoo.reports.words import (
    SHARES,
    clean,
    count,
    duration,
    figure,
    label,
    legible,
    number,
    percent,
    short_path,
    value_text,
)
from zoo.runner.main_metric import main_metric
from zoo.runner.observer import Observer
from zoo.runner.record import Run
from zoo.runner.repeats import RepeatsWatcher
from zoo.runner.repeats_summary import MetricSpread, RepeatsSummary
from zoo.runner.run_result import RunResult

__all__ = ["PlainWatcher", "metric_rows", "plus_minus", "summary_lines", "what_it_is"]


class PlainWatcher(RepeatsWatcher):
    """Tells several runs in plain lines.

    Args:
        stream: where to.
        quiet: only the last line, of all runs.
    """

    def __init__(self, stream: TextIO, quiet: bool = False):
        super().__init__()
        self._stream, self._quiet = stream, quiet

    def member(self, name: str, number: int, count: int) -> Observer:
        if self._quiet:
            return Observer()
        self._write(f"run {number} of {count}: {clean(name)}")
        return _PlainMember(self._stream)

    def kept(self, result: RunResult, number: int, count: int) -> None:
        if not self._quiet:
            self._write(f"run {number} of {count}: kept as it was. {final_lines(result)[0]}")

    def ended(self, summary: RepeatsSummary) -> None:
        for line in [last_line(summary)] if self._quiet else summary_lines(summary):
            self._write(line)

    def _write(self, line: str) -> None:
        self._stream.write(legible(line, getattr(self._stream, "encoding", None)) + "\n")
        self._stream.flush()


class _PlainMember(PlainObserver):
    """One of several runs: its figures in one line; the verdict is for all of them."""

    def ended(self, run: Run, result: RunResult) -> None:
        for text in result.notices:
            self.notice(text)
        self._write(final_lines(result)[0])


def what_it_is(summary: RepeatsSummary) -> str:
    """``"3 seeds of simple_cnn on digits (0, 1, 2)"``."""
    job, by = summary.job, summary.by
    numbers = [str(summary.number_of(member)) for member in summary.members]
    shown = ", ".join(numbers) if len(numbers) <= 6 else f"{numbers[0]} to {numbers[-1]}"
    which = f"seed {job.seed}" if by == "fold" else shown
    return f"{summary.count} {by}s of {clean(job.architecture.name)} on {clean(job.dataset.name)} ({which})"


def metric_rows(summary: RepeatsSummary) -> Iterable[tuple[str, str, MetricSpread]]:
    """Split, metric's name, and its spread; the well-known ones first.

    The micro F1 is left out where each image has one class: it is the accuracy.
    """
    for split, metrics in summary.metrics.items():
        first = [name for name in (main_metric(summary.task).key, "f1_macro", "loss") if name in metrics]
        left_out = first if "hamming_loss" in metrics else [*first, "f1_micro"]
        for name in [*first, *(name for name in metrics if name not in left_out)]:
            yield split, name, metrics[name]


def plus_minus(name: str, figures: MetricSpread) -> str:
    """``"89.3 ± 1.1%"``: mean and standard deviation; a percent sign is of both."""
    mean, std = figures.mean, figures.std
    if mean is None or std is None:
        return figure(name, mean)
    if name in SHARES:
        return f"{100 * mean:.1f} ± {percent(std)}"
    return f"{figure(name, mean)} ± {number(std) if name == 'loss' else value_text(std, 2)}"


def summary_lines(summary: RepeatsSummary) -> list[str]:
    """The summary of several runs, in lines."""
    lines = [f"{clean(summary.run)}: {what_it_is(summary)}: mean and standard deviation"]
    for split, name, figures in metric_rows(summary):
        low, high = figure(name, figures.min), figure(name, figures.max)
        lines.append(f"  {split} {label(name)} {plus_minus(name, figures)} (from {low} to {high})")
    lines += [f"  {text}" for text in [out_of_fold(summary)] if text]
    lines += [f"NOTICE: {clean(text)}" for text in summary.notices]
    where = f"{short_path(summary.dir)}/summary.json"
    return [*lines, f"summary: {where}", *(f"next: {command}" for command in next_commands(summary)[:1])]


def last_line(summary: RepeatsSummary) -> str:
    """All of it in one line."""
    beside = {"regression": "r2", "ordinal": "mae_ranks"}.get(summary.task or "", "f1_macro")
    shown = (main_metric(summary.task).key, beside)
    found = [(s, n, figures) for s, n, figures in metric_rows(summary) if n in shown]
    drawn = " (of drawings)" if reading.names_drawings(summary.notices) else ""
    figures = [f"{split} {label(name)} {plus_minus(name, each)}{drawn}" for split, name, each in found]
    took = duration(summary.timing.total_s)
    return (
        f"{clean(summary.run)}: {clean(summary.status)}, {', '.join(figures)}, "
        f"mean and standard deviation of {summary.count} {summary.by}s, {took}"
    )


def out_of_fold(summary: RepeatsSummary) -> str:
    """The scores of all folds together; empty where there are none."""
    found = summary.out_of_fold
    if found is None:
        return ""
    scores = f"accuracy {percent(found.accuracy)}, F1 {percent(found.f1_macro)}"
    if summary.task == "regression":
        scores = ", ".join(f"{label(name)} {figure(name, found[name])}" for name in ("mae", "rmse", "r2", "spearman"))
    return f"all {count(found.images)} training images, each held out once: {scores}"


def next_commands(summary: RepeatsSummary) -> list[str]:
    """The next commands."""
    return [f"zoo runs show {short_path(member.dir)}" for member in summary.members[:1]]
