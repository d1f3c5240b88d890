"""The time budget of a run, as ``--budget`` sets it. This module does not import torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic, process_time
from typing import TYPE_CHECKING

from zoo.errors import RequestError

if TYPE_CHECKING:
    from zoo.runner.result_parts import BudgetAccount

__all__ = ["Budget", "TooShort", "span"]

START_S = 1.0
"""Maximum seconds attributed to the start of the command; a longer CPU time belongs to a program that calls it."""
MOST = 1.07
"""Multiple of the budget that no further epoch may exceed."""


@dataclass(frozen=True)
class Budget:
    """A time limit for a whole run, with its start.

    Args:
        seconds: length of the budget.
        since: value of :func:`time.monotonic` at its start.
    """

    seconds: float
    since: float = field(default_factory=monotonic)

    @classmethod
    def of_command(cls, seconds: float) -> Budget:
        """Create a budget that includes the start of the command, estimated by the CPU time used so far."""
        return cls(seconds, monotonic() - min(process_time(), START_S))

    @property
    def spent_s(self) -> float:
        """Seconds since the start of the budget."""
        return monotonic() - self.since

    @property
    def left_s(self) -> float:
        """Seconds left; negative after the end of the budget."""
        return self.seconds - self.spent_s

    def over(self, more_s: float) -> bool:
        """Check whether ``more_s`` further seconds would exceed the budget with its tolerance."""
        return self.spent_s + more_s > MOST * self.seconds


class TooShort(RequestError):
    """A budget that is too short to show every image once.

    Args:
        account: measurements, as of :func:`zoo.runner.budget.fit`.
        least_s: approximate number of seconds that would suffice.
    """

    def __init__(self, text: str, account: BudgetAccount, least_s: float):
        super().__init__(text)
        self.account, self.least_s = account, least_s


def span(seconds: float, up: bool = False) -> str:
    """Format a duration as ``--budget`` takes it: ``90s``, ``10m``.

    Args:
        up: round up to a multiple of 5 s, or of a minute from 2 minutes on.
    """
    if up:
        step = 5 if seconds < 120 else 60
        seconds = -(-seconds // step) * step
    if seconds >= 120 and seconds % 60 == 0:
        return f"{seconds / 60:g}m"
    return f"{round(seconds, 1 if seconds < 10 else None):g}s"
