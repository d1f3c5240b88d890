"""A span of time for a whole run: what ``--budget`` says. Nothing here takes torch to import."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic, process_time
from typing import TYPE_CHECKING

from zoo.errors import RequestError

if TYPE_CHECKING:
    from zoo.runner.result_parts import BudgetAccount

__all__ = ["Budget", "TooShort", "span"]

START_S = 1.0
"""A start takes no longer; what has computed for longer is another program, which runs commands."""
MOST = 1.07
"""Share of a budget that no further epoch is begun beyond."""


@dataclass(frozen=True)
class Budget:
    """A span of time for all of a run, and when it began.

    Args:
        seconds: of the whole command.
        since: :func:`time.monotonic` at its beginning.
    """

    seconds: float
    since: float = field(default_factory=monotonic)

    @classmethod
    def of_command(cls, seconds: float) -> Budget:
        """A budget of a whole command, whose start has taken about as long as it has computed."""
        return cls(seconds, monotonic() - min(process_time(), START_S))

    @property
    def spent_s(self) -> float:
        """Seconds since it began."""
        return monotonic() - self.since

    @property
    def left_s(self) -> float:
        """Seconds until its end; below 0 after it."""
        return self.seconds - self.spent_s

    def over(self, more_s: float) -> bool:
        """True where this many more seconds exceed the budget."""
        return self.spent_s + more_s > MOST * self.seconds


class TooShort(RequestError):
    """A budget leaves no time to show every image once.

    Args:
        account: what was measured, as :func:`zoo.runner.budget.fit` has it.
        least_s: about so many seconds would be enough.
    """

    def __init__(self, text: str, account: BudgetAccount, least_s: float):
        super().__init__(text)
        self.account, self.least_s = account, least_s


def span(seconds: float, up: bool = False) -> str:
    """A span of time as ``--budget`` takes it: ``90s``, ``10m``.

    Args:
        up: rounded up to a number that is easily typed.
    """
    if up:
        step = 5 if seconds < 120 else 60
        seconds = -(-seconds // step) * step
    if seconds >= 120 and seconds % 60 == 0:
        return f"{seconds / 60:g}m"
    return f"{round(seconds, 1 if seconds < 10 else None):g}s"
