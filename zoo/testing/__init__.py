"""What the components of a plugin owe, as checks: for ``zoo plugins check``, and for an author's own tests.

In a plugin's test file::

    import zoo.testing

    @zoo.testing.parametrize("acme")
    def test_contract(check):
        check()

Importing this imports neither torch nor pytest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.testing.check import Check
from zoo.testing.collect import checks, checks_of
from zoo.testing.outcome import CheckFailed, CheckSkipped
from zoo.testing.run import Outcome, Report, run_checks

if TYPE_CHECKING:
    import pytest

__all__ = [
    "Check",
    "CheckFailed",
    "CheckSkipped",
    "Outcome",
    "Report",
    "checks",
    "checks_of",
    "parametrize",
    "run_checks",
]


def parametrize(plugin: str) -> pytest.MarkDecorator:
    """A mark that runs a test function once for each check of a plugin, as its argument ``check``.

    Args:
        plugin: the name of its entry point; the plugin must be installed: ``pip install -e .``

    Raises:
        UnknownName: there is no such plugin.
    """
    import pytest

    return pytest.mark.parametrize("check", [pytest.param(check, id=check.id) for check in checks(plugin)])
