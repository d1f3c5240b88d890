"""How a check ends: it fails, or it can't be tried."""

from __future__ import annotations

import unittest
from typing import NoReturn


class CheckFailed(AssertionError):
    """The component breaks the check: one sentence that says how."""


class CheckSkipped(unittest.SkipTest):
    """The check can't be tried: one sentence that says why. pytest takes it for a skip."""


def fail(sentence: str) -> NoReturn:
    """The component breaks the check."""
    raise CheckFailed(sentence)


def need(holds: object, sentence: str) -> None:
    """Fail with the sentence unless it holds."""
    if not holds:
        fail(sentence)


def skip(sentence: str) -> NoReturn:
    """The check can't be tried."""
    raise CheckSkipped(sentence)
