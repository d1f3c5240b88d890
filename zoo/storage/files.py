"""Files written whole or not at all: a temporary name beside the target, fsync, rename."""

from __future__ import annotations

import errno
import hashlib
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
"""How files are called until they are whole: nobody else names a file so."""
_WRITE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)


@contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """A binary file that takes ``path``'s place when the block ends, and leaves it alone when it raises.

    What is no plain file, a device or a pipe, is written to: to take its place would be to remove it.

    Raises:
        OutputError: the folder can't be written, or the disk is full; says which and what to do.
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
    """A new file beside another, open; unlike one of mkstemp's, the team may read it as far as the umask lets it."""
    part = path.with_name(f".{path.name}.{os.urandom(4).hex()}{_ENDING}")
    return os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), part


@contextmanager
def workplace(target: Path) -> Iterator[Path]:
    """A folder beside the target that is gone afterwards, whatever happens.

    Raises:
        OutputError: there can be none.
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
    """For the length of a block there is a folder; where the block raises, no new one is left that is empty.

    Raises:
        OutputError: it can't be made.
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
    """Let a folder of files that is whole take the place of what is at ``target``, which stays when that fails.

    Args:
        made: in a :func:`workplace` of the target, where the old one is set aside.

    Raises:
        OutputError: it can't be written.
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
    """Move all that is in ``made`` into a folder; where the block raises, that folder is as it was before.

    Args:
        made: in a :func:`workplace` of the folder, where what is replaced is kept for the time of the block.

    Raises:
        OutputError: it can't be written.
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
    if path.is_file():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def sweep(folder: Path) -> None:
    """Remove what a killed process has left half-written in a folder that nobody else writes to now."""
    for left in folder.glob(".*"):
        if is_temporary(left):
            left.unlink(missing_ok=True)


def is_temporary(path: Path) -> bool:
    """Tell the temporary file of :func:`atomic` by its name."""
    return _TEMPORARY.fullmatch(path.name) is not None


def open_plain(path: Path) -> BufferedReader:
    """Open a plain file for reading.

    A pipe in its place is refused at once: opening it would wait for a writer, for ever.

    Raises:
        OSError: it can't be opened, or is no plain file.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "Not a plain file", str(path))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_plain(path: Path) -> bytes:
    """The bytes of a plain file.

    Raises:
        OSError: it can't be read, or is no plain file (see :func:`open_plain`).
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
    """The hash of a plain file's bytes, in hexadecimal.

    Raises:
        OSError: it can't be read, or is no plain file.
    """
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_write_error(error: BaseException) -> TypeGuard[OSError]:
    """Tell a full disk or a read-only folder from an OSError of reading, or of the net."""
    return isinstance(error, OSError) and error.errno in _WRITE_ERRORS


def cannot_write(path: Path, error: OSError, other: str = "choose another folder with --out") -> OutputError:
    """The error for a read-only folder or a full disk.

    Args:
        other: what else can be done, where it isn't the cache.
    """
    in_cache = path.absolute().is_relative_to(cache_folder().absolute())
    elsewhere = "set ZOO_CACHE to another folder" if in_cache else other
    return OutputError(
        f"{path} can't be written: {error.strerror or error}. Nothing that was there is lost. "
        f"Free some space, mend the folder's permissions, or {elsewhere}."
    )


def check_target(
    path: Path,
    suffixes: tuple[str, ...],
    ours: Callable[[Path], bool],
    *,
    option: str = "-o",
    overwrite: bool = False,
) -> Path:
    """The path, if a file that a user names can be written there; asked before the work that makes it.

    Args:
        suffixes: which it may have.
        ours: whether a file that is there is one that the zoo made, and so may be made anew.
        option: by which it was named.

    Raises:
        RequestError: its folder doesn't exist, it has another suffix, or it is a file that the zoo didn't make.
        OutputError: its folder can't be written.
    """
    if path.is_dir():
        raise RequestError(f"{path} is a folder. Name the file too: {option} {path / ('new' + suffixes[0])}")
    if path.suffix.lower() not in suffixes:
        raise RequestError(f"{path} must end in {' or '.join(suffixes)}: {option} {path.with_suffix(suffixes[0])}")
    if not path.parent.is_dir():
        raise RequestError(
            f"There is no folder {path.parent} for {path.name}. Make it first, or name another with {option}."
        )
    if not os.access(path.parent, os.W_OK):
        raise OutputError(
            f"{path.parent} can't be written. Mend its permissions, or name another folder with {option}."
        )
    if path.exists() and not overwrite and not ours(path):
        raise RequestError(
            f"{path} is there already, and the zoo didn't make it as it is. Name another file with {option}, or "
            "replace it with --overwrite."
        )
    return path


def write_text(path: Path, text: str) -> None:
    """Write text, UTF-8, atomically; what UTF-8 can't say (a byte of a file's name) is written as its escape."""
    with atomic(path) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    """Write strict JSON atomically: a number that JSON has no word for (NaN) becomes null."""
    write_text(path, dump_json(value) + "\n")


def dump_json(value: Any, *, indent: int | None = 2) -> str:
    """Strict JSON text. A byte of a file's name that is not UTF-8 becomes an escape that JSON reads back as it was, and
    so does what a terminal would obey."""
    text = json.dumps(finite(value), indent=indent, ensure_ascii=False, allow_nan=False)
    return OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def finite(value: Any) -> Any:
    """The same value with every float that JSON can't say (NaN, infinity) as None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    return value


def append_json_line(path: Path, value: Any) -> None:
    """Append one line of JSON in a single write, as it happens."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(dump_json(value, indent=None) + "\n")
    except OSError as error:
        raise cannot_write(path, error) from error


def cache_folder() -> Path:
    """The user's cache for the zoo: ``$ZOO_CACHE``, or the platform's place."""
    import platformdirs

    given = os.environ.get("ZOO_CACHE")
    return Path(given).expanduser() if given else platformdirs.user_cache_path("visionzoo")
