"""Ctrl-C and a scheduler's signals: a run stops at the end of a step, where no work is lost."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)]
"""SIGTERM ends a job; Slurm can send SIGUSR1 to warn that the time limit is near."""
_SAME_S = 2.0
"""A scheduler signals all processes of a job, and their launcher forwards its own signal to them."""


class Interrupts:
    """Converts signals into KeyboardInterrupt: immediately, or deferred to :meth:`check` while a step is held.

    A second signal is never deferred; several processes ignore one that follows within two seconds.

    Args:
        agree: combines the stop requests of all processes, which must stop together.
        together: several processes share the run; a first signal is then always deferred to :meth:`check`.
    """

    def __init__(self, agree: Callable[[bool], bool] = bool, *, together: bool = False) -> None:
        self.agree, self.together = agree, together
        self.asked = False
        self._held = False
        self._heard_at = 0.0

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the signals for the length of a block; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._on_signal) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def ask(self) -> None:
        """Request an interrupt as a first signal does, deferred to :meth:`check`; from any thread."""
        self.asked = True

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        first, self.asked = not self.asked, True
        if first:
            self._heard_at = time.monotonic()
        same = self.together and time.monotonic() - self._heard_at < _SAME_S
        if same or (first and self._held):
            return
        raise KeyboardInterrupt  # an importing library may swallow the exception: check() raises it again

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Defer signals until the block ends, or :meth:`check` is called in it."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        self.check()

    def check(self) -> None:
        """Raise a deferred interrupt; called where no work would be lost.

        Raises:
            KeyboardInterrupt: a signal was received.
        """
        if self.agree(self.asked):
            raise KeyboardInterrupt
