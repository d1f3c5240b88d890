"""Checks of importers: refusal of foreign files, no changes on the disk, no code execution."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.plugin import Imported
from zoo.registry.signature import accepts
from zoo.testing.checking import contract
from zoo.testing.outcome import fail, need, skip
from zoo.testing.subject import Subject, first_line

KIND = "importer"
NOISE = bytes(range(256)) * 8
FOREIGN: Mapping[str, Any] = {"written_by": "something else", "epoch": 3}
"""Content of a checkpoint without weights."""


@contract(KIND, "foreign files", "Return None for a file of another format, or raise a RequestError with the reason.")
def _takes_no_foreign_file(subject: Subject) -> None:
    with _file(subject, NOISE) as file:
        try:
            found = _read(subject, file)
        except ZooError:
            return
        except Exception as error:
            fail(f"given {len(NOISE)} bytes of noise called {file.name} it raises {first_line(error)}.")
        need(found is None, f"given {len(NOISE)} bytes of noise called {file.name} it returns {type(found).__name__}.")


@contract(KIND, "file untouched", "Only read the file: do not write to it, or to its folder.")
def _leaves_all_as_it_was(subject: Subject) -> None:
    with _file(subject, NOISE) as file:
        _quietly(subject, file)
        need(file.is_file() and file.read_bytes() == NOISE, "it has changed the file.")
        beside = sorted(p.name for p in file.parent.iterdir() if p != file)
        need(not beside, f"it has written {', '.join(beside)} beside the file.")


class _Trap:
    """Object that creates a folder when it is unpickled."""

    def __init__(self, place: Path):
        self.place = place

    def __reduce__(self) -> Any:
        return Path.mkdir, (self.place,)


@contract(KIND, "runs no code", "Do not unpickle the file: use the parameter `content`, or a safe reader.")
def _runs_no_code(subject: Subject) -> None:
    with tempfile.TemporaryDirectory() as elsewhere:
        sprung = Path(elsewhere, "sprung")
        with _file(subject, pickle.dumps(_Trap(sprung))) as file:
            _quietly(subject, file)
        need(not sprung.exists(), f"given a pickle called {file.name} it executes the code in it.")


@contextmanager
def _file(subject: Subject, content: bytes) -> Iterator[Path]:
    """Create a file with a suffix that the importer takes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"file{subject.component.suffixes[0]}")  # type: ignore[attr-defined]
        file.write_bytes(content)
        yield file


def _read(subject: Subject, file: Path) -> Imported | None:
    factory = subject.factory()
    given: dict[str, Any] = {"content": dict(FOREIGN)} if accepts(factory, "content") else {}
    given.update((name, None) for name in ("architecture", "image_size") if accepts(factory, name))
    found: Imported | None = subject.make(file, **given)
    return found


def _quietly(subject: Subject, file: Path) -> None:
    """Read the file and ignore any error, which other checks cover."""
    try:
        _read(subject, file)
    except (ImportError, MemoryError) as error:
        skip(f"it can't read here: {first_line(error)}")
    except Exception:
        return
