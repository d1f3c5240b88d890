"""The journal of labels: an append-only CSV file that ``image_csv`` reads, one line for each answer."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast, get_args

from zoo.errors import RequestError
from zoo.storage import Lock, cannot_write, is_write_error, take

__all__ = ["COLUMNS", "Event", "Journal", "LabelAnswer", "is_journal", "read_journal", "timestamp"]

Event = Literal["label", "none", "skip", "undo"]

COLUMNS = ("path", "label", "event", "who", "when", "guess", "audit")
_AUDIT = "yes"


@dataclass(frozen=True)
class LabelAnswer:
    """One line of the journal; the last line of a picture holds.

    Args:
        path: path of the picture, relative to the journal's folder where it lies below it, else absolute.
        label: name of the class; empty where the picture has none.
        event: ``label``; ``none`` (none of the classes); ``skip``; ``undo`` (without an answer again).
        who: name of the person.
        when: time in UTC, ISO 8601.
        guess: the model's prediction before the answer; empty where there was none.
        audit: the picture was drawn at random, to measure the model.
    """

    path: str
    label: str
    event: Event
    who: str
    when: str
    guess: str = ""
    audit: bool = False

    def cells(self) -> tuple[str, ...]:
        """The cells of the line."""
        return (self.path, self.label, self.event, self.who, self.when, self.guess, _AUDIT if self.audit else "")


def timestamp() -> str:
    """The time now, in UTC: ``2026-11-30T10:05:07Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_journal(path: Path) -> bool:
    """Check that a file begins as a journal does."""
    try:
        with path.open("rb") as file:
            return file.readline(1000).rstrip(b"\r\n") == _line(COLUMNS).rstrip(b"\n")
    except OSError:
        return False


def read_journal(path: Path) -> list[LabelAnswer]:
    """Read all complete lines of a journal, in their order.

    Raises:
        RequestError: the file can't be read, or a line is not of a journal.
    """
    try:
        content = path.read_bytes()
        text = content[: _whole(content)].decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} can't be read as a file of labels: {error}.") from error
    return list(_answers(path, text))


class Journal:
    """A journal that this process alone appends to.

    Each answer is written and flushed to the disk before :meth:`append` returns. An incomplete last line, which a power
    failure or a full disk leaves, is removed at the start.

    Args:
        path: the file, which is created where it does not exist.
        read_only: only read the answers, also while another process appends to the file.

    Raises:
        RequestError: the file is of another kind, or another process appends to it.
        OutputError: the file can't be written.
    """

    def __init__(self, path: Path, *, read_only: bool = False):
        self.path = path
        self.mended = False
        """True where an incomplete last line was removed."""
        if read_only:
            self.answers = read_journal(path) if path.exists() else []
            self._file = -1
            return
        self._lock = _locked(path)
        try:
            self._prepare()
            self.answers = read_journal(path)
            """The answers that were there at the start."""
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
        except OSError as error:
            self._lock.release()
            raise cannot_write(path, error) from error
        except BaseException:
            self._lock.release()
            raise

    def append(self, answers: Iterable[LabelAnswer]) -> None:
        """Write lines, all of them or none.

        Raises:
            OutputError: the disk is full, or the file can't be written.
        """
        data = b"".join(_line(answer.cells()) for answer in answers)
        size = os.fstat(self._file).st_size
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self._file, left) :]
            os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, size)
            raise cannot_write(self.path, error, "choose another file with --out") from error

    def close(self) -> None:
        """Close the file and release its lock; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            self._lock.release()

    def _prepare(self) -> None:
        """Create the file, or remove what is incomplete at its end."""
        head = _line(COLUMNS)
        if not self.path.exists() or head.startswith(self.path.read_bytes()):
            self._rewrite(0, head)
            _sync_folder(self.path.parent)
        elif not is_journal(self.path):
            raise RequestError(
                f"{self.path} was not written by zoo label: its first line is not {','.join(COLUMNS)}. Choose another "
                "file with --out FILE.csv"
            )
        else:
            content = self.path.read_bytes()
            whole = _whole(content)
            self.mended = whole < len(content)
            if not content[:whole].endswith(b"\n"):
                self._rewrite(whole, b"\n")
            elif self.mended:
                self._rewrite(whole, b"")

    def _rewrite(self, keep: int, more: bytes) -> None:
        """Keep so many bytes of the file, and append others."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(handle, "r+b") as file:
            file.truncate(keep)
            file.seek(keep)
            file.write(more)
            file.flush()
            os.fsync(file.fileno())


def _locked(path: Path) -> Lock:
    try:
        return take(path.with_name(f".{path.name}.lock"))
    except BlockingIOError as error:
        raise RequestError(
            f"Another zoo label writes to {path}. Open its page in a second browser, or choose another file with "
            "--out FILE.csv"
        ) from error
    except OSError as error:
        if is_write_error(error):
            raise cannot_write(path.parent, error, "choose another file with --out") from error
        raise RequestError(f"{path} can't be written: {error.strerror or error}. Choose another with --out") from error


def _sync_folder(folder: Path) -> None:
    """Flush the entry of a new file to the disk, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode("utf-8")


def _whole(content: bytes) -> int:
    """Number of bytes up to the last complete line.

    A last line without its line break is complete if it has all cells, as an editor may leave it.
    """
    end = content.rfind(b"\n") + 1
    rest = content[end:].decode("utf-8", "replace")
    return len(content) if rest and len(next(csv.reader([rest]))) == len(COLUMNS) else end


def _answers(path: Path, text: str) -> Iterator[LabelAnswer]:
    reader = csv.reader(io.StringIO(text, newline=""))
    next(reader)
    for row in filter(None, reader):
        if len(row) != len(COLUMNS) or row[2] not in get_args(Event):
            raise RequestError(
                f"{path}, line {reader.line_num}, is not a line of zoo label: {','.join(row)[:80]!r}. Correct it, "
                f"or remove it; a line has {', '.join(COLUMNS)}."
            )
        name, label, event, who, when, guess, audit = row
        yield LabelAnswer(name, label, cast(Event, event), who, when, guess, audit == _AUDIT)
