"""Paths among the parameters of components, kept absolute so that a job means the same in every folder."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.registry.signature import Parameter


def absolute(typed: str | Path) -> Path:
    """The absolute path of a path as typed, without ``..``; links stay as they were named elsewhere."""
    path = Path(typed).expanduser()
    return path.resolve() if ".." in path.parts else path.absolute()


def anchored(typed: str | Path, folder: Path | None) -> Path:
    """The absolute path of a path that is relative to a folder or, if it isn't there, to the working folder.

    Args:
        typed: the path as written.
        folder: folder of the file that the path is written in; None for the working folder.
    """
    path = Path(typed).expanduser()
    within = folder is not None and not path.is_absolute() and (folder / path).exists()
    return absolute(folder / path if within and folder else path)


def anchor_params(
    values: Mapping[str, Any], known: typing.Iterable[Parameter], folders: Mapping[str, Path | None]
) -> Mapping[str, Any]:
    """Make the values of parameters that are annotated as paths absolute.

    Args:
        values: converted values by parameter.
        known: parameters of the factory.
        folders: folder that each given value is relative to; defaults of the factory are left as they are.
    """
    paths = {each.name for each in known if takes_path(each.annotation)}
    return {
        name: _anchored_value(value, folders[name]) if name in paths and name in folders else value
        for name, value in values.items()
    }


def takes_path(annotation: Any) -> bool:
    """Check that an annotation is a path, or contains one: ``Path``, ``str | Path | None``, ``list[Path]``."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return issubclass(annotation, Path)
    return any(takes_path(each) for each in typing.get_args(annotation))


def same_path(then: Any, now: Any) -> bool:
    """Check that a relative path of an older job file is the end of an absolute one."""
    if not (isinstance(then, str) and isinstance(now, str) and then):
        return False
    before, after = Path(then), Path(now)
    return not before.is_absolute() and after.is_absolute() and after.parts[-len(before.parts) :] == before.parts


def _anchored_value(value: Any, folder: Path | None) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_anchored_value(each, folder) for each in value)
    if isinstance(value, str | Path) and str(value) and "://" not in str(value):
        return type(value)(anchored(value, folder)) if isinstance(value, str) else anchored(value, folder)
    return value
