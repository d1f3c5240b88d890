"""A request: the user's input before it is resolved to a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.errors import RequestError
from zoo.job.given import entry_of
from zoo.job.given.datasets import CLASSES, is_splits
from zoo.job.given.factory import described
from zoo.job.given.optimizers import is_optimizer, taken_apart
from zoo.job.layers import in_full, options
from zoo.registry.entry import Entry
from zoo.registry.kinds import CHOICE_LISTS, CHOICES
from zoo.registry.suggest import did_you_mean, listing

__all__ = ["Request", "entry_of", "make_request"]

_ELSEWHERE = ("set", "classes")


@dataclass(frozen=True)
class Request:
    """A job as the user requested it.

    Args:
        options: nested values of the command line's options.
        sets: ``path=value`` words of ``--set``.
        file: path of a job in YAML.
        recipe: name of a recipe; None for automatic choice.
        given: components passed from Python: dotted path -> entry; ``metrics.0`` of a list.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    sets: tuple[str, ...] = ()
    file: Path | None = None
    recipe: str | None = None
    given: Mapping[str, Entry] = field(default_factory=dict)

    def entry(self, kind: str, name: str) -> Entry | None:
        """The component of this kind and id that was passed from Python; None where none was."""
        return next((each for each in self.given.values() if (each.kind, each.id) == (kind, name)), None)


def _places() -> Mapping[str, str]:
    """Path in a job of each option from Python: those of the command line, and of each kind the last word."""
    return {**{path.rpartition(".")[2]: path for path in (*CHOICES, *CHOICE_LISTS)}, **options()}


def make_request(asked: Mapping[str, Any], *, file: Path | None = None, recipe: str | None = None) -> Request:
    """Build a request from options by name.

    Args:
        asked: architecture, dataset, and options as on the command line; ``set`` maps dotted paths to values. A class,
            a function or an object instead of a name becomes an entry; ``classes`` names the classes of a dataset's
            object.
        file: path of a job in YAML, with lower precedence than the options.
        recipe: name of a recipe; ``"none"`` for none.

    Raises:
        RequestError: there is no such option, or an object can't be a component.
    """
    places = _places()
    if unknown := [key for key in asked if key not in (*places, *_ELSEWHERE)]:
        known = [*places, *_ELSEWHERE]
        raise RequestError(
            f"There is no option {unknown[0]!r}.{did_you_mean(unknown[0], known)} There are: {listing(known)}; "
            "any other value of a job goes into set={'train.patience': 5}."
        )
    found = _Given(asked)
    for key, value in asked.items():
        if key not in _ELSEWHERE and value is not None:
            found.put(places[key], value)
    for path, value in (asked.get("set") or {}).items():
        found.put(in_full(path), value)
    return Request(options=found.options, file=file, recipe=recipe, given=found.entries)


class _Given:
    """Options with the ids of what was given from Python, and the entries of those ids.

    Raises:
        RequestError: ``classes`` was given without a dataset's object.
    """

    def __init__(self, asked: Mapping[str, Any]):
        self.asked, self.classes = asked, asked.get("classes")
        self.task = asked.get("task", (asked.get("set") or {}).get("task"))
        self.options: dict[str, Any] = {}
        self.entries: dict[str, Entry] = {}
        if self.classes is not None and _is_named("dataset", asked.get("dataset")):
            raise RequestError(
                f"classes names those of a dataset's object: zoo.run(…, dataset=images, {CLASSES}). The dataset "
                f"{asked.get('dataset')!r} has names of its own."
            )

    def put(self, path: str, value: Any) -> None:
        """Set an option to a value, or to the ids of objects."""
        if path in CHOICE_LISTS:
            several = [self._named(f"{path}.{i}", CHOICE_LISTS[path], one) for i, one in enumerate(_several(value))]
            self.options[path] = several
        elif path in CHOICES:
            _assign(self.options, path, self._named(path, CHOICES[path], value))
        elif callable(value):
            raise RequestError(f"{path} takes a value, not {described(value)}.")
        else:
            _assign(self.options, path, value)

    def _named(self, place: str, kind: str, value: Any) -> Any:
        """A component's name; of an object the id of its entry."""
        if _is_named(kind, value):
            return value
        if kind == "optimizer" and is_optimizer(value):
            return self._optimizer(place, value)
        self.entries[place] = entry_of(kind, value, classes=self.classes, task=self.task)
        return self.entries[place].id

    def _optimizer(self, place: str, optimizer: Any) -> Mapping[str, Any]:
        """The class and parameters of an optimizer over the parameters of the network that is given with it."""
        cls, params, lr, decay = taken_apart(optimizer, self.asked.get("architecture"))
        self.entries[place] = entry_of("optimizer", cls)
        for path, value, own in (("train.lr", lr, self.asked.get("lr")), ("train.weight_decay", decay, None)):
            if own is None:
                _assign(self.options, path, value)
        return {"name": self.entries[place].id, **params}


def _is_named(kind: str, value: Any) -> bool:
    """Check for a name, a path, or a name with parameters; a mapping of splits is a dataset."""
    if isinstance(value, Mapping):
        return kind != "dataset" or not is_splits(value)
    return value is None or isinstance(value, str | Path)


def _several(value: Any) -> Sequence[Any]:
    """Items of a list, or the only one."""
    return list(value) if isinstance(value, list | tuple) else [value]


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
