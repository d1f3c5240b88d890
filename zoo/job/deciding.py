"""Apply the rules among a job's layers: each gives way to a value, with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from zoo.job.dataset_facts import JobFacts
from zoo.job.layers import Layers
from zoo.job.rules import Decision, decide, is_rule, problem_of
from zoo.job.schema import CHOICE_LISTS

SIZE = "train.image_size"


@dataclass
class Decided:
    """What the rules of a job came to.

    Args:
        rules: dotted path -> the rule whose value stands there.
        reasons: dotted path -> why it is that value.
    """

    rules: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def apply_rules(layers: Layers, facts: JobFacts) -> Decided:
    """Put a value in the place of every rule; the image size comes first, for others go by it.

    Rules that are none are told among the layers' problems, and are left out.
    """
    decided = Decided()
    if is_rule(layers.values.get(SIZE)):
        _apply(layers, SIZE, facts, decided)
    size = layers.values.get(SIZE)
    facts = replace(facts, image_size=size if isinstance(size, int) else facts.image_size or facts.input_size)
    for path in [path for path, value in layers.values.items() if is_rule(value)]:
        _apply(layers, path, facts, decided)
    for path in CHOICE_LISTS:
        items = layers.values.get(path)
        if isinstance(items, list) and any(isinstance(item, Mapping) for item in items):
            layers.values[path] = [kept for item in items for kept in _item(layers, path, item, facts, decided)]
    return decided


def _apply(layers: Layers, path: str, facts: JobFacts, decided: Decided) -> None:
    decision = _decision(layers, path, path, layers.values[path], facts)
    if decision is None:
        del layers.values[path]
        return
    decided.rules[path], decided.reasons[path] = layers.values[path], decision.reason
    layers.values[path] = decision.value


def _item(layers: Layers, path: str, item: Any, facts: JobFacts, decided: Decided) -> list[Any]:
    """A component of a list with its parameters' rules applied; nothing where its ``if`` comes to no."""
    if not isinstance(item, Mapping):
        return [item]
    where, found = f"{path}.{item.get('name')}", dict(item)
    for key in [key for key, value in item.items() if is_rule(value)]:
        decision = _decision(layers, path, f"{where}.{key}", item[key], facts)
        if decision is None:
            continue
        decided.reasons[f"{where}.{key}"] = decision.reason
        found[key] = decision.value
    return [] if not found.pop("if", True) else [found]


def _decision(layers: Layers, path: str, where: str, rule: Mapping[str, Any], facts: JobFacts) -> Decision | None:
    if (problem := problem_of(rule)) is not None:
        layers.problems.append(f"{layers.sources.get(path, '')}: {where}: {problem}.")
        return None
    return decide(rule, facts)
