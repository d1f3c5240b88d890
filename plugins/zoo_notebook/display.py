"""Runs and results in a notebook: Jupyter, JupyterLab, VS Code, Colab."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from zoo_notebook.fragments import show_html

if TYPE_CHECKING:
    from zoo.api import Result
    from zoo.api.running import Observer

__all__ = ["NotebookDisplay"]


class NotebookDisplay:
    """The display of a notebook; see :class:`zoo.plugin.Display`."""

    def active(self) -> bool:
        """A Jupyter kernel runs this process, and its frontend shows HTML."""
        ipython = sys.modules.get("IPython")
        shell = None if ipython is None else ipython.get_ipython()
        return getattr(shell, "kernel", None) is not None

    def observer(self) -> Observer:
        """A bar and a chart below the cell, redrawn while the run goes on."""
        from zoo_notebook.observer import NotebookObserver

        return NotebookObserver()

    def html(self, result: Result) -> str:
        """The report of a run, an evaluation or several runs."""
        from zoo_notebook.report import result_html

        return result_html(result)

    def show(self, result: Result) -> None:
        """Display the report below the running cell; outside of a notebook print it, as ``zoo run`` does."""
        if self.active():
            show_html(self.html(result))
            return
        from zoo.reports.kit.console import new_console
        from zoo.reports.kit.fragments import render_result, render_summary
        from zoo.runs import RunResult

        record = result.record
        new_console().print(render_result(record) if isinstance(record, RunResult) else render_summary(record))
