"""The confusion matrix as an image: rows are true classes, columns predicted ones."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["MOST_CLASSES", "confusion_figure", "confusion_png"]

MOST_CLASSES = 40
"""Maximum number of classes in a legible image; of more, those with the most mistakes are drawn."""
_LABEL = 24
"""Maximum number of characters of a class name at an axis."""
_RIGHT, _WRONG = (0.10, 0.48, 0.26), (0.75, 0.17, 0.17)
_CELL = 0.36
"""Side of a cell in inches, where there are many."""


def confusion_png(matrix: Sequence[Sequence[int]], classes: Sequence[str], title: str) -> bytes:
    """Draw the confusion matrix as PNG.

    Args:
        matrix: counts (K, K): rows are true classes, columns predicted ones.
        classes: class names, in the order of the matrix.
        title: description of the counts, such as ``"val images"``.
    """
    out = io.BytesIO()
    confusion_figure(matrix, classes, title).savefig(out, format="png")
    return out.getvalue()


def confusion_figure(matrix: Sequence[Sequence[int]], classes: Sequence[str], title: str) -> Figure:
    """Draw the confusion matrix without pyplot: without a window, and without state shared with other plots."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    counts = np.asarray(matrix)
    shown = _worst(counts)
    if len(shown) < len(counts):
        title = f"{title}: the {len(shown)} of {len(counts)} classes with the most mistakes"
    side = max(3.2, _CELL * len(shown))
    figure = Figure(figsize=(side + 2.4, side + 2.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    cells = np.ix_(shown, shown)
    colours = _colours(counts)[cells]
    axes.imshow(colours, interpolation="nearest")
    _write_counts(axes, counts[cells], colours, side)
    _name_axes(axes, [_label(classes[i]) for i in shown])
    axes.set_title(title, fontsize=10)
    return figure


def _worst(counts: np.ndarray) -> list[int]:
    """Indices of the classes to draw, in their original order."""
    import numpy as np

    mistakes = counts.sum(0) + counts.sum(1) - 2 * counts.diagonal()
    return sorted(np.argsort(-mistakes, kind="stable")[:MOST_CLASSES].tolist())


def _colours(counts: np.ndarray) -> np.ndarray:
    """Colour (K, K) counts as (K, K, 3) in 0..1 by their share of the row: green on the diagonal, red elsewhere.

    Red saturates at a third of a class, as mistakes are small shares, and matter.
    """
    import numpy as np

    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    right = np.eye(len(counts), dtype=bool)
    strength = np.where(right, share, np.minimum(1.0, 3 * share))
    strength = np.where(counts > 0, 0.1 + 0.9 * strength, 0.0)[..., None]
    colour = np.where(right[..., None], _RIGHT, _WRONG)
    white_to_colour: np.ndarray = 1 - strength * (1 - colour)
    return white_to_colour


def _write_counts(axes: Axes, counts: np.ndarray, colours: np.ndarray, side: float) -> None:
    """Write each non-zero count into its cell, at a font size that fits its digits."""
    digits = len(f"{counts.max():,}") if counts.size else 1
    points = min(12.0, 72 * side / len(counts) / (0.75 * max(digits, 2)))
    # Excluded from the layout, as they lie within the axes: 1,600 of them are drawn in half the time.
    how: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": points, "in_layout": False}
    for (row, column), count in _filled(counts):
        ink = "white" if float(colours[row, column].mean()) < 0.6 else "black"
        axes.text(column, row, f"{count:,}", color=ink, **how)


def _filled(counts: np.ndarray) -> list[tuple[tuple[int, int], int]]:
    return [((int(i), int(j)), int(counts[i, j])) for i, j in zip(*counts.nonzero(), strict=True)]


def _name_axes(axes: Axes, names: list[str]) -> None:
    import numpy as np

    size = 9 if len(names) <= 15 else 8
    steep: dict[str, Any] = {"rotation": 90} if max(map(len, names)) > 3 and len(names) > 2 else {}
    axes.set_xticks(range(len(names)), names, fontsize=size, parse_math=False, **steep)
    axes.set_yticks(range(len(names)), names, fontsize=size, parse_math=False)
    axes.set_xlabel("taken for")
    axes.set_ylabel("is")
    # Thin lines between the cells, so that a row can be followed.
    axes.set_xticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="0.88", linewidth=0.5)
    axes.tick_params(which="minor", length=0)


def _label(name: object) -> str:
    """Shorten a name for an axis by cutting its middle, as names often differ at their ends."""
    text = "".join(c if c.isprintable() else "?" for c in str(name))
    return text if len(text) <= _LABEL else f"{text[: _LABEL // 3]}…{text[-(_LABEL - _LABEL // 3 - 1) :]}"
