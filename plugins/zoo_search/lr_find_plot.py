"""Report of a learning-rate range test: a plain-text table, and a plot by matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.reports.kit.pages import MARK
from zoo.storage import atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["WHAT", "plot_lr", "table_lines"]

WHAT = {
    "valley": "middle of the descent, from a tenth of the way down to the lowest loss",
    "steepest": "where the loss falls fastest",
    "minimum/10": "a tenth of where the loss is lowest",
}
INK, DIM, LINE = "#1b1f24", "#6e7681", "#d8dee4"
COLOURS = {"valley": "#1a7f37", "steepest": "#bf5700", "minimum/10": "#8250df"}
CURVE = "#0969da"


def table_lines(found: Mapping[str, Any]) -> list[str]:
    """Format a line per suggestion, with a mark on the one that ``--lr auto`` uses.

    Args:
        found: document of the range test, with ``suggestions`` (rule -> rate), ``rule``, ``lrs`` and ``ended``.
    """
    suggestions, lrs = found["suggestions"], found["lrs"]
    span = f"from {lrs[0]:.2g} to {lrs[-1]:.2g}" if lrs else "none"
    lines = [f"{len(lrs)} steps, rates {span}; {found['ended']}"]
    if not suggestions:
        return [*lines, "no suggestion: the loss did not fall"]
    lines.append(f"{'rule':<12}{'lr':>9}")
    for rule, lr in suggestions.items():
        chosen = "  <- auto" if rule == found["rule"] else ""
        lines.append(f"{rule:<12}{lr:>9.2g}  {WHAT[rule]}{chosen}")
    return lines


def plot_lr(found: Mapping[str, Any], path: Path, title: str) -> None:
    """Plot loss over learning rate with the suggestions, as a PNG or SVG that is marked as the zoo's own.

    Raises:
        OutputError: the file can't be written.
    """
    import matplotlib
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.2), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    axes.plot(found["lrs"], found["losses"], color=CURVE, alpha=0.25, linewidth=1, label="loss")
    axes.plot(found["lrs"], found["smoothed"], color=CURVE, linewidth=2, label="smoothed")
    _mark(axes, found)
    axes.set_xscale("log")
    axes.set_ylim(*_limits(found["losses"], found["smoothed"]))
    axes.set_xlabel("learning rate", color=INK)
    axes.set_ylabel("training loss", color=INK)
    axes.set_title(title, color=INK, loc="left", parse_math=False)
    axes.tick_params(colors=DIM, which="both")
    axes.grid(color=LINE, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    axes.legend(frameon=False, labelcolor=INK, loc="lower left")
    form = path.suffix.lower().removeprefix(".")
    marked = {"Creator": MARK, "Date": None} if form == "svg" else {"Software": MARK}
    with matplotlib.rc_context({"svg.hashsalt": "lr"}), atomic(path) as file:
        figure.savefig(file, format=form, dpi=150, metadata=marked)


def _mark(axes: Axes, found: Mapping[str, Any]) -> None:
    for rule, lr in found["suggestions"].items():
        chosen = rule == found["rule"]
        style = "-" if chosen else (0, (3, 3))
        label = f"{rule}: {lr:.2g}{' (auto)' if chosen else ''}"
        axes.axvline(lr, color=COLOURS[rule], linewidth=1.6 if chosen else 1.2, linestyle=style, label=label)


def _limits(losses: Sequence[float], smoothed: Sequence[float]) -> tuple[float, float]:
    """Limits of the loss axis: from the lowest loss to slightly above the first, so that divergence is cut off."""
    low, start = min(losses, default=0.0), max(smoothed[:1], default=1.0)
    fall = (start - low) or 1.0
    return low - 0.05 * fall, start + 0.4 * fall
