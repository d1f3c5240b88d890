"""Outcomes of checks: failure or skip."""

from __future__ import annotations

import unittest
from typing import NoReturn


class CheckFailed(AssertionError):
    """Raised when a component fails a check; the message is one sentence."""


class CheckSkipped(unittest.SkipTest):
    """Raised when a check can't be run; the message is one sentence. pytest treats it as a skip."""


def fail(sentence: str) -> NoReturn:
    """Raise :class:`CheckFailed`."""
    __tracebackhide__ = True
    raise CheckFailed(sentence)


def need(holds: object, sentence: str) -> None:
    """Raise :class:`CheckFailed` unless the condition holds."""
    __tracebackhide__ = True
    if not holds:
        fail(sentence)


def skip(sentence: str) -> NoReturn:
    """Raise :class:`CheckSkipped`."""
    raise CheckSkipped(sentence)
