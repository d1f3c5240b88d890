"""The plots of the HTML report, as SVG that stands in the page: its text stays text, its colours are the page's.

Matplotlib knows no CSS variables, so each role is drawn in a colour of its own that becomes ``var(--role)``.
"""

from __future__ import annotations

import io
import math
import re
from typing import TYPE_CHECKING, Any

from zoo.reports import reading
from zoo.reports.words import clean, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["accuracy_plot", "confusion_plot", "loss_plot"]

INK, LINE, TRAIN, VAL, RIGHT, WRONG = "#010101", "#020202", "#030303", "#040404", "#050505", "#060606"
_VARIABLES = {INK: "ink", LINE: "line", TRAIN: "train", VAL: "val", RIGHT: "right", WRONG: "wrong"}
PLOT_CLASSES = 30
"""A confusion matrix of more classes can't be read."""
CELL_CLASSES = 15
"""Up to so many, each cell has its number in it."""
LABEL = 22
"""Characters of a class name at an axis."""


def loss_plot(result: reading.Result) -> str:
    """Loss over the epochs; empty where there is nothing to draw."""
    return _curves(result, "loss", "loss")


def accuracy_plot(result: reading.Result) -> str:
    """Accuracy over the epochs, in percent."""
    return _curves(result, "accuracy", f"{reading.accuracy_name(result)}, %", 100.0)


def confusion_plot(result: reading.Result, split: str | None) -> str:
    """The confusion matrix, a row a true class, shaded by the share of its row; empty for many classes."""
    matrix = reading.confusion_of(result, split)
    classes = [_label(name) for name in result.get("classes") or []]
    if not 0 < len(matrix) <= PLOT_CLASSES or len(classes) != len(matrix):
        return ""
    side = 2.2 + 0.22 * len(classes)
    figure, axes = _figure(side + 1.2, side + 0.6)
    _cells(axes, matrix)
    axes.set(xlim=(-0.5, len(matrix) - 0.5), ylim=(len(matrix) - 0.5, -0.5), aspect="equal")
    axes.set_xticks(range(len(classes)), classes, rotation=90 if sum(map(len, classes)) > 40 else 0, parse_math=False)
    axes.set_yticks(range(len(classes)), classes, parse_math=False)
    axes.set_xlabel("predicted", color=INK)
    axes.set_ylabel("true", color=INK)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return _svg(figure, "confusion")


def _label(name: object) -> str:
    text = clean(name)
    return text if len(text) <= LABEL else f"{text[: LABEL // 3]}…{text[-(LABEL - LABEL // 3 - 1) :]}"


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.tick_params(colors=INK)
    figure.patch.set_visible(False)
    axes.patch.set_visible(False)
    return figure, axes


def _curves(result: reading.Result, metric: str, label: str, scale: float = 1.0) -> str:
    from matplotlib.ticker import MaxNLocator

    epochs = [record.get("epoch", i + 1) for i, record in enumerate(result.get("epochs") or [])]
    figure, axes = _figure(5.2, 3.2)
    for split, colour in (("train", TRAIN), ("val", VAL)):
        values = [scale * value for value in reading.curve(result, split, metric)]
        if any(map(math.isfinite, values)):
            marker = "o" if len(epochs) < 3 else ""
            axes.plot(epochs, values, color=colour, label=split, linewidth=1.8, marker=marker)
    if not axes.lines:
        return ""
    _mark_best(axes, result, metric, scale)
    axes.set_xlabel("epoch", color=INK)
    axes.set_ylabel(label, color=INK)
    axes.grid(color=LINE, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, labelcolor=INK)
    return _svg(figure, metric)


def _mark_best(axes: Axes, result: reading.Result, metric: str, scale: float) -> None:
    best = reading.best_epoch(result)
    record = next((r for r in result.get("epochs") or [] if r.get("epoch") == best), None)
    value = ((record or {}).get("val") or {}).get(metric)
    if best is None or value is None:
        return
    axes.axvline(best, color=VAL, linewidth=0.8, linestyle=(0, (3, 3)))
    axes.plot([best], [scale * value], "o", color=VAL, markersize=6, label=f"best: epoch {best}")


def _cells(axes: Axes, matrix: list[list[int]]) -> None:
    from matplotlib.patches import Rectangle

    filled = [(i, j, cell, cell / sum(row)) for i, row in enumerate(matrix) for j, cell in enumerate(row) if cell]
    for i, j, cell, share in filled:
        # A third of a class gone wrong is as glaring as can be: errors are small shares, and matter.
        colour, strength = (RIGHT, share) if i == j else (WRONG, min(1.0, 3 * share))
        alpha = 0.08 + 0.72 * strength
        axes.add_patch(Rectangle((j - 0.47, i - 0.47), 0.94, 0.94, facecolor=colour, alpha=alpha, linewidth=0))
        if len(matrix) <= CELL_CLASSES:
            text = f"{cell:,}\n{percent(share)}" if len(matrix) <= 4 else f"{cell:,}"
            axes.text(j, i, text, ha="center", va="center", color=INK, fontsize=10 if len(matrix) <= 4 else 7)


def _svg(figure: Figure, name: str) -> str:
    import matplotlib

    out = io.StringIO()
    # The salt makes ids the same in every run, and other ones for every plot of a page.
    nothing: dict[str, Any] = {"Creator": None, "Date": None, "Format": None, "Type": None}
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(out, format="svg", metadata=nothing)
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)  # HTML needs none
    svg = re.sub(
        r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1), count=1
    )
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r"(font: [\d.]+px) [^;\"]*", r"\1 var(--sans)", svg)
    return re.sub("|".join(_VARIABLES), lambda match: f"var(--{_VARIABLES[match.group()]})", svg)
