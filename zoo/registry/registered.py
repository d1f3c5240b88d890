"""Components that a script or a notebook has registered in this process, by kind and name."""

from __future__ import annotations

import inspect
from typing import Any

from zoo.errors import RequestError
from zoo.registry.entry import PYTHON, Entry

_known: dict[tuple[str, str], Entry] = {}


def add(entry: Entry) -> None:
    """Register an entry under its name and aliases; a definition from the same file replaces the one before.

    Raises:
        RequestError: another file has registered the name.
    """
    for name in entry.names:
        before = _known.get((entry.kind, name))
        if before is not None and not _same_place(before.of, entry.of):
            raise RequestError(
                f"{entry.kind} {name!r} is registered by {_place(before.of)}, and again by {_place(entry.of)}. Give "
                f'one of them another name: @zoo.register.{entry.kind}("{name}_2")'
            )
    for name in entry.names:
        _known[entry.kind, name] = entry


def find(kind: str, name: str) -> Entry | None:
    """The entry with a name or the id ``python/NAME``; None without one."""
    return _known.get((kind, name.removeprefix(f"{PYTHON}/")))


def entries() -> list[Entry]:
    """All registered entries, in the order of their registration."""
    return list({(entry.kind, entry.id): entry for entry in _known.values()}.values())


def names(kind: str) -> list[str]:
    """All names of a kind: short ones, aliases and ids."""
    short = [name for known, name in _known if known == kind]
    return [*short, *(entry.id for entry in entries() if entry.kind == kind)]


def clear() -> None:
    """Forget all entries, for tests."""
    _known.clear()


def _same_place(one: Any, other: Any) -> bool:
    """Check for definitions of one module or file, such as two cells of a notebook or a reloaded module."""
    if getattr(one, "__module__", None) == getattr(other, "__module__", None):
        return True
    file = _file(one)
    return file is not None and file == _file(other)


def _file(of: Any) -> str | None:
    try:
        return inspect.getsourcefile(inspect.unwrap(of))
    except (TypeError, OSError):
        return None


def _place(of: Any) -> str:
    file = _file(of)
    try:
        return f"{file} (line {inspect.getsourcelines(of)[1]})" if file else f"module {of.__module__}"
    except (TypeError, OSError):
        return str(file)
