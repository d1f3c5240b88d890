"""What lifecycle hooks receive: the run, an epoch and the result as plain data that can't be written to."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from zoo.host.views import frozen, read_only
from zoo.runner.record import Run
from zoo.runner.records import plain


class FrozenRun(Run):
    """A run with plain mappings in place of records, read-only; a copy of it is a :class:`Run` that isn't."""

    def __setattr__(self, name: str, value: Any) -> None:
        raise read_only(f"run.{name}")

    def __delattr__(self, name: str) -> None:
        raise read_only(f"run.{name}")

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        return _writable, (copy.deepcopy(vars(self)),)


def _writable(parts: Mapping[str, object]) -> Run:
    return _with(Run, parts)


def _with(cls: type[Run], parts: Mapping[str, object]) -> Run:
    """Create a run from its parts without validating them."""
    found = object.__new__(cls)
    vars(found).update(parts)
    return found


def with_settings(run: Run, settings: object) -> Run:
    """Return a view of a run with the settings of one plugin, which shares all else."""
    return _with(type(run), {**vars(run), "settings": settings})


def view(value: Any, name: str) -> Any:
    """Return the read-only view of an argument of a hook; an exception is passed as it is.

    Args:
        name: name of the argument, for messages.
    """
    if isinstance(value, Run):
        return _with(FrozenRun, {f.name: frozen(plain(getattr(value, f.name)), f"run.{f.name}") for f in fields(value)})
    return frozen(plain(value), name)
