"""Text report of ``zoo bench``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.reports.kit.text import count, tried
from zoo.runs import ExecutionTrial

__all__ = ["file_lines", "table_lines"]


def table_lines(found: Mapping[str, Any]) -> list[str]:
    """Format a block for each network, and the comparison of two.

    Args:
        found: as :func:`zoo_bench.measure.bench` returns it.
    """
    blocks, compared = found["benchmarks"], found.get("comparison")
    of_both = ", both networks together" if compared else ""
    lines = [line for one in blocks for line in (*_block(one, of_both), "")]
    return [*lines, _comparison(blocks[0], blocks[1], compared)] if compared else lines[:-1]


def file_lines(found: Mapping[str, Any]) -> list[str]:
    """Format a line or two for each exported file, and the comparison of two.

    Args:
        found: as :func:`zoo_bench.files.bench_files` returns it.
    """
    lines = []
    for one in found["benchmarks"]:
        rate, alone = one["inference"]["images_per_second"], one["inference"]["one_image_s"]
        lines += [
            f"{one['file']}  {one['architecture']}, {one['image_size']} px, {one['bytes'] / 2**20:.2f} MiB",
            f"{'inference':<12}{rate:,.1f} images/s in batches of {one['batch_size']}; single image "
            f"{alone * 1e3:.1f} ms",
        ]
    if "comparison" in found:
        speed = found["comparison"]["inference"]
        low, high = speed["range"]
        lines.append(f"The first is {speed['ratio']:.2f} times as fast as the second ({low:.2f} to {high:.2f}).")
    return lines


def _block(one: Mapping[str, Any], of_both: str) -> list[str]:
    train, inference = one["train"], one["inference"]
    phases = "  ".join(f"{name} {seconds * 1e3:.1f}" for name, seconds in train["split_s"].items())
    made_of = f"{count(one['parameters'])} parameters, {one['image_size']} px"
    other = "" if inference["precision"] == train["precision"] else f" in {inference['precision']}"
    return [
        f"{one['architecture']}  {made_of}, batches of {one['batch_size']}, {one['optimizer']}",
        f"{'on':<12}{one['execution']}",
        *_tried(one.get("trial")),
        f"{'training':<12}{_rate(train)}",
        f"{'  step, ms':<12}{train['step_s'] * 1e3:.1f}: {phases}",
        *_limit(train),
        f"{'inference':<12}{_rate(inference, other)}",
        f"{'ceiling':<12}{_ceiling(train, inference, other)}",
        f"{'memory':<12}{one['peak_memory_mib']:,.0f} MiB peak{of_both}",
    ]


def _rate(side: Mapping[str, Any], how: str = "") -> str:
    rate, flops, share = side["images_per_second"], side["gflops_per_image"], side["of_ceiling"]
    return f"{rate:,.1f} images/s{how}, {flops:.2f} GFLOP per image, {share:.0%} of the ceiling"


def _ceiling(train: Mapping[str, Any], inference: Mapping[str, Any], other: str) -> str:
    peak, answering = train["ceiling_gflops_per_second"], inference["ceiling_gflops_per_second"]
    return f"{peak:,.0f} GFLOP/s, a large matrix product" + (f"; {answering:,.0f}{other}" if other else "")


def _limit(train: Mapping[str, Any]) -> list[str]:
    """Format the speed limit set by convolutions and matrix products alone; empty for a network without any."""
    rate = train["limit_images_per_second"]
    if rate is None:
        return []
    reached = f"the step achieves {train['of_limit']:.0%} of it"
    return [f"{'limit':<12}{rate:,.1f} images/s, convolutions and products alone; {reached}"]


def _tried(trial: Mapping[str, Any] | None) -> list[str]:
    """Format the executions that were tried; empty without a trial."""
    found = None if trial is None else ExecutionTrial.read(trial)
    return [f"{what if what == 'tried' else f'  {what}':<12}{ways}" for what, ways in tried(found)]


def _comparison(one: Mapping[str, Any], other: Mapping[str, Any], ratios: Mapping[str, Any]) -> str:
    return (
        f"{one['architecture']} trains {_times(ratios['train'])} times as fast as {other['architecture']}, and "
        f"infers {_times(ratios['inference'])} times as fast, in {len(ratios['train']['rounds'])} alternating rounds"
    )


def _times(ratio: Mapping[str, Any]) -> str:
    low, high = ratio["range"]
    return f"{ratio['ratio']:.2f} ({low:.2f} to {high:.2f})"
