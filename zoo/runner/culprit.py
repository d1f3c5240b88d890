"""The process whose failure ended a run of several processes."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.errors import Interrupted, PeerLost

_TERMINATED, _KILLED = -15, -9
_CONSEQUENCES = (Interrupted.exit_code, _TERMINATED, PeerLost.exit_code)
"""Exit codes of processes that end after another one: the launcher sends SIGTERM to them, and they lose a peer."""
_LATE_S = 10
"""A process that is killed that long after the first failure hangs: the launcher sends SIGKILL after 30 s."""


def culprit(codes: Mapping[int, int], times: Mapping[int, float]) -> tuple[int, str]:
    """Find the process that made the others fail.

    Args:
        codes: exit codes of the failed processes by rank, negative for signals.
        times: when the launcher saw each of them end, in seconds.

    Returns:
        Its rank, and how it ended: ``was killed by signal 9``.
    """
    late = min(times.values()) + _LATE_S
    hangs = [rank for rank, code in codes.items() if code == _KILLED and times[rank] > late]

    def suspicion(rank: int) -> int:
        code = codes[rank]
        return 3 + _CONSEQUENCES.index(code) if code in _CONSEQUENCES else 2 if rank in hangs else int(code > 0)

    rank = min(sorted(codes), key=suspicion)
    code = codes[rank]
    return rank, "hangs" if rank in hangs else f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
