"""Lists of paths: CSV and parquet files with a column ``path``, and lines on standard input."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from zoo.errors import DataError, RequestError

__all__ = ["PATH", "STDIN", "check_list", "is_list", "need_pyarrow", "paths_in", "paths_of_stream"]

PATH = "path"
"""Name of the column."""
STDIN = "-"
_TABLES = (".csv", ".parquet")
_CHUNK = 1 << 16


def is_list(word: str) -> bool:
    """Check by its name that a word is a list of paths."""
    return word.lower().endswith(_TABLES)


def need_pyarrow(what: str) -> Any:
    """Import pyarrow.

    Raises:
        RequestError: pyarrow is not installed; the message has the command that installs it.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise RequestError(
            f"{what} needs the package pyarrow, which is not installed. Type: pip install 'visionzoo[parquet]'"
        ) from error
    return pyarrow


def check_list(word: str) -> None:
    """Check that a list can be read and has the column ``path``.

    Raises:
        RequestError: it can't be read, or pyarrow is missing.
        DataError: it has no column ``path``.
    """
    header = _header(Path(word))
    if PATH not in header:
        raise DataError(
            f"{word} has no column {PATH!r}; it has: {', '.join(header) or 'none'}. A list of images is a CSV or "
            f"parquet file whose column {PATH!r} names an image in each row."
        )


def _header(table: Path) -> list[str]:
    try:
        if table.suffix.lower() == ".parquet":
            return list(need_pyarrow(f"{table}, a parquet file,").parquet.read_schema(table).names)
        with table.open(encoding="utf-8-sig", newline="", errors="surrogateescape") as lines:
            return next(csv.reader(lines), [])
    except (OSError, ValueError, csv.Error) as error:  # pyarrow's errors are ValueErrors
        raise RequestError(f"{table} can't be read as a list of images: {error}") from error


def paths_in(word: str) -> Iterator[tuple[str, str]]:
    """Yield each path of a list as it is written there, and as it is found from the folder of the list."""
    table = Path(word)
    rows = _of_parquet(table) if table.suffix.lower() == ".parquet" else _of_csv(table)
    for name in rows:
        yield name, os.path.join(table.parent, name)  # noqa: PTH118 - an absolute path and an address stay as they are


def _of_csv(table: Path) -> Iterator[str]:
    with table.open(encoding="utf-8-sig", newline="", errors="surrogateescape") as lines:
        rows = csv.reader(lines)
        place = next(rows).index(PATH)
        yield from (row[place] for row in rows if len(row) > place and row[place])


def _of_parquet(table: Path) -> Iterator[str]:
    parquet = need_pyarrow(f"{table}, a parquet file,").parquet
    with parquet.ParquetFile(table) as file:
        for batch in file.iter_batches(batch_size=1000, columns=[PATH]):
            yield from (str(name) for name in batch.column(0).to_pylist() if name)


def paths_of_stream(stream: IO[bytes], *, null: bool) -> Iterator[str]:
    """Yield the paths of a stream: one a line, or separated by NUL as ``find -print0`` writes them."""
    end, rest = (b"\0" if null else b"\n"), b""
    while chunk := stream.read1(_CHUNK) if hasattr(stream, "read1") else stream.read(_CHUNK):
        *whole, rest = (rest + chunk).split(end)
        yield from filter(None, (_decoded(path, null) for path in whole))
    if last := _decoded(rest, null):
        yield last


def _decoded(path: bytes, null: bool) -> str:
    return os.fsdecode(path if null else path.rstrip(b"\r"))
