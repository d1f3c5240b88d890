"""What a check is, and how one is declared. A check is a small function with one name and one remedy."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from zoo.testing.subject import Subject

Trial = Callable[[Subject], None]

EVERY = "every"
MODULES = {
    EVERY: "every",
    "architecture": "architectures",
    "dataset": "datasets",
    "loss": "losses",
    "metric": "metrics",
    "augmentation": "augmentations",
    "optimizer": "optimizers",
    "schedule": "schedules",
    "importer": "importers",
}
"""Where the checks of a kind are, below ``zoo.testing``. Exporters and commands owe only what every kind owes."""


@dataclass(frozen=True)
class Check:
    """One thing that a component owes; calling it tries it.

    Args:
        kind: the component's kind, or ``"plugin"`` for what the plugin owes as a whole.
        component: its full id, or the plugin's name.
        name: what is checked: ``"batch independence in eval"``.
        trial: tries it.
        mend: what to do about a component that fails.
        package: the top-level module that it is made in; failures point at its files.
    """

    kind: str
    component: str
    name: str
    trial: Callable[[], None] = field(repr=False, compare=False)
    mend: str = field(default="", repr=False)
    package: str = field(default="", repr=False)

    @property
    def id(self) -> str:
        """``"loss:acme/poly1:finite"``, with dashes for the blanks of its name."""
        return f"{self.kind}:{self.component}:{self.name.replace(' ', '-')}"

    def run(self) -> None:
        """Try it, without a network.

        Raises:
            CheckFailed: the component breaks it. Whatever else the component raises is a failure, too.
            CheckSkipped: it can't be tried.
        """
        with _offline():
            self.trial()

    def __call__(self) -> None:
        self.run()


@dataclass(frozen=True)
class Contract:
    """A declared check: its name, what tries it, and what to do about a failure."""

    name: str
    trial: Trial
    mend: str


_DECLARED: dict[str, dict[str, Contract]] = {kind: {} for kind in MODULES}


def contract(kind: str, name: str, mend: str) -> Callable[[Trial], Trial]:
    """Declare a check of a kind, or of ``EVERY`` kind; checks are tried in the order of their declaration."""

    def declare(trial: Trial) -> Trial:
        assert name not in _DECLARED[kind], f"two checks of {kind} are named {name!r}"
        _DECLARED[kind][name] = Contract(name, trial, mend)
        return trial

    return declare


def contracts(kind: str) -> list[Contract]:
    """The checks declared for a kind alone; its module is imported now, and torch with most."""
    if kind not in MODULES:
        return []
    importlib.import_module(f"zoo.testing.{MODULES[kind]}")
    return list(_DECLARED[kind].values())


@contextmanager
def _offline() -> Iterator[None]:
    """``ZOO_OFFLINE`` for the time of a check: nothing that it tries may wait for a download."""
    before = os.environ.get("ZOO_OFFLINE")
    os.environ["ZOO_OFFLINE"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["ZOO_OFFLINE"]
        else:
            os.environ["ZOO_OFFLINE"] = before
