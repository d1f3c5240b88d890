"""Fields of a declaration in registry.yaml: which each kind has, and their types, from the kind's dataclass."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from zoo.plugin import Component, Kind
from zoo.registry.suggest import listing

_ELSEWHERE = ("name", "target")
"""Fields that a line of registry.yaml gives in another way."""
_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def fields_of(cls: type[Component]) -> Mapping[str, Any]:
    """Type of each field that registry.yaml may set, by name, in the order of the declaration."""
    hints = typing.get_type_hints(cls)
    return {each.name: hints[each.name] for each in dataclasses.fields(cls) if each.name not in _ELSEWHERE}


def kinds_with(field: str, kinds: Mapping[str, Kind]) -> list[str]:
    """Kinds whose components have a field."""
    return [name for name, kind in kinds.items() if field in fields_of(kind.declaration)]


def convert(value: Any, annotation: Any) -> Any:
    """Convert a value of YAML to the type of a field: lists become tuples, whole numbers floats.

    Raises:
        TypeError: the value has another type; the message says which is needed.
    """
    if (found := _converted(value, annotation)) is _NOTHING:
        raise TypeError(f"must be {_described(annotation)}, not {value!r}")
    return found


_NOTHING = object()


def _converted(value: Any, annotation: Any) -> Any:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return next((found for each in inner if (found := _converted(value, each)) is not _NOTHING), _NOTHING)
    if origin is Literal:
        return value if value in inner else _NOTHING
    if origin is type:
        return inner[0] if value == inner[0].__name__ else _NOTHING
    if hasattr(annotation, "_fields"):
        return _named_tuple(value, annotation)
    if origin is tuple:
        items = [_converted(item, inner[0]) for item in value] if isinstance(value, list) else [_NOTHING]
        return _NOTHING if _NOTHING in items else tuple(items)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return dict(value) if isinstance(value, Mapping) else _NOTHING
    if annotation is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if annotation in (int, float, str, bool, types.NoneType):
        return value if type(value) is annotation else _NOTHING
    return value


def _named_tuple(value: Any, annotation: Any) -> Any:
    hints = typing.get_type_hints(annotation)
    needed = set(annotation._fields) - set(annotation._field_defaults)
    if not isinstance(value, Mapping) or not needed <= set(value) <= set(hints):
        return _NOTHING
    found = {name: _converted(each, hints[name]) for name, each in value.items()}
    return _NOTHING if _NOTHING in found.values() else annotation(**found)


def _described(annotation: Any) -> str:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_described(each) for each in inner if each is not types.NoneType)
    if origin is Literal:
        return f"one of {listing(map(str, inner))}"
    if origin is tuple and hasattr(inner[0], "_fields"):
        return f"a list of mappings with the keys {listing(inner[0]._fields)}"
    if origin is tuple:
        return "a list of words, such as [a, b]" if inner[0] is str else "a list of numbers, such as [0.5, 0.5]"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "a mapping (name: value)"
    return _WORDS.get(annotation, "a value")


def said(spec: Mapping[str, Any], keys: Iterable[str]) -> Mapping[str, Any]:
    """Values of a specification that are set."""
    return {key: spec[key] for key in keys if spec.get(key) is not None}
