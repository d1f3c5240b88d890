"""Which recipe a job is trained by: the one asked for, else one for what the job is, else the pair's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from zoo.registry.config import RANGES

BASE = "*+*"
"""The recipe that every job stands on."""
SEVERAL_LABELS = "multi_label"
"""The recipe that goes over any other's where an image may have several labels."""
_OF_DATA = ("source", *RANGES)
_OF_THE_SHELF = ("expect", "summary", "source", "when", "budget", "backbone")

Recipes = Mapping[str, Mapping[str, Any]]
Layer = Mapping[str, Any]


def settings(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a recipe that is a part of a job."""
    return {key: value for key, value in recipe.items() if key not in _OF_THE_SHELF}


def own_recipe(
    recipes: Recipes,
    layers: Sequence[Layer],
    names: Callable[[str, str], list[str]],
    fact: Callable[[str], Any] = lambda name: None,
    levels: Mapping[str, int] | None = None,
) -> str | None:
    """Choose the recipe for a job that names none.

    A later registry.yaml's recipe goes before an earlier one's. Of one file's, a recipe whose ``when`` asks for the
    weights that the network begins with, for what is frozen or for names alone comes first, and of several the one that
    says most of the job, what is frozen before all. Then the recipe of the pair, of the architecture, of the dataset;
    at each of these a recipe that asks for facts of the data as well goes before one that doesn't.

    Args:
        layers: dotted values of the job, the highest first.
        names: kind and name -> every name that a recipe may know that component by, the most exact first.
        fact: a fact of the images by the name of its condition; None where it isn't known. It is asked only where a
            recipe that fits otherwise needs it.
    """
    known = {kind: names(kind, str(_value(layers, f"{kind}.name") or "")) for kind in ("architecture", "dataset")}
    facts = {
        "trained": bool(_value(layers, "weights") or _value(layers, "pretrained")),
        "freeze": _value(layers, "train.freeze"),
        **known,
    }
    levels = levels or {}
    ranked = [
        ((levels.get(name, 0), *rank), name)
        for name, recipe in recipes.items()
        if (rank := _rank(name, recipe, known, facts, fact))
    ]
    return max(ranked, key=lambda item: item[0])[1] if ranked else None


def _rank(
    name: str,
    recipe: Mapping[str, Any],
    known: Mapping[str, Sequence[str]],
    facts: Mapping[str, Any],
    fact: Callable[[str], Any],
) -> tuple[int, ...] | None:
    """How well a recipe fits a job, the more the better; None where it doesn't."""
    when = recipe.get("when") or {}
    pair = name.split("+") if name.count("+") == 1 and name != BASE else None
    if not when and pair is None:
        return None
    of_job = {condition: wanted for condition, wanted in when.items() if condition not in _OF_DATA}
    of_data = {condition: wanted for condition, wanted in when.items() if condition in _OF_DATA}
    if not all(_meets(facts[condition], wanted) for condition, wanted in of_job.items()):
        return None
    patterns = _patterns(of_job, pair)
    places = {kind: _place(known[kind], wanted) for kind, wanted in patterns.items()}
    if any(place is None for place in places.values()):
        return None
    if not all(_meets(fact(condition), wanted) for condition, wanted in of_data.items()):
        return None
    if when and not of_data and pair is None:
        return (2, "freeze" in when, len(when))
    named = ("architecture" in places) * 2 + ("dataset" in places)
    exact = [-(places.get(kind) or 0) for kind in ("architecture", "dataset")]
    weights = ("freeze" in when) + ("trained" in when)
    return (2 if weights else 1, "freeze" in when, len(when) if weights else 0, named, *exact, len(of_data))


def _patterns(of_job: Mapping[str, Any], pair: Sequence[str] | None) -> dict[str, Sequence[str]]:
    """Kind -> the patterns that one of a component's names must match; a kind that may be anything is left out."""
    if pair is not None:
        return {kind: [name] for kind, name in zip(("architecture", "dataset"), pair, strict=True) if name != "*"}
    return {kind: of_job[kind] for kind in ("architecture", "dataset") if kind in of_job}


def _place(names: Sequence[str], patterns: Sequence[str]) -> int | None:
    """Where the first name that matches stands among a component's names, the most exact first; None for no match."""
    return next((i for i, name in enumerate(names) if any(_matches(name, pattern) for pattern in patterns)), None)


def _matches(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern)


def _value(layers: Iterable[Layer], path: str) -> Any:
    return next((layer[path] for layer in layers if layer.get(path) is not None), None)


def _meets(fact: Any, wanted: Any) -> bool:
    if isinstance(wanted, list):  # patterns of names
        return any(_matches(name, pattern) for name in fact for pattern in wanted)
    if isinstance(wanted, Mapping):  # a range
        return fact is not None and wanted.get("at_least", fact) <= fact <= wanted.get("at_most", fact)
    return bool(fact == wanted)
