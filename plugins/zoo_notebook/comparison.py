"""A comparison of runs, as Python and a notebook show it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.reports.kit.fragments import caveat, comparison_table, main_figures, main_metric_in, p_value, write_comparison
from zoo.reports.kit.pages import Canvas, Scale, axis_number
from zoo.reports.kit.text import figure, label
from zoo_notebook.fragments import fragment, show_html

__all__ = ["RunComparison"]

_NAMES, _LETTERS = 150, 22  # width of the names in the plot, in units and in characters


class RunComparison(dict[str, Any]):
    """The document of ``zoo runs compare --json``: ``runs`` with their metrics, and ``comparisons`` with the first."""

    @property
    def verdicts(self) -> list[str]:
        """A sentence for each run but the first, with its p-value."""
        return [f"{row['verdict']} ({p_value(main_figures(row))})." for row in self["comparisons"]]

    def show(self) -> None:
        """Display the comparison in a notebook; elsewhere print it as ``zoo runs compare`` does."""
        from zoo_notebook.display import NotebookDisplay

        if NotebookDisplay().active():
            show_html(self._repr_html_())
            return
        from zoo.reports.kit.console import new_console

        new_console().print(comparison_table(self))

    def save(self, path: str | Path) -> None:
        """Write the comparison as one HTML page.

        Raises:
            OutputError: the folder can't be written, or the disk is full.
        """
        write_comparison(self, Path(path))

    def __repr__(self) -> str:
        return f"<RunComparison on {self['images']:,} {self['split']} images: {' '.join(self.verdicts)}>"

    def _repr_html_(self) -> str:
        from markupsafe import Markup

        return fragment(
            "comparison.html.j2",
            found=self,
            metrics=list(self["runs"][0]["metrics"]),
            verdicts=self.verdicts,
            main=main_figures,
            metric=main_metric_in(self["runs"][0]),
            plot=Markup(difference_plot(self)),
            figure=figure,
            label=label,
            caveat=caveat(self),
        )


def difference_plot(found: Mapping[str, Any]) -> str:
    """SVG of each run's difference in the main metric from the first run, with its interval; one row per run.

    Differences in accuracy are in points.

    Returns:
        The SVG; empty where no difference has an interval.
    """
    rows = [(row["run"], main_figures(row)) for row in found["comparisons"]]
    metric = main_metric_in(found["runs"][0])
    unit = 100 if metric.is_share else 1
    rows = [(name, figures) for name, figures in rows if figures["interval"]]
    if not rows:
        return ""
    canvas = Canvas(_NAMES + 420, 56 + 28 * len(rows))
    most = unit * max(abs(end) for _, figures in rows for end in figures["interval"]) * 1.08 or 1.0
    x = Scale(-most, most, _NAMES + 8, canvas.width - 16)
    for value in x.ticks():
        canvas.line([(x.at(value), 8), (x.at(value), canvas.height - 46)], "line", stroke_width=1 if value else 2.5)
        canvas.text(x.at(value), canvas.height - 29, axis_number(value), role="soft", size=12)
    for i, (name, figures) in enumerate(rows):
        y, role = 24 + 28 * i, "val" if figures["significant"] else "train"
        low, high = (unit * end for end in figures["interval"])
        difference = unit * figures["difference"]
        canvas.line([(x.at(low), y), (x.at(high), y)], role, stroke_width=2.5)
        canvas.dot(x.at(difference), y, role, f"{difference:+.4g} ({low:+.4g} to {high:+.4g})")
        canvas.text(_NAMES, y + 4, name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…", "end", size=12)
    canvas.text((x.start + x.end) / 2, canvas.height - 8, "points" if metric.is_share else metric.name, size=12)
    return canvas.svg()
