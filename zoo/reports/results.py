"""The report of a result on a terminal, in the order of questions.

Is it good: the headline and the verdict. What to type next. Where it fails: classes, confusion, worst mistakes. How it
was trained: curves and epochs. How certain that is: intervals and calibration, on request.
"""

from __future__ import annotations

from collections.abc import Collection

from rich.console import RenderableType

from zoo.reports import reading
from zoo.reports.advice import next_commands, split_advice
from zoo.reports.epochs import curves, epoch_table
from zoo.reports.headline import headline_panel
from zoo.reports.mistakes import mistakes_of
from zoo.reports.parts import CommandLine, Middle, Page, bare_table, heading, note, say
from zoo.reports.uncertain import uncertain_lines
from zoo.reports.verdict import Verdict, diagnose
from zoo.reports.words import short_path
from zoo.runner.run_result import RunResult

__all__ = ["render_result"]

EPOCHS = 12


def render_result(
    result: RunResult, printed: Collection[str] = (), *, live: bool = False, verbose: bool = False
) -> RenderableType:
    """Render the report of a result.

    Args:
        result: of a run, or of an evaluation.
        printed: notices that are on the screen already.
        live: whether the epochs are on the screen already.
        verbose: add the intervals of all metrics, the majority baseline and the calibration.
    """
    split, verdict = reading.main_split(result), diagnose(result)
    parts: list[RenderableType] = [note(text) for text in result.notices if text not in printed]
    certainty = [line for each in reading.scored_splits(result) for line in uncertain_lines(result, each)]
    parts += [headline_panel(result, verdict), *_next(result, verdict, more=bool(certainty) and not verbose)]
    parts += mistakes_of(result, split) if split else []
    for title, text in result.sections:
        parts += [heading(title), *map(say, text.splitlines())]
    parts += [*_curves(result), *([] if live else _epochs(result))]
    if certainty and verbose:
        parts += [heading("Intervals" if result.has_values else "Intervals and calibration"), *map(say, certainty)]
    return Page(*parts)


def _next(result: RunResult, verdict: Verdict, *, more: bool) -> list[RenderableType]:
    """Commands that may improve the result, then commands that use it; each once.

    Args:
        more: whether intervals and calibration are left to ``-v``.
    """
    rows = {typed: why for why, typed in [*map(split_advice, verdict.advice), *next_commands(result)] if typed}
    table = bare_table("", "", most={0: 26})
    for typed, why in rows.items():
        table.add_row(say(why, "dim"), CommandLine(typed))
    if result.dir and result.status in ("completed", "stopped"):
        if more:
            show = CommandLine(f"zoo runs show {short_path(result.dir)} -v")
            what = "intervals" if result.has_values else "intervals, calibration"
            table.add_row(say(what, "dim"), show)
        table.add_row(say("report with pictures", "dim"), Middle(f"{short_path(result.dir)}/report.html"))
    return [heading("Next"), table]


def _curves(result: RunResult) -> list[RenderableType]:
    drawn = curves(result)
    return [heading("Curves", f"{reading.metric_in(result).name} by epoch"), drawn] if drawn else []


def _epochs(result: RunResult) -> list[RenderableType]:
    if not result.epochs:
        return []
    some = f"{EPOCHS} of {len(result.epochs)}; " if len(result.epochs) > EPOCHS else ""
    return [heading("Epochs", f"{some}★ best epoch, whose weights are kept"), epoch_table(result, EPOCHS)]
