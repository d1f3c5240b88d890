"""Rules: expressions in recipes that are evaluated for a given dataset.

All functions are pure: facts about the dataset in, values with their reasons out. A rule is a mapping in place of a
value:

``epochs: {images_seen: 300_000, at_least: 5, at_most: 30}``
    number of epochs that show this many images in total.
``image_size: {at_least: 16, at_most: 112}``
    original size of the images, rounded up to a step of :data:`LADDER`; ``at_most: architecture`` is the size that the
    network was designed for.
``batch_size: {steps: 16, at_least: 8, at_most: 64}``
    largest power of two with at least this many steps per epoch.
``dropout: {by: images, up_to: {1000: 0.3, 10000: 0.2}, above: 0.0}``
    table over a fact; any parameter may be one.
``flip: {symmetry: horizontal_flip, unknown: true}``
    true if the symmetry preserves the dataset's classes. As ``if`` of an augmentation it enables the augmentation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from zoo.plugin import SYMMETRIES
from zoo.registry.suggest import did_you_mean, listing

__all__ = ["LADDER", "NUMBERS", "Decision", "FactSource", "decide", "is_rule", "on_ladder", "problem_of", "within"]

LADDER = (8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 288, 320, 384, 448, 512)
"""Image sides in pixels that rules choose from; a small set, so that jobs share decoded images."""
ARCHITECTURE, UNKNOWN_SIZE = "architecture", 224
"""Keyword for the size that a network was designed for, and its value in pixels where unknown."""
NUMBERS = ("images", "images_per_class", "classes", "own_size", "image_size", "in_chans")
"""Facts that a table may depend on: ``own_size`` is the images' original side in pixels, ``image_size`` the job's."""
_IN_WORDS = {
    "images": ("{:,.0f} images", "the number of images"),
    "images_per_class": ("{:,.0f} images of each class", "the number of images of each class"),
    "classes": ("{:,.0f} classes", "the number of classes"),
    "own_size": ("images of {:.0f} px", "the images' own size"),
    "image_size": ("{:.0f} px", "the image size"),
    "in_chans": ("{:.0f} channels", "the number of channels"),
}
"""Wording of each fact in a reason, with its value and without."""
_WORDS = {
    "images_seen": ("images_seen", "at_least", "at_most"),
    "steps": ("steps", "at_least", "at_most"),
    "by": ("by", "up_to", "above"),
    "symmetry": ("symmetry", "unknown"),
    "at_most": ("at_least", "at_most"),
}
"""Keyword that identifies each kind of rule, with all of its keywords."""


class FactSource(Protocol):
    """Facts about a dataset, determined on demand; None where a fact is not known yet."""

    def number(self, name: str) -> float | None:
        """Look up one of :data:`NUMBERS`."""

    @property
    def symmetries(self) -> tuple[str, ...] | None:
        """Transformations of :data:`zoo.plugin.SYMMETRIES` that preserve the class."""

    @property
    def input_size(self) -> int | None:
        """Side in pixels that the network was designed for."""


@dataclass(frozen=True)
class Decision:
    """A value and the reason for it, in a few words."""

    value: Any
    reason: str


def is_rule(value: Any) -> bool:
    """Check that a value is a rule."""
    return isinstance(value, Mapping) and any(word in value for word in _WORDS)


def problem_of(rule: Mapping[str, Any]) -> str | None:
    """Describe the error in a rule, without a full stop; None for a valid rule."""
    first = next((word for word in _WORDS if word in rule), None)
    if first is None:
        return f"{dict(rule)!r} is not a rule: it has none of {listing(_WORDS)}"
    if unknown := [word for word in rule if word not in _WORDS[first]]:
        return f"unknown word {unknown[0]!r} in a rule with {first!r}. Valid are: {listing(_WORDS[first])}"
    if first == "by":
        return _problem_of_table(rule)
    if first == "symmetry":
        known = rule["symmetry"] in SYMMETRIES
        return None if known else f"unknown symmetry {rule['symmetry']!r}. Valid are: {listing(SYMMETRIES)}"
    designed = [word for word in ("at_most",) if first == "at_most" and rule[word] == ARCHITECTURE]
    wrong = [word for word, value in rule.items() if not _is_count(value) and word not in designed]
    return f"{wrong[0]} must be a number above 0, not {rule[wrong[0]]!r}" if wrong else None


def _problem_of_table(rule: Mapping[str, Any]) -> str | None:
    if rule["by"] not in NUMBERS:
        return f"unknown fact {rule['by']!r}.{did_you_mean(str(rule['by']), NUMBERS)} Valid are: {listing(NUMBERS)}"
    if "above" not in rule or not isinstance(rule.get("up_to"), Mapping) or not rule["up_to"]:
        return "a table needs up_to: {limit: value, …} and above: value"
    wrong = [limit for limit in rule["up_to"] if not _is_count(limit)]
    return f"a limit of a table must be a number above 0, not {wrong[0]!r}" if wrong else None


def _is_count(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def decide(rule: Mapping[str, Any], facts: FactSource) -> Decision:
    """Evaluate a rule for the facts.

    Args:
        rule: a valid rule, see :func:`problem_of`.
        facts: facts about the dataset.
    """
    if "images_seen" in rule:
        return _epochs(rule, facts.number("images"))
    if "steps" in rule:
        return _batch_size(rule, facts.number("images"))
    if "symmetry" in rule:
        return _symmetry(rule, facts.symmetries)
    if "by" in rule:
        return _from_table(rule, facts.number(rule["by"]))
    return _image_size(rule, facts.number("own_size"), facts.input_size)


def within(number: float, rule: Mapping[str, Any]) -> float:
    """Clip a number to a rule's ``at_least`` and ``at_most``."""
    return float(min(max(number, rule.get("at_least", number)), rule.get("at_most", math.inf)))


