"""What ``zoo bench`` has measured, in plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.reports.words import count

__all__ = ["table_lines"]


def table_lines(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """A block for each network, and of two how they compare.

    Args:
        found: as :func:`zoo.runner.bench.bench` gives each.
    """
    lines = [line for one in found for line in (*_block(one), "")]
    return [*lines, _comparison(*found)] if len(found) == 2 else lines[:-1]


def _block(one: Mapping[str, Any]) -> list[str]:
    train, inference = one["train"], one["inference"]
    phases = "  ".join(f"{name} {seconds * 1e3:.1f}" for name, seconds in train["split_s"].items())
    made_of = f"{count(one['parameters'])} parameters, {one['image_size']} px"
    return [
        f"{one['architecture']}  {made_of}, batches of {one['batch_size']}, {one['optimizer']}",
        f"{'on':<12}{one['execution']}",
        *_tried(one.get("trial")),
        f"{'training':<12}{_rate(train)}",
        f"{'  step, ms':<12}{train['step_s'] * 1e3:.1f}: {phases}",
        f"{'inference':<12}{_rate(inference)}",
        f"{'ceiling':<12}{one['ceiling_gflops_per_second']:,.0f} GFLOP/s, a large matrix product",
        f"{'memory':<12}{one['peak_memory_mib']:,.0f} MiB at the most",
    ]


def _rate(side: Mapping[str, Any]) -> str:
    rate, flops, share = side["images_per_second"], side["gflops_per_image"], side["of_ceiling"]
    return f"{rate:,.1f} images/s, {flops:.2f} GFLOP an image, {share:.0%} of the ceiling"


def _tried(trial: Mapping[str, Any] | None) -> list[str]:
    """The ways that were tried, where there was a trial."""
    if trial is None:
        return []
    ways = (
        f"{c['precision']} {c['memory_format'].replace('_', ' ')} {c['images_per_second']:,.1f}"
        for c in trial["candidates"]
    )
    return [f"{'tried':<12}{', '.join(ways)} images/s there and back ({trial['how']})"]


def _comparison(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    ratios = {
        what: one[what]["images_per_second"] / other[what]["images_per_second"] for what in ("train", "inference")
    }
    return (
        f"{one['architecture']} trains {ratios['train']:.2f} times as fast as {other['architecture']}, "
        f"and answers {ratios['inference']:.2f} times as fast"
    )
