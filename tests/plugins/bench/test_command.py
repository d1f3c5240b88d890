"""``zoo bench`` as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Zoo = Callable[..., Any]
SMALL = ("--batch-size", "4", "--image-size", "16", "--steps", "2", "--device", "cpu", "--recipe", "none")
AS_IT_IS = ("--image-size", "32", "--precision", "fp32", "--set", "memory_format=channels_last")  # nothing is tried
CNN = ("simple_cnn", "--set", "architecture.channels=[8]")


@pytest.fixture(autouse=True)
def _small_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    """The product that is the ceiling would take longer than all the rest."""
    monkeypatch.setattr("zoo_bench.steps._SIDE", {"cpu": 256})


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
        "limit ",
        "convolutions and products alone; the step achieves ",
        " · fused adamw",
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
    assert 2 < train["gflops_per_image"] / found["inference"]["gflops_per_image"] < 3
    assert train["of_limit"] == pytest.approx(train["images_per_second"] / train["limit_images_per_second"])
    assert found["inference"]["images_per_second"] > 0
    assert (found["batch_size"], found["image_size"], found["steps"]) == (4, 16, 2)


def test_two_are_compared(zoo: Zoo):
    code, out, _ = zoo("bench", "simple_cnn", "--compare", "simple_rnn", *SMALL, *AS_IT_IS)
    assert code == 0
    assert "simple/simple_cnn trains " in out
    assert "times as fast as simple/simple_rnn" in out
    assert "in 5 alternating rounds" in out
    assert out.count("both networks together") == 2


def test_the_comparison_is_in_the_document(zoo: Zoo):
    code, out, _ = zoo("bench", *CNN, "--compare", "simple_cnn", *SMALL, *AS_IT_IS, "--json")
    assert code == 0
    found = json.loads(out)
    assert [one["architecture"] for one in found["benchmarks"]] == ["simple/simple_cnn"] * 2
    assert [one["steps"] for one in found["benchmarks"]] == [5, 5]  # one a round: two can't be shared by five
    for what in ("train", "inference"):
        ratio = found["comparison"][what]
        assert sorted(ratio["rounds"])[len(ratio["rounds"]) // 2] == ratio["ratio"]
        assert ratio["range"] == [min(ratio["rounds"]), max(ratio["rounds"])]


def test_nothing_is_kept(zoo: Zoo, tmp_path):
    assert zoo("bench", *CNN, *SMALL)[0] == 0
    assert not [p for p in tmp_path.iterdir() if p.name == "runs"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("simple_cn",), "Did you mean"),
        (("simple_cnn", "--batch-size", "auto"), "not --batch-size auto. Type: --batch-size 32"),
        (("simple_cnn", "--device", "cuda:7"), "Device 'cuda:7' is not available"),
        (("simple_cnn", "--compare", "nonesuch"), "nonesuch"),
        (("simple_cnn", "--set", "train.freeze=backbone"), "whole networks"),
        (("simple_cnn", "--set", "architecture.widht=3"), "widht"),
    ],
)
def test_a_wrong_request_is_told(refused: Callable[..., str], words: tuple[str, ...], said: str):
    assert said in refused("bench", *words)
