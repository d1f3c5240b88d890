"""HTML fragments for a notebook: scoped styles, the colours of the page around them, no scripts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.reports.kit.pages import template

__all__ = ["dataset_name", "fragment", "show_html", "tone_of"]

_TONES = {"good": "good", "scored": "info"} | dict.fromkeys(("failed", "collapsed", "baseline", "leakage"), "bad")


def fragment(name: str, /, **values: Any) -> str:
    """Render a template of this package with the styles that every fragment has."""
    return template(name, package="zoo_notebook").render(**values)


def dataset_name(job: Any) -> str:
    """The name of the dataset's folder or file, or of the dataset itself."""
    return Path(job.data_folder).name if job.data_folder else str(job.dataset.name)


def tone_of(kind: str) -> str:
    """The colour of a verdict: ``good``, ``info``, ``warn`` or ``bad``."""
    return _TONES.get(kind, "warn")


def show_html(html: str) -> Callable[[str], None]:
    """Display HTML below the running cell.

    Returns:
        A function that replaces the displayed HTML.
    """
    from IPython import display

    ipython: Any = display  # its functions have no types
    handle = ipython.display(ipython.HTML(html), display_id=True)
    return lambda changed: handle.update(ipython.HTML(changed))
