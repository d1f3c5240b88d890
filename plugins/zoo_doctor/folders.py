"""Checks of the cache and the runs: location, size, and write permission."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from zoo.api.plugins import bundled_cache_kinds
from zoo.runs import CHECKPOINTS, JOB, LOCK, RESULT
from zoo.storage import cache_folder, free_bytes, in_bytes, open_plain, survey, take, writable
from zoo_doctor.finding import Diagnosis, Remedies

GROUP = "Folders"
_LOOK_S = 0.7
_LITTLE, _NOTHING = 2 << 30, 100 << 20
_PRUNE = (("show what would be removed", "zoo cache prune --older-than 30 --dry-run"),)
_STATUS = re.compile(r'"status"\s*:\s*"(\w+)"')
_HEAD = 1000  # bytes of a result that contain its status
_SHOWN = 3


def cache() -> Iterator[Diagnosis]:
    """Check the cache's location, write permission, content, and free disk space."""
    folder = cache_folder()
    elsewhere = ("or use another folder", "export ZOO_CACHE=/path/to/another/folder")
    if problem := _unwritable(folder):
        mend = ("make it writable", f"chmod -R u+rwX {shlex.quote(str(folder))}")
        yield Diagnosis(GROUP, "cache", "wrong", f"{folder} can't be written: {problem}.", (mend, elsewhere))
        return
    entries, whole = survey(bundled_cache_kinds(), _LOOK_S)
    sizes: Counter[str] = Counter()
    for entry in entries:
        sizes[entry.kind] += entry.size
    parts = ", ".join(f"{kind} {in_bytes(size)}" for kind, size in sizes.most_common() if size)
    total = f"{'' if whole else 'at least '}{in_bytes(sum(sizes.values()))}"
    there = f"{total} ({parts})" if parts else "empty" if folder.is_dir() else "created on first use"
    yield Diagnosis(GROUP, "cache", "ok", f"{folder}: {there}")
    free = free_bytes()
    text = f"{in_bytes(free)} are free on the cache's disk"
    state = "wrong" if free < _NOTHING else "warning" if free < _LITTLE else "ok"
    yield Diagnosis(GROUP, "disk", state, text, () if state == "ok" else (*_PRUNE, elsewhere))  # type: ignore[arg-type]


def _unwritable(folder: Path) -> str | None:
    """Explain why a folder, or the nearest existing parent of a missing one, can't be written; None where it can."""
    here = folder.absolute()
    while not os.path.lexists(here) and here != here.parent:
        here = here.parent
    if not here.is_dir():
        return f"{here} is not a folder"
    if here == folder.absolute():
        error = writable(here)
        return None if error is None else error.strerror or str(error)
    return None if os.access(here, os.W_OK | os.X_OK) else f"{here} belongs to another user, or is read-only"


def runs(out: Path = Path("runs")) -> Iterator[Diagnosis]:
    """Check the runs of the working folder, and list those that can be resumed."""
    place = out if out.is_dir() else Path.cwd()
    if not os.access(place, os.W_OK | os.X_OK):
        remedies: Remedies = (
            ("write runs elsewhere", "zoo run simple_cnn digits --out ~/runs"),
            ("or make it writable", f"chmod u+rwx {shlex.quote(str(place))}"),
        )
        yield Diagnosis(GROUP, "runs", "wrong", f"{place} can't be written, and runs are saved there.", remedies)
        return
    if not out.is_dir():
        yield Diagnosis(GROUP, "runs", "ok", f"none yet; runs are saved in {out}/ of the working folder")
        return
    folders = sorted(path.parent for path in out.glob(f"*/{JOB}"))
    running = [folder for folder in folders if _is_locked(folder)]
    open_ones = [folder for folder in folders if folder not in running and _is_resumable(folder)]
    many = f"{len(folders)} run{'' if len(folders) == 1 else 's'} in {out}/"
    words = [f"{len(running)} in training"] * bool(running)
    words += [f"{len(open_ones)} unfinished, can be resumed"] * bool(open_ones)
    remedies = tuple(("resume it", f"zoo run --resume {shlex.quote(str(f))}") for f in open_ones[:_SHOWN])
    if len(open_ones) > _SHOWN:
        remedies = (*remedies, ("list the others", "zoo runs list"))
    yield Diagnosis(GROUP, "runs", "ok", ", ".join([many, *words]), remedies)


def _is_locked(folder: Path) -> bool:
    """Check for a lock on the run by a living process."""
    if not (folder / LOCK).exists():
        return False
    try:
        take(folder / LOCK).release()
    except BlockingIOError:
        return True
    except OSError:  # the file system does not support locks
        return False
    return False


def _is_resumable(folder: Path) -> bool:
    if not (folder / CHECKPOINTS / "index.json").is_file():
        return False
    head = ""
    with contextlib.suppress(OSError), open_plain(folder / RESULT) as file:
        head = file.read(_HEAD).decode("utf-8", "replace")
    found = _STATUS.search(head)
    return found is None or found[1] not in ("completed", "stopped")
