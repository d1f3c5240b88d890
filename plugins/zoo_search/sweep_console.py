"""Terminal report of a sweep: a line per trial, progress bars during training, and a table of all trials."""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.rule import Rule
from rich.text import Text

from zoo.api.running import Observer, Run
from zoo.reports.kit.console import (
    ACCENT,
    BAD,
    GOOD,
    WARN,
    CommandLine,
    ConsoleWatcher,
    Middle,
    Page,
    bare_table,
    heading,
    say,
)
from zoo.reports.kit.text import UNKNOWN, bar, clean, clock, percent, short_path
from zoo.runs import RunResult
from zoo_search.store import SweepTrial
from zoo_search.sweep import SweepWatcher
from zoo_search.sweep_report import (
    SHOWN,
    Document,
    Row,
    heads,
    is_best,
    last_line,
    next_command,
    opening,
    param_text,
    ranked,
    trial_line,
    value_text,
    waiting_line,
)

__all__ = ["Bars", "ConsoleSweep", "render_sweep"]

_STYLES = {"completed": GOOD, "pruned": WARN, "failed": BAD, "running": ACCENT}


class ConsoleSweep(SweepWatcher):
    """Reports a sweep on a terminal.

    Args:
        console: output console.
    """

    def __init__(self, console: Console):
        self.console = console
        self._members = ConsoleWatcher(console)
        self._waits = False

    def began(self, found: Document) -> None:
        self._print(say(opening(found), "bold"), *(say(f"  {p} = {t}", "dim") for p, t in found["space"].items()))

    def trial(self, trial: SweepTrial, count: int) -> Observer:
        self._waits = False
        return Bars(self._members.member(trial.name, trial.number, count))

    def told(self, row: Row, found: Document) -> None:
        style = f"bold {GOOD}" if is_best(row, found) else _STYLES.get(row["status"], "")
        self._print(say(trial_line(row, found), style))

    def waiting(self, running: int) -> None:
        if not self._waits:
            self._print(say(waiting_line(running), "dim"))
        self._waits = True

    def ended(self, found: Document) -> None:
        self.console.print()
        self.console.print(render_sweep(found))

    def _print(self, *parts: RenderableType) -> None:
        self.console.print(Page(*parts))


class Bars(Observer):
    """The progress bars of a run, without its summary, which the sweep shows in its own line."""

    def __init__(self, shown: Observer):
        for name in ("preparing", "started", "epoch_started", "step", "epoch_ended", "notice", "failed", "close"):
            setattr(self, name, getattr(shown, name))

    def ended(self, run: Run, result: RunResult) -> None:
        self.close()


def render_sweep(found: Document) -> RenderableType:
    """Render a sweep's document for the terminal."""
    parts: list[RenderableType] = [Rule(Text(clean(found["sweep"]), "bold"), style="dim", align="left"), _table(found)]
    more = len(found["trials"]) - SHOWN
    parts += [say(f"and {more} more, in sweep.json", "dim")] if more > 0 else []
    if found.get("importance"):
        parts += [heading("Importance of parameters", "fraction of the variance between trials"), _weights(found)]
    parts += [Text(), say(last_line(found), "bold"), heading("Next"), _next(found)]
    return Page(*parts)


def _table(found: Document) -> RenderableType:
    paths = list(found["space"])
    monitor = str(found["monitor"])
    table = bare_table("trial", monitor, "epochs", "took", *heads(paths), "", right=(0, 1, 2, 3))
    for row in ranked(found)[:SHOWN]:
        status = str(row["status"])
        table.add_row(
            say(row["number"], "bold" if is_best(row, found) else "dim"),
            say(value_text(found, row["value"]), f"bold {GOOD}" if is_best(row, found) else ""),
            say(row["epochs"] or UNKNOWN, "dim"),
            say(clock(row["total_s"]), "dim"),
            *(Middle(param_text(row["params"][path])) for path in paths),
            say("" if status == "completed" else status, _STYLES.get(status, "")),
        )
    return table


def _weights(found: Document) -> RenderableType:
    table = bare_table("", "", "", right=(2,))
    for path, share in found["importance"].items():
        table.add_row(Middle(path), Text(bar(share, 20), ACCENT), say(percent(share, 0)))
    return table


def _next(found: Document) -> RenderableType:
    table = bare_table("", "", most={0: 26})
    if command := next_command(found):
        table.add_row(say("train the best again", "dim"), CommandLine(command))
    table.add_row(say("the page", "dim"), Middle(f"{short_path(found['dir'])}/report.html"))
    return table
