"""Text report of ``zoo doctor``, without rich, as the lists of other commands."""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

import click

from zoo.reports.kit.text import clean, legible
from zoo_doctor.finding import Diagnosis, without_secrets

__all__ = ["health_lines"]

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "wrong": ("✗", "red")}
_INDENT = "  "


def health_lines(findings: Sequence[Diagnosis], width: int) -> Iterator[str]:
    """Format findings by heading, each with a mark, topic, text and commands that fix it, followed by a count.

    Args:
        findings: the findings, grouped by heading.
        width: columns of the terminal; sentences are wrapped, commands are not, so that they can be copied.
    """
    encoding = getattr(sys.stdout, "encoding", None)
    room = max((len(finding.topic) for finding in findings), default=0) + 2
    for group, found in groupby(findings, key=lambda finding: finding.group):
        yield click.style(group, bold=True)
        for finding in found:
            yield from (legible(line, encoding) for line in _lines(finding, room, width))
    yield ""
    yield _total(findings)


def _lines(finding: Diagnosis, room: int, width: int) -> Iterator[str]:
    mark, colour = _MARKS[finding.state]
    indent = " " * (len(_INDENT) + 2 + room)
    text = without_secrets(clean(finding.text))
    first, *others = textwrap.wrap(text, max(30, width - len(indent)), break_long_words=False) or [""]
    yield f"{_INDENT}{click.style(mark, fg=colour)} {clean(finding.topic).ljust(room)}{first}"
    yield from (indent + line for line in others)
    for why, command in finding.remedies:
        yield f"{indent}{click.style(without_secrets(clean(command)), fg='cyan')}   # {clean(why)}"


def _total(findings: Sequence[Diagnosis]) -> str:
    counts = Counter(finding.state for finding in findings)
    wrong, warnings = counts["wrong"], counts["warning"]
    if not wrong and not warnings:
        return f"No problems found in {len(findings)} checks."
    words = [f"{wrong} {'problem' if wrong == 1 else 'problems'}"] * bool(wrong)
    words += [f"{warnings} {'warning' if warnings == 1 else 'warnings'}"] * bool(warnings)
    return f"{', '.join(words)}. For a bug report: zoo doctor --json"
