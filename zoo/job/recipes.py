"""Which recipe a job is trained by: the one asked for, else one for what the job is, else the pair's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

BASE = "*+*"
"""The recipe that every job stands on."""
SEVERAL_LABELS = "multi_label"
"""The recipe that goes over any other's where an image may have several labels."""
CONDITIONS = ("trained", "freeze", "architecture", "dataset")
"""What a recipe's ``when`` may ask: whether the network begins with weights, what is frozen, and patterns of names."""
_OF_THE_SHELF = ("expect", "summary", "source", "when")

Recipes = Mapping[str, Mapping[str, Any]]
Layer = Mapping[str, Any]


def settings(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What of a recipe is a part of a job."""
    return {key: value for key, value in recipe.items() if key not in _OF_THE_SHELF}


def own_recipe(recipes: Recipes, layers: Sequence[Layer], names: Callable[[str, str], list[str]]) -> str | None:
    """The recipe for a job that asks for none.

    A network that begins with weights, or is frozen, takes the recipe whose ``when`` says most of the job, what is
    frozen before all; any other the recipe of its pair, else of its architecture, else of its dataset.

    Args:
        layers: dotted values of the job, the highest first.
        names: kind and name -> every name that a recipe may know that component by.
    """
    known = {kind: names(kind, str(_value(layers, f"{kind}.name") or "")) for kind in ("architecture", "dataset")}
    facts = {
        "trained": bool(_value(layers, "weights") or _value(layers, "pretrained")),
        "freeze": _value(layers, "train.freeze"),
        **known,
    }
    fitting = [name for name, recipe in recipes.items() if recipe.get("when") and _fits(recipe["when"], facts)]
    if fitting:
        return max(fitting, key=lambda name: ("freeze" in recipes[name]["when"], len(recipes[name]["when"])))
    keys = [f"{a}+{d}" for a in known["architecture"] for d in known["dataset"]]
    keys += [f"{a}+*" for a in known["architecture"]] + [f"*+{d}" for d in known["dataset"]]
    return next((key for key in keys if key in recipes), None)


def _value(layers: Iterable[Layer], path: str) -> Any:
    return next((layer[path] for layer in layers if layer.get(path) is not None), None)


def _fits(when: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    return all(_meets(facts[condition], wanted) for condition, wanted in when.items())


def _meets(fact: Any, wanted: Any) -> bool:
    if isinstance(wanted, list):  # patterns of names
        return any(fnmatchcase(name, pattern) for name in fact for pattern in wanted)
    return bool(fact == wanted)
