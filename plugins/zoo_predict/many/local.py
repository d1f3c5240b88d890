"""The engine of this process: threads decode ahead of the device."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from zoo_predict.many.items import ImageItem
from zoo_predict.many.predictor import DecodedBatch, Predictor, Row

__all__ = ["predict_locally"]

MOST_THREADS = 16


def predict_locally(items: Iterator[ImageItem], predictor: Predictor) -> Iterator[list[Row]]:
    """Predict in this process, in batches; the next batches are decoded by threads.

    Args:
        items: the images.
        predictor: the model.
    """
    waiting: deque[Future[DecodedBatch]] = deque()
    threads = min(_cores(), MOST_THREADS)
    with ThreadPoolExecutor(threads, thread_name_prefix="zoo-decode") as pool:
        try:
            while batch := list(islice(items, predictor.batch)):
                waiting.append(pool.submit(predictor.decode, batch))
                if len(waiting) > 2 * threads:
                    yield predictor.answer(waiting.popleft().result())
            while waiting:
                yield predictor.answer(waiting.popleft().result())
        finally:
            for batch_ahead in waiting:
                batch_ahead.cancel()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
