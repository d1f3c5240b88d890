"""Optional methods of components by which the zoo calls them, and declared ones that nothing calls."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from zoo.errors import ContractError
from zoo.registry.deprecation import warn_deprecated
from zoo.registry.entry import Entry

__all__ = ["check_methods"]

METHODS = {
    "weight_of": "loss",
    "batch_weight": "loss",
    "adapt_weights": "architecture",
    "epoch_ended": "schedule",
    "name_of": "dataset",
    "peek": "dataset",
    "available_splits": "dataset",
}
"""Names of the methods -> the kind that they belong to. Names of other libraries' protocols are not among them."""
_OLD = {"batch_weight": "weight_of"}
"""Deprecated names of methods -> the new ones."""
_PLAUSIBLE = ("peek", "name_of", "weight_of")
"""Methods that a component of another kind may have for itself, unless they are the class's, as a dataset's are."""
_ALIKE = 0.9


def check_methods(entry: Entry, made: Any) -> None:
    """Refuse a component whose class defines a method that looks like one of the zoo's and is never called.

    Args:
        entry: the component.
        made: the object that its factory returned.

    Raises:
        ContractError: the name is misspelt, belongs to another kind, or is not a method.
    """
    _warn_of_old(entry, made)
    own = {name for name, kind in METHODS.items() if kind == entry.kind}
    for name, value in _defined(type(made)):
        if name in own:
            if value is not None and not (callable(value) or hasattr(value, "__get__")):
                raise ContractError(f"{entry.title} has {name} = {value!r}, which must be a method.")
        elif name in METHODS:
            if name not in _PLAUSIBLE or isinstance(value, classmethod | staticmethod):
                raise ContractError(f"{entry.title} has {name}(), which only {_a(METHODS[name])} uses. Remove it.")
        elif meant := next((m for m in difflib.get_close_matches(name, own, 1, _ALIKE) if not hasattr(made, m)), None):
            raise ContractError(
                f"{entry.title} has {name}(), which nothing calls. Did you mean {_OLD.get(meant, meant)}()?"
            )


def _warn_of_old(entry: Entry, made: Any) -> None:
    """Warn of a method under its old name alone; an object with both serves older versions, too."""
    for old, new in _OLD.items():
        if METHODS[old] == entry.kind and getattr(made, old, None) is not None and getattr(made, new, None) is None:
            warn_deprecated(f"{entry.title} has {old}(), which is deprecated. Rename it to {new}()")


def _defined(cls: type) -> Iterator[tuple[str, Any]]:
    """Public attributes that the component's own classes define: those of the distribution of the last one."""
    root = cls.__module__.partition(".")[0]
    for base in cls.__mro__:
        if base.__module__.partition(".")[0] == root:
            yield from ((name, value) for name, value in vars(base).items() if not name.startswith("_"))


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
