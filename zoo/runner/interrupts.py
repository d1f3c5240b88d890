"""Ctrl-C and a scheduler's words: a run stops where nothing is lost, at the end of a step."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)]
"""SIGTERM ends a job; Slurm sends SIGUSR1 to warn that its time is running out, where it is asked to."""


class Interrupts:
    """Turns signals into KeyboardInterrupt: at once, or, while a step is held, when it is asked for.

    A second signal is not waited with.

    Args:
        agree: of several processes that must stop together, whether any of them was asked to.
        together: whether there are several; then a first signal waits for :meth:`check`, wherever it comes.
    """

    def __init__(self, agree: Callable[[bool], bool] = bool, *, together: bool = False) -> None:
        self.agree, self.together = agree, together
        self.asked = False
        self._held = False

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Hear the signals; in the main thread alone, for others can't."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._heard) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        first, self.asked = not self.asked, True
        if first and (self._held or self.together):
            return
        raise KeyboardInterrupt  # a library that is being imported may drop it: check() knows of it all the same

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold signals back until the block ends, or :meth:`check` is called in it."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        self.check()

    def check(self) -> None:
        """Where nothing would be lost.

        Raises:
            KeyboardInterrupt: there was a signal.
        """
        if self.agree(self.asked):
            raise KeyboardInterrupt
