"""What the outputs have in common: the record of the model, the rows that are done, and the shard."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from zoo.errors import RequestError
from zoo.storage import read_plain
from zoo_predict.many.predictor import Row

__all__ = ["DoneRow", "FileShard", "RowOutput", "legible", "read_record"]

Each = TypeVar("Each")


class DoneRow(NamedTuple):
    """A row of an earlier process: the path as it is written, and True for an image without a prediction."""

    path: str
    failed: bool


class RowOutput(Protocol):
    """A place for rows."""

    lock: Path

    def exists(self) -> bool: ...
    def record(self) -> dict[str, Any]: ...
    def prepare(self, example: Row, top: int) -> None: ...
    def done(self) -> Iterator[DoneRow]: ...
    def open(self, record: Mapping[str, Any], *, fresh: bool) -> None: ...
    def add(self, rows: Sequence[Row]) -> None: ...
    def close(self) -> None: ...


class FileShard(NamedTuple):
    """One of several parts of the images: ``number`` of 1 to ``parts``."""

    number: int
    parts: int

    @classmethod
    def parse(cls, text: str) -> FileShard:
        """Read ``1/4``.

        Raises:
            RequestError: it is malformed.
        """
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        shard = cls(int(found[1]), int(found[2])) if found else cls(0, 0)
        if not 1 <= shard.number <= shard.parts:
            raise RequestError(f"--shard is {text!r}. Type the part and the number of parts, such as 1/4 to 4/4.")
        return shard

    def cut(self, items: Iterator[Each]) -> Iterator[Each]:
        """Keep the items of this shard: one of each ``parts``, in turn."""
        return islice(items, self.number - 1, None, self.parts)

    def share(self, total: int) -> int:
        """Number of the items of this shard among ``total``."""
        return len(range(self.number - 1, total, self.parts))

    def __str__(self) -> str:
        return f"{self.number}/{self.parts}"


def read_record(file: Path, output: Path) -> dict[str, Any]:
    """Read the record beside an output.

    Raises:
        RequestError: there is none, or it is damaged.
    """
    try:
        found = json.loads(read_plain(file))
    except (OSError, ValueError) as error:
        raise RequestError(
            f"{output} can't be continued without {file.name} beside it, which records its model. Name another file "
            "with --out, or replace it with --overwrite."
        ) from error
    return found if isinstance(found, dict) else {}


def legible(path: str) -> str:
    """A path in UTF-8: bytes that are not UTF-8 are written as ``\\xff``."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
