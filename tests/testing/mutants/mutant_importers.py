"""A good importer, and some that each break one check."""

import pickle
from pathlib import Path

from zoo.errors import RequestError
from zoo.plugin import Imported

HEAD = b"MODEL"


def good(file: Path, strict: bool = True) -> Imported | None:
    """Read a file with the right beginning."""
    content = file.read_bytes()
    if not content.startswith(HEAD):
        return None
    if content == HEAD:
        raise RequestError(f"{file} has no classes.")
    return Imported(architecture="acme/good", num_classes=len(content) - len(HEAD), tensors={})


def takes_all(file: Path) -> Imported:
    """Take any file for its own."""
    return Imported(architecture="acme/good", num_classes=2, tensors={})


def stumbles(file: Path) -> None:
    """Raise what says nothing to a user."""
    raise KeyError(file.name)


def writes(file: Path) -> None:
    """Write beside the file."""
    file.with_suffix(".cache").write_bytes(b"")


def changes(file: Path) -> None:
    """Change the file."""
    file.write_bytes(HEAD)


def unpickles(file: Path) -> None:
    """Run what a pickle brings."""
    try:
        pickle.loads(file.read_bytes())
    except pickle.UnpicklingError:
        return
