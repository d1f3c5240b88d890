"""Several runs of one job on a terminal: a line for each run, bars while it works, one table for all."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.rule import Rule
from rich.text import Text

from zoo.reports.console import ConsoleObserver
from zoo.reports.parts import ACCENT, GOOD, CommandLine, Middle, Page, bare_table, heading, note, say
from zoo.reports.plain import final_lines
from zoo.reports.repeats import metric_rows, next_commands, out_of_fold, plus_minus, what_it_is
from zoo.reports.words import UNKNOWN, clean, clock, duration, figure, label, short_path
from zoo.runner.main_metric import main_metric
from zoo.runner.measurements import EpochRecord
from zoo.runner.observer import Observer
from zoo.runner.record import Run
from zoo.runner.repeats import RepeatsWatcher
from zoo.runner.repeats_summary import MetricSpread, RepeatsSummary
from zoo.runner.run_result import RunResult

__all__ = ["ConsoleWatcher", "render_summary"]

MEMBERS = 20


class ConsoleWatcher(RepeatsWatcher):
    """Tells several runs on a terminal: what all have in common once, then a line for each.

    Args:
        console: where to.
    """

    def __init__(self, console: Console):
        super().__init__()
        self.console = console
        self._told: list[str] = []
        self._opened = False

    def member(self, name: str, number: int, count: int) -> Observer:
        first, self._opened = not self._opened, True
        return _ConsoleMember(self.console, f"{number}/{count}", self._told, opening=first)

    def kept(self, result: RunResult, number: int, count: int) -> None:
        self.console.print(Page(_line(f"{number}/{count}", result, "kept: ")))

    def ended(self, summary: RepeatsSummary) -> None:
        self.console.print()
        self.console.print(render_summary(summary, self._told))


class _ConsoleMember(ConsoleObserver):
    """Observer of one of several runs: no line per epoch and no report, since the summary follows."""

    def __init__(self, console: Console, place: str, told: list[str], opening: bool):
        super().__init__(console)
        self._place, self._opening, self._told = place, opening, told

    def started(self, run: Run) -> None:
        if self._opening:
            super().started(run)
            return
        self._live.stop()
        self._live.metric = main_metric(run.task)
        for text in run.notices:
            self.notice(text)

    def epoch_started(self, epoch: int, epochs: int, images: int) -> None:
        self._epochs = epochs  # no header: there are no lines below it
        super().epoch_started(epoch, epochs, images)

    def epoch_ended(self, record: EpochRecord) -> None:
        self._take_down(record)

    def ended(self, run: Run, result: RunResult) -> None:
        self._live.stop()
        self._print(_line(self._place, result))


def _line(place: str, result: RunResult, what: str = "") -> Text:
    return Text.assemble(("✓ ", GOOD), (f"{place} ", "dim"), what, final_lines(result)[0])


def render_summary(summary: RepeatsSummary, told: Iterable[str] = ()) -> RenderableType:
    """The summary of several runs.

    Args:
        summary: of the runs.
        told: notices that were already printed and need not be again.
    """
    known, by = set(told), clean(summary.by)
    title = Text.assemble((clean(summary.run), "bold"), f"  {what_it_is(summary)}")
    parts: list[RenderableType] = [Rule(title, style="dim", align="left")]
    parts += [note(text) for text in summary.notices if text not in known]
    parts += [say(f"mean ± standard deviation of {summary.count} {by}s", "dim"), _figures(summary)]
    if text := out_of_fold(summary):
        parts += [Text(), say(text)]
    took = duration(summary.timing.total_s)
    parts += [heading("Runs", f"{took} in all"), _members(summary, by), heading("Next"), _next(summary)]
    return Page(*parts)


def _figures(summary: RepeatsSummary) -> RenderableType:
    table = bare_table("", "", "mean ± sd", "min", "max", right=(2, 3, 4), most={1: 24})
    for split, name, figures in metric_rows(summary):
        style = f"bold {GOOD}" if name == main_metric(summary.task).key else ""
        ends = (say(figure(name, end), "dim") for end in (figures.min, figures.max))
        table.add_row(say(split, "bold"), Middle(label(name)), say(plus_minus(name, figures), style), *ends)
    return table


def _members(summary: RepeatsSummary, by: str) -> RenderableType:
    members, metric = summary.members, main_metric(summary.task)
    beside = "f1_macro" if metric.is_share else "r2"
    table = bare_table(by, f"val {metric.short}", label(beside), "best", "took", "run", right=(0, 1, 2, 3, 4))
    val = summary.metrics.get("val", {})
    scores, others = (val.get(name, MetricSpread()) for name in (metric.key, beside))
    for i, member in enumerate(members[:MEMBERS]):
        best = f"{member.best_epoch}/{member.epochs}" if member.best_epoch else UNKNOWN
        table.add_row(
            say(summary.number_of(member), ACCENT),
            say(metric.text(_at(scores, i))),
            say(figure(beside, _at(others, i))),
            say(best),
            say(clock(member.total_s), "dim"),
            Middle(short_path(member.dir), "dim", 16),
        )
    more = len(members) - MEMBERS
    return Page(table, say(f"and {more} more, in summary.json", "dim")) if more > 0 else table


def _at(figures: MetricSpread, index: int) -> float | None:
    """The value of a member; all have ended where this is shown."""
    return figures.values[index] if index < len(figures.values) else None


def _next(summary: RepeatsSummary) -> RenderableType:
    table = bare_table("", "", most={0: 26})
    for command in next_commands(summary):
        table.add_row(say("one run in full", "dim"), CommandLine(command))
    table.add_row(say("all of it", "dim"), Middle(f"{short_path(summary.dir)}/summary.json"))
    return table
