"""Names of components in a job: full ids in files, so that a plugin installed later changes no file's meaning."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Mapping
from typing import Any

from zoo.errors import RequestError
from zoo.job.schema import MEASURED, Choice, Job
from zoo.registry.entry import PYTHON, Entry
from zoo.registry.kinds import CHOICE_LISTS, CHOICES
from zoo.registry.registry import Registry

Identify = Callable[[str, Any], Any]
MONITOR = "train.monitor"


def identify_in(registry: Registry) -> Identify:
    """Return a function of kind and name that gives the component's id; the name itself where it is unknown."""

    def identify(kind: str, name: Any) -> Any:
        with contextlib.suppress(RequestError):
            return registry.find(kind, str(name)).id
        return name

    return identify


def shown_name(kind: str, name: str, entry: Entry, registry: Registry) -> str:
    """Name of a component in reports: without its plugin where that means the same component.

    A third-party metric keeps its full id where every evaluation has a number of its short name.
    """
    short = name.rpartition("/")[2]
    if kind == "metric" and short in MEASURED and not entry.origin.bundled:
        return name
    return short if identify_in(registry)(kind, short) == entry.id else name


def has_ids(flat: Mapping[str, Any]) -> bool:
    """Check that a job file was written by :func:`with_ids`: nobody types the full id of an optimizer or a schedule."""
    return any("/" in str(flat.get(f"train.{key}.name", "")) for key in ("optimizer", "schedule"))


def with_ids(job: Job, entries: Mapping[str, Entry]) -> Mapping[str, Any]:
    """Return a job as plain values in which each component has its full id.

    Components passed from Python keep their names.

    Args:
        job: a resolved job.
        entries: registry entry of each component, by its path in the job.
    """
    plain: Any = copy.deepcopy(job.plain())
    for path, entry in entries.items():
        node: Any = plain
        for word in path.split("."):
            node = node[int(word)] if word.isdigit() else node.get(word)
            if node is None:
                break
        if isinstance(node, dict) and entry.origin.plugin != PYTHON:
            node["name"] = _full_name(str(node["name"]), entry)
    return plain  # type: ignore[no-any-return]


def _full_name(name: str, entry: Entry) -> str:
    """The full id; with the alias that was typed, which is the name of a metric in results."""
    short = name.rpartition("/")[2]
    return f"{entry.origin.plugin}/{short}" if short in entry.names else entry.id


def canonical(flat: Mapping[str, Any], identify: Identify) -> Mapping[str, Any]:
    """Replace the names in a flat job by ids, for comparisons."""
    found = dict(flat)
    for path, kind in CHOICES.items():
        if found.get(f"{path}.name") is not None:
            found[f"{path}.name"] = identify(kind, found[f"{path}.name"])
    for path, kind in CHOICE_LISTS.items():
        if isinstance(found.get(path), list):
            found[path] = [_identified(item, kind, identify) for item in found[path]]
    if isinstance(found.get(MONITOR), str):
        split, _, name = found[MONITOR].partition("/")
        found[MONITOR] = f"{split}/{Choice(name=name).label}"
    return found


def _identified(item: Any, kind: str, identify: Identify) -> Any:
    named = {"name": item} if isinstance(item, str) else item
    return {**named, "name": identify(kind, named.get("name"))} if isinstance(named, Mapping) else item
