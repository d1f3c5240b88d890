"""Tables of Parquet and Arrow files: columns read whole, and images read row by row."""

from __future__ import annotations

import bisect
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from zoo.errors import DataError, RequestError

__all__ = ["SUFFIXES", "ArrowFile", "need_pyarrow"]

SUFFIXES = (".parquet", ".arrow", ".feather")
_KEPT = 4
"""Number of row groups of a file whose images stay in memory."""


def need_pyarrow() -> Any:
    """Import pyarrow.

    Raises:
        RequestError: pyarrow is not installed; the message has the command that installs it.
    """
    try:
        import pyarrow
        import pyarrow.ipc
        import pyarrow.parquet
    except ImportError as error:
        raise RequestError(
            "Parquet and Arrow files need the package pyarrow, which is not installed. Type: pip install "
            "'visionzoo[parquet]'"
        ) from error
    return pyarrow


class ArrowFile:
    """A Parquet file, or an Arrow file in the file format (Feather) or the stream format.

    Args:
        path: the file.
        remote: opens a Parquet file that is elsewhere, by its path; its rows are read when they are needed. The path
            names the file's content, such as by a commit.

    Raises:
        DataError: it is damaged, truncated, or another kind of file; or it can't be reached.
        RequestError: pyarrow is not installed.
    """

    def __init__(self, path: Path, remote: Callable[[str], Any] | None = None) -> None:
        self.path, self.remote = path, remote
        self._forget()
        pa = need_pyarrow()
        try:
            self.is_parquet = remote is not None or _is_parquet(path)
            self.schema = self._parquet.schema_arrow if self.is_parquet else self._table.schema
            self._starts = self._row_groups()
        except (OSError, ValueError, pa.ArrowException) as error:
            kind = "a Parquet" if path.suffix.lower() == ".parquet" else "an Arrow"
            raise DataError(
                f"{path} can't be read as {kind} file: {_reason(error)}. Download or write the file again."
            ) from error

    def _forget(self) -> None:
        self._opened: Any = None
        self._lock = threading.Lock()
        self._recent: OrderedDict[tuple[int, str], Any] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_opened", "_lock", "_recent")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._forget()

    def __len__(self) -> int:
        return self._starts[-1]

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return list(self.schema.names)

    def group_of(self, row: int) -> int:
        """Number of the row group of a row, which are read together."""
        return bisect.bisect_right(self._starts, row) - 1

    def column(self, name: str) -> list[Any]:
        """All values of a column.

        Raises:
            DataError: the file is damaged.
        """
        with self._readable():
            table = self._parquet.read([name]) if self.is_parquet else self._table.select([name])
            values: list[Any] = table.column(0).to_pylist()
            return values

    def value(self, name: str, row: int) -> Any:
        """Value of a column in a row.

        Raises:
            OSError: the file is damaged.
            DataError: the file is elsewhere and can't be reached, which says nothing about the row.
        """
        if self.remote is not None:
            with self._readable():
                group = self.group_of(row)
                return self._images(group, name)[row - self._starts[group]].as_py()
        pa = need_pyarrow()
        try:
            if not self.is_parquet:
                return self._table.column(name)[row].as_py()
            group = self.group_of(row)
            return self._images(group, name)[row - self._starts[group]].as_py()
        except (ValueError, pa.ArrowException) as error:
            raise OSError(_reason(error)) from error

    def digests(self, name: str) -> Iterator[str]:
        """Hash of each image of a column, in order, without keeping the images; of a file elsewhere its path and row.

        Raises:
            DataError: the file is damaged.
        """
        if self.remote is not None:
            yield from (f"{self.path} {row}" for row in range(len(self)))
            return
        with self._readable():
            for group in range(len(self._starts) - 1):
                for image in self._column_of(group, name):
                    yield _digest(image.as_py())

    def _column_of(self, group: int, name: str) -> Any:
        if self.is_parquet:
            return self._parquet.read_row_group(group, [name]).column(0)
        begin = self._starts[group]
        return self._table.column(name).slice(begin, self._starts[group + 1] - begin)

    def _images(self, group: int, name: str) -> Any:
        """A column of a row group, from those read last."""
        with self._lock:
            if (group, name) not in self._recent:
                self._recent[group, name] = self._column_of(group, name)
                while len(self._recent) > _KEPT:
                    self._recent.popitem(last=False)
            self._recent.move_to_end((group, name))
            return self._recent[group, name]

    def _readable(self) -> _Readable:
        return _Readable(self.path, "is damaged" if self.remote is None else "can't be read")

    @property
    def _parquet(self) -> Any:
        if self._opened is None:
            parquet, place = need_pyarrow().parquet, str(self.path)
            if self.remote is None:
                self._opened = parquet.ParquetFile(place, memory_map=True)
            else:
                self._opened = parquet.ParquetFile(self.remote(place))
        return self._opened

    @property
    def _table(self) -> Any:
        """The table of an Arrow file, mapped into memory."""
        if self._opened is None:
            pa = need_pyarrow()
            mapped = pa.memory_map(str(self.path))
            with mapped:
                is_file = mapped.read(6) == b"ARROW1"
                mapped.seek(0)
                reader = pa.ipc.open_file(mapped) if is_file else pa.ipc.open_stream(mapped)
                self._opened = reader.read_all()
        return self._opened

    def _row_groups(self) -> list[int]:
        """First row of each row group, and the number of rows."""
        starts = [0]
        if self.is_parquet:
            about = self._parquet.metadata
            counts = [about.row_group(i).num_rows for i in range(about.num_row_groups)]
        else:
            counts = [len(batch) for batch in self._table.to_batches()]
        for count in counts:
            starts.append(starts[-1] + count)
        return starts


class _Readable:
    """Turns errors of pyarrow into a DataError that names the file."""

    def __init__(self, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, OSError | ValueError | need_pyarrow().ArrowException):
            what = "Download or write the file again" if self.problem == "is damaged" else "Check the network"
            raise DataError(f"{self.path} {self.problem}: {_reason(error)}. {what}.") from error


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _reason(error: BaseException) -> str:
    return str(error).split("\n")[0].strip().rstrip(".") or type(error).__name__


def _digest(image: Any) -> str:
    """Hash of an image: of its bytes, else of its path."""
    data = image.get("bytes") or image.get("path") if isinstance(image, dict) else image
    return hashlib.blake2b(data.encode() if isinstance(data, str) else data or b"", digest_size=16).hexdigest()
