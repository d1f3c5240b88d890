"""The lines of a benchmark."""

from __future__ import annotations

import copy
from typing import Any

from zoo_bench.report import table_lines

ONE: dict[str, Any] = {
    "architecture": "a",
    "parameters": 1234,
    "image_size": 224,
    "batch_size": 32,
    "optimizer": "adam",
    "execution": "2 CPU threads · bfloat16 · channels last · fused adam",
    "train": {
        "precision": "bf16",
        "images_per_second": 204.4,
        "gflops_per_image": 2.3,
        "of_ceiling": 0.35,
        "ceiling_gflops_per_second": 1340.0,
        "step_s": 0.5,
        "split_s": {"data": 0.1, "forward": 0.2, "backward": 0.15, "optimizer": 0.05},
        "limit_s": 0.365,
        "limit_images_per_second": 280.0,
        "of_limit": 0.73,
    },
    "inference": {
        "precision": "bf16",
        "images_per_second": 600.0,
        "gflops_per_image": 0.77,
        "of_ceiling": 0.345,
        "ceiling_gflops_per_second": 1340.0,
    },
    "peak_memory_mib": 1000.0,
}


def with_changes(**sides: dict[str, Any]) -> dict[str, Any]:
    found = copy.deepcopy(ONE)
    for side, changes in sides.items():
        found[side].update(changes)
    return found


def test_a_step_beside_its_own_limit():
    lines = table_lines({"benchmarks": [ONE]})
    assert "on          2 CPU threads · bfloat16 · channels last · fused adam" in lines
    assert "limit       280.0 images/s, convolutions and products alone; the step achieves 73% of it" in lines
    assert "ceiling     1,340 GFLOP/s, a large matrix product" in lines
    assert lines[-1] == "memory      1,000 MiB peak"


def test_no_limit_where_nothing_is_multiplied():
    found = with_changes(train={"limit_s": 0.0, "limit_images_per_second": None, "of_limit": 0.0})
    assert not [line for line in table_lines({"benchmarks": [found]}) if line.startswith("limit")]


def test_answers_in_another_precision_have_a_ceiling_of_their_own():
    lines = table_lines(
        {"benchmarks": [with_changes(inference={"precision": "fp32", "ceiling_gflops_per_second": 187})]}
    )
    assert "inference   600.0 images/s in fp32, 0.77 GFLOP per image, 34% of the ceiling" in lines
    assert "ceiling     1,340 GFLOP/s, a large matrix product; 187 in fp32" in lines


def test_all_that_was_tried():
    def way(rate: float, precision: str = "bf16", **more: bool) -> dict[str, Any]:
        return {"precision": precision, "memory_format": "channels_last", "images_per_second": rate, **more}

    assert not [line for line in table_lines({"benchmarks": [ONE]}) if line.startswith("tried")]
    trial = {"how": "measured", "candidates": [way(10), way(5, "fp32")], "compiled": [way(10), way(12, compiled=True)]}
    trial["evaluation"] = [way(30), way(20, "fp32")]
    lines = table_lines({"benchmarks": [{**ONE, "trial": trial}]})
    assert lines[2:5] == [
        "tried       bf16 channels last 10.0, fp32 channels last 5.0 images/s forward and backward (measured)",
        "  compiled  bf16 channels last 10.0, bf16 channels last compiled 12.0 images/s forward and backward",
        "  answers   bf16 channels last 30.0, fp32 channels last 20.0 images/s",
    ]


def test_two_are_compared_with_the_range_of_their_rounds():
    ratio = {"ratio": 2.0, "range": [1.5, 2.25], "rounds": [2.0, 1.5, 2.25]}
    answers = {"ratio": 0.5, "range": [0.5, 0.75], "rounds": [0.5, 0.5, 0.75]}
    both = {"benchmarks": [ONE, {**ONE, "architecture": "b"}], "comparison": {"train": ratio, "inference": answers}}
    lines = table_lines(both)
    assert lines[-1] == (
        "a trains 2.00 (1.50 to 2.25) times as fast as b, and infers 0.50 (0.50 to 0.75) times as fast, in 3 "
        "alternating rounds"
    )
    assert lines.count("memory      1,000 MiB peak, both networks together") == 2
