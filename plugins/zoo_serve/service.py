"""A classifier shared by concurrent requests: decoding and batch computation in threads, with metrics."""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import numpy as np
import torch
from PIL import Image
from starlette.requests import Request

from zoo.api.compute import painted
from zoo.api.images import Pixels
from zoo.api.models import AsNetwork, Classifier, NoAnswer
from zoo.errors import BadImage
from zoo_serve.batcher import Batcher, Work
from zoo_serve.heat import heat_picture
from zoo_serve.images import Upload, decoded, unit_notice
from zoo_serve.limits import Limits
from zoo_serve.metrics import Figures
from zoo_serve.request_body import Intake, Refused

__all__ = ["Service", "divide_processors"]

_WORKERS = 4
_SIDE = 240  # minimum side in pixels of an explanation's images


def divide_processors(classifier: Classifier) -> int:
    """Divide torch's threads among concurrent batches.

    Within one batch, threads wait for each other at the end of each layer while spinning, so a thread that shares its
    processor with decoding, for example, delays the others. Separate batches don't wait for each other. With
    EfficientNet-Lite0 on 2 cores, two concurrent batches of one thread each give 1.7 times the throughput of one.

    Returns:
        The number of concurrent batches.
    """
    if classifier.execution.device.type != "cpu" or isinstance(classifier.model, AsNetwork):
        return 1  # GPUs and other runtimes manage their own threads
    workers = min(_WORKERS, _processors())
    torch.set_num_threads(max(1, _processors() // workers))
    return workers


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Service:
    """A classifier that decodes and computes the images of concurrent requests.

    Args:
        classifier: the model.
        limits: limits on the accepted load.
        max_batch: maximum images per batch; by default the fastest number.
        workers: number of batches computed concurrently.
        samples: pictures to try, ``{"label", "image"}`` each.
    """

    def __init__(
        self,
        classifier: Classifier,
        limits: Limits,
        max_batch: int | None = None,
        workers: int = 1,
        samples: Sequence[dict[str, str]] = (),
    ):
        self.classifier, self.limits, self.samples = classifier, limits, list(samples)
        self.intake = Intake(limits)
        self.classifies = classifier.task.classifies
        self.figures = Figures(classifier.card, lambda: self.intake.waiting)
        self.decoders = ThreadPoolExecutor(_processors(), "zoo-decoder")
        self.batcher = Batcher(self._compute, max_batch or classifier.batch, workers)
        self.leaving = False

    def close(self) -> None:
        """Finish the accepted work, and stop the threads."""
        self.decoders.shutdown()
        self.batcher.close()

    async def answer(self, request: Request, top_k: int, explain: bool) -> list[dict[str, Any]]:
        """Answer a request's images, in order; an undecodable image among others gets an error in its place.

        Raises:
            Refused: the request can't be served; the message explains it.
        """
        if self.leaving:
            raise Refused(503, "The server is stopping.", retry=True)
        async with self.intake.received(request) as uploads:
            with self.intake.admitted(len(uploads)):
                try:
                    async with asyncio.timeout(self.limits.timeout_s):
                        found = await self._decoded(uploads)
                        work = Work([each for each in found if not isinstance(each, BadImage)], top_k, explain)
                        answers = await asyncio.wrap_future(self.batcher.put(work))
                except TimeoutError as error:
                    why = (
                        f"No response within {self.limits.timeout_s:g} s: too many queued images. Try again in a "
                        "second."
                    )
                    raise Refused(503, why, retry=True) from error
                except NoAnswer as error:
                    raise Refused(422, str(error)) from error
            rest = iter(answers)
            return [
                {"path": name, **(self._failed(each) if isinstance(each, BadImage) else self._noted(each, next(rest)))}
                for (name, _), each in zip(uploads, found, strict=True)
            ]

    def _noted(self, pixels: Pixels, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer to an image, and a notice where the image is of another unit than the training images."""
        return {**answer, **unit_notice(pixels, self.classifier)}

    def _failed(self, error: BadImage) -> dict[str, Any]:
        """The answer to an image that can't be decoded."""
        return {"top": [], "error": str(error)} if self.classifies else {"error": str(error)}

    async def _decoded(self, uploads: list[Upload]) -> list[Pixels | BadImage]:
        loop, most = asyncio.get_running_loop(), self.limits.max_pixels
        tasks = [loop.run_in_executor(self.decoders, decoded, each, self.classifier, most) for each in uploads]
        found = await asyncio.gather(*tasks, return_exceptions=True)
        for each in found:
            if isinstance(each, BaseException) and not isinstance(each, BadImage):
                raise each
        images = [each for each in found if isinstance(each, BadImage) or not isinstance(each, BaseException)]
        if all(isinstance(each, BadImage) for each in images):
            raise Refused(422, "; ".join(map(str, images)) + ".")
        return images

    def _compute(self, works: list[Work]) -> list[list[dict[str, Any]]]:
        begin = time.perf_counter()
        pixels = [each for work in works for each in work.pixels]
        answers: list[dict[str, Any]] = []
        for start in range(0, len(pixels), self.classifier.batch):
            chunk = pixels[start : start + self.classifier.batch]
            answers += self.classifier.answers(chunk, max(work.top_k for work in works))
        self.figures.batches.observe(len(pixels))
        self.figures.computing.observe(time.perf_counter() - begin)
        self.figures.count(answers)
        rest = iter(answers)
        return [self._of(work, [next(rest) for _ in work.pixels]) for work in works]

    def _of(self, work: Work, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        mine = [{**answer, "top": answer["top"][: work.top_k]} if self.classifies else answer for answer in answers]
        if not work.explain:
            return mine
        labels, key = [self._explained(answer) for answer in answers], "class" if self.classifies else "output"
        heats = self.classifier.looked_at(work.pixels, labels)
        shown = [heats[i] if heats is not None else None for i in range(len(mine))]
        return [
            {**answer, "explanation": {key: label, **_pictures(self.classifier.viewable(pixels), heat)}}
            for answer, label, pixels, heat in zip(mine, labels, work.pixels, shown, strict=True)
        ]

    def _explained(self, answer: dict[str, Any]) -> str:
        """Name of the class or the value whose heat map is drawn: of values the one farthest from its mean."""
        if self.classifies:
            return str(answer["top"][0]["class"])
        names, task = self.classifier.classes, self.classifier.task
        values = answer.get("values") or {names[0]: answer["value"]}
        far = task.standardise(torch.tensor([[values[name] for name in names]])).abs()
        return names[int(far.argmax())]


def _pictures(pixels: Pixels, heat: Any) -> dict[str, str | None]:
    """The network's input, the same with its heat map, and the map alone, as data URLs; None where there is none."""
    if pixels.shape[2] not in (1, 3):
        return {"seen": None, "looked": None, "heat": None}
    looked = None if heat is None else painted(pixels, heat)
    alone = None if heat is None else heat_picture(heat)
    return {
        "seen": _data_url(pixels),
        "looked": None if looked is None else _data_url(looked),
        "heat": None if alone is None else f"data:image/png;base64,{base64.b64encode(alone).decode()}",
    }


def _data_url(pixels: Pixels) -> str:
    picture = Image.fromarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)).copy())
    if picture.width < _SIDE:
        smooth = Image.Resampling.NEAREST if picture.width * 4 < _SIDE else Image.Resampling.BILINEAR
        picture = picture.resize((_SIDE, _SIDE), smooth)
    written = BytesIO()
    picture.save(written, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"
