"""A run's folder: its name, the lock on it, and the output of its processes."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
from pathlib import Path

from zoo.errors import OutputError, RequestError
from zoo.job.run_folder import JOB, is_run
from zoo.storage.files import cannot_write
from zoo.storage.lock import Lock, take

_ANIMALS = """
    otter lynx heron badger marten ibex falcon gecko panda okapi tapir puffin stoat bison koala lemur magpie newt
    ocelot quokka raven seal toucan urial vole walrus yak zebra wombat hare
""".split()  # noqa: SIM905
_MOODS = """
    brave calm clever daring eager fair gentle happy keen kind lively lucky merry mild noble patient proud quick
    quiet shy sly smart steady sunny swift tidy vivid warm wise witty
""".split()  # noqa: SIM905
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}")
LOCK = ".lock"
"""Name of the lock file of a run in training."""
LOGS = "logs"
"""Folder in a run's folder with the output of all processes except the first one, by the time of their start."""


def made_up_name(out: Path) -> str:
    """Draw a random name that is free in ``out``, such as ``brave-otter``."""
    for _ in range(100):
        name = f"{secrets.choice(_MOODS)}-{secrets.choice(_ANIMALS)}"
        if not (out / name).exists():
            return name
    return f"{name}-{secrets.token_hex(3)}"


def check_name(name: str) -> str:
    """Return the name if it is valid as that of a folder.

    Raises:
        RequestError: it is not.
    """
    if not _NAME.fullmatch(name):
        raise RequestError(
            f"{name!r} is not a valid name of a run: use letters, digits, '_', '-' and '.'. Try: --name my-run"
        )
    return name


def claim(out: Path, name: str, *, overwrite: bool = False, resume: bool = False) -> Path:
    """Create the run's folder.

    Raises:
        RequestError: the name is taken, and neither ``overwrite`` nor ``resume`` is set.
        OutputError: the folder can't be written.
    """
    folder = out / check_name(name)
    _recover(folder)
    if folder.is_dir() and (overwrite or resume):
        _check_free(folder)
    try:
        out.mkdir(parents=True, exist_ok=True)
        if overwrite and folder.exists():
            _set_aside(folder)
        folder.mkdir(exist_ok=resume)
    except FileExistsError:
        if out.is_dir():
            raise RequestError(
                f"The run {name!r} exists in {out}. Give another --name, continue it with --resume, "
                "or replace it with --overwrite."
            ) from None
        raise OutputError(f"{out} is a file, not a folder. Choose another folder with --out.") from None
    except OSError as error:
        raise cannot_write(out, error) from error
    return folder


def hold(folder: Path) -> Lock | None:
    """Lock a run's folder for the lifetime of this process; None where it can't be locked.

    Raises:
        RequestError: another process holds the lock.
    """
    try:
        return take(folder / LOCK)
    except BlockingIOError:
        raise RequestError(
            f"{folder} is being trained by another process. Wait for it or stop it, or give this run another --name."
        ) from None
    except OSError:
        return None


def _check_free(folder: Path) -> None:
    lock = hold(folder)
    if lock is not None:
        lock.release()


def _recover(folder: Path) -> None:
    """Restore a run that was set aside for a new one that was killed before it began."""
    if _replaced(folder).is_dir() and not (folder / JOB).is_file():
        if folder.is_dir():
            _check_free(folder)
            shutil.rmtree(folder, ignore_errors=True)
        bring_back_replaced(folder)


def _set_aside(folder: Path) -> None:
    """Set an old run aside until the new one begins; refuse a folder that isn't a run."""
    if any(folder.iterdir()) and not is_run(folder):
        raise RequestError(
            f"{folder} is not the folder of a run (no {JOB} in it); it was not changed. Choose another --name."
        )
    forget_replaced(folder)
    folder.rename(_replaced(folder))


def forget_replaced(folder: Path) -> None:
    """Remove the run that this folder's run has replaced."""
    shutil.rmtree(_replaced(folder), ignore_errors=True)


def bring_back_replaced(folder: Path) -> None:
    """Restore the run that was set aside."""
    if _replaced(folder).is_dir() and not folder.exists():
        _replaced(folder).rename(folder)


def _replaced(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.replaced")


def logs_beside(folder: Path) -> Path:
    """Folder for the output of launched processes until their run begins."""
    return folder.with_name(f".{folder.name}.logs")


def keep_logs(folder: Path) -> None:
    """Move the output of launched processes into the folder of the run that they have begun, while they write it."""
    with contextlib.suppress(OSError):  # a single process has none, and Windows does not move files in use
        for started in list(logs_beside(folder).iterdir()):
            (folder / LOGS).mkdir(exist_ok=True)
            started.rename(folder / LOGS / started.name)
        logs_beside(folder).rmdir()
