"""Components given from Python: a class, a factory, or an object, as an entry like a plugin's."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields as fields_of
from typing import Any

from zoo.errors import RequestError
from zoo.job.given.factory import Given, around, class_of, form_of, is_plain, required, titled
from zoo.plugin import Component
from zoo.registry.entry import PYTHON, Entry, Origin
from zoo.registry.kinds import ALL
from zoo.registry.suggest import did_you_mean, listing

_ADAPTERS = {
    "architecture": "networks",
    "dataset": "datasets",
    "loss": "losses",
    "metric": "metrics",
    "augmentation": "augmentations",
    "optimizer": "optimizers",
    "schedule": "schedules",
    "sampler": "samplers",
}
"""Module of the function ``adapt(value) -> Given`` of each kind."""


def entry_of(
    kind: str,
    value: Any,
    name: str | None = None,
    classes: Sequence[str] | None = None,
    task: str | None = None,
    **declared: Any,
) -> Entry:
    """Create an entry for a class, a factory or an object.

    Args:
        kind: kind of the component.
        value: the object, such as an ``nn.Module``; or what makes one, with the signature of the kind.
        name: name of the component; by default that of the class or function.
        classes: names of a dataset's classes, for an object that has none.
        task: the job's task, for a dataset.
        declared: fields of the component's declaration, such as ``higher_is_better``.

    Returns:
        An entry with the id ``python/NAME``, whose factory returns a copy of the object at each call.

    Raises:
        RequestError: the value can't be a component of this kind, or the kind has no such field.
    """
    given = adapted(kind, value, classes, task)
    target = f"{_module(given.of)}:{own_name(given.of)}"
    component = _declaration(kind, name or own_name(given.of), target, {**given.fields, **declared})
    return Entry(component, Origin(PYTHON), given=given.factory, of=given.of, form=form_of(value))


def adapted(kind: str, value: Any, classes: Sequence[str] | None = None, task: str | None = None) -> Given:
    """Make a factory of what was given.

    Raises:
        RequestError: the value can't be a component of this kind.
    """
    if kind in _ADAPTERS:
        more = (classes, task) if kind == "dataset" else ()
        found: Given = importlib.import_module(f"{__name__}.{_ADAPTERS[kind]}").adapt(value, *more)
        return found
    return _as_it_is(kind, value)


def _as_it_is(kind: str, value: Any) -> Given:
    """A factory; or around an object that isn't copied, such as a callback, whose user reads it after the run.

    Raises:
        RequestError: it is a function with parameters that nobody sets, or a plain value.
    """
    known, form = set(ALL[kind].given), form_of(value)
    unset = [name for name in required(value) if name not in known] if form != "object" else []
    if is_plain(value) or (form == "function" and unset):
        raise RequestError(
            f"{titled(kind, value)} is neither a name nor a factory (a class or function), nor an object of the kind. "
            f"What it must be: zoo list {ALL[kind].names}, zoo.plugin.{ALL[kind].declaration.__name__}"
        )
    if form == "object":
        return Given(around(lambda: value, type(value), ()), type(value))
    return Given(value, class_of(value))


def _declaration(kind: str, name: str, target: str, declared: Mapping[str, Any]) -> Component:
    cls = ALL[kind].declaration
    known = [field.name for field in fields_of(cls) if field.name not in ("name", "target")]
    if unknown := [field for field in declared if field not in known]:
        hint = did_you_mean(unknown[0], known)
        raise RequestError(f"The declaration of a {kind} has no {unknown[0]!r}.{hint} It has: {listing(known)}.")
    try:
        return cls(name, target, **declared)
    except ValueError as error:
        raise RequestError(f"{kind} {name!r} can't be declared: {error}.") from error


def own_name(of: Callable[..., Any]) -> str:
    """Name of a class or function, as a component may have it: ``Own`` for ``_Own``, ``lambda`` for a lambda."""
    return re.sub(r"\W", "", getattr(of, "__name__", type(of).__name__)).lstrip("_") or "object"


def _module(of: Any) -> str:
    name = re.sub(r"[^\w.]", "_", getattr(of, "__module__", None) or "__main__")  # pytest's may have hyphens
    return f"_{name}" if name[:1].isdigit() else name


__all__ = ["adapted", "class_of", "entry_of", "form_of", "own_name"]
