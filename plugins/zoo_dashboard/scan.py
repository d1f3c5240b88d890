"""The current state of the runs in a folder, with incremental reading.

A folder's modification time changes whenever a file in it is created or replaced, as every file of a run is, except for
lines appended to metrics.jsonl. A finished run is therefore read only once, and of an unfinished one only the new
lines.
"""

from __future__ import annotations

import json
import math
import os
import re
import threading
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from zoo.errors import RequestError
from zoo.runs import JOB, LOCK, METRICS, REPORT, RESULT
from zoo.storage import open_plain, read_mapping, read_plain
from zoo_dashboard.reports import has_report, read_report

OF_RUNS = {"sweep.yaml": "sweep", "architectures.json": "comparison"}
"""Files that mark a folder whose subfolders are runs, with the kind of group."""
REPEATED = "repeated.yaml"
"""File that marks the folder of repeated runs, which are its siblings ``NAME-seed0`` or ``NAME-fold1``."""
SPARK = 32
"""Number of points of the sparkline in the list."""
AGAIN_S = 0.5
"""Minimum seconds between two scans of the folder, regardless of the number of clients."""
SILENT_S, SILENT_EPOCHS = 600.0, 5.0
"""A run without output for both this many seconds and this many of its epochs is shown as silent."""
_STATUS = re.compile(rb'"status":\s*"(\w{1,20})"')  # the second key of result.json, which can be megabytes long
_HEAD = 4096
_LISTED = ("architecture.name", "dataset.name", "train.epochs", "train.monitor")

_MEMBER = re.compile(r"(.+)-(?:seed|fold)\d+")

Row = dict[str, Any]


class _Place(NamedTuple):
    """A run's folder, its modification time, and the name of its group, if any."""

    folder: Path
    stamp: int
    group: str | None


@dataclass
class _CachedRun:
    """The cached state of a run."""

    folder: Path
    group: str | None = None
    stamp: int = -1
    revision: int = 0
    job: Row = field(default_factory=dict)
    ended: str | None = None
    locked: bool = False
    inode: int = -1
    offset: int = 0
    values: array[float] = field(default_factory=lambda: array("d"))
    best: int | None = None
    seconds: float = 0.0
    heard: float = 0.0
    status: str = ""
    reported: bool = False

    @property
    def live(self) -> bool:
        return self.ended is None


class Runs:
    """The runs in a folder, including those of its sweeps and comparisons.

    Args:
        out: the folder of the runs.
        clock: returns seconds since the epoch.
    """

    def __init__(self, out: Path, clock: Any = time.time):
        self.out, self._clock = out, clock
        self._cached: dict[str, _CachedRun] = {}
        self._removed: dict[str, int] = {}
        self._groups: dict[str, Row] = {}
        self._revision = 0
        self._scanned_at = -math.inf
        self._lock = threading.Lock()

    def changes(self, since: int = 0) -> Row:
        """Changes since a revision.

        Returns:
            ``revision``, ``runs`` (complete rows), ``gone`` (names), ``folder``, and ``groups``, all of them: ``group``
            (name), ``kind`` (sweep, comparison or repeats) and ``report``.
        """
        with self._lock:
            self._rescan()
            rows = [self._row(name, known) for name, known in self._cached.items() if known.revision > since]
            gone = [name for name, revision in self._removed.items() if revision > since] if since else []
            groups = list(self._groups.values())
            return {"revision": self._revision, "folder": str(self.out), "runs": rows, "gone": gone, "groups": groups}

    def report(self, name: str) -> bytes | None:
        """The report of a run, or of a group; None where there is none.

        Args:
            name: a name that :meth:`changes` returned; it is looked up, never used as a path.
        """
        with self._lock:
            self._rescan()
            known = self._cached.get(name)
            folder = known.folder if known is not None else self.out / name if name in self._groups else None
        return None if folder is None else read_report(folder / REPORT)

    def run(self, name: str, after: int = 0) -> Row | None:
        """Details of one run: its row, its job, and its epochs after ``after``; None where there is none.

        Args:
            name: a name that :meth:`changes` returned; it is looked up, never used as a path.
            after: number of the last epoch that the client has.
        """
        with self._lock:
            self._rescan()
            known = self._cached.get(name)
            if known is None:
                return None
            row, folder = self._row(name, known), known.folder
        epochs = [record for record in _records(folder) if record["epoch"] > after]
        job = [[path, _text(value)] for path, value in _whole_job(folder).items() if value is not None]
        return {**row, "dir": str(folder), "job": job, "epochs_after": epochs}

    # -- looking ---------------------------------------------------------------------------------------

    def _rescan(self) -> None:
        now = time.monotonic()
        if now - self._scanned_at < AGAIN_S:
            return
        found, self._groups = _folders(self.out)
        for name in self._cached.keys() - found.keys():
            del self._cached[name]
            self._removed[name] = self._next()
        for name, place in found.items():
            known = self._cached.get(name)
            if known is None:
                known = self._cached[name] = _CachedRun(place.folder)
                self._removed.pop(name, None)
            regrouped, known.group = known.group != place.group, place.group
            if self._refreshed(known, place.stamp) or regrouped:
                known.revision = self._next()
        self._scanned_at = time.monotonic()

    def _next(self) -> int:
        self._revision += 1
        return self._revision

    def _refreshed(self, known: _CachedRun, stamp: int) -> bool:
        """Update a run's cached state; True if it changed."""
        changed = stamp != known.stamp
        if changed:
            known.stamp = stamp
            known.job = _job(known.folder)
            known.ended, known.locked = _ended(known.folder)
            known.reported = has_report(known.folder / REPORT)
        if changed or known.live:
            changed = _read_new_lines(known) or changed
        status = self._status(known)
        changed, known.status = changed or status != known.status, status
        return changed

    def _status(self, known: _CachedRun) -> str:
        if known.ended is not None:
            return known.ended
        if not known.locked:
            return "not ended"
        silent = self._clock() - known.heard > max(SILENT_S, SILENT_EPOCHS * known.seconds)
        return "silent" if silent else "running"

    def _row(self, name: str, known: _CachedRun) -> Row:
        finite = [value if math.isfinite(value) else None for value in known.values]
        best = None if known.best is None else finite[known.best]
        job = known.job
        return {
            "run": name,
            "group": known.group,
            "status": known.status,
            **{key: job.get(key) for key in ("architecture", "dataset", "monitor", "of", "when")},
            "epochs": len(finite),
            "best": best,
            "best_epoch": None if known.best is None else known.best + 1,
            "spark": _subsample(finite, SPARK),
            "heard": known.heard,
            "remaining": _remaining(known),
            "report": known.reported,
        }


