"""How a span of time is filled: epochs, the images of each, and which variant of a recipe."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.job.budget import MOST, PARTS, Length, Variant, best_variant, fit_length


def linear(image_s: float, evaluate_s: float, batch: int):
    """Seconds as a training takes them: by batches, and an evaluation an epoch."""
    return lambda epochs, images: epochs * (-(-images // batch) * batch * image_s + evaluate_s)


def fit(left_s: float, images: int, *, image_s: float = 0.01, evaluate_s: float = 0.0, **how: int | None):
    wanted, fixed = how.get("wanted") or 30, how.get("fixed")
    return fit_length(left_s, images, 10, linear(image_s, evaluate_s, 10), evaluate_s, wanted, fixed)


def test_whole_epochs_are_stretched_until_the_time_is_full():
    assert fit(105.0, 1000) == Length(10, 1050)


def test_a_short_time_is_divided_into_parts_of_the_data():
    length = fit(25.0, 1000)
    assert length == Length(PARTS, 310)
    assert length.epochs * length.images_per_epoch >= 1000


def test_evaluations_that_take_long_make_fewer_parts():
    length = fit(25.0, 1000, evaluate_s=2.0)
    assert length is not None
    assert length.epochs == 2


def test_no_time_for_every_image_is_no_length():
    assert fit(9.9, 1000) is None
    assert fit(10.0, 1000) is not None


def test_a_training_is_not_made_longer_without_end():
    assert fit(1e6, 1000, wanted=3) == Length(3 * MOST, 1000)


@pytest.mark.parametrize(("left_s", "length"), [(100.0, Length(5, 1000)), (25.0, Length(5, 500)), (9.0, None)])
def test_epochs_that_somebody_chose_stay(left_s: float, length: Length | None):
    assert fit(left_s, 1000, fixed=5) == length


@given(
    st.floats(1.0, 1e4),
    st.integers(20, 100_000),
    st.integers(1, 512),
    st.floats(1e-6, 0.1),
    st.floats(0.0, 5.0),
    st.integers(1, 200),
)
def test_the_time_is_filled_and_never_exceeded(
    left_s: float, images: int, batch: int, image_s: float, evaluate_s: float, wanted: int
):
    seconds = linear(image_s, evaluate_s, batch)
    length = fit_length(left_s, images, batch, seconds, evaluate_s, wanted, None)
    if length is None:
        assert seconds(1, images) > left_s, "there was time for every image once"
        return
    assert seconds(length.epochs, length.images_per_epoch) <= left_s
    assert length.epochs * length.images_per_epoch >= images
    more = seconds(length.epochs, length.images_per_epoch + batch)
    assert more > left_s or length.epochs == MOST * wanted or length.images_per_epoch >= 2 * images


@pytest.mark.parametrize(("left_s", "place"), [(100.0, 2), (10.0, 1), (1.0, 0), (0.001, 0)])
def test_the_dearest_variant_that_there_is_time_for(left_s: float, place: int):
    assert best_variant(left_s, [Variant(0.001, 1000), Variant(0.01, 1000), Variant(0.1, 1000)]) == place
