"""The engine of this process: threads decode ahead of the device."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from zoo_predict.many.items import ImageItem
from zoo_predict.many.predictor import DecodedBatch, Predictor, Row

__all__ = ["LocalEngine"]

MOST_THREADS = 16


class LocalEngine:
    """Predicts in this process, in batches; the next batches are decoded by threads.

    Args:
        threads: number of threads; None for one per core, up to 16.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or min(_cores(), MOST_THREADS)

    def __call__(self, items: Iterator[ImageItem], predictor: Predictor) -> Iterator[list[Row]]:
        """Yield the rows of the items, in order."""
        waiting: deque[Future[DecodedBatch]] = deque()
        with ThreadPoolExecutor(self.threads, thread_name_prefix="zoo-decode") as pool:
            try:
                while batch := list(islice(items, predictor.batch)):
                    waiting.append(pool.submit(predictor.decode, batch))
                    if len(waiting) > 2 * self.threads:
                        yield predictor.answer(waiting.popleft().result())
                while waiting:
                    yield predictor.answer(waiting.popleft().result())
            finally:
                for ahead in waiting:
                    ahead.cancel()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
