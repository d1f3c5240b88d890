"""A CSV file that grows by whole rows, and is continued after its last complete one."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from zoo.errors import RequestError
from zoo.storage import cannot_write, write_json
from zoo_predict.many.columns import cells, csv_header
from zoo_predict.many.output import DoneRow, read_record
from zoo_predict.many.predictor import Row

__all__ = ["CsvAppender", "complete_records", "csv_line"]

_SPECIAL = re.compile(r'[,"\r\n]')
_LONGEST = 1 << 17
"""Bytes of the longest record; a longer one shows that a file is something else."""


def complete_records(lines: IO[bytes]) -> Iterator[tuple[list[str], int]]:
    """Yield each complete record with the position after it; what follows the last one is torn.

    Raises:
        RequestError: the file is not CSV.
    """
    pending, quotes, begin, position = list[bytes](), 0, 0, 0
    while line := lines.readline(_LONGEST + 1):
        pending.append(line)
        quotes, position = quotes + line.count(b'"'), position + len(line)
        if position - begin > _LONGEST:
            raise RequestError("the file was not written by zoo predict")
        if not line.endswith(b"\n"):
            return
        if quotes % 2 == 0:  # else the line ends within a quoted cell
            text = b"".join(pending).decode("utf-8", "surrogateescape")
            yield next(csv.reader(io.StringIO(text, newline=""))), position
            pending, quotes, begin = [], 0, position


def csv_line(record: Sequence[str]) -> str:
    """A record as a line. The writer of Python before 3.13 doesn't quote a carriage return."""
    quoted = (f'"{cell.replace(chr(34), chr(34) * 2)}"' if _SPECIAL.search(cell) else cell for cell in record)
    return f"{','.join(quoted)}\n"


class CsvAppender:
    """Rows in a CSV file; the record of the model is in a file beside it, as CSV on the Web names it.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.header = path, []  # type: Path, list[str]
        self.lock = path.with_name(f".{path.name}.lock")
        self.record_file = path.with_name(f"{path.name}-metadata.json")
        self._file: IO[bytes] | None = None
        self._end = 0

    def exists(self) -> bool:
        """Check for rows that were written before."""
        return self.path.exists()

    def record(self) -> dict[str, Any]:
        """Read the record of the model that the rows are of.

        Raises:
            RequestError: there is none, or it is damaged.
        """
        return read_record(self.record_file, self.path)

    def done(self) -> Iterator[DoneRow]:
        """Yield the rows that are complete; :meth:`open` continues after the last one.

        Raises:
            RequestError: the columns are others, or the file is not CSV.
        """
        with self.path.open("rb") as file:
            try:
                for number, (row, end) in enumerate(complete_records(file)):
                    if number == 0:
                        self._check_header(row)
                    else:
                        yield DoneRow(row[0], bool(row[-1]))
                    self._end = end
            except (RequestError, csv.Error, IndexError) as error:
                raise RequestError(f"{self.path} can't be continued: {error}. Type: --overwrite") from error

    def _check_header(self, found: Sequence[str]) -> None:
        if found != self.header:
            raise RequestError(f"its columns are {', '.join(found)}, not {', '.join(self.header)}")

    def prepare(self, example: Row, top: int) -> None:
        """Set the columns.

        Args:
            example, top: see :func:`zoo_predict.many.columns.csv_header`.
        """
        self.header = csv_header(example, top)

    def open(self, record: Mapping[str, Any], *, fresh: bool) -> None:
        """Open the file for rows, after those that are done unless it is written from its beginning.

        Raises:
            OutputError: it can't be written.
        """
        try:
            if fresh:
                self.path.unlink(missing_ok=True)  # before the record, which belongs to the rows
            write_json(self.record_file, record)
            self._file = self.path.open("ab", buffering=0)
            self._file.truncate(0 if fresh else self._end)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        if fresh or self._end == 0:
            self._write([self.header])

    def add(self, rows: Sequence[Row]) -> None:
        """Append rows.

        Raises:
            OutputError: the disk is full.
        """
        self._write([cells(row, self.header) for row in rows])

    def _write(self, records: Sequence[Sequence[str]]) -> None:
        assert self._file is not None
        left = memoryview("".join(map(csv_line, records)).encode("utf-8", "surrogateescape"))
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def close(self) -> None:
        """Flush the rows to the disk."""
        if self._file is not None:
            os.fsync(self._file.fileno())
            self._file.close()
