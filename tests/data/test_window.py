"""The window of a run: resolved once by the training images, and refused where it says nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from zoo.data.split import Split
from zoo.data.window import resolve_window, with_window_notice
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
