"""What a job works out of its numbers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from zoo.job.schema import Job, Train


def train(**settings: Any) -> Train:
    words = {"epochs": 10, "batch_size": 8, "image_size": 112, "lr": 0.1, "weight_decay": 0.0}
    return Train(**{**words, "optimizer": {"name": "sgd"}, "schedule": {"name": "constant"}, **settings})


def test_sizes_of_training_are_a_share_of_the_images_and_small_first():
    plain = train()
    assert {plain.size_of(epoch) for epoch in range(1, 11)} == {112}
    growing = train(start_size=64, start_fraction=0.5, size_fraction=0.857)
    assert [growing.size_of(epoch) for epoch in (1, 5, 6, 10)] == [64, 64, 96, 96]
    assert growing.image_size == 112


@given(st.integers(1, 512), st.floats(0.01, 1), st.integers(1, 512), st.integers(1, 10))
def test_training_never_sees_more_pixels_than_evaluation(size: int, share: float, start: int, epoch: int):
    try:
        settings = train(image_size=size, size_fraction=share, start_size=start)
    except ValidationError:
        assert start > max(1, round(size * share))
    else:
        assert 1 <= settings.size_of(epoch) <= size


@pytest.mark.parametrize("share", [0, 1.1, -1])
def test_a_share_of_the_size_is_one(share: float):
    with pytest.raises(ValidationError):
        train(size_fraction=share)


@pytest.mark.parametrize(
    ("name", "value"), [("freeze", "backbone"), ("ema_decay", 0.9), ("swa_epochs", 2), ("l1", 0.1), ("l2", 0.1)]
)
def test_what_needs_whole_weights_is_refused_where_they_are_sharded(name: str, value: Any):
    train(**{name: value})
    with pytest.raises(ValidationError, match=f"fsdp and {name} can't be combined"):
        train(fsdp=True, **{name: value})


def test_a_sharded_network_is_not_compiled():
    words = {
        "architecture": {"name": "a"},
        "dataset": {"name": "b"},
        "loss": {"name": "c"},
        "data": {"mean": [0.5], "std": [0.5], "in_chans": 1},
    }
    for fsdp, compiled in ((True, "auto"), (True, False), (False, True)):
        Job(**words, train=train(fsdp=fsdp), compile=compiled)
    with pytest.raises(ValidationError, match=r"train\.fsdp and compile can't be combined"):
        Job(**words, train=train(fsdp=True), compile=True)
