"""Logs of answers, as ``zoo label`` appends them: the last line of an image holds."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping

__all__ = ["AnswerLog", "is_log"]

EVENT, WHEN = "event", "when"


def is_log(header: list[str]) -> bool:
    """Check for the columns ``event`` and ``when``, which a log has beside paths and labels."""
    return EVENT in header and WHEN in header


class AnswerLog:
    """Rows of a log that hold, in their order: the last one of each image, where it has a label.

    Args:
        reader: rows of the file.
        path_column, label_column: headers of the columns of paths and labels.
    """

    def __init__(self, reader: csv.DictReader[str], path_column: str, label_column: str):
        rows = [(reader.line_num, cells) for cells in reader]
        self.torn = bool(rows) and rows[-1][1].get(WHEN) is None  # being written, or cut off by a power failure
        whole = rows[:-1] if self.torn else rows
        last = {(cells[path_column] or "").strip(): number for number, (_, cells) in enumerate(whole)}
        self.lines = sorted(number for number in last.values() if (whole[number][1][label_column] or "").strip())
        """Numbers of the rows in the file, from 0."""
        self.line_num = 0
        self._rows = [whole[number] for number in self.lines]
        self._earlier, self._without = len(whole) - len(last), len(last) - len(self.lines)

    def __iter__(self) -> Iterator[Mapping[str, str | None]]:
        for line_num, cells in self._rows:
            self.line_num = line_num
            yield cells

    @property
    def notices(self) -> list[str]:
        """What is left out; empty if nothing is."""
        parts = [
            f"{self._earlier:,} earlier answers" * bool(self._earlier),
            f"{self._without:,} images without a label" * bool(self._without),
            "an incomplete last line" * self.torn,
        ]
        left = ", ".join(part for part in parts if part)
        return [f"The file is a log of answers: the last one of an image holds. Left out: {left}."] if left else []
