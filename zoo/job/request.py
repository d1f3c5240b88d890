"""A request: the user's input before it is resolved to a job."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.errors import RequestError
from zoo.job.layers import in_full, options
from zoo.registry.entry import PYTHON, Entry, Origin
from zoo.registry.kinds import ALL
from zoo.registry.suggest import did_you_mean, listing

_GIVABLE = ("architecture", "dataset", "loss")


@dataclass(frozen=True)
class Request:
    """A job as the user requested it.

    Args:
        options: nested values of the command line's options.
        sets: ``path=value`` words of ``--set``.
        file: path of a job in YAML.
        recipe: name of a recipe; None for automatic choice.
        given: components passed from Python: dotted path -> entry.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    sets: tuple[str, ...] = ()
    file: Path | None = None
    recipe: str | None = None
    given: Mapping[str, Entry] = field(default_factory=dict)


def make_request(asked: Mapping[str, Any], *, file: Path | None = None, recipe: str | None = None) -> Request:
    """Build a request from options by name.

    Args:
        asked: architecture, dataset, and options as on the command line; ``set`` maps dotted paths to values. An object
            instead of a name becomes an entry.
        file: path of a job in YAML, with lower precedence than the options.
        recipe: name of a recipe; ``"none"`` for none.

    Raises:
        RequestError: there is no such option, or an object can't be a component.
    """
    known = options()
    if unknown := [key for key in asked if key not in (*known, "set")]:
        raise RequestError(
            f"There is no option {unknown[0]!r}.{did_you_mean(unknown[0], known)} There are: {listing(known)}; "
            "any other value of a job goes into set={'train.patience': 5}."
        )
    nested: dict[str, Any] = {}
    given: dict[str, Entry] = {}
    for key, value in asked.items():
        if key == "set" or value is None:
            continue
        if (key in _GIVABLE and not isinstance(value, str | Path | Mapping)) or (
            key == "dataset" and isinstance(value, Mapping) and "train" in value
        ):
            given[key] = entry_of(key, value)
        else:
            _assign(nested, known[key], value)
    for path, value in (asked.get("set") or {}).items():
        _assign(nested, in_full(path), value)
    return Request(options=nested, file=file, recipe=recipe, given=given)


def _assign(nested: dict[str, Any], path: str, value: Any) -> None:
    """Set a value at a dotted path of a nested job; a component's name is stored beside its parameters."""
    *parents, leaf = path.split(".")
    node = nested
    for parent in parents:
        inner = node.get(parent)
        node[parent] = node = inner if isinstance(inner, dict) else ({} if inner is None else {"name": inner})
    if isinstance(node.get(leaf), dict) and not isinstance(value, Mapping):
        node[leaf]["name"] = value
    else:
        node[leaf] = value


def entry_of(kind: str, value: Any) -> Entry:
    """Create an entry for a factory or an object passed from Python."""
    factory = _dataset_factory(value) if kind == "dataset" else value
    if not callable(factory):
        raise RequestError(f"{kind} {value!r} is neither a name nor a factory (a class or function).")
    name = re.sub(r"\W", "", getattr(value, "__name__", type(value).__name__)) or "object"
    module = re.sub(r"[^\w.]", "_", getattr(value, "__module__", None) or "__main__")  # pytest's may have hyphens
    return Entry(ALL[kind].declaration(name, f"{module}:{name}"), Origin(PYTHON), given=factory)


def _dataset_factory(value: Any) -> Callable[..., Any]:
    """Wrap a map-style object or a mapping of splits as a factory ``f(split)``; a factory is returned unchanged."""
    if isinstance(value, type) or (callable(value) and not hasattr(value, "__getitem__")):
        return value  # type: ignore[no-any-return]
    splits: Mapping[str, Any] = value if isinstance(value, Mapping) else {"train": value}

    def given(split: str) -> Any:
        return splits[split]

    given.available_splits = lambda: tuple(splits)  # type: ignore[attr-defined]
    several = any(getattr(one, "multilabel", False) for one in splits.values())
    given.peek = lambda: {"multilabel": several}  # type: ignore[attr-defined]
    return given
