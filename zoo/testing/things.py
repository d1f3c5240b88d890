"""All checks of one thing at once, for a test of an author: a plugin, a component by its id, or a declaration."""

from __future__ import annotations

from zoo.errors import RequestError
from zoo.host.loader import components
from zoo.plugin import Component
from zoo.registry.entry import PYTHON, Entry, Origin
from zoo.testing.checking import Check
from zoo.testing.collect import checks_of
from zoo.testing.outcome import CheckFailed
from zoo.testing.run import Report, run_checks
from zoo.testing.select import select


def require(thing: str | Component | Entry) -> Report:
    """Run all checks of one thing.

    Args:
        thing: a word as for ``zoo plugins check`` (``acme``, ``acme/my_loss``, a folder), or a declaration such as
            ``Loss("mine", "my_losses:Mine", summary="…")``, whose plugin need not be installed.

    Returns:
        The outcomes.

    Raises:
        CheckFailed: a check fails; the message lists all failures with their remedies.
        RequestError: the thing is none of these.
        UnknownName: there is no such plugin or component.
    """
    __tracebackhide__ = True  # in pytest
    report = run_checks(_owed(thing))
    if report.failed:
        raise CheckFailed(
            "\n".join([f"{len(report.failed)} of {len(report.outcomes)} checks failed:", *_lines(report)])
        )
    return report


def _owed(thing: object) -> list[Check]:
    if isinstance(thing, str):
        return select([thing], components())
    if isinstance(thing, Component):
        return checks_of(Entry(thing, Origin(PYTHON)))
    if isinstance(thing, Entry):
        return checks_of(thing)
    raise RequestError(
        f"{thing!r} can't be checked. Give a plugin or a component by name, as in zoo_check('acme/my_loss'), or a "
        "declaration: zoo_check(Loss('mine', 'my_losses:Mine', summary='…'))"
    )


def _lines(report: Report) -> list[str]:
    return [
        f"  {outcome.check.component}: {outcome.check.name}: {outcome.message}\n    → {outcome.check.mend}"
        for outcome in report.failed
    ]
