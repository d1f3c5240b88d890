"""The head of a report on a terminal: the figures of each split, the verdict, and the facts of the run."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from zoo.reports import reading
from zoo.reports.advice import split_advice
from zoo.reports.parts import ACCENT, BAD, GOOD, WARN, Flow, middle, say
from zoo.reports.uncertain import baseline_words, span_words
from zoo.reports.verdict import Verdict, has_wide_interval, interval_sentence
from zoo.reports.words import clean, count, duration, figure, label, number, parameters_text, percent, short_path
from zoo.runner.measurements import SkippedImage
from zoo.runner.run_result import RunResult

__all__ = ["headline_panel"]

SKIPPED = 3
NAME = 40
"""Columns for the run's name in the title."""
_STATUS = {"completed": GOOD, "stopped": GOOD, "evaluated": ACCENT, "interrupted": WARN, "failed": BAD}
_KIND = {"good": GOOD, "scored": ACCENT, "failed": BAD, "collapsed": BAD, "baseline": BAD, "leakage": BAD}


def headline_panel(result: RunResult, verdict: Verdict) -> Panel:
    """The figures of each split, then the verdict; in the frame the run's name and its facts."""
    colour = _KIND.get(verdict.kind, WARN)
    parts = [*_figures(result), *_verdict(result, verdict, colour)]
    facts = say(" · ".join(_facts(result)), "dim")
    return Panel(
        Group(*parts),
        title=_title(result, verdict, colour),
        subtitle=facts if facts else None,
        title_align="left",
        subtitle_align="right",
        border_style=colour,
    )


def _title(result: RunResult, verdict: Verdict, colour: str) -> Text:
    status = result.status or ""
    title = Text(middle(clean(result.run or "result"), NAME), "bold")
    if status:
        title.append(" · ", "dim").append(clean(status), _STATUS.get(status, WARN))
    if verdict.kind not in ("scored", status):
        title.append(" · ", "dim").append(f"verdict: {verdict.kind}", f"bold {colour}")
    return title


def _figures(result: RunResult) -> Iterable[RenderableType]:
    grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
    for no_wrap in (True, True, False):
        grid.add_column(no_wrap=no_wrap, ratio=None if no_wrap else 1)
    for split in reading.scored_splits(result):
        metric = reading.metric_in(result)
        value = say(metric.text(reading.main_value(result, split)), f"bold {GOOD}")
        name = metric.name if split == "all" else f"{split} {metric.name}"
        grid.add_row(value, say(name, "bold"), Flow(_details(result, split), "dim"))
        if result.has_values and (words := baseline_words(result, result.metrics_of(split))):
            grid.add_row("", "", say(words, "dim"))
    if grid.row_count:
        yield grid
    for words, numbers in reading.at_thresholds(result):
        shown = f"F1 macro {percent(numbers.f1_macro)} · {reading.accuracy_name(result)} {percent(numbers.accuracy)}"
        yield say(f"{words}: {shown}")
    for split, summary in result.splits.items():
        yield from _skipped(split, summary.skipped)


def _details(result: RunResult, split: str) -> Iterable[str]:
    metrics, interval = result.metrics_of(split), reading.interval_of(result, split)
    if interval is not None:
        yield f"95% interval {reading.metric_in(result).span(interval)}"
    if images := reading.images_in(result, split):
        yield f"{count(images)} image{'' if images == 1 else 's'}"
    if metrics.f1_macro is not None:
        yield f"F1 macro {percent(metrics.f1_macro)}"
    if metrics.loss is not None:
        yield f"loss {number(metrics.loss)}"
    spans = metrics.intervals if result.task == "ordinal" else {}
    for name, value in reading.extra_metrics(metrics).items():
        span = f" ({span_words(name, spans[name])})" if name in ("mae_ranks", "qwk") and name in spans else ""
        yield f"{label(name)} {figure(name, value)}{span}"


def _skipped(split: str, skipped: list[SkippedImage]) -> Iterable[RenderableType]:
    """The images that could not be read, the first few by name."""
    for item in skipped[:SKIPPED]:
        yield say(f"{split}: skipped {short_path(item.name)}: {item.reason}", WARN)
    if len(skipped) > SKIPPED:
        yield say(f"{split}: skipped {len(skipped) - SKIPPED} more, named in result.json", WARN)


def _verdict(result: RunResult, verdict: Verdict, colour: str) -> Iterable[RenderableType]:
    """The verdict's sentence and evidence; commands of its advice are among the next commands."""
    if verdict.kind != "scored":  # the figures say the same
        yield say(verdict.headline, f"bold {colour}")
    shown_above = None if has_wide_interval(result) else interval_sentence(result)
    evidence = [sentence for sentence in verdict.evidence if sentence != shown_above]
    grid = Table.grid(padding=(0, 1, 0, 0))
    for sentence in [*evidence, *(why for why, typed in map(split_advice, verdict.advice) if not typed)]:
        grid.add_row(Text("•", "dim"), say(sentence[:1].upper() + sentence[1:]))
    if grid.row_count:
        yield grid


def _facts(result: RunResult) -> Iterable[str]:
    if result.best_epoch:
        yield f"best epoch {result.best_epoch} of {len(result.epochs)}"
    if result.timing.total_s is not None:
        yield duration(result.timing.total_s)
    if result.timing.train_images_per_second:
        yield f"{count(result.timing.train_images_per_second)} images/s"
    if result.model.parameters:
        yield parameters_text(result.model)
