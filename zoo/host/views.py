"""Read-only views of plain data for lifecycle hooks: read like dicts and lists, and one for all plugins."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from yaml.representer import Representer, SafeRepresenter

_current = threading.local()
_SCALARS = {int, float, str, bool, type(None)}


class ReadOnlyError(TypeError):
    """Raised for a write to what a hook was given."""


@contextmanager
def calling(plugin: str, hook: str) -> Iterator[None]:
    """Name the hook that this thread calls, for the error of a write."""
    _current.writer = f"{hook} of plugin {plugin!r}"
    try:
        yield
    finally:
        del _current.writer


def read_only(place: str) -> ReadOnlyError:
    """Return the error of a write to a place, such as ``result['val']``."""
    writer, name = getattr(_current, "writer", "Something"), place.partition("[")[0].partition(".")[0]
    return ReadOnlyError(
        f"{writer} writes to {place}: what a hook is given is read-only. Write to a copy: copy.deepcopy({name})"
    )


def _refusing(name: str) -> Callable[..., Any]:
    """Create a method that refuses to write, and names the key where one was given."""

    def refuse(self: Any, *given: Any, **named: Any) -> Any:
        keys = list(given[0] if name in ("update", "__ior__") and given and isinstance(given[0], dict) else named)
        keys = list(given) if name in _KEYED else keys
        raise read_only(self.place + "".join(f"[{key!r}]" for key in keys[:1]))

    refuse.__name__ = name
    return refuse


_KEYED = ("__setitem__", "__delitem__", "setdefault", "pop", "insert")


class FrozenDict(dict[Any, Any]):
    """A dict that can't be written to; its copies can.

    Args:
        place: its name for messages, such as ``result['val']``.
    """

    place = "a view"

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        return dict, (dict(self),)


class FrozenList(list[Any]):
    """A list that can't be written to; its copies can. ``place`` is that of :class:`FrozenDict`."""

    place = "a view"

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        return list, (list(self),)


_DICT = ("__setitem__", "__delitem__", "__ior__", "clear", "pop", "popitem", "setdefault", "update")
_LIST = ("__setitem__", "__delitem__", "__iadd__", "__imul__", "append", "clear", "extend", "insert", "pop", "remove")
for _name in _DICT:
    setattr(FrozenDict, _name, _refusing(_name))
for _name in (*_LIST, "reverse", "sort"):
    setattr(FrozenList, _name, _refusing(_name))
for _representer in (SafeRepresenter, Representer):  # PyYAML refuses subclasses
    _representer.add_representer(FrozenDict, SafeRepresenter.represent_dict)
    _representer.add_representer(FrozenList, SafeRepresenter.represent_list)


def frozen(value: Any, place: str) -> Any:
    """Convert dicts and lists within a value to read-only ones, recursively; anything else stays itself.

    Args:
        place: name of the value for messages.
    """
    found: FrozenDict | FrozenList
    if isinstance(value, dict):
        found = FrozenDict({key: frozen(each, f"{place}[{key!r}]") for key, each in value.items()})
    elif isinstance(value, list):
        row = _SCALARS.issuperset(map(type, value))  # maybe of a large matrix
        found = FrozenList(value if row else [frozen(each, f"{place}[{i}]") for i, each in enumerate(value)])
    elif type(value) is tuple:
        return tuple(frozen(each, f"{place}[{i}]") for i, each in enumerate(value))
    else:
        return value
    found.place = place
    return found
