"""A good exporter and a good command."""

from pathlib import Path
from typing import Any


def save(bundle: Any, path: Path, opset: int = 18) -> None:
    """Write nothing."""


def command(arguments: list[str]) -> int:
    """Do nothing."""
    return 0
