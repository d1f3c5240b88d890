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
    images = count(check["images"])
    what = "images of noise compared with the model" if _by_noise(document) else "val images compared with the run"
    yield _row("check", f"all {images} {what}; {_within(check)}")
    if _by_noise(document):
        yield _row("", "imported models have no images; to check it: --data FOLDER")
    elif document["lossy"] is None:
        yield _row(*_score(check))
    if resized:
        yield _row("own resize", _resized(resized))
    for name, found in (document.get("scores") or {}).items():
        text = f"all {count(found['images'])} scores agree with the run's; {found['disagreements']} decisions differ"
        yield _row(name, text)
    yield from (_row("notice", text) for text in document["notices"])


def _within(check: Mapping[str, Any]) -> str:
    if "disagreements" not in check:
        return f"values within {check['largest_difference']:.1e} {check['unit']}"
    return f"probabilities within {check['largest_difference']:.1e}"


def _score(check: Mapping[str, Any]) -> tuple[str, str]:
    if "mae" in check:
        return "MAE", f"{check['mae']:.4g}, in float32"
    return "accuracy", f"{percent(check['accuracy'], 2)}, in float32"


def _resized(resized: Mapping[str, Any]) -> str:
    if "disagreements" not in resized:
        return f"{resized['images']} full-size images within {resized['largest_difference']:.1e} {resized['unit']}"
    same = resized["images"] - resized["disagreements"]
    text = f"{same} of {resized['images']} full-size images agree with the run; within"
    return f"{text} {resized['largest_difference']:.1e}"


def _by_noise(document: Mapping[str, Any]) -> bool:
    return document.get("images") == "noise"


def _lossy(document: Mapping[str, Any]) -> Iterator[str]:
    found = document["lossy"]
    if found is None:
        return
    size, rate, speed = (found[key] for key in ("bytes", "images_per_second", "speed"))
    how = " ".join(name_words(found["params"]))
    yield _row("", f"{'float32':>12}  {how:>12}")
    yield _scores(found)
    yield _row("size", f"{mebibytes(size['before']):>12}  {mebibytes(size['after']):>12}")
    low, high = speed["range"]
    times = f"{speed['ratio']:.2f} times as fast ({low:.2f} to {high:.2f}), batches of {found['batch_size']}, CPU"
    yield _row("images/s", f"{rate['before']:>12.1f}  {rate['after']:>12.1f}   {times}")
    yield _row("answers", _answers(found))


def _scores(found: Mapping[str, Any]) -> str:
    if "mae" in found:
        return _row("MAE", f"{found['mae']['before']:>12.4g}  {found['mae']['after']:>12.4g}")
    accuracy = found["accuracy"]
    return _row("accuracy", f"{percent(accuracy['before'], 2):>12}  {percent(accuracy['after'], 2):>12}")


def _answers(found: Mapping[str, Any]) -> str:
    if "disagreements" not in found:
        return f"{count(found['images'])} val images within {found['largest_difference']:.1e} {found['unit']}"
    return f"{found['disagreements']} of {count(found['images'])} val images differ"


def _row(name: str, text: str) -> str:
    return f"{name:<12}{text}"