def _remaining(known: _CachedRun) -> float | None:
    """Estimate the seconds that a running run still takes, from its last epoch; None where that is unknown."""
    epochs: int | None = known.job.get("of")
    if known.status != "running" or epochs is None or not known.values:
        return None
    return max(0, epochs - len(known.values)) * known.seconds


def _folders(out: Path) -> tuple[dict[str, _Place], dict[str, Row]]:
    """Every run's folder, by name, and every group; a sweep's runs are named ``SWEEP/trial-0001``."""
    runs: dict[str, _Place] = {}
    groups: dict[str, Row] = {}
    for name, folder, stamp in _subfolders(out):
        if (folder / JOB).is_file():
            runs[name] = _Place(folder, stamp, None)
        elif (kind := _kind_of_group(folder)) is not None:
            groups[name] = {"group": name, "kind": kind, "report": has_report(folder / REPORT)}
            if kind != "repeats":
                runs |= dict(_inner_runs(name, folder))
    for name, place in runs.items():
        member = _MEMBER.fullmatch(name)
        if member and groups.get(member[1], {}).get("kind") == "repeats":
            runs[name] = place._replace(group=member[1])
    return runs, groups


def _kind_of_group(folder: Path) -> str | None:
    marks = {**OF_RUNS, REPEATED: "repeats"}
    return next((kind for file, kind in marks.items() if (folder / file).is_file()), None)


def _inner_runs(group: str, folder: Path) -> Iterator[tuple[str, _Place]]:
    for inner, place, stamp in _subfolders(folder):
        if (place / JOB).is_file():
            yield f"{group}/{inner}", _Place(place, stamp, group)


