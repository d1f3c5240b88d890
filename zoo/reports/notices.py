"""Deprecation warnings for a user of the command line: one line each, once."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from zoo.errors import ZooDeprecationWarning

__all__ = ["deprecations_shown"]

_NAMES = {"ZooDeprecationWarning", "DeprecationWarning", "Warning", ""}


@contextmanager
def deprecations_shown() -> Iterator[None]:
    """Print each ``ZooDeprecationWarning`` as a line on stderr, which Python hides by default; ``-W`` overrides it."""
    told: set[str] = set()
    with warnings.catch_warnings():
        others = warnings.showwarning
        if not any(_concerns(option) for option in sys.warnoptions):
            warnings.filterwarnings("always", category=ZooDeprecationWarning)

        def show(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
            if not issubclass(category, ZooDeprecationWarning):
                others(message, category, *place, **more)
            elif str(message) not in told:
                told.add(str(message))
                sys.stderr.write(f"zoo: {message}\n")

        warnings.showwarning = show
        yield


def _concerns(option: str) -> bool:
    """Check that an option of ``python -W`` or ``PYTHONWARNINGS`` concerns deprecation warnings."""
    category = option.split(":")[2] if option.count(":") >= 2 else ""
    return category.strip().rpartition(".")[2] in _NAMES
