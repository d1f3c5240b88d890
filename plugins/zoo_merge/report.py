"""The console report of a merge."""

from __future__ import annotations

from zoo.reports.kit.text import print_lines, short_path
from zoo_merge.merging import Merged

__all__ = ["print_merged"]


def print_merged(merged: Merged) -> None:
    """Print the account of a merge, its notices, and the next command."""
    result = merged.result
    account = [line for _, text in result.sections for line in text.splitlines()]
    notices = [text for text in result.notices if text not in account]
    place = short_path(result.dir)
    lines = [result.brief, *account, *notices, f"run: {place}", f"next: zoo predict {place} photo.jpg"]
    print_lines(iter(lines))
