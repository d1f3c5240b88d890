"""A result on the terminal: figures, epochs, classes, confusion, mistakes, the verdict, the next command."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from zoo.reports import reading
from zoo.reports.advice import next_commands, split_advice
from zoo.reports.confusion import confusion
from zoo.reports.epochs import curves, epoch_table
from zoo.reports.parts import ACCENT, BAD, GOOD, WARN, CommandLine, Middle, Page, bare_table, heading, note, say
from zoo.reports.uncertain import uncertain_lines
from zoo.reports.verdict import Verdict, diagnose
from zoo.reports.words import UNKNOWN, bar, clean, count, duration, number, percent, short_path
from zoo.runner.measurements import ClassScores, Mistake, SkippedImage
from zoo.runner.run_result import RunResult

__all__ = ["render_result", "verdict_panel"]

EPOCHS = 12
WORST_CLASSES = 10
MISTAKES = 8
SKIPPED = 3
_STATUS = {"completed": GOOD, "stopped": GOOD, "evaluated": ACCENT, "interrupted": WARN, "failed": BAD}
_KIND = {"good": GOOD, "scored": ACCENT, "failed": BAD, "collapsed": BAD, "baseline": BAD, "leakage": BAD}


def render_result(result: RunResult, told: Collection[str] = ()) -> RenderableType:
    """The report of a result.

    Args:
        result: of a run, or of an evaluation.
        told: notices that were printed before and need not be again.
    """
    split = reading.main_split(result)
    parts: list[RenderableType] = [_title(result), *_notices(result, told)]
    parts += [*_figures(result), *_epochs(result)]
    if split:
        parts += [*_classes(result, split), *confusion(result, split), *_mistakes(result, split)]
    for title, text in result.sections:
        parts += [heading(title), *map(say, text.splitlines())]
    verdict = diagnose(result)
    return Page(*parts, Text(), verdict_panel(verdict), *_next(result, verdict))


def verdict_panel(verdict: Verdict) -> Panel:
    """The verdict in a frame, with its evidence; what to try is left to the commands below it."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    for sentence in [*verdict.evidence, *(why for why, typed in map(split_advice, verdict.advice) if not typed)]:
        grid.add_row(Text("•", "dim"), say(sentence))
    colour = _KIND.get(verdict.kind, WARN)
    title = Text(f"verdict: {verdict.kind}", f"bold {colour}")
    body = Group(say(verdict.headline, "bold"), *([grid] if grid.row_count else []))
    return Panel(body, title=title, title_align="left", border_style=colour)


def _notices(result: RunResult, told: Collection[str]) -> Iterable[RenderableType]:
    return (note(text) for text in result.notices if text not in told)


def _title(result: RunResult) -> Rule:
    status = result.status or ""
    title = Text.assemble((clean(result.run or "result"), "bold"))
    if status:
        title.append("  ").append(clean(status), _STATUS.get(status, WARN))
    return Rule(title, style="dim", align="left")


def _figures(result: RunResult) -> Iterable[RenderableType]:
    splits = reading.scored_splits(result)
    if splits:
        accuracy = reading.accuracy_name(result)
        table = bare_table("", accuracy, "95% interval", "F1 macro", "loss", "images", "skipped", right=range(1, 7))
        for split in splits:
            table.add_row(*_figures_row(result, split))
        yield table
    extras = [(split, reading.extra_metrics(result.metrics_of(split))) for split in splits]
    for split, extra in extras:
        if extra:
            yield say(f"{split}: " + " · ".join(f"{name} {value:.4g}" for name, value in extra.items()))
    for split in splits:
        yield from (say(text, "dim") for text in uncertain_lines(result, split))
    for words, numbers in reading.at_thresholds(result):
        shown = f"F1 macro {percent(numbers.f1_macro)} · {accuracy} {percent(numbers.accuracy)}"
        yield say(f"{words}: {shown}")
    for split, summary in result.splits.items():
        yield from _skipped(split, summary.skipped)
    facts = " · ".join(_facts(result))
    if facts:
        yield say(facts, "dim")


