"""The pytest plugin ``zoo``: ``pytest --zoo acme`` runs the checks of a plugin as tests; the fixture ``zoo_check``.

pytest imports this module at each start, in every project of the environment: it imports nothing of the zoo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from zoo.testing.checking import Check

OPTION = "--zoo"
MARK = "zoo"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("zoo", "checks of plugins of the zoo").addoption(
        OPTION,
        action="append",
        default=[],
        metavar="PLUGIN",
        help="Run the checks of a plugin (acme), of a component (acme/my_loss) or of a folder (.) as tests, beside the "
        "collected ones; repeatable. -m zoo runs them alone.",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARK}: a check of a plugin of the zoo, added by {OPTION}")


@pytest.hookimpl(tryfirst=True)  # so that -k and -m choose among the checks as well
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    words = config.getoption(OPTION)
    if words:
        items.extend(_Contract.from_parent(session, name=MARK, nodeid=MARK, words=words).collect())


@pytest.fixture
def zoo_check() -> Callable[[Any], Any]:
    """Function that runs all checks of one thing, ``zoo_check("acme/my_loss")``: :func:`zoo.testing.things.require`."""
    from zoo.testing.things import require

    return require


class _Contract(pytest.Collector):
    """The checks that ``--zoo`` asks for."""

    def __init__(self, words: list[str], **given: Any):
        super().__init__(**given)
        self.words = words

    def collect(self) -> Iterator[pytest.Item]:
        from zoo.errors import ZooError
        from zoo.host.loader import components
        from zoo.testing.select import select

        try:
            owed = select(self.words, components())
        except ZooError as error:
            raise pytest.UsageError(str(error)) from error
        for check in owed:
            yield CheckItem.from_parent(self, name=check.id, check=check)


class CheckItem(pytest.Item):
    """One check as a test."""

    def __init__(self, check: Check, **given: Any):
        super().__init__(**given)
        self.check = check
        self.add_marker(MARK)

    def runtest(self) -> None:
        self.check()

    def reportinfo(self) -> tuple[Path, None, str]:
        return Path(self.check.component), None, self.check.id

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The message and the remedy; for other exceptions than that of a check, the traceback as well."""
        from zoo.testing.outcome import CheckFailed

        if not isinstance(excinfo.value, CheckFailed):
            return super().repr_failure(excinfo, style)
        notes = getattr(excinfo.value, "__notes__", ())
        return "\n".join([f"{self.check.kind} {self.check.component}: {excinfo.value}", *notes])
