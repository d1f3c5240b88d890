"""Text report of ``zoo export``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo.reports.kit.text import count, mebibytes, percent
from zoo_export.parameters import name_words

__all__ = ["export_lines"]


def export_lines(document: Mapping[str, Any]) -> list[str]:
    """Format one line for the file, and one for each comparison.

    Args:
        document: as :func:`zoo_export.exporting.export_run` returns it.
    """
    what = "folder" if Path(document["file"]).is_dir() else "file"
    return [_row(what, f"{document['file']}  {mebibytes(document['bytes'])}"), *_checks(document), *_lossy(document)]


def _checks(document: Mapping[str, Any]) -> Iterator[str]:
    check, resized = document["check"], document["resize"]
    if check is None:
        yield _row("check", "none: the plugin of the format has no reader")
        return
    images, largest = count(check["images"]), check["largest_difference"]
    what = "images of noise compared with the model" if _by_noise(document) else "val images compared with the run"
    yield _row("check", f"all {images} {what}; probabilities within {largest:.1e}")
    if _by_noise(document):
        yield _row("", "imported models have no images; to check it: --data FOLDER")
    elif document["lossy"] is None:
        yield _row("accuracy", f"{percent(check['accuracy'], 2)}, in float32")
    if resized:
        same = resized["images"] - resized["disagreements"]
        text = f"{same} of {resized['images']} full-size images agree with the run; within"
        yield _row("own resize", f"{text} {resized['largest_difference']:.1e}")
    yield from (_row("notice", text) for text in document["notices"])


def _by_noise(document: Mapping[str, Any]) -> bool:
    return document.get("images") == "noise"


def _lossy(document: Mapping[str, Any]) -> Iterator[str]:
    found = document["lossy"]
    if found is None:
        return
    accuracy, size, rate, speed = (found[key] for key in ("accuracy", "bytes", "images_per_second", "speed"))
    how = " ".join(name_words(found["params"]))
    yield _row("", f"{'float32':>12}  {how:>12}")
    yield _row("accuracy", f"{percent(accuracy['before'], 2):>12}  {percent(accuracy['after'], 2):>12}")
    yield _row("size", f"{mebibytes(size['before']):>12}  {mebibytes(size['after']):>12}")
    low, high = speed["range"]
    times = f"{speed['ratio']:.2f} times as fast ({low:.2f} to {high:.2f}), batches of {found['batch_size']}, CPU"
    yield _row("images/s", f"{rate['before']:>12.1f}  {rate['after']:>12.1f}   {times}")
    yield _row("answers", f"{found['disagreements']} of {count(found['images'])} val images differ")


def _row(name: str, text: str) -> str:
    return f"{name:<12}{text}"
