"""Atomic file operations: a temporary name beside the target, fsync, rename."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, TypeGuard

from zoo.errors import OutputError, RequestError
from zoo.storage.text import OBEYED

_ENDING = ".zoo-part"
_TEMPORARY = re.compile(rf"\..+\.[0-9a-f]{{8}}{re.escape(_ENDING)}")
"""Pattern of the temporary names, which no other program uses."""
_WRITE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)


@contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """Open a binary file that replaces ``path`` when the context ends without an exception.

    A device or a pipe is written to directly, since a rename would remove it.

    Raises:
        OutputError: the folder can't be written, or the disk is full.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        with path.open("wb") as file:
            yield file
        return
    try:
        handle, part = _new_part(path)
    except OSError as error:
        raise cannot_write(path.parent, error) from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def _new_part(path: Path) -> tuple[int, Path]:
    """Create a temporary file beside a path with the permissions of the umask, unlike mkstemp."""
    part = path.with_name(f".{path.name}.{os.urandom(4).hex()}{_ENDING}")
    return os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), part


@contextmanager
def workplace(target: Path) -> Iterator[Path]:
    """Create a temporary folder beside the target, removed when the context ends.

    Raises:
        OutputError: the folder can't be created.
    """
    try:
        home = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise cannot_write(target.parent, error) from error
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Create a folder; if the context raises, newly created empty folders are removed.

    Raises:
        OutputError: the folder can't be created.
    """
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    try:
        yield
    except BaseException:
        with suppress(OSError):
            for path in new:
                path.rmdir()
        raise


def put_folder(made: Path, target: Path) -> None:
    """Replace ``target`` by a finished folder of files; the old one stays if that fails.

    Args:
        made: folder within a :func:`workplace` of the target, where the old one is set aside.
        target: folder to replace.

    Raises:
        OutputError: the target can't be written.
    """
    old = made.with_name(f"{made.name}.old")
    try:
        for path in made.iterdir():
            _flush(path)
        if target.exists():
            target.rename(old)
        try:
            made.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    except OSError as error:
        raise cannot_write(target, error) from error


@contextmanager
def placed(made: Path, folder: Path) -> Iterator[None]:
    """Move the content of ``made`` into a folder; if the context raises, the folder is restored.

    Args:
        made: folder within a :func:`workplace` of the target, where replaced files are kept until the context ends.
        folder: target folder.

    Raises:
        OutputError: the target can't be written.
    """
    with tempfile.TemporaryDirectory(dir=made.parent) as aside, ExitStack() as undo:
        try:
            for path in sorted(made.iterdir()):
                _flush(path)
                target, old = folder / path.name, Path(aside, path.name)
                if target.exists():
                    target.rename(old)
                    undo.callback(old.rename, target)
                path.rename(target)
                undo.callback(target.rename, path)
        except OSError as error:
            raise cannot_write(folder, error) from error
        yield
        undo.pop_all()


def _flush(path: Path) -> None:
    for each in (path, *path.rglob("*")) if path.is_dir() else (path,):
        if each.is_file():
            with each.open("rb") as file:
                os.fsync(file.fileno())


def sweep(folder: Path) -> None:
    """Remove temporary files of killed processes from a folder without other writers."""
    for left in folder.glob(".*"):
        if is_temporary(left):
            left.unlink(missing_ok=True)


def is_temporary(path: Path) -> bool:
    """Check that a path has a temporary name of :func:`atomic`."""
    return _TEMPORARY.fullmatch(path.name) is not None


def open_plain(path: Path) -> BufferedReader:
    """Open a regular file for reading.

    A pipe is refused, since opening it would wait for a writer.

    Raises:
        OSError: the file can't be opened, or is not a regular file.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", str(path))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_plain(path: Path) -> bytes:
    """Read the bytes of a regular file.

    Raises:
        OSError: the file can't be read, or is not a regular file (see :func:`open_plain`).
    """
    with open_plain(path) as file:
        return file.read()


def read_json_mapping(path: Path) -> dict[str, Any]:
    """Read a JSON file whose top is a mapping.

    Raises:
        FileNotFoundError: there is none.
        RequestError: it is damaged.
    """
    try:
        found = json.loads(read_plain(path))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError(f"{path} is damaged: {error}.") from error
    if not isinstance(found, dict):
        raise RequestError(f"{path} is damaged: it is not a mapping.")
    return found


