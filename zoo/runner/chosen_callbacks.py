"""Callbacks that a job names, and those of the components of plugins' kinds."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zoo.errors import ContractError, RequestError
from zoo.job.resolve import Resolved
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
        if objects := objects_of(parts.resolved, kind, given):
            found.append(_used(kind, objects))
    return found


def objects_of(resolved: Resolved, kind: Kind, given: Mapping[str, Any]) -> list[Any]:
    """Build the components of a kind that a job names.

    Args:
        given: parameters that the zoo passes to a factory of such a kind.

    Raises:
        RequestError: a component can't be built.
    """
    offered = {name: value for name, value in given.items() if name in kind.given}
    return [
        build(resolved.entry(place), choice.params, f"{kind.path}.{choice.name}", **offered)
        for place, choice in resolved.choices_at(kind.path)
    ]


def _used(kind: Kind, objects: list[Any]) -> Callback:
    """Turn the objects of a kind into a callback, by the function that the kind names."""
    callback = function_of(kind, kind.use)(objects)
    for each in (callback, *getattr(callback, "each", ())):
        if not isinstance(each, Callback):
            title = f"{kind.name} {type(each).__name__!r}"
            raise ContractError(f"{title} is not a Callback: derive its class from zoo.api.running.Callback.")
    assert isinstance(callback, Callback)
    return callback


def function_of(kind: Kind, target: str) -> Callable[[list[Any]], Any]:
    """Import the function that uses the components of a kind.

    Raises:
        RequestError: it can't be imported.
    """
    module, _, attribute = target.partition(":")
    try:
        found: Any = functools.reduce(getattr, attribute.split("."), importlib.import_module(module))
    except (ImportError, AttributeError) as error:
        raise RequestError(f"Components of the kind {kind.name!r} can't be used: {target}: {error}") from error
    return found  # type: ignore[no-any-return]
