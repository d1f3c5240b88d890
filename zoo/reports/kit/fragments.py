"""Public: parts of the zoo's reports, for other ways to show a run, several runs, or a comparison.

The colours of a plot are variables of the page around it: ``--ink``, ``--soft``, ``--line``, ``--train``, ``--val``,
``--cell-right`` and ``--cell-wrong``; its font is ``--sans``. Groups of the class ``at`` have values to hover: the page
hides all of a group but its rectangle until the pointer is over it.

Example::

    svg = accuracy_plot(read_result(find_run("brave-otter")))
"""

from __future__ import annotations

from zoo.reports.advice import split_advice
from zoo.reports.compare import caveat, comparison_table, main_figures, main_metric_in, p_value
from zoo.reports.compare_page import write_comparison
from zoo.reports.html import read_pictures
from zoo.reports.pace import Pace
from zoo.reports.plots import accuracy_plot, confusion_plot, loss_plot
from zoo.reports.repeats import metric_rows, plus_minus, what_it_is
from zoo.reports.repeats_console import render_summary
from zoo.reports.results import render_result
from zoo.reports.value_plots import value_plots

__all__ = ["Pace", "accuracy_plot", "caveat", "comparison_table", "confusion_plot"]
__all__ += ["loss_plot", "main_figures", "main_metric_in", "metric_rows", "p_value", "plus_minus", "read_pictures"]
__all__ += ["render_result", "render_summary", "split_advice", "value_plots", "what_it_is", "write_comparison"]