def sha256_of(path: Path) -> str:
    """SHA-256 of a regular file in hexadecimal.

    Raises:
        OSError: the file can't be read, or is not a regular file.
    """
    import hashlib  # takes 5 ms to import, with OpenSSL

    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_write_error(error: BaseException) -> TypeGuard[OSError]:
    """Check for a full disk or missing write permission, as opposed to errors of reading or the network."""
    return isinstance(error, OSError) and error.errno in _WRITE_ERRORS


def cannot_write(path: Path, error: OSError, other: str = "choose another folder with --out") -> OutputError:
    """Build the error for a read-only folder or a full disk.

    Args:
        path: file or folder that can't be written.
        error: the error of the system.
        other: advice for paths outside of the cache.
    """
    in_cache = path.absolute().is_relative_to(cache_folder().absolute())
    elsewhere = "set ZOO_CACHE to another folder" if in_cache else other
    return OutputError(
        f"{path} can't be written: {error.strerror or error}. Existing files are unchanged. Free some space, fix "
        f"the permissions of the folder, or {elsewhere}."
    )


def check_target(
    path: Path,
    suffixes: tuple[str, ...],
    ours: Callable[[Path], bool],
    *,
    option: str = "-o",
    overwrite: bool = False,
) -> Path:
    """Check that a file named by the user can be written, before the work that creates it.

    Args:
        path: the file.
        suffixes: valid suffixes.
        ours: predicate for existing files that the zoo created and may replace.
        option: option that names the file, for messages.
        overwrite: replace any existing file.

    Returns:
        ``path``.

    Raises:
        RequestError: the folder doesn't exist, the suffix is invalid, or the file exists and isn't the zoo's.
        OutputError: the folder can't be written.
    """
    if path.is_dir():
        raise RequestError(f"{path} is a folder. Give a file: {option} {path / ('new' + suffixes[0])}")
    if path.suffix.lower() not in suffixes:
        raise RequestError(f"{path} must end in {' or '.join(suffixes)}: {option} {path.with_suffix(suffixes[0])}")
    if not path.parent.is_dir():
        raise RequestError(
            f"There is no folder {path.parent} for {path.name}. Create it first, or choose another with {option}."
        )
    if not os.access(path.parent, os.W_OK):
        raise OutputError(
            f"{path.parent} can't be written. Fix its permissions, or choose another folder with {option}."
        )
    if path.exists() and not overwrite and not ours(path):
        raise RequestError(
            f"{path} exists and was not written by the zoo. Choose another file with {option}, or replace it with "
            "--overwrite."
        )
    return path


def write_text(path: Path, text: str) -> None:
    """Write text atomically in UTF-8; characters that UTF-8 can't encode become escapes."""
    with atomic(path) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    """Write strict JSON atomically; NaN becomes null."""
    write_text(path, dump_json(value) + "\n")


def dump_json(value: Any, *, indent: int | None = 2) -> str:
    """Format strict JSON.

    Bytes of a file name that are not UTF-8 become escapes that JSON reads back unchanged, and so do control characters.
    """
    text = json.dumps(finite(value), indent=indent, ensure_ascii=False, allow_nan=False)
    return OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def finite(value: Any) -> Any:
    """Replace NaN and infinite floats in a nested value by None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    return value


def append_json_line(path: Path, value: Any) -> None:
    """Append one line of JSON in a single write."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(dump_json(value, indent=None) + "\n")
    except OSError as error:
        raise cannot_write(path, error) from error


def short_path(path: Path) -> Path:
    """Shorten a path to the one that a user would type: relative to the working folder where it lies in it."""
    try:
        return path.relative_to(Path.cwd())
    except (ValueError, OSError):  # elsewhere, or the working folder was removed
        return path


def cache_folder() -> Path:
    """Path of the zoo's cache: ``$ZOO_CACHE``, or the platform's cache folder."""
    import platformdirs

    given = os.environ.get("ZOO_CACHE")
    return Path(given).expanduser() if given else platformdirs.user_cache_path("visionzoo")
