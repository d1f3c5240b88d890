"""Conformance checks for a plugin's components, for ``zoo plugins check`` and for authors' tests.

In a plugin's test file::

    import zoo.testing

    @zoo.testing.parametrize("acme")
    def test_contract(check):
        check()

``zoo.testing.check(MyLoss)`` checks a class, a function or an object that is not part of a plugin.

Importing this package imports neither torch nor pytest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.testing.check import Check, contract
from zoo.testing.collect import checks, checks_of
from zoo.testing.outcome import CheckFailed, CheckSkipped
from zoo.testing.run import Outcome, Report, run_checks
from zoo.testing.single import check

if TYPE_CHECKING:
    import pytest

__all__ = [
    "Check",
    "CheckFailed",
    "CheckSkipped",
    "Outcome",
    "Report",
    "check",
    "checks",
    "checks_of",
    "contract",
    "parametrize",
    "run_checks",
]


def parametrize(plugin: str) -> pytest.MarkDecorator:
    """Create a mark that runs a test function for each check of a plugin, as its argument ``check``.

    Args:
        plugin: name of the plugin's entry point; the plugin must be installed: ``pip install -e .``

    Raises:
        UnknownName: there is no such plugin.
    """
    import pytest

    return pytest.mark.parametrize("check", [pytest.param(check, id=check.id) for check in checks(plugin)])
