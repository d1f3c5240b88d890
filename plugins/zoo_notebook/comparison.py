"""A comparison of runs, as Python and a notebook show it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.reports.kit.fragments import caveat, comparison_table, difference_plot, p_value, write_comparison
from zoo.reports.kit.text import figure, label
from zoo_notebook.fragments import fragment, show_html

__all__ = ["RunComparison"]


class RunComparison(dict[str, Any]):
    """The document of ``zoo runs compare --json``: ``runs`` with their metrics, and ``comparisons`` with the first."""

    @property
    def verdicts(self) -> list[str]:
        """A sentence for each run but the first, with its p-value."""
        return [f"{row['verdict']} ({p_value(row['metrics']['accuracy'])})." for row in self["comparisons"]]

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
            plot=Markup(difference_plot(self, "accuracy")),
            figure=figure,
            label=label,
            caveat=caveat(self),
        )
