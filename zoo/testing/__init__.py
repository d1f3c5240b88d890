"""Conformance checks for a plugin's components, for ``zoo plugins check`` and for authors' tests.

With pytest, ``pytest --zoo acme`` runs them beside an author's own tests. In a test file::

    import zoo.testing

    @zoo.testing.parametrize("acme")
    def test_contract(check):
        check()

    def test_my_loss(zoo_check):
        zoo_check("acme/my_loss")

``zoo.testing.check(MyLoss)`` checks a class, a function or an object that is not part of a plugin.

Importing this package imports neither torch nor pytest, and the modules of the checks only when a name is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

    from zoo.testing.checking import Check, contract
    from zoo.testing.collect import checks, checks_of
    from zoo.testing.outcome import CheckFailed, CheckSkipped
    from zoo.testing.run import Outcome, Report, run_checks
    from zoo.testing.single import check

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

_ELSEWHERE = {
    **dict.fromkeys(("Check", "contract"), "checking"),
    "check": "single",
    **dict.fromkeys(("checks", "checks_of"), "collect"),
    **dict.fromkeys(("CheckFailed", "CheckSkipped"), "outcome"),
    **dict.fromkeys(("Outcome", "Report", "run_checks"), "run"),
}
"""The module of each name: pytest imports this package at each start, for its plugin."""


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return getattr(import_module(f"{__name__}.{_ELSEWHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def parametrize(plugin: str) -> pytest.MarkDecorator:
    """Create a mark that runs a test function for each check of a plugin, as its argument ``check``.

    Args:
        plugin: name of the plugin's entry point; the plugin must be installed: ``pip install -e .``

    Raises:
        UnknownName: there is no such plugin.
    """
    import pytest

    from zoo.testing.collect import checks

    return pytest.mark.parametrize("check", [pytest.param(check, id=check.id) for check in checks(plugin)])
