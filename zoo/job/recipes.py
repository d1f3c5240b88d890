"""Choice of the recipe for a job: the requested one, else one whose conditions match, else that of the pair."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from zoo.registry.config import RANGES
from zoo.registry.recipe_book import PluginRecipe

BASE = "*+*"
"""Recipe below all others."""
_OF_DATA = ("source", *RANGES)
_OF_THE_SHELF = ("expect", "summary", "source", "when", "budget", "backbone")

Recipes = Mapping[str, Mapping[str, Any]]
Layer = Mapping[str, Any]


def settings(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a recipe that are settings of a job."""
    return {key: value for key, value in recipe.items() if key not in _OF_THE_SHELF}


def own_recipe(
    recipes: Recipes,
    layers: Sequence[Layer],
    names: Callable[[str, str], list[str]],
    fact: Callable[[str], Any] = lambda name: None,
    levels: Mapping[str, int] | None = None,
    owners: Mapping[str, PluginRecipe] | None = None,
) -> str | None:
    """Choose the recipe for a job that names none.

    A plugin's recipe applies to jobs with an architecture or a dataset of the plugin. Recipes of a later registry.yaml
    precede those of an earlier one; those of plugins stand between the shipped file and the user's. Within a file, a
    recipe whose ``when`` has conditions on initial weights, frozen layers or names only comes first, and among several
    the most specific one, conditions on frozen layers before all. Then follow the recipes of the pair, of the
    architecture and of the dataset; among equals a recipe with conditions on the data precedes one without.

    Args:
        recipes: all recipes by name.
        layers: dotted values of the job, highest layer first.
        names: function of kind and name that returns all names of that component, most specific first.
        fact: function of a condition's name that returns the fact about the images, or None where unknown; called only
            where a recipe that matches otherwise needs it.
        levels: precedence of the layer of each recipe.
        owners: the recipes of plugins.

    Returns:
        Name of the recipe; None where none applies.
    """
    known = {kind: names(kind, str(_value(layers, f"{kind}.name") or "")) for kind in ("architecture", "dataset")}
    facts = {
        "trained": bool(_value(layers, "weights") or _value(layers, "pretrained")),
        "freeze": _value(layers, "train.freeze"),
        **known,
    }
    levels, owners = levels or {}, owners or {}
    ranked = []
    for name, recipe in recipes.items():
        owner = owners.get(name)
        if owner is not None and not _owns(owner, known):
            continue
        if rank := _rank(owner.name if owner else name, recipe, known, facts, fact):
            ranked.append(((levels.get(name, 0), *rank), name))
    return max(ranked, key=lambda item: item[0])[1] if ranked else None


def _owns(recipe: PluginRecipe, known: Mapping[str, Sequence[str]]) -> bool:
    """Check that the job's architecture or dataset belongs to the plugin of a recipe."""
    prefix = f"{recipe.origin.plugin}/"
    return any(name.startswith(prefix) for names in known.values() for name in names)


def _rank(
    name: str,
    recipe: Mapping[str, Any],
    known: Mapping[str, Sequence[str]],
    facts: Mapping[str, Any],
    fact: Callable[[str], Any],
) -> tuple[int, ...] | None:
    """Rank of a recipe for a job, higher is better; None where the recipe doesn't apply."""
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
    """Name patterns of each kind that the recipe requires; kinds without a requirement are left out."""
    if pair is not None:
        return {kind: [name] for kind, name in zip(("architecture", "dataset"), pair, strict=True) if name != "*"}
    return {kind: of_job[kind] for kind in ("architecture", "dataset") if kind in of_job}


def _place(names: Sequence[str], patterns: Sequence[str]) -> int | None:
    """Index of the first of a component's names that matches a pattern; None for no match."""
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
