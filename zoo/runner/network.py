"""The network at the start of training: built at the job's image size, with its initial weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Tensor, nn

from zoo.engine.layer_groups import find_head, is_last_step
from zoo.engine.task import SINGLE_LABEL, Task
from zoo.errors import RequestError
from zoo.job.apply_rules import SIZE
from zoo.job.resolve import Resolved
from zoo.job.schema import Job, Train
from zoo.model.build import build_model, check_takes
from zoo.runner.trainable_model import TrainableModel, blank
from zoo.runner.weights import Loaded, load_weights

__all__ = ["build_network", "load_initial_weights", "trainable", "training_sides"]


def build_network(resolved: Resolved, classes: Sequence[str], task: Task = SINGLE_LABEL) -> tuple[nn.Module, Resolved]:
    """Build the job's network, and settle the image size.

    A size that a rule chose is provisional: where the network doesn't take it, the network's own is tried.

    Returns:
        The network, checked with blank images of every side that training shows, and the job with the final size.

    Raises:
        RequestError: the network can't be built, or doesn't take the images.
        ContractError: as :func:`zoo.model.build.build_model`.
    """
    entry, job, pretrained = resolved.entry("architecture"), resolved.job, resolved.job.pretrained
    params, in_chans = job.architecture.params, job.data.in_chans
    separate = bool(task.card())
    make = partial(
        build_model,
        entry,
        params,
        task.width(len(classes)),
        in_chans,
        pretrained=pretrained,
        classes=classes,
        separate_outputs=separate,
    )
    try:
        model = make(job.train.image_size)
    except RequestError:
        designed = _at_designed_size(resolved)
        if designed is None:
            raise
        resolved = designed
        model = make(resolved.job.train.image_size)
    train = resolved.job.train
    for side in training_sides(train) - {train.image_size}:
        check_takes(model, entry, in_chans, side)
    return model, resolved


def _at_designed_size(resolved: Resolved) -> Resolved | None:
    """The job at the network's own image size, where a rule chose another one; else None."""
    chosen = resolved.job.train.image_size
    own = getattr(resolved.entry("architecture").component, "input_size", None)
    if SIZE not in resolved.reasons or own in (None, chosen):
        return None
    reason = f"the network does not support {chosen} px; it was designed for {own}"
    return resolved.decided({SIZE: own}, "architecture", reason)


def training_sides(train: Train) -> set[int]:
    """Sides in pixels of the training images in all epochs."""
    return {train.size_of(epoch) for epoch in range(1, train.epochs + 1)}


def load_initial_weights(model: nn.Module, resolved: Resolved, num_classes: int) -> Loaded | None:
    """Load the weights that the job names, and set a new last layer on trained ones to zero.

    Returns:
        An account of the loaded weights; None where the job names none.

    Raises:
        RequestError: the weights don't fit the network.
    """
    job = resolved.job
    images = blank(model, job.data.in_chans, job.train.image_size)
    loaded = None
    if job.weights:
        loaded = load_weights(model, job.weights, _head_or_none(model, images), resolved.registry)
    if loaded or job.pretrained:
        _zero_new_head(model, images, loaded, num_classes)
    return loaded


def _zero_new_head(model: nn.Module, images: Tensor, loaded: Loaded | None, num_classes: int) -> None:
    """Initialize a new last layer with zeros, so that its first predictions don't depend on the random seed.

    Source: Kolesnikov et al. 2019 (BiT), arXiv:1912.11370.
    """
    head = _head_or_none(model, images)
    if head is None or not is_last_step(model, head, images):
        return
    pretrained = loaded is None
    if pretrained and getattr(model, "pretrained_cfg", {}).get("num_classes", 1000) == num_classes:
        return  # the head may be the library's pretrained one
    layer = model.get_submodule(head)
    fresh = set(loaded.fresh) if loaded else {f"{head}.weight", f"{head}.bias"}
    if isinstance(layer, nn.Linear | nn.Conv2d):
        for name, parameter in layer.named_parameters():
            if f"{head}.{name}" in fresh:
                nn.init.zeros_(parameter)


def _head_or_none(model: nn.Module, images: Tensor) -> str | None:
    """The path of the network's last layer; None where it can't be found."""
    try:
        return find_head(model, images)
    except ValueError:
        return None


def trainable(model: nn.Module, job: Job) -> TrainableModel:
    """The network as the job trains it.

    Args:
        model: on its device, with its initial weights.

    Raises:
        RequestError: as :class:`TrainableModel`.
    """
    size = job.train.image_size
    plain = not job.augment and job.teacher is None and training_sides(job.train) == {size}
    return TrainableModel(model, job.train, blank(model, job.data.in_chans, size), plain=plain)
