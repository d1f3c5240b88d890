"""The window of a run: resolved once by the training images, and refused where it says nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from zoo.data.split import Split
from zoo.data.window import have_no_contrast, resolve_window, with_contrast_notice, with_window_notice
from zoo.errors import DataError
from zoo.job.schema import Data


def split(values: Any, dtype: Any) -> Split:
    pixels = np.asarray(values, dtype).reshape(-1, 1, 1, 1)
    return Split("train", pixels, np.zeros(len(pixels), np.int64), [""] * len(pixels))


def test_8_bits_need_no_window_unless_one_is_asked_for():
    images = split([3, 9], np.uint8)
    assert resolve_window("auto", images) is None
    assert resolve_window("8-bit", images) is None
    assert resolve_window("dicom", images) is None
    assert resolve_window([0, 9], images) is None
    found = resolve_window("percentile", split(range(201), np.uint8))
    assert found is not None
    assert found[0] == [1, 199]


@given(st.lists(st.integers(0, 65535), min_size=2, max_size=600), st.sampled_from([np.uint16, np.float32]))
@settings(max_examples=50, deadline=None)
def test_the_range_is_that_of_all_training_images(values: list[int], dtype: Any):
    images = split(values, dtype)
    if min(values) == max(values):
        with pytest.raises(DataError, match=r"--set data.window=\[0,4095\]"):
            resolve_window("auto", images)
        return
    found = resolve_window("auto", images)
    assert found is not None
    assert found[0] == [min(values), max(values)]


def test_percentiles_are_close_where_the_values_are_sampled(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("zoo.data.window._MOST", 1000)
    pixels = np.random.default_rng(0).normal(0, 1, (50, 20, 20, 1)).astype(np.float32)
    found = resolve_window("percentile", Split("train", pixels, np.zeros(50, np.int64), [""] * 50))
    assert found is not None
    assert found[0] == pytest.approx([-2.576, 2.576], abs=0.5)


def test_the_notice_has_the_numbers_and_the_way_to_others():
    images = with_window_notice(split([0, 4095], np.uint16), [0, 4095], "range of the 2 training images")
    assert images.notices == (
        "The images keep their values (16 bits): 0 becomes 0 and 4,095 becomes 1, the range of the 2 training images. "
        "For another window: --set data.window=[LOWER,UPPER]",
    )


@pytest.mark.parametrize("window", ["percent", [5], ["a", "b"], 7, "none", [1, float("inf")], [2, 1], [1, True], None])
def test_a_window_is_a_word_or_two_values(window: Any):
    with pytest.raises(ValidationError, match=r"must be auto, 8-bit, percentile, dicom or \[LOWER,UPPER\]"):
        Data(in_chans=1, mean=[0.5], std=[0.5], window=window)


def test_values_and_scale_of_a_job():
    def of(window: Any) -> tuple[Any, Any]:
        data = Data(in_chans=1, mean=[0.5], std=[0.5], window=window)
        return data.values, data.scale

    assert of("8-bit") == ("8-bit", None)
    assert of("dicom") == ("dicom", "dicom")
    assert of([-60, 140]) == ("own", [-60.0, 140.0])
    assert of("auto") == of("percentile") == ("own", None)


def test_every_channel_is_in_a_sample(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("zoo.data.window._MOST", 1000)
    pixels = np.zeros((40, 16, 16, 4), np.float32)
    pixels[..., 3] = 100
    pixels[..., 0] = -100
    found = resolve_window("percentile", Split("train", pixels, np.zeros(40, np.int64), [""] * 40))
    assert found is not None
    assert found[0] == [-100, 100]


PHOTO = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3))


@pytest.mark.parametrize(
    ("values", "window", "seen"),
    [
        (PHOTO.astype(np.uint8), [0.5, 0.64], False),
        (PHOTO * 257.0 + 300, [0, 255], False),
        (PHOTO / 255, [0, 4095], False),
        (PHOTO / 255, [0, 1], True),
        (PHOTO > 128, [0, 1], True),
        (PHOTO * 4 - 500, [-1000, 400], True),
        (np.where(np.arange(40) < 36, -1000, PHOTO[..., 0])[..., None], [-160, 240], True),
        (np.full((3, 40, 40, 1), 7), [0, 4095], True),
    ],
    ids=["8 bits", "16 bits", "0 to 1", "own", "mask", "scan", "mostly air", "one value"],
)
def test_images_of_another_unit_have_no_contrast(values: Any, window: list[float], seen: bool):
    assert (have_no_contrast(np.asarray(values), window) != seen).all()
    assert not have_no_contrast(np.asarray(values), "dicom").any()
    assert not have_no_contrast(np.asarray(values), None).any()


def test_a_value_for_missing_data_hides_the_others_and_is_said():
    values = PHOTO.astype(np.float32)
    values[:, 0, 0] = np.finfo(np.float32).min
    images = Split("train", values, np.zeros(3, np.int64), [""] * 3)
    found = resolve_window("auto", images)
    assert found is not None
    (said,) = with_contrast_notice(images, found[0]).notices
    assert said.startswith("3 of 3 train images have hardly any contrast in the model's window, and seem blank: ")
    assert "--set data.window=percentile" in said
    assert with_contrast_notice(images, [0, 255]).notices == ()


def test_one_dark_image_among_many_is_not_said():
    values = np.concatenate([PHOTO.astype(np.float32)] * 5)
    values[0] /= 1000
    images = Split("val", values, np.zeros(15, np.int64), [""] * 15)
    assert with_contrast_notice(images, [0, 255]).notices == ()


def test_8_bits_in_a_window_of_larger_values_are_said():
    images = Split("test", PHOTO.astype(np.uint8), np.zeros(3, np.int64), [""] * 3)
    (said,) = with_contrast_notice(images, [0, 4095]).notices
    assert said.startswith("3 of 3 test images have 8 bits: the model was trained on larger values")
    assert with_contrast_notice(images, [0, 255]).notices == ()
