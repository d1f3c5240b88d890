"""Rules: what each comes to for which facts, and what is wrong with one that is malformed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.job.rules import LADDER, NUMBERS, decide, is_rule, on_ladder, problem_of


@dataclass
class Known:
    """Facts as they are said here."""

    numbers: dict[str, float] = field(default_factory=dict)
    symmetries: tuple[str, ...] | None = None
    input_size: int | None = None

    def number(self, name: str) -> float | None:
        assert name in NUMBERS
        return self.numbers.get(name)


EPOCHS = {"images_seen": 300_000, "at_least": 5, "at_most": 30}
SIZE = {"at_least": 16, "at_most": 112}
BATCH = {"steps": 10, "at_least": 8, "at_most": 64}
TABLE = {"by": "images", "up_to": {1000: "small", 10_000: "middle"}, "above": "large"}
FLIP = {"symmetry": "horizontal_flip"}


@pytest.mark.parametrize(
    ("rule", "facts", "value", "reason"),
    [
        (EPOCHS, {"images": 20_000}, 15, "300,000 images seen, of 20,000"),
        (EPOCHS, {"images": 2000}, 30, "at most 30, for 2,000 images"),
        (EPOCHS, {"images": 500_000}, 5, "at least 5, for 500,000 images"),
        (EPOCHS, {}, 30, "the number of images isn't known yet"),
        (SIZE, {"own_size": 28}, 28, "the images have 28 px"),
        (SIZE, {"own_size": 30}, 32, "the images have 30 px"),
        (SIZE, {"own_size": 8}, 16, "the images have 8 px, at least 16"),
        (SIZE, {"own_size": 320}, 112, "the images have 320 px, at most 112"),
        (SIZE, {}, 112, "the images' own size isn't known yet"),
        (BATCH, {"images": 48}, 8, "for 48 images"),
        (BATCH, {"images": 200}, 16, "for 200 images"),
        (BATCH, {"images": 60_000}, 64, "for 60,000 images"),
        (TABLE, {"images": 1000}, "small", "for 1,000 images"),
        (TABLE, {"images": 1001}, "middle", "for 1,001 images"),
        (TABLE, {"images": 10_001}, "large", "for 10,001 images"),
        (TABLE, {}, "large", "the number of images isn't known yet"),
        ({**TABLE, "by": "image_size"}, {"image_size": 28}, "small", "for 28 px"),
    ],
)
def test_what_a_rule_comes_to(rule: dict[str, Any], facts: dict[str, float], value: Any, reason: str):
    assert problem_of(rule) is None
    decision = decide(rule, Known(facts))
    assert (decision.value, decision.reason) == (value, reason)


@pytest.mark.parametrize(
    ("declared", "unknown", "allowed"),
    [
        (None, False, False),
        (None, True, True),
        ((), True, False),
        (("horizontal_flip",), False, True),
        (("vertical_flip",), True, False),
    ],
)
def test_a_symmetry_is_the_datasets_word(declared: tuple[str, ...] | None, unknown: bool, allowed: bool):
    assert decide({**FLIP, "unknown": unknown}, Known(symmetries=declared)).value is allowed


@pytest.mark.parametrize(("designed", "own", "size"), [(224, 28, 64), (224, 300, 224), (32, 28, 32), (None, 500, 224)])
def test_a_networks_own_size_may_be_the_limit(designed: int | None, own: int, size: int):
    rule = {"at_least": 64, "at_most": "architecture"}
    assert problem_of(rule) is None
    assert decide(rule, Known({"own_size": own}, input_size=designed)).value == size


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"images_seen": -1}, "images_seen must be a number above 0, not -1"),
        ({"images_seen": True}, "images_seen must be a number above 0, not True"),
        ({"images_seen": 10, "most": 3}, "unknown word 'most' in a rule with 'images_seen'"),
        ({"at_most": "large"}, "at_most must be a number above 0, not 'large'"),
        ({"by": "pictures", "up_to": {1: 2}, "above": 3}, "unknown fact 'pictures'"),
        ({"by": "images", "up_to": {}, "above": 3}, "a table needs up_to"),
        ({"by": "images", "up_to": {1: 2}}, "a table needs up_to"),
        ({"by": "images", "up_to": {"few": 2}, "above": 3}, "a limit of a table must be a number above 0, not 'few'"),
        ({"symmetry": "mirror"}, "unknown symmetry 'mirror'. Valid are: horizontal_flip, vertical_flip"),
        ({"epochs": 3}, "is not a rule"),
    ],
)
def test_what_is_wrong_with_a_rule(rule: dict[str, Any], problem: str):
    assert problem in str(problem_of(rule))


def test_values_are_no_rules():
    assert not any(is_rule(value) for value in (3, "auto", None, [1, 2], {"name": "flip"}))
    assert all(is_rule(rule) for rule in (EPOCHS, SIZE, BATCH, TABLE, FLIP))


@given(st.floats(1, 1e4))
def test_the_ladder_loses_no_pixel_that_it_has_a_step_for(side: float):
    step = on_ladder(side)
    assert step in LADDER
    assert step >= min(side, LADDER[-1])
    assert all(other < side for other in LADDER if other < step)


@given(st.integers(1, 10**7), st.integers(1, 1000), st.integers(1, 1000))
def test_epochs_fall_as_images_rise_and_stay_within_their_limits(images: int, first: int, second: int):
    rule = {"images_seen": 50_000, "at_least": min(first, second), "at_most": max(first, second)}
    few, many = (decide(rule, Known({"images": n})).value for n in (images, images + 1))
    assert rule["at_least"] <= many <= few <= rule["at_most"]