def _subfolders(folder: Path) -> Iterator[tuple[str, Path, int]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and entry.is_dir():
                    try:
                        yield entry.name, Path(entry.path), entry.stat().st_mtime_ns
                    except OSError:  # removed in the meantime
                        continue
    except OSError:
        return


def _job(folder: Path) -> Row:
    """Read the entries of a job.yaml that the list shows."""
    try:
        when = (folder / JOB).stat().st_mtime
        said = _parse_quickly(read_plain(folder / JOB).decode("utf-8")) or _whole_job(folder)
    except (OSError, UnicodeDecodeError):
        return {}
    epochs = said.get("train.epochs")
    return {
        "architecture": _short(said.get("architecture.name")),
        "dataset": _short(said.get("dataset.name")),
        "monitor": _text(said.get("train.monitor")) or "val/accuracy",
        "of": int(str(epochs)) if str(epochs).isdecimal() else None,
        "when": when,
    }


def _short(name: Any) -> Any:
    """A component's name without its plugin, as reports show it."""
    text = _text(name)
    return text.rpartition("/")[2] if isinstance(text, str) else text


def _parse_quickly(text: str) -> Row:
    """Extract the listed values from a job.yaml as the zoo formats it, a hundred times faster than YAML; else empty."""
    found = {}
    for path in _LISTED:
        section, _, name = path.partition(".")
        match = re.search(rf"^{section}:\n(?:  .*\n)*?  {name}: ([\w][\w./+-]*)$", text, re.MULTILINE)
        if match is None:
            return {}
        found[path] = match[1]
    return found


def _whole_job(folder: Path) -> Row:
    """Read all of a job.yaml by dotted path; empty if it is damaged."""
    from zoo.api.jobs import flatten

    try:
        return flatten(read_mapping(folder / JOB))
    except (OSError, RequestError, RecursionError):
        return {}


def _text(value: object) -> str | None:
    return None if value is None else str(value)[:500]


def _ended(folder: Path) -> tuple[str | None, bool]:
    """Status in result.json and presence of a lock; a lock newer than the result belongs to a resumed run."""
    lock = _time_of(folder / LOCK)
    try:
        with open_plain(folder / RESULT) as file:
            written, head = os.fstat(file.fileno()).st_mtime, file.read(_HEAD)
    except OSError:
        return None, lock is not None
    if lock is not None and lock >= written:
        return None, True
    found = _STATUS.search(head)
    return (found[1].decode() if found else "damaged"), False


def _time_of(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _read_new_lines(known: _CachedRun) -> bool:
    """Read the new lines of metrics.jsonl; from the beginning where the file was replaced."""
    try:
        with open_plain(known.folder / METRICS) as file:
            stat = os.fstat(file.fileno())
            if stat.st_ino != known.inode or stat.st_size < known.offset:
                known.inode, known.offset, known.values, known.best = stat.st_ino, 0, array("d"), None
            known.heard = max(stat.st_mtime, known.job.get("when") or 0.0)
            if stat.st_size == known.offset:
                return False
            file.seek(known.offset)
            content = file.read()
    except OSError:
        known.heard = known.job.get("when") or 0.0
        changed = bool(known.values)
        known.inode, known.offset, known.values, known.best = -1, 0, array("d"), None
        return changed
    whole = content[: content.rfind(b"\n") + 1]  # an incomplete last line is read next time
    known.offset += len(whole)
    split, _, name = str(known.job.get("monitor") or "val/accuracy").partition("/")
    for record in map(_record, whole.splitlines()):
        if record is None:
            continue
        known.values.append(_number(record, split, name))
        known.seconds = _float(record.get("seconds"), 0.0)
        if record.get("best") is True:
            known.best = len(known.values) - 1
    return bool(whole)


def _record(line: bytes) -> Row | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("epoch"), int) else None


def _number(record: Row, split: str, name: str) -> float:
    part = record.get(split)
    return _float(part.get(name) if isinstance(part, dict) else None, math.nan)


def _float(value: object, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else otherwise


def _records(folder: Path) -> list[Row]:
    """Epochs of a run: ``epoch, train_loss, train_accuracy, val_loss, val_accuracy, lr, seconds, best``.

    Those of a regression have ``train_mae`` and ``val_mae``, too.
    """
    try:
        lines = read_plain(folder / METRICS).split(b"\n")[:-1]
    except OSError:
        return []
    return [
        {
            "epoch": record["epoch"],
            **{f"{s}_{n}": _json(_number(record, s, n)) for s in ("train", "val") for n in _shown(record)},
            **{name: _json(_float(record.get(name), math.nan)) for name in ("lr", "seconds")},
            "best": record.get("best") is True,
        }
        for record in map(_record, lines)
        if record is not None
    ]


def _shown(record: Row) -> tuple[str, ...]:
    """Names of an epoch's metrics that are plotted."""
    val = record.get("val")
    return ("loss", "accuracy", "mae") if isinstance(val, dict) and "mae" in val else ("loss", "accuracy")


def _json(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _subsample(values: list[float | None], most: int) -> list[float | None]:
    """Subsample at most ``most`` values evenly, including the last one."""
    if len(values) <= most:
        return values
    return [values[round(i * (len(values) - 1) / (most - 1))] for i in range(most)]
