"""Reading a result: intervals, selections, what was drawn."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.reports import reading
from zoo.runner.measurements import EpochRecord
from zoo.runner.run_result import RunResult


# Published: R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3; the others worked out by hand.
@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (50, 100, 0.4038, 0.5962),
        (85, 100, 0.7672, 0.9069),
        (10, 10, 0.7225, 1.0000),
    ],
)
def test_wilson_interval_against_published_values(correct: int, total: int, low: float, high: float) -> None:
    assert reading.wilson_interval(correct, total) == pytest.approx((low, high), abs=6e-5)


@settings(deadline=None)
@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_holds_the_share_and_mirrors(case: tuple[int, int]) -> None:
    correct, total = case
    low, high = reading.wilson_interval(correct, total)
    assert 0 <= low <= correct / total + 1e-12
    assert correct / total - 1e-12 <= high <= 1
    mirrored = reading.wilson_interval(total - correct, total)
    assert mirrored == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("correct", "total"), [(1, 0), (-1, 5), (6, 5)])
def test_wilson_interval_refuses_what_is_no_share(correct: int, total: int) -> None:
    with pytest.raises(ValueError, match="is invalid"):
        reading.wilson_interval(correct, total)


@settings(deadline=None)
@given(st.integers(0, 150), st.integers(5, 15), st.data())
def test_selected_epochs_hold_first_best_and_last_in_order(count: int, limit: int, data: st.DataObject) -> None:
    epochs = [EpochRecord(epoch=i + 1) for i in range(count)]
    best = data.draw(st.integers(1, count)) if count else None
    numbers = [record.epoch for record in reading.select_epochs(epochs, best, limit)]
    assert len(numbers) <= max(limit, 0)
    assert numbers == sorted(set(numbers))
    if count:
        assert {1, best, count} <= set(numbers)


def test_confused_pairs_come_most_first() -> None:
    matrix = [[5, 3, 0], [1, 9, 0], [4, 0, 6]]
    pairs = reading.confused_pairs(matrix, ["a", "b", "c"], 2)
    assert pairs == [("c", "a", 4, 0.4), ("a", "b", 3, 0.375)]


@pytest.mark.parametrize(
    ("notice", "drawn"),
    [
        ("These are drawn cats and dogs, made here", True),
        ("No network: using drawings", True),
        ("200 images drawn from train are held out", False),
        ("the split was drawn at random", False),
        ("withdrawn", False),
    ],
)
def test_drawings_are_known_by_the_notice(notice: str, drawn: bool) -> None:
    assert reading.is_drawn(RunResult.read({"notices": [notice]})) is drawn


def test_drawings_are_known_by_the_source() -> None:
    assert reading.is_drawn(RunResult.read({"splits": {"train": {"source": "drawn"}}}))
    assert not reading.is_drawn(RunResult.read({"splits": {"train": {"source": "photos in pets"}, "val": {}}}))


def test_images_are_counted_from_the_matrix_or_the_split(two_classes: dict[str, Any]) -> None:
    assert reading.images_in(RunResult.read(two_classes), "val") == 1000
    del two_classes["metrics"]["val"]["confusion_matrix"]
    two_classes["splits"]["val"]["images"] = 998
    assert reading.images_in(RunResult.read(two_classes), "val") == 998
    assert reading.images_in(RunResult.read({}), "val") is None


def test_worst_classes_leave_out_those_without_images() -> None:
    figures = {"a": {"f1": 0.9, "support": 3}, "b": {"f1": 0.0, "support": 0}, "c": {"f1": 0.2, "support": 3}}
    rows = reading.per_class(RunResult.read({"metrics": {"val": {"per_class": figures}}}), "val", worst=1)
    assert [row.name for row in rows] == ["c"]
