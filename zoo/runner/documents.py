"""Read the documents that runs have written, and report damaged ones."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.errors import RequestError
from zoo.job.run_folder import RESULT
from zoo.storage.files import read_plain


def read_result(folder: Path) -> dict[str, Any]:
    """A run's result.json.

    Raises:
        RequestError: there is none, or it is damaged.
    """
    try:
        return read_document(folder / RESULT)
    except FileNotFoundError:
        raise RequestError(
            f"{folder} has no {RESULT}: the run has not ended. Go on with: zoo run --resume {folder}"
        ) from None


def read_document(path: Path) -> dict[str, Any]:
    """A file of JSON with names at its top.

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


@contextlib.contextmanager
def as_written(folder: Path) -> Iterator[None]:
    """A document that has names, but not what the zoo writes under them."""
    try:
        yield
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise RequestError(
            f"The result in {folder} is damaged, or of another zoo ({type(error).__name__}: {error}). "
            f"Measure the model again: zoo evaluate {folder}"
        ) from error
