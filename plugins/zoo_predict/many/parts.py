"""Parquet files in a folder, each written whole under a temporary name and renamed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from zoo.errors import RequestError
from zoo.storage import atomic, cannot_write
from zoo_predict.many.columns import ERROR, schema_of, table_of
from zoo_predict.many.lists import need_pyarrow
from zoo_predict.many.output import DoneRow, FileShard, legible
from zoo_predict.many.predictor import Row
from zoo_predict.places import check_folder, make_folder

__all__ = ["PartsWriter"]

ROWS = 10_000
"""Rows of a file."""
SECONDS = 300.0
"""A file is finished after this time, so that a killed process loses no more of its work."""
GROUP = 1_000
"""Rows that are kept in memory."""


class PartsWriter:
    """Rows in parquet files ``part-00000.parquet``, ``part-00001.parquet`` …; of a shard ``part-1-of-4-00000.parquet``.

    Args:
        folder: the folder, which may have other files and the parts of other shards.
        shard: the shard of the process; None for all.

    Raises:
        RequestError: there is a file of that name, or pyarrow is not installed.
    """

    def __init__(self, folder: Path, shard: FileShard | None = None) -> None:
        _pyarrow()
        check_folder(folder, "--out")
        self.folder = folder
        self._stem = "part-" if shard is None else f"part-{shard.number}-of-{shard.parts}-"
        self.lock = folder / f".{self._stem}lock"
        self._next, self._rows, self._begun = 0, 0, 0.0
        self._kept: list[Row] = []
        self._stack, self._writer = ExitStack(), None  # type: ExitStack, Any
        self._schema: Any = None

    def parts(self) -> list[Path]:
        """The finished files, in order."""
        found = self.folder.glob(f"{self._stem}*.parquet") if self.folder.is_dir() else ()
        parts = (path for path in found if re.fullmatch(rf"{self._stem}\d{{5,}}\.parquet", path.name))
        return sorted(parts, key=lambda path: (len(path.name), path.name))

    def exists(self) -> bool:
        """Check for rows that were written before."""
        return bool(self.parts())

    def record(self) -> dict[str, Any]:
        """Read the record of the model that the rows are of.

        Raises:
            RequestError: the first file is damaged, or zoo predict has not written it.
        """
        first = self.parts()[0]
        try:
            with _pyarrow().parquet.ParquetFile(first) as file:
                found: dict[str, Any] = json.loads((file.schema_arrow.metadata or {})[b"zoo"])
                return found
        except (OSError, ValueError, KeyError) as error:
            raise RequestError(f"{first} was not written by zoo predict. Name another folder: --out DIR") from error

    def done(self) -> Iterator[DoneRow]:
        """Yield the rows of the finished files; :meth:`open` continues after the last one.

        Raises:
            RequestError: a file is damaged.
        """
        for path in self.parts():
            try:
                with _pyarrow().parquet.ParquetFile(path) as file:
                    for batch in file.iter_batches(batch_size=GROUP, columns=["path", ERROR]):
                        paths, errors = (batch.column(name).to_pylist() for name in ("path", ERROR))
                        yield from (DoneRow(name, bool(error)) for name, error in zip(paths, errors, strict=True))
            except (OSError, ValueError, KeyError) as error:
                raise RequestError(f"{path} can't be continued: {error}. Type: --overwrite") from error

    def prepare(self, example: Row, top: int) -> None:
        """Set the columns.

        Args:
            example: a row with a prediction.
            top: unused: every row has its top classes.
        """
        del top
        self._schema = schema_of(example, {})

    def open(self, record: Mapping[str, Any], *, fresh: bool) -> None:
        """Prepare for rows, after those that are done unless all are written again.

        Raises:
            OutputError: the folder can't be written.
        """
        make_folder(self.folder)
        for left in self.folder.glob(f".{self._stem}*.parquet.*"):  # of killed processes: the lock is held
            if re.match(rf"\.{self._stem}\d{{5,}}\.parquet\.", left.name):
                left.unlink(missing_ok=True)
        if fresh:
            for path in reversed(self.parts()):
                path.unlink()
        self._next = len(self.parts())
        self._schema = self._schema.with_metadata({"zoo": json.dumps(record, ensure_ascii=False)})

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows; a file is finished when it has ROWS rows or is SECONDS old.

        Raises:
            OutputError: the disk is full.
        """
        with self._reported():
            for row in rows:
                self._kept.append({**row, "path": legible(row["path"])})
                if self._rows + len(self._kept) >= ROWS:
                    self._finish()
            if len(self._kept) >= GROUP:
                self._flush()
            if self._writer is not None and time.monotonic() - self._begun > SECONDS:
                self._finish()

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Report an error of the disk, and remove the temporary file."""
        try:
            yield
        except OSError as error:
            if self._writer is not None:
                self._writer.is_open = False  # it would write its end into the closed file
            self._stack.__exit__(type(error), error, error.__traceback__)
            raise cannot_write(self.folder, error) from error

    def _flush(self) -> None:
        """Write the rows that are kept into the file of this part."""
        if self._writer is None:
            file = self._stack.enter_context(atomic(self.folder / f"{self._stem}{self._next:05d}.parquet"))
            self._writer = _pyarrow().parquet.ParquetWriter(file, self._schema, compression="zstd")
            self._begun = time.monotonic()
        self._writer.write_table(table_of(self._kept, self._schema))
        self._rows += len(self._kept)
        self._kept = []

    def _finish(self) -> None:
        self._flush()
        self._writer.close()
        self._stack.close()
        self._writer, self._rows, self._next = None, 0, self._next + 1

    def close(self) -> None:
        """Finish the last file; without any row, a file without rows is written.

        Raises:
            OutputError: the disk is full.
        """
        if self._kept or self._writer is not None or self._next == 0:
            with self._reported():
                self._finish()


def _pyarrow() -> Any:
    return need_pyarrow("An output in parquet")
