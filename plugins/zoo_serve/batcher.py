"""Dynamic batching: images that arrive while the network computes form its next batch.

There is no artificial delay, so a single image is computed immediately.
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
    """The images of one request, with options for their answers.

    Args:
        pixels: decoded images, each (size, size, C) uint8.
        top_k: number of classes to return, best first.
        explain: include the network's input and its class activation heatmap.
    """

    pixels: Sequence[Pixels]
    top_k: int = 5
    explain: bool = False
    answers: Future[Answers] = field(default_factory=Future)


class Batcher:
    """Worker threads that compute batches, with a queue of waiting requests.

    Args:
        compute: computes the answers to several works, in order; called by each thread.
        most: maximum number of images per batch; a larger work is computed alone.
        workers: number of threads.
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
        """Queue a work, and return its future, which can be cancelled while it waits.

        Raises:
            RuntimeError: the batcher is closed.
        """
        with self._changed:
            if self._closed:
                raise RuntimeError("closed")
            self._waiting.append(work)
            self._changed.notify()
        return work.answers

    def close(self) -> None:
        """Compute all queued works, then stop the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while works := self._next():
            self._answer([work for work in works if work.answers.set_running_or_notify_cancel()])

    def _next(self) -> list[Work]:
        """Take the works of the next batch from the queue; empty once the batcher is closed."""
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
            for work in works:  # a failing work must not fail the others
                self._answer([work])
            return
        for work, answers in zip(works, found, strict=True):
            work.answers.set_result(answers)
