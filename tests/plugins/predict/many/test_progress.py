"""Progress of many images: rate, time left, and lines where there is no terminal."""

from __future__ import annotations

import io
import threading

import pytest
from rich.console import Console

from zoo_predict.many import progress
from zoo_predict.many.progress import Rate, progress_of_many


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_rate_is_of_this_process_and_the_time_left_of_all():
    clock = Clock()
    rate = Rate(1000, 11_000, clock)
    assert str(rate) == "1,000 of 11,000 images, 0.0 images/s"
    clock.now = 10
    rate.add(500)
    assert rate.per_second == 50
    assert rate.left_s == pytest.approx(190)
    assert str(rate) == "1,500 of 11,000 images, 50 images/s, 3 min 10 s left"


def test_of_a_stream_only_the_rate_is_known():
    clock = Clock()
    rate = Rate(0, None, clock)
    clock.now = 4
    rate.add(10)
    assert str(rate) == "10 images, 2.5 images/s"


def test_a_line_now_and_then_where_there_is_no_terminal(capfd, monkeypatch):
    clock, counted = Clock(), threading.Event()
    rate = Rate(0, None, clock)

    def count() -> int:
        counted.set()
        return 100

    with progress_of_many(rate, count) as advance:
        assert counted.wait(5)
        while rate.total is None:
            pass
        for _ in range(5):
            clock.now += 16
            advance(10)
    assert capfd.readouterr().err.splitlines() == [
        "20 of 100 images, 0.6 images/s, 2 min 08 s left",
        "40 of 100 images, 0.6 images/s, 1 min 36 s left",
    ]


def test_a_bar_at_a_terminal(monkeypatch):
    screen = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(progress, "new_console", lambda stream: screen)
    rate = Rate(0, 100)
    with progress_of_many(rate, None) as advance:
        advance(30)
    assert rate.done == 30
    assert "30 of 100 images" in screen.file.getvalue()
