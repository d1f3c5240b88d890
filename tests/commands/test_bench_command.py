"""``zoo bench`` as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Zoo = Callable[..., Any]
SMALL = ("--batch-size", "4", "--image-size", "16", "--steps", "2", "--device", "cpu", "--recipe", "none")
CNN = ("simple_cnn", "--set", "architecture.channels=[8]")


def test_it_says_how_fast_and_where_the_time_goes(zoo: Zoo):
    code, out, _ = zoo("bench", *CNN, *SMALL)
    assert code == 0
    assert "simple/simple_cnn  " in out
    assert "16 px, batches of 4, adamw" in out
    for word in (
        "training",
        "step, ms",
        "data ",
        "forward ",
        "backward ",
        "optimizer ",
        "inference",
        "ceiling",
        "memory",
    ):
        assert word in out


def test_the_document_fits_together(zoo: Zoo):
    code, out, _ = zoo("bench", *CNN, *SMALL, "--json")
    assert code == 0
    (found,) = json.loads(out)["benchmarks"]
    train = found["train"]
    assert train["step_s"] == pytest.approx(sum(train["split_s"].values()))
    assert train["images_per_second"] == pytest.approx(4 / train["step_s"])
    assert train["gflops_per_image"] == pytest.approx(3 * found["inference"]["gflops_per_image"])
    assert found["inference"]["images_per_second"] > 0
    assert (found["batch_size"], found["image_size"], found["steps"]) == (4, 16, 2)


def test_two_are_compared(zoo: Zoo):
    code, out, _ = zoo("bench", "simple_cnn", "--compare", "simple_rnn", *SMALL, "--image-size", "32")
    assert code == 0
    assert "simple/simple_cnn trains " in out
    assert "times as fast as simple/simple_rnn" in out


def test_nothing_is_kept(zoo: Zoo, tmp_path):
    assert zoo("bench", *CNN, *SMALL)[0] == 0
    assert not [p for p in tmp_path.iterdir() if p.name == "runs"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("simple_cn",), "Did you mean"),
        (("simple_cnn", "--batch-size", "auto"), "not auto. Type: --batch-size 32"),
        (("simple_cnn", "--device", "cuda:7"), "is not here"),
        (("simple_cnn", "--compare", "nonesuch"), "nonesuch"),
        (("simple_cnn", "--set", "train.freeze=backbone"), "whole networks"),
        (("simple_cnn", "--set", "architecture.widht=3"), "widht"),
    ],
)
def test_a_wrong_request_is_told(refused: Callable[..., str], words: tuple[str, ...], said: str):
    assert said in refused("bench", *words)
