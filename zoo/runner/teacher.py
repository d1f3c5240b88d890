"""A run's teacher: a trained model of any architecture that predicts the same augmented images as the student."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from zoo.data.batches import Normalize
from zoo.engine.execution import Execution
from zoo.engine.task import Task, task_of_card
from zoo.errors import RequestError
from zoo.model.bundle import WEIGHTS, Preprocessing, find_bundle, load_model
from zoo.model.sources import find_model
from zoo.registry.registry import Registry
from zoo.registry.suggest import listing
from zoo.runner.result_parts import TeacherSummary
from zoo.runner.run_result import read_result
from zoo.storage.files import sha256_of

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey (ITU-R 601), as Pillow uses them when images are decoded."""


class Teacher:
    """Compute the teacher's logits (n, K) of the student's images (n, C, H, W), in the order of the job's classes.

    The teacher's own preprocessing is applied: normalization, image size and channels. Classes that the job lacks are
    dropped, so that the softmax is normalized over the job's classes.

    Args:
        word: a run or a bundle.
        classes: the job's classes.
        task: the job's task, which must be the teacher's.
        normalize: the student's normalization.
        in_chans: channels of the student's images.
        execution: device and precision of the teacher.
        registry: provides the teacher's architecture.

    Raises:
        BundleError: there is no such model, or it can't be built.
        RequestError: the teacher lacks classes, has another task, or can't take the student's images.
    """

    def __init__(
        self,
        word: str,
        classes: Sequence[str],
        task: Task,
        normalize: Normalize,
        in_chans: int,
        execution: Execution,
        registry: Registry,
    ):
        self.bundle = find_bundle(Path(word) if Path(word).is_dir() else find_model(word, registry))
        model, self.card = load_model(self.bundle, registry)
        shape = Preprocessing(**self.card["preprocessing"])
        self.size, self.in_chans = shape.image_size, shape.in_chans
        order = _class_order(self.card["classes"], classes, self.bundle)
        self._class_order = torch.tensor(order, device=execution.device)
        self.task = task_of_card(self.card)
        self.student = task
        _check_task(self.task, task, len(classes), self.bundle)
        _check_channels(in_chans, self.in_chans, self.bundle)
        self.model = execution.place(model.requires_grad_(False))
        self.execution, self._theirs = execution, normalize
        self._own, self.window = Normalize(shape.mean, shape.std, execution.device), shape.window
        self.sha256 = sha256_of(self.bundle / WEIGHTS)

    def __call__(self, images: Tensor) -> Tensor:
        with torch.inference_mode(), self.execution.autocast():
            outputs: Tensor = self.model(self.seen(images)).float()
            logits: Tensor = self.student.standardise(self.task.read(outputs)[:, self._class_order])
        return logits.clone()  # a normal tensor: autograd can't save inference tensors for the backward pass

    def check_window(self, window: Any) -> None:
        """Raise RequestError unless the student's images are scaled by the window of the teacher's."""
        if window != self.window:
            theirs, own = ("8-bit" if each is None else each for each in (self.window, window))
            raise RequestError(
                f"The teacher {self.bundle} was trained with data.window={theirs}, and this job has {own}. Type: --set "
                f"'data.window={theirs}'"
            )

    def seen(self, images: Tensor) -> Tensor:
        """Convert the student's normalized images (n, C, H, W) to the teacher's input."""
        unit = self._theirs.undone(images)
        if images.shape[-1] != self.size:
            unit = interpolate(unit, (self.size, self.size), mode="bilinear", antialias=True)
        return self._own(_with_channels(unit, self.in_chans))

    def summary(self) -> TeacherSummary:
        """Return the entries of a result document, with the validation accuracy where the teacher's run records it."""
        run = self.bundle.parent if self.bundle.name == "model" else self.bundle
        return TeacherSummary(
            run=run.name,
            bundle=str(self.bundle),
            sha256=self.sha256,
            architecture=self.card["architecture"]["id"],
            accuracy=_accuracy(run),
        )

    def state_dict(self) -> dict[str, str]:
        """Identify the teacher in a checkpoint."""
        return {"sha256": self.sha256}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Check that the teacher is the one of the checkpoint.

        Raises:
            RequestError: its weights have changed.
        """
        if state["sha256"] != self.sha256:
            raise RequestError(
                f"The teacher {self.bundle} has changed since the start of this run. Start over with --overwrite, "
                "or use another --name."
            )


def _class_order(theirs: Sequence[str], classes: Sequence[str], bundle: Path) -> list[int]:
    """Index of each of the job's classes among the teacher's."""
    if missing := [name for name in classes if name not in theirs]:
        raise RequestError(
            f"The teacher {bundle} lacks {len(missing)} of the {len(classes)} classes of the job: "
            f"{listing(missing, most=6)}. It has: {listing(theirs, most=6)}. Choose a run that was trained on all "
            "of them: --teacher RUN. See: zoo runs list"
        )
    return [list(theirs).index(name) for name in classes]


def _check_task(theirs: Task, task: Task, count: int, bundle: Path) -> None:
    if task.width(count) != count or task.card().get("link"):
        raise RequestError(
            "The outputs of the job's loss are not those of its classes, so they can't be compared with a teacher's. "
            "Choose another loss, such as --set loss=cross_entropy, or leave out --teacher."
        )
    if theirs.name != task.name:
        raise RequestError(
            f"The teacher {bundle} is {theirs.name}, but the job is {task.name}. Choose a run with such labels: "
            "--teacher RUN. See: zoo runs list"
        )


def _check_channels(given: int, wanted: int, bundle: Path) -> None:
    if given != wanted and given != 1 and (given, wanted) != (3, 1):
        raise RequestError(
            f"The teacher {bundle} takes images with {wanted} channels, but those of the job have {given}. Choose "
            "another run: --teacher RUN, or set data.in_chans."
        )


def _with_channels(images: Tensor, wanted: int) -> Tensor:
    """Convert colour images to grey, or repeat a grey channel."""
    given = images.shape[1]
    if given == 3 and wanted == 1:
        return (images * images.new_tensor(LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    return images if given == wanted else images.expand(-1, wanted, -1, -1)


def _accuracy(run: Path) -> float | None:
    try:
        return read_result(run).metrics_of("val").accuracy
    except RequestError:
        return None
