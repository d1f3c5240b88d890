"""Words for merged runs, in results and on the console."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.reports.kit.results import main_metric
from zoo_merge.members import Member

__all__ = ["member_lines", "title"]


def title(how: str) -> str:
    """Title of the report's section: ``Merged runs (soup)``."""
    return f"Merged runs ({how})"


def member_lines(members: Sequence[Member]) -> list[str]:
    """A line for each run: its name, architecture, accuracy or error, and digest."""
    return [f"{member.name}: {member.architecture}{_score(member)}, SHA-256 {member.sha256[:12]}" for member in members]


def _score(member: Member) -> str:
    metric = main_metric(member.task)
    found = metric.value(member.result.metrics_of("val"))
    return "" if found is None else f", val {metric.name} {metric.text(found)}"
