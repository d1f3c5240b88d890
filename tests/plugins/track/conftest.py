"""Stand-ins for tracking libraries, and readers of logs."""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from zoo.registry import kinds


@pytest.fixture(autouse=True)
def _kinds_of_the_zoo_alone() -> Iterator[None]:
    yield
    kinds.keep_only()


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """As in an environment without these packages: ``without("mlflow")``."""
    from importlib import util

    from zoo_track import tracking

    def remove(*modules: str) -> None:
        monkeypatch.setattr(tracking, "find_spec", lambda name: None if name in modules else util.find_spec(name))

    return remove


class Recorder(SimpleNamespace):
    """A run of a stand-in library, which records what it is told."""

    def __init__(self, **asked: Any):
        super().__init__(asked=asked, logs=[], summary={}, ended=[], id=asked.get("id") or "one", url="https://a.b/one")
        self.name = asked.get("name")

    def log(self, numbers: dict[str, Any], step: int | None = None) -> None:
        self.logs.append((step, numbers))

    def finish(self, exit_code: int | None = None) -> None:
        self.ended.append(exit_code)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[Recorder]]:
    """Stand for a library with ``init(**asked) -> run``: ``stand_in("wandb")`` gives the list of its runs."""

    def install(name: str) -> list[Recorder]:
        runs: list[Recorder] = []
        module = ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None, origin="stand-in")

        def init(**asked: Any) -> Recorder:
            runs.append(Recorder(**asked))
            return runs[-1]

        module.init = init  # type: ignore[attr-defined]
        module.Settings = lambda **settings: settings  # type: ignore[attr-defined]
        module.Image = lambda image: image.size  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, name, module)
        return runs

    return install