def on_ladder(side: float) -> int:
    """Round a side up to the next step of the ladder; larger sides become the highest step."""
    return next((step for step in LADDER if step >= side), LADDER[-1])


def _epochs(rule: Mapping[str, Any], images: float | None) -> Decision:
    if not images:
        return Decision(int(rule.get("at_most", rule.get("at_least", 1))), "the number of images isn't known yet")
    wanted = max(1, round(rule["images_seen"] / images))
    epochs = int(within(wanted, rule))
    if epochs < wanted:
        return Decision(epochs, f"at most {epochs:,}, for {images:,.0f} images")
    if epochs > wanted:
        return Decision(epochs, f"at least {epochs:,}, for {images:,.0f} images")
    return Decision(epochs, f"{rule['images_seen']:,} images seen, of {images:,.0f}")


def _batch_size(rule: Mapping[str, Any], images: float | None) -> Decision:
    if not images:
        return Decision(int(rule.get("at_most", 32)), "the number of images isn't known yet")
    wanted = 1
    while 2 * wanted * rule["steps"] <= images:
        wanted *= 2
    size = int(within(wanted, rule))
    return Decision(size, f"for {images:,.0f} images")


def _image_size(rule: Mapping[str, Any], own: float | None, designed_for: int | None) -> Decision:
    limits = dict(rule)
    if limits.get("at_most") == ARCHITECTURE:
        limits["at_most"] = designed_for or UNKNOWN_SIZE
    if not own:
        return Decision(int(limits["at_most"]), "the images' own size isn't known yet")
    step = on_ladder(own)
    size = int(within(step, limits))
    limit = "" if size == step else f", at {'least' if size > step else 'most'} {size}"
    return Decision(size, f"the images have {own:.0f} px{limit}")


def _from_table(rule: Mapping[str, Any], fact: float | None) -> Decision:
    known, name = _IN_WORDS[rule["by"]]
    if fact is None:
        return Decision(rule["above"], f"{name} isn't known yet")
    rows = sorted(rule["up_to"].items())
    found = next((value for limit, value in rows if fact <= limit), rule["above"])
    return Decision(found, f"for {known.format(fact)}")


def _symmetry(rule: Mapping[str, Any], known: tuple[str, ...] | None) -> Decision:
    name = str(rule["symmetry"]).replace("_", " ")
    if known is None:
        return Decision(bool(rule.get("unknown", False)), f"the dataset does not specify whether a {name} is allowed")
    allowed = rule["symmetry"] in known
    return Decision(allowed, f"the classes are {'' if allowed else 'not '}preserved by a {name}")
