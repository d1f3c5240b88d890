"""Callbacks that a job names, and those of the components of plugins' kinds."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.errors import ContractError, RequestError
from zoo.job.resolve import Resolved
from zoo.job.schema import Choice
from zoo.model.build import build
from zoo.plugin import Kind
from zoo.registry.kinds import ALL
from zoo.runner.callbacks import Callback
from zoo.runner.components import RunComponents


def chosen_callbacks(parts: RunComponents, folder: Path) -> list[Callback]:
    """Build a callback of each kind of component that acts on a run by one, where the job names such components.

    Args:
        folder: the run's folder.

    Raises:
        RequestError: a component can't be built, or the code that uses it can't be imported.
        ContractError: an object is not a callback.
    """
    given = {
        "folder": folder,
        "classes": list(parts.classes),
        "num_classes": len(parts.classes),
        "in_chans": parts.job.data.in_chans,
        "image_size": parts.job.train.image_size,
    }
    found = []
    for kind in [kind for kind in ALL.values() if kind.use]:
        offered = {name: value for name, value in given.items() if name in kind.given}
        objects = [
            build(parts.resolved.entry(place), choice.params, f"{kind.path}.{choice.name}", **offered)
            for place, choice in _named(parts.resolved, kind)
        ]
        if objects:
            found.append(_used(kind, objects))
    return found


def _named(resolved: Resolved, kind: Kind) -> list[tuple[str, Choice]]:
    """Place and choice of each component that the job names at the path of a kind."""
    value: Any = getattr(resolved.job, kind.path, None)
    if isinstance(value, Choice):
        return [(kind.path, value)]
    return [(f"{kind.path}.{i}", choice) for i, choice in enumerate(value or [])]


def _used(kind: Kind, objects: list[Any]) -> Callback:
    """Turn the objects of a kind into a callback, by the function that the kind names."""
    callback = _function_of(kind)(objects)
    for each in (callback, *getattr(callback, "each", ())):
        if not isinstance(each, Callback):
            title = f"{kind.name} {type(each).__name__!r}"
            raise ContractError(f"{title} is not a Callback: derive its class from zoo.api.running.Callback.")
    assert isinstance(callback, Callback)
    return callback


def _function_of(kind: Kind) -> Callable[[list[Any]], Any]:
    module, _, attribute = kind.use.partition(":")
    try:
        found: Any = functools.reduce(getattr, attribute.split("."), importlib.import_module(module))
    except (ImportError, AttributeError) as error:
        raise RequestError(f"Components of the kind {kind.name!r} can't be used: {kind.use}: {error}") from error
    return found  # type: ignore[no-any-return]
