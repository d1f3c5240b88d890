"""Plain-text report of a sweep: its trials as they end, and their summary. Without rich."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from zoo.api.running import Observer
from zoo.reports.kit.text import UNKNOWN, Lines, cells, clean, clock, duration, figure, ljust, percent, short_path
from zoo_search.store import SweepTrial
from zoo_search.sweep import SweepWatcher

__all__ = ["PlainSweep", "heads", "next_command", "params_text", "ranked", "sweep_lines", "value_text"]

Document = dict[str, Any]
Row = Mapping[str, Any]
SHOWN = 20
"""Number of trials in the terminal's table; all are in sweep.json and in the HTML report."""


class PlainSweep(SweepWatcher):
    """Reports a sweep in plain lines, one per trial.

    Args:
        stream: output stream.
        quiet: print only the last line.
    """

    def __init__(self, stream: TextIO, quiet: bool = False):
        self._lines = Lines(stream, quiet)
        self._waits = False

    def began(self, found: Document) -> None:
        self._lines.say(opening(found), *(f"  {clean(path)} = {clean(text)}" for path, text in found["space"].items()))

    def trial(self, trial: SweepTrial, count: int) -> Observer:
        self._waits = False
        if trial.again:
            self._lines.say(f"trial {trial.number} of {count}: resumed")
        return Observer()

    def told(self, row: Row, found: Document) -> None:
        self._lines.say(trial_line(row, found))

    def waiting(self, running: int) -> None:
        if not self._waits:
            self._lines.say(waiting_line(running))
        self._waits = True

    def ended(self, found: Document) -> None:
        self._lines.write(*([last_line(found)] if self._lines.quiet else sweep_lines(found)))


def opening(found: Document) -> str:
    """Describe the sweep in one line."""
    base = found["base"]
    what = " on ".join(clean(base[part]) for part in ("architecture", "dataset") if base.get(part)) or "a job"
    ended = sum(row["status"] != "running" for row in found["trials"])
    done = f", {ended} done" if ended else ""
    order = "highest" if found["maximize"] else "lowest"
    every = ", every combination" if found.get("combinations") == found["count"] else ""
    name, goal = clean(found["sweep"]), f"objective: {order} {found['monitor']}"
    return f"{name}: {found['count']} trials of {what}{every}{done}; {goal}"


def waiting_line(running: int) -> str:
    """Report that no trial is left to start."""
    return f"nothing left to start: waiting for {running} trial{'' if running == 1 else 's'} of other processes"


def value_text(found: Document, value: float | None) -> str:
    """Format a value of the monitored metric."""
    return figure(str(found["monitor"]).partition("/")[2], value)


def heads(paths: Sequence[str]) -> list[str]:
    """Column headings: the last component of each path, or the whole path where it is ambiguous."""
    leaves = [path.rpartition(".")[2] for path in paths]
    return [leaf if leaves.count(leaf) == 1 else path for leaf, path in zip(leaves, paths, strict=True)]


def param_text(text: object) -> str:
    """Format a drawn value with few digits."""
    word = str(text)
    try:
        number = float(word)
    except ValueError:
        return clean(word)
    return word if word.lstrip("-").isdigit() else f"{number:.3g}"


def params_text(row: Row) -> str:
    """Format all values of a trial."""
    paths = list(row["params"])
    pairs = zip(heads(paths), row["params"].values(), strict=True)
    return ", ".join(f"{clean(head)} {param_text(text)}" for head, text in pairs)


def is_best(row: Row, found: Document) -> bool:
    return found["best"] is not None and bool(found["best"]["number"] == row["number"])


def trial_line(row: Row, found: Document) -> str:
    """Describe a finished trial."""
    epochs = f", {row['epochs']} epoch{'' if row['epochs'] == 1 else 's'}" if row["epochs"] else ""
    why = f" ({clean(row['reason'])})" if row["status"] == "failed" else ""
    best = ", the best so far" if is_best(row, found) else ""
    return (
        f"trial {row['number']} of {found['count']}: {value_text(found, row['value'])} {row['status']}{why} "
        f"with {params_text(row)}{epochs}, {duration(row['total_s'])}{best}"
    )


def ranked(found: Document) -> list[Row]:
    """Sort trials: completed ones by value, then pruned ones, then those without a value."""
    order = {"completed": 0, "pruned": 1}
    sign = -1 if found["maximize"] else 1

    def key(row: Row) -> tuple[float, ...]:
        value = row["value"]
        return (order.get(row["status"], 2), sign * value if value is not None else 0.0, row["number"])

    return sorted(found["trials"], key=key)


def sweep_lines(found: Document) -> list[str]:
    """Format a whole sweep."""
    rows = ranked(found)
    paths = list(found["space"])
    table = [["trial", str(found["monitor"]), "status", "epochs", "took", *heads(paths)]]
    table += [_cells(row, found, paths) for row in rows[:SHOWN]]
    widths = [max(map(cells, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(map(ljust, row, widths)).rstrip() for row in table]
    if len(rows) > SHOWN:
        lines.append(f"and {len(rows) - SHOWN} more, in {short_path(found['dir'])}/sweep.json")
    return ["", *lines, "", *importance_lines(found), last_line(found), *_where(found)]


def _cells(row: Row, found: Document, paths: Sequence[str]) -> list[str]:
    value = value_text(found, row["value"])
    epochs = str(row["epochs"] or UNKNOWN)
    drawn = [param_text(row["params"][path]) for path in paths]
    return [str(row["number"]), value, str(row["status"]), epochs, clock(row["total_s"]), *drawn]


def importance_lines(found: Document) -> list[str]:
    """Format the importance of parameters; empty where it is unknown."""
    weights = found.get("importance")
    if not weights:
        return []
    return ["importance: " + ", ".join(f"{clean(path)} {percent(share, 0)}" for path, share in weights.items())]


def last_line(found: Document) -> str:
    """Summarise the sweep in one line."""
    counts = {status: sum(row["status"] == status for row in found["trials"]) for status in ("pruned", "failed")}
    said = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    trials = f"{len(found['trials'])} trials{f' ({said})' if said else ''}"
    head = f"{clean(found['sweep'])}: {clean(found['status'])}, {trials}"
    best = found["best"]
    if best is None:
        return f"{head}, no trial completed, {duration(found['timing']['total_s'])}"
    figures = f"best {found['monitor']} {value_text(found, best['value'])} by trial {best['number']}"
    return f"{head}, {figures} with {params_text(best)}, {duration(found['timing']['total_s'])}"


def next_command(found: Document) -> str | None:
    """Next command to type; None without a best trial."""
    return f"zoo run {short_path(found['best']['job'])}" if found["best"] else None


def _where(found: Document) -> list[str]:
    lines = [f"page: {short_path(found['dir'])}/report.html"]
    command = next_command(found)
    return lines + ([f"next: {command}"] if command else [])
