"""Public: HTML pages in the zoo's look, and drawings as SVG.

A template includes ``page.css``, imports ``parts.html.j2`` (head, bar, tabs, commands to copy, tables that scroll) and
may run ``page_script``, which copies commands, sorts tables and shows the titles of plots.

Example::

    from zoo.reports.kit.pages import template

    html = template("acme.html.j2", package="zoo_acme").render(title="Leaves")
"""

from __future__ import annotations

from zoo.reports.drawing import Canvas, Labels, Scale, axis_number
from zoo.reports.html import write_report
from zoo.reports.pages import HEADERS, hover_parts, open_page, page_of, policy_for, template
from zoo.reports.picture_file import MARK, check_place

__all__ = [
    "HEADERS",
    "MARK",
    "Canvas",
    "Labels",
    "Scale",
    "axis_number",
    "check_place",
    "hover_parts",
    "open_page",
    "page_of",
    "policy_for",
    "template",
    "write_report",
]
