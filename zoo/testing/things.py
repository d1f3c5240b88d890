"""All checks of one thing at once, for a test of an author: a plugin, a component by its id, or a declaration."""

from __future__ import annotations

from typing import Any

from zoo.host.loader import components
from zoo.plugin import Component
from zoo.registry.entry import PYTHON, Entry, Origin
from zoo.testing.checking import Check
from zoo.testing.collect import checks_of
from zoo.testing.outcome import CheckFailed
from zoo.testing.run import Report, run_checks
from zoo.testing.select import select
from zoo.testing.single import check


def require(thing: Any, kind: str | None = None, **params: Any) -> Report:
    """Run all checks of one thing.

    Args:
        thing: a word as for ``zoo plugins check`` (``acme``, ``acme/my_loss``, a folder), or a declaration such as
            ``Loss("mine", "my_losses:Mine", summary="…")``, whose plugin need not be installed; or a class, a function
            or an object, as for :func:`zoo.testing.check`.
        kind, params: of a class, a function or an object.

    Returns:
        The outcomes.

    Raises:
        CheckFailed: a check fails; the message lists all failures with their remedies.
        RequestError: the kind of an object can't be guessed, or the object can't be a component.
        UnknownName: there is no such plugin or component.
    """
    __tracebackhide__ = True  # in pytest
    if not isinstance(thing, str | Component | Entry):
        return check(thing, kind, **params)
    report = run_checks(_owed(thing))
    if report.failed:
        raise CheckFailed(
            "\n".join([f"{len(report.failed)} of {len(report.outcomes)} checks failed:", *_lines(report)])
        )
    return report


def _owed(thing: str | Component | Entry) -> list[Check]:
    if isinstance(thing, str):
        return select([thing], components())
    if isinstance(thing, Component):
        return checks_of(Entry(thing, Origin(PYTHON)))
    return checks_of(thing)


def _lines(report: Report) -> list[str]:
    return [
        f"  {outcome.check.component}: {outcome.check.name}: {outcome.message}\n    → {outcome.check.mend}"
        for outcome in report.failed
    ]
