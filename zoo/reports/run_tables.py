"""Tables on a terminal: runs, and a job before it runs. All fit in 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from zoo.reports.parts import ACCENT, BAD, GOOD, WARN, Middle, Page, bare_table, heading, say
from zoo.reports.uncertain import span_words
from zoo.reports.words import UNKNOWN, clean, clock, component, figure, percent, shown, value_text

__all__ = ["job_table", "runs_table"]

Row = Mapping[str, Any]
_STATUS = {"completed": GOOD, "stopped": GOOD, "running": ACCENT, "interrupted": WARN, "failed": BAD}


def runs_table(rows: Sequence[Row], by: str | None = None) -> RenderableType:
    """Runs.

    Each row has ``run``, ``status``, ``architecture``, ``dataset``, ``val_accuracy`` (0..1) or ``metrics`` with the
    ``mae`` of ``val``, ``best_epoch``,
    ``epochs``, ``total_s`` and ``when`` (a time in ISO 8601, shown to the minute).

    Args:
        by: the number that they are ordered by, such as ``val/accuracy``: a leaderboard with ``rank``, ``value`` and
            its interval.
    """
    if by is not None and rows:
        return _leaderboard(rows, by)
    head = _main_head(rows)
    table = bare_table("run", head, "best", "took", "when", right=(1, 2, 3))
    for row in rows:
        table.add_row(*_run_row(row, head))
    return Page(table) if rows else say("There are no runs yet. Start one: zoo run simple_cnn digits", "dim")


def _leaderboard(rows: Sequence[Row], by: str) -> RenderableType:
    split, _, name = by.partition("/")
    table = bare_table("", "run", by.replace("/", " "), "95% interval", "took", "when", right=(0, 2, 3, 4))
    for row in rows:
        run, ends = str(row.get("run", UNKNOWN)), ((row.get("metrics") or {}).get(split) or {}).get("intervals") or {}
        table.add_row(
            say(row.get("rank") or "", "dim"),
            Group(Text(clean(run), "bold", overflow="fold"), *_more(row, run)),
            say(figure(name, row.get("value")), GOOD),
            say(span_words(name, ends[name]) if name in ends else "", "dim"),
            say(clock(row.get("total_s"))),
            say(str(row.get("when") or UNKNOWN)[:16].replace("T", " "), "dim"),
        )
    return Page(table)


def _error(row: Row) -> float | None:
    """The validation MAE of a regression; None of another run."""
    found = ((row.get("metrics") or {}).get("val") or {}).get("mae")
    return found if row.get("val_accuracy") is None and isinstance(found, int | float) else None


def _main_head(rows: Sequence[Row]) -> str:
    """Head of the column of the main metric: ``val acc``, ``val MAE``, or ``val`` for runs of both kinds."""
    errors = [row for row in rows if _error(row) is not None]
    if not errors:
        return "val acc"
    return "val" if any(row.get("val_accuracy") is not None for row in rows) else "val MAE"


def _main_text(row: Row, head: str) -> str:
    error = _error(row)
    if error is None:
        return percent(row.get("val_accuracy"))
    return f"MAE {value_text(error)}" if head == "val" else value_text(error)


def _run_row(row: Row, head: str) -> list[RenderableType]:
    run, best, epochs = str(row.get("run", UNKNOWN)), row.get("best_epoch"), row.get("epochs") or UNKNOWN
    return [
        Group(Text(clean(run), "bold", overflow="fold"), *_more(row, run)),
        say(_main_text(row, head), GOOD),
        say(UNKNOWN if best is None else f"{best}/{epochs}"),
        say(clock(row.get("total_s"))),
        say(str(row.get("when") or UNKNOWN)[:16].replace("T", " "), "dim"),
    ]


def _more(row: Row, run: str) -> list[RenderableType]:
    """A second line below a run's name, for a status or components that the name doesn't contain."""
    status = str(row.get("status") or UNKNOWN)
    names = [str(row[key]).rpartition("/")[2] for key in ("architecture", "dataset") if row.get(key)]
    line = Text("" if status == "completed" else clean(status), _STATUS.get(status, WARN))
    if any(name not in run for name in names):
        line.append(f"{' · ' if line else ''}{clean(' on '.join(names))}", "dim")
    return [line] if line else []


def job_table(job: Row, sources: Mapping[str, str], reasons: Mapping[str, str] | None = None) -> RenderableType:
    """A resolved job: every value with its source, then the reasons of rules for theirs."""
    table = bare_table("", "value", "from", most={0: 40, 2: 20})
    table.columns[0].no_wrap = True  # a key must be copyable
    for path, value in _leaves(job):
        source = sources.get(path, "")
        source = "recipe" if source.startswith("recipe ") else source
        chosen = source in ("command line", "--set", "python")
        table.add_row(
            Text(clean(path), ACCENT, overflow="fold"),
            Text(clean(shown(value)), overflow="fold"),
            Middle(source, "" if chosen else "dim", 12),
        )
    return Page(table, *([heading("Chosen for this data"), _reasons(reasons)] if reasons else []))


def _reasons(reasons: Mapping[str, str]) -> RenderableType:
    table = bare_table("", "reason")
    for path, reason in reasons.items():
        table.add_row(Text(clean(path), ACCENT, overflow="fold"), say(reason))
    return table


def _leaves(node: Row, prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        elif isinstance(value, Sequence) and not isinstance(value, str) and any(isinstance(v, Mapping) for v in value):
            yield f"{prefix}{key}", ", ".join(map(component, value))
        else:
            yield f"{prefix}{key}", value
