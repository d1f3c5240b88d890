"""The engine ``ray`` of ``zoo predict``: Ray Data gives parts of the images to actors that hold the model."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from zoo.errors import TrainingError
from zoo_ray.cluster import WorkerSize, connected, logs_of, require_free, require_room, room_for
from zoo_ray.failures import last_line
from zoo_ray.variables import hide_gpus, worker_count, worker_size

if TYPE_CHECKING:
    from zoo_predict.many.items import ImageItem
    from zoo_predict.many.predictor import Predictor
    from zoo_predict.many.task import PredictTask

_BATCHES = 8
"""Batches in a part: an actor decodes the next ones while the device computes one."""
_PARTS = 512
"""Parts of a data set; of more images one data set follows another, so that the command's memory is bounded."""
_ITEMS, _ROWS = "items", "rows"


class RayPredictions:
    """Predicts on a Ray cluster, with as many actors as it has CPUs, or GPUs.

    Args:
        address: ``HOST:PORT`` or ``auto``; None for ``RAY_ADDRESS``, or a new cluster of this machine.
    """

    def __init__(self, address: str | None = None):
        self.address = address

    def __call__(self, items: Iterator[ImageItem], predictor: Predictor) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of the items, in order.

        Raises:
            RequestError: Ray is not installed, the cluster does not answer, or has no room for an actor.
            TrainingError: Ray Data has failed.
        """
        if (first := next(items, None)) is None:
            return
        with connected(self.address) as ray:
            size = worker_size(ray)
            require_room(ray, 1, size)
            require_free(ray, size)
            actors = min(worker_count() or _PARTS, room_for(ray, size))
            parts = _parts(first, items, _BATCHES * predictor.batch)
            while several := list(islice(parts, _PARTS)):
                yield from _rows(ray, several, predictor.task, size, actors)


def _parts(first: ImageItem, items: Iterator[ImageItem], length: int) -> Iterator[bytes]:
    """Divide the items into pickled lists."""
    part = [first, *islice(items, length - 1)]
    while part:
        yield pickle.dumps(part)
        part = list(islice(items, length))


def _rows(
    ray: Any, parts: list[bytes], task: PredictTask, size: WorkerSize, actors: int
) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of each part, in order; a part of a lost actor or node is predicted again."""
    from ray import data

    _log_to_files_only()
    context = data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    needs = {"num_cpus": size.cpus, "num_gpus": size.gpus}
    found = data.from_items([{_ITEMS: part} for part in parts], override_num_blocks=len(parts)).map_batches(
        PredictActor,
        fn_constructor_args=(task, size),
        batch_size=1,
        compute=data.ActorPoolStrategy(size=min(actors, len(parts))),
        **needs,
    )
    try:
        for row in found.iter_rows():
            yield pickle.loads(row[_ROWS])
    except ray.exceptions.RayError as error:
        raise TrainingError(
            f"Ray Data has failed: {last_line(error)}. The rows so far are kept: type the command again with --resume. "
            f"Ray's logs: {logs_of(ray)}."
        ) from error


def _log_to_files_only() -> None:
    """Remove the terminal from the outputs of Ray Data's log, which its import has set."""
    log = logging.getLogger("ray.data")
    log.handlers = [handler for handler in log.handlers if not isinstance(handler, logging.StreamHandler)]


class PredictActor:
    """A model in a worker of Ray Data.

    Args:
        task: the model and its options.
        size: resources of the worker.
    """

    def __init__(self, task: PredictTask, size: WorkerSize):
        hide_gpus(size)
        from zoo_predict.many.local import LocalEngine
        from zoo_predict.many.predictor import Predictor

        self.predictor, self.engine = Predictor(task), LocalEngine(threads=max(1, int(size.cpus)))

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[bytes]]:
        """Predict the parts of a batch."""
        return {_ROWS: [pickle.dumps(self._rows_of(part)) for part in batch[_ITEMS]]}

    def _rows_of(self, part: bytes) -> list[dict[str, Any]]:
        return [row for rows in self.engine(iter(pickle.loads(part)), self.predictor) for row in rows]
