"""Signals become KeyboardInterrupt where nothing is lost by it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable

import pytest

from zoo.runner.interrupts import SIGNALS, Interrupts


def sends(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


def hold(interrupts: Interrupts, *steps: Callable[[], object]) -> None:
    with interrupts.held():
        for step in steps:
            step()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_interrupts_at_once_or_at_the_end_of_what_is_held(number: int):
    interrupts, done = Interrupts(), []
    before = signal.getsignal(number)
    with interrupts.listening(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
    interrupts = Interrupts()
    with interrupts.listening(), pytest.raises(KeyboardInterrupt):
        hold(interrupts, sends(number), lambda: done.append("the step"))
    assert done == ["the step"]
    assert signal.getsignal(number) == before


def test_a_signal_that_a_library_drops_is_known_at_the_next_check():
    """As torch does where numpy is imported, and goes on with half of it."""
    interrupts = Interrupts()
    with interrupts.listening():
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


def test_a_second_signal_is_not_waited_with():
    interrupts, done = Interrupts(), []
    twice = (sends(signal.SIGTERM), sends(signal.SIGTERM))
    with interrupts.listening(), pytest.raises(KeyboardInterrupt):
        hold(interrupts, *twice, lambda: done.append("the step"))
    assert not done


def test_several_processes_take_a_signal_from_scheduler_and_launcher_as_one(monkeypatch: pytest.MonkeyPatch):
    interrupts, now = Interrupts(together=True), [100.0]
    monkeypatch.setattr("zoo.runner.interrupts.time.monotonic", lambda: now[0])
    with interrupts.listening():
        os.kill(os.getpid(), signal.SIGTERM)
        now[0] = 101.9
        os.kill(os.getpid(), signal.SIGTERM)
        now[0] = 102.1
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)


def test_what_is_held_can_ask():
    interrupts, done = Interrupts(), []
    with interrupts.listening(), pytest.raises(KeyboardInterrupt):
        hold(interrupts, interrupts.check, sends(signal.SIGINT), interrupts.check, lambda: done.append("another step"))
    assert not done


def test_an_error_in_what_is_held_stays_the_error():
    def fails() -> None:
        raise ValueError("of its own")

    interrupts = Interrupts()
    with interrupts.listening(), pytest.raises(ValueError, match="of its own"):
        hold(interrupts, sends(signal.SIGTERM), fails)


def test_what_is_switched_off_stays_off():
    """A shell starts what it puts into the background with Ctrl-C switched off."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts().listening():
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_hears_nothing_and_is_not_in_the_way():
    before = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    def work() -> None:
        with Interrupts().listening():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
