"""The page of a run: what chance leaves open, and whether its confidence means what it says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zoo.reports import plots, reading
from zoo.reports.uncertain import calibration_words, numbers_table

__all__ = ["reliability_plot", "uncertain_sections"]


def uncertain_sections(result: reading.Result) -> Iterable[dict[str, Any]]:
    """For each split that was scored: ``split``, ``rows``, ``baseline``, ``calibration`` (words) and ``plot`` (SVG)."""
    from markupsafe import Markup

    for split in result.get("metrics") or {}:
        rows, metrics = numbers_table(result, split), reading.split_metrics(result, split)
        if rows:
            answer = reading.label_names((metrics.get("baseline") or {}).get("answer"))
            plot = Markup(reliability_plot(metrics.get("calibration") or {}, f"reliability-{split}"))
            words = calibration_words(metrics)
            yield {"split": split, "rows": rows, "baseline": answer, "calibration": words, "plot": plot}


def reliability_plot(found: dict[str, Any], name: str) -> str:
    """Accuracy over confidence, bin by bin, before and after the temperature; empty where nothing was measured."""
    if not found.get("reliability"):
        return ""
    figure, axes = plots._figure(4.2, 3.4)
    axes.plot([0, 1], [0, 1], color=plots.LINE, linewidth=1)
    scaled = (found.get("scaled") or {}).get("reliability") or []
    for rows, colour, label in (
        (found["reliability"], plots.TRAIN, "as the network gives it"),
        (scaled, plots.VAL, "by temperature"),
    ):
        if rows:
            most = max(row["images"] for row in rows)
            sizes = [8 + 72 * row["images"] / most for row in rows]
            sure, right = ([row[key] for row in rows] for key in ("confidence", "accuracy"))
            axes.plot(sure, right, color=colour, linewidth=1.2)
            axes.scatter(sure, right, sizes, color=colour, label=label)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    axes.set_xlabel("confidence", color=plots.INK)
    axes.set_ylabel("accuracy", color=plots.INK)
    axes.grid(color=plots.LINE, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(plots.LINE)
    axes.legend(frameon=False, labelcolor=plots.INK, loc="upper left")
    return plots._svg(figure, name)