def _figures_row(result: RunResult, split: str) -> list[RenderableType]:
    metrics, interval = result.metrics_of(split), reading.interval_of(result, split)
    skipped = result.images_of(split).skipped
    return [
        say(split, "bold"),
        say(percent(metrics.accuracy), f"bold {GOOD}"),
        say(UNKNOWN if interval is None else f"{100 * interval[0]:.1f}–{percent(interval[1])}", "dim"),
        say(percent(metrics.f1_macro)),
        say(number(metrics.loss)),
        say(count(reading.images_in(result, split))),
        say(count(len(skipped)), WARN if skipped else "dim"),
    ]


def _skipped(split: str, skipped: list[SkippedImage]) -> Iterable[RenderableType]:
    """The images that could not be read, by name as far as there is room."""
    for item in skipped[:SKIPPED]:
        yield say(f"{split}: skipped {short_path(item.name)}: {item.reason}", WARN)
    if len(skipped) > SKIPPED:
        yield say(f"{split}: skipped {len(skipped) - SKIPPED} more, named in result.json", WARN)


def _facts(result: RunResult) -> Iterable[str]:
    if result.best_epoch:
        yield f"best epoch {result.best_epoch} of {len(result.epochs)}"
    if result.timing.total_s is not None:
        yield duration(result.timing.total_s)
    if result.timing.train_images_per_second:
        yield f"{count(result.timing.train_images_per_second)} images/s"
    if result.model.parameters:
        yield f"{count(result.model.parameters)} parameters"


def _epochs(result: RunResult) -> list[RenderableType]:
    epochs, drawn = result.epochs, curves(result)
    if not epochs:
        return []
    shown = f"{EPOCHS} of {len(epochs)}, " if len(epochs) > EPOCHS else ""
    table = [heading("Epochs", f"{shown}★ is the one that is kept"), epoch_table(result, EPOCHS)]
    return [*table, Text(), drawn] if drawn else [*table]


def _classes(result: RunResult, split: str) -> list[RenderableType]:
    everything = reading.per_class(result, split)
    rows = reading.per_class(result, split, WORST_CLASSES if len(everything) > WORST_CLASSES + 2 else None)
    if not rows:
        return []
    hint = f"the {len(rows)} worst of {len(everything)}" if len(rows) < len(everything) else reading.on_images(split)
    columns = ("class", "precision", "recall", "F1", "", "images", "trained on")
    table = bare_table(*columns, right=(1, 2, 3, 5, 6), most={0: 28})
    for row in rows:
        table.add_row(*_class_row(row.name, row.scores, row.trained))
    return [heading("Classes", hint), table]


def _class_row(name: str, scores: ClassScores, trained: int | None) -> list[RenderableType]:
    shown = [say(percent(score)) for score in (scores.precision, scores.recall, scores.f1)]
    counts = [say(count(number), "dim") for number in (scores.support, trained)]
    return [Middle(name), *shown, Text(bar(scores.f1, 14), ACCENT), *counts]


def _mistakes(result: RunResult, split: str) -> list[RenderableType]:
    mistakes = result.mistakes.get(split, [])
    if not mistakes:
        return []
    table = bare_table("image", "is", "taken for", "confidence", right=(3,), most={1: 16, 2: 16})
    for mistake in mistakes[:MISTAKES]:
        table.add_row(*_mistake_row(mistake, reading.image_name(result, mistake.name)))
    return [heading("Worst mistakes", "wrong, and sure of it"), table]


def _mistake_row(mistake: Mistake, name: str) -> list[RenderableType]:
    true, predicted = (reading.label_names(label) for label in (mistake.true, mistake.predicted))
    sure = say(percent(mistake.confidence))
    return [Middle(short_path(name), "dim", 16), Middle(true), Middle(predicted, BAD), sure]


def _next(result: RunResult, verdict: Verdict) -> list[RenderableType]:
    """Commands that may improve the result, then commands that use it; each once."""
    rows = {typed: why for why, typed in [*map(split_advice, verdict.advice), *next_commands(result)] if typed}
    table = bare_table("", "", most={0: 26})
    for typed, why in rows.items():
        table.add_row(say(why, "dim"), CommandLine(typed))
    if result.dir and result.status in ("completed", "stopped"):
        table.add_row(say("all of it, with plots", "dim"), Middle(f"{short_path(result.dir)}/report.html"))
    return [heading("Next"), table]
