"""The outcome of a plugin's checks, as text. No rich: plugin authors run the checks often."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from types import TracebackType
from typing import Self

import click

from zoo.registry.suggest import listing
from zoo.reports.words import cells, clean, count, duration, ljust
from zoo.testing import Check, Outcome, Report

__all__ = ["CheckProgress", "report_lines"]

_ORDER = ("passed", "failed", "skipped")
_COLOURS = {"passed": "green", "failed": "red", "skipped": "yellow"}
_INDENT = "    "


class CheckProgress:
    """Display of running checks that shows nothing, for pipes and files."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Remove the display."""

    def begin(self, check: Check) -> None:
        """Show the check that runs now."""

    def tell(self, outcome: Outcome) -> None:
        """Count a finished check."""


def report_lines(report: Report, width: int) -> Iterator[str]:
    """Format a line per component with its counts; below it each failure with its fix, and each skip with its reason.

    Args:
        width: columns; longer lines are wrapped.
    """
    groups = [(key, list(found)) for key, found in groupby(report.outcomes, key=_component)]
    room = min(max((cells(f"{kind} {name}") for (kind, name), _ in groups), default=0), width // 2) + 2
    for (kind, name), found in groups:
        seconds = duration(sum(outcome.seconds for outcome in found))
        head = f"{clean(kind)} {click.style(ljust(clean(name), room - cells(clean(kind)) - 3), bold=True)}"
        yield f"{head}  {_counts(found)}  {click.style(seconds, dim=True)}"
        yield from _failures(found, width)
        yield from _skips(found, width)
    yield ""
    yield _total(report)


def _component(outcome: Outcome) -> tuple[str, str]:
    return outcome.check.kind, outcome.check.component


def _counts(outcomes: list[Outcome]) -> str:
    """``7 passed, 1 failed``, without zero counts."""
    found = Counter(outcome.outcome for outcome in outcomes)
    return ", ".join(click.style(f"{count(found[o])} {o}", fg=_COLOURS[o]) for o in _ORDER if found[o])


def _failures(outcomes: list[Outcome], width: int) -> Iterator[str]:
    """The message of each failure, and its fix."""
    for outcome in outcomes:
        if outcome.outcome == "failed":
            yield from _sentence("failed", outcome.check.name, outcome.message, width)
            if outcome.check.mend:
                yield from _wrapped(f"→ {clean(outcome.check.mend)}", width)


def _skips(outcomes: list[Outcome], width: int) -> Iterator[str]:
    """Each reason for skipped checks, once: a component that can't be built skips all further checks."""
    reasons: dict[str | None, list[str]] = {}
    for outcome in outcomes:
        if outcome.outcome == "skipped":
            reasons.setdefault(outcome.message, []).append(outcome.check.name)
    for reason, names in reasons.items():
        yield from _sentence("skipped", listing(names, most=3), reason, width)


def _sentence(word: str, name: str, message: str | None, width: int) -> Iterator[str]:
    first, *others = _wrapped(f"{word}: {clean(name)}: {clean(message or '')}", width)
    # Coloured after wrapping: colour codes have no width.
    yield first.replace(word, click.style(word, fg=_COLOURS[word]), 1)
    yield from others


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text, max(30, width), initial_indent="  ", subsequent_indent=_INDENT, break_long_words=False
    ) or [""]


def _total(report: Report) -> str:
    if not report.outcomes:
        return "There are no components to check."
    many = len(report.outcomes)
    return f"{count(many)} {'check' if many == 1 else 'checks'}: {_counts(list(report.outcomes))} in " + duration(
        report.seconds
    )
