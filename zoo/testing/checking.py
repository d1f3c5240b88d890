"""Checks and their declaration: a check is a function with a name and a remedy."""

from __future__ import annotations

import importlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from zoo.registry.kinds import ALL
from zoo.testing.outcome import CheckSkipped
from zoo.testing.subject import Subject

Trial = Callable[[Subject], None]

EVERY = "every"
"""Stands for all kinds; its checks are in :mod:`zoo.testing.every`."""


@dataclass(frozen=True)
class Check:
    """One requirement on a component; calling it runs the test.

    Args:
        kind: kind of the component, or ``"plugin"`` for checks of the plugin itself.
        component: full id of the component, or name of the plugin.
        name: name of the check, such as ``"batch independence in eval"``.
        trial: function that runs the test.
        mend: remedy for a failure.
        package: top-level module of the component; failures refer to its files.
    """

    kind: str
    component: str
    name: str
    trial: Callable[[], None] = field(repr=False, compare=False)
    mend: str = field(default="", repr=False)
    package: str = field(default="", repr=False)

    @property
    def id(self) -> str:
        """Identifier such as ``"loss:acme/poly1:finite"``, with dashes for the spaces of the name."""
        return f"{self.kind}:{self.component}:{self.name.replace(' ', '-')}"

    def run(self) -> None:
        """Run the test with downloads disabled.

        Raises:
            CheckFailed: the component fails the check. Any other exception of the component is a failure, too.
            CheckSkipped: the check can't be run.
        """
        __tracebackhide__ = True  # in pytest, as below: the message says it all
        with _offline():
            self.trial()

    def __call__(self) -> None:
        """Run the test as :meth:`run` does; a failure has the remedy as a note, which pytest prints."""
        __tracebackhide__ = True
        try:
            self.run()
        except CheckSkipped:
            raise
        except Exception as error:
            error.add_note(f"→ {self.mend}" if self.mend else f"See: zoo plugins check {self.component}")
            raise


@dataclass(frozen=True)
class Contract:
    """A declared check: its name, test function and remedy."""

    name: str
    trial: Trial
    mend: str


_DECLARED: dict[str, dict[str, Contract]] = defaultdict(dict)


def contract(kind: str, name: str, mend: str) -> Callable[[Trial], Trial]:
    """Declare a check of one kind, or of ``EVERY`` kind; checks run in the order of declaration."""

    def declare(trial: Trial) -> Trial:
        assert name not in _DECLARED[kind], f"two checks of {kind} are named {name!r}"
        _DECLARED[kind][name] = Contract(name, trial, mend)
        return trial

    return declare


def contracts(kind: str) -> list[Contract]:
    """Checks declared for one kind; imports their module, and often torch."""
    module = f"{__package__}.{EVERY}" if kind == EVERY else ALL[kind].checks
    if not module:
        return []
    importlib.import_module(module)
    return list(_DECLARED[kind].values())


@contextmanager
def _offline() -> Iterator[None]:
    """Set ``ZOO_OFFLINE`` within the context, so that no test waits for a download."""
    before = os.environ.get("ZOO_OFFLINE")
    os.environ["ZOO_OFFLINE"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["ZOO_OFFLINE"]
        else:
            os.environ["ZOO_OFFLINE"] = before
