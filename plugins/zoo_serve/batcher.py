"""Images that wait are computed together: what comes while the network is at work is its next batch.

Nothing is waited for on purpose, so an image that comes alone is computed at once.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from zoo.api.images import Pixels

__all__ = ["Batcher", "Work"]

Answers = list[dict[str, Any]]
Compute = Callable[["list[Work]"], list[Answers]]


@dataclass
class Work:
    """What one request wants to know.

    Args:
        pixels: its images, decoded.
        top_k: how many classes to name.
        explain: whether to show what the network saw, and where it looked.
    """

    pixels: Sequence[Pixels]
    top_k: int = 5
    explain: bool = False
    answers: Future[Answers] = field(default_factory=Future)


class Batcher:
    """Threads that compute, and what waits for them.

    Args:
        compute: the answers to some works, in their order; called by each thread.
        most: images in a batch. A work of more is computed by itself.
        workers: how many threads.
    """

    def __init__(self, compute: Compute, most: int, workers: int = 1):
        self._compute, self._most = compute, max(1, most)
        self._waiting: deque[Work] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._run, name="zoo-batcher", daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def put(self, work: Work) -> Future[Answers]:
        """Let a work wait; its future, which may be cancelled as long as it does.

        Raises:
            RuntimeError: it is closed.
        """
        with self._changed:
            if self._closed:
                raise RuntimeError("closed")
            self._waiting.append(work)
            self._changed.notify()
        return work.answers

    def close(self) -> None:
        """Compute what waits, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while works := self._next():
            self._answer([work for work in works if work.answers.set_running_or_notify_cancel()])

    def _next(self) -> list[Work]:
        """What makes the next batch, or nothing at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            works, count = list[Work](), 0
            while self._waiting and (not works or count + len(self._waiting[0].pixels) <= self._most):
                works.append(self._waiting.popleft())
                count += len(works[-1].pixels)
            return works

    def _answer(self, works: list[Work]) -> None:
        if not works:
            return
        try:
            found = self._compute(works)
        except Exception as error:
            if len(works) == 1:
                works[0].answers.set_exception(error)
                return
            for work in works:  # one that fails takes no other with it
                self._answer([work])
            return
        for work, answers in zip(works, found, strict=True):
            work.answers.set_result(answers)
