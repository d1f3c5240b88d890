"""Application of the rules in a job's layers: each rule is replaced by a value, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from zoo.job.dataset_facts import JobFacts
from zoo.job.layers import Layers
from zoo.job.rules import Decision, decide, is_rule, problem_of
from zoo.registry.kinds import CHOICE_LISTS

SIZE = "train.image_size"


def apply_rules(layers: Layers, facts: JobFacts) -> dict[str, str]:
    """Replace every rule by its value; the image size comes first, since other rules depend on it.

    A malformed rule is added to the layers' problems and removed.

    Returns:
        Dotted path -> reason for the value there; parameters of an augmentation are under its name.
    """
    reasons: dict[str, str] = {}
    if is_rule(layers.values.get(SIZE)):
        _apply(layers, SIZE, facts, reasons)
    size = layers.values.get(SIZE)
    facts = replace(facts, image_size=size if isinstance(size, int) else facts.image_size or facts.input_size)
    for path in [path for path, value in layers.values.items() if is_rule(value)]:
        _apply(layers, path, facts, reasons)
    for path in CHOICE_LISTS:
        items = layers.values.get(path)
        if isinstance(items, list) and any(isinstance(item, Mapping) for item in items):
            layers.values[path] = [kept for item in items for kept in _item(layers, path, item, facts, reasons)]
    return reasons


def _apply(layers: Layers, path: str, facts: JobFacts, reasons: dict[str, str]) -> None:
    decision = _decision(layers, path, path, layers.values[path], facts)
    if decision is None:
        del layers.values[path]
        return
    layers.values[path], reasons[path] = decision.value, decision.reason


def _item(layers: Layers, path: str, item: Any, facts: JobFacts, reasons: dict[str, str]) -> list[Any]:
    """Apply the rules among a list component's parameters; an empty list where its ``if`` is false."""
    if not isinstance(item, Mapping):
        return [item]
    where, found = f"{path}.{item.get('name')}", dict(item)
    for key in [key for key, value in item.items() if is_rule(value)]:
        decision = _decision(layers, path, f"{where}.{key}", item[key], facts)
        if decision is None:
            continue
        reasons[where if key == "if" else f"{where}.{key}"] = decision.reason
        found[key] = decision.value
    return [] if not found.pop("if", True) else [found]


def _decision(layers: Layers, path: str, where: str, rule: Mapping[str, Any], facts: JobFacts) -> Decision | None:
    if (problem := problem_of(rule)) is not None:
        layers.problems.append(f"{layers.sources.get(path, '')}: {where}: {problem}.")
        return None
    return decide(rule, facts)
