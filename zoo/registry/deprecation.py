"""Deprecated components and renamed parameters: what is old keeps working, with a warning that names what is new."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from zoo.errors import ZooDeprecationWarning
from zoo.plugin import Component

_ZOO = str(Path(__file__).parents[1])


def warn_deprecated(message: str) -> None:
    """Issue a :class:`zoo.errors.ZooDeprecationWarning` at the line outside of the zoo that led to the call."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _within_the_zoo(frame):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, ZooDeprecationWarning, stacklevel=level - 1 if level > 2 else 2)


def _within_the_zoo(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_ZOO)


def warn_of(component: Component, title: str) -> None:
    """Warn of a deprecated component.

    Args:
        component: the component.
        title: its kind and id, for the message.
    """
    if component.deprecated:
        warn_deprecated(f"{title} is deprecated: {component.deprecated}")


def renamed_in(component: Component, given: Mapping[str, Any]) -> dict[str, str]:
    """Old names among the given parameters, with the new ones."""
    return {old: new for old, new in component.renamed.items() if old in given}


def warn_renamed(title: str, where: str, old: str, new: str) -> None:
    """Warn of an old parameter name."""
    warn_deprecated(f"{where}.{old} is deprecated: {title} has renamed the parameter. Use {where}.{new}")


def both_given(where: str, old: str, new: str) -> str:
    """Problem of an old and a new name that are both set."""
    return f"{where}.{old} and {where}.{new} are both set; {new} is the new name of {old}. Remove {where}.{old}."


def with_new_names(
    component: Component, title: str, given: Mapping[str, Any], where: str
) -> tuple[Mapping[str, Any], list[str]]:
    """Replace old parameter names, with a warning each.

    Args:
        component: the component.
        title: its kind and id, for the messages.
        given: parameters from one source.
        where: dotted path of the component in the job, for the messages.

    Returns:
        The parameters under their new names, and the problems of those that are given under both.
    """
    params, problems = dict(given), []
    for old, new in renamed_in(component, given).items():
        warn_renamed(title, where, old, new)
        value = params.pop(old)
        if new in params:
            problems.append(both_given(where, old, new))
        params.setdefault(new, value)
    return params, problems
