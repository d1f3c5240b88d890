"""Parameters of a merger, from ``--set``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.api.jobs import parse_sets
from zoo.errors import RequestError

__all__ = ["parsed"]

_PATH = "merge."


def parsed(words: Sequence[str]) -> dict[str, Any]:
    """Parse words such as ``weight=0.7``.

    Raises:
        RequestError: a word has another form.
    """
    for word in words:
        name, equals, _ = word.partition("=")
        if not equals or not name.strip():
            raise RequestError(f"--set {word!r} is not of the form NAME=VALUE, as in --set weight=0.7.")
    found = parse_sets([f"{_PATH}{word.strip()}" for word in words], [])
    return {path.removeprefix(_PATH): value for path, value in found.items()}
