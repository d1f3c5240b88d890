"""Build components from names and parameters; each one receives keyword arguments, never a Job."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain, count
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from zoo.data.decode import Shape
from zoo.data.open import Opener, Preparing
from zoo.data.samplers import OrderOf
from zoo.data.split import Split, has_values
from zoo.engine.dynamo import defer_dynamo
from zoo.engine.layer_groups import Block
from zoo.engine.optimizers import has_two_weights, needs_closure
from zoo.engine.param_groups import parameter_groups
from zoo.engine.step import Loss
from zoo.engine.task import Task
from zoo.errors import ContractError, JobError, RequestError
from zoo.job.resolve import Resolved
from zoo.job.schema import Choice, Job
from zoo.model.build import build
from zoo.registry.entry import PYTHON, Entry
from zoo.registry.signature import accepts, check
from zoo.runner.losses import Scored, build_loss, check_outputs


def build_list(resolved: Resolved, path: str, choices: Sequence[Choice], first: int, **given: Any) -> list[Any]:
    """Build the components of a job's list (``metrics``, ``augment``) from ``first`` and the accepted ``given``."""
    return [
        build(resolved.entry(f"{path}.{i}"), choice.params, f"{path}.{choice.name}", first, **given)
        for i, choice in enumerate(choices)
    ]


def unique_names(choices: Sequence[Choice]) -> list[str]:
    """Unique names of metrics or analyses; repeated ones are numbered from 2, and those from Python have no owner."""
    names: list[str] = []
    for choice in choices:
        own = choice.name.removeprefix(f"{PYTHON}/") if choice.name.startswith(f"{PYTHON}/") else choice.label
        numbered = (f"{own}_{number}" for number in count(2))
        names.append(next(name for name in chain([own], numbered) if name not in names))
    return names


def build_scoring(
    resolved: Resolved, scored: Scored, device: torch.device, class_weights: list[float] | None = None
) -> tuple[Loss, dict[str, Any]]:
    """Build the loss and the job's metrics by name, on the device.

    Raises:
        RequestError: a component of the job supports one label per image only, and the task is multi-label; or it takes
            an output that the network does not return.
    """
    job = resolved.job
    if scored.task.multilabel:
        _check_several_labels(resolved)
    loss = build_loss(resolved, scored, class_weights)
    metrics = build_list(resolved, "metrics", job.metrics, len(scored.classes), **scored.given)
    for i, metric in enumerate(metrics):
        check_outputs(
            resolved, resolved.entry(f"metrics.{i}"), getattr(metric, "update", None), scored.outputs, file=scored.file
        )
    for part in (loss, *metrics):
        if hasattr(part, "to"):
            part.to(device)
    return loss, dict(zip(unique_names(job.metrics), metrics, strict=True))


def higher_names(resolved: Resolved, task: Task, metrics: Collection[str]) -> frozenset[str]:
    """Names of the numbers of an evaluation for which higher is better, of the task's and the job's metrics."""
    components = [resolved.entry(f"metrics.{i}").component for i in range(len(metrics))]
    better = {name: getattr(each, "higher_is_better", True) for name, each in zip(metrics, components, strict=True)}
    own = {name for name, higher in better.items() if higher}
    return frozenset(own.difference(task.scalars).union(task.higher))


def _check_several_labels(resolved: Resolved) -> None:
    train, places = resolved.job.train, ["loss", *(f"metrics.{i}" for i in range(len(resolved.job.metrics)))]
    for entry in map(resolved.entry, (*places, "train.sampler")):
        unlabelled = entry.kind == "sampler" and not accepts(entry.factory(), "labels")
        if not unlabelled and not accepts(entry.factory(), "multilabel"):
            raise RequestError(
                f"{entry.kind} {entry.id!r} does not support multi-label datasets. For those that do: zoo list "
                f"{entry.kind} --search multi-label"
            )
    if train.class_weights != "none":
        raise RequestError(
            f"train.class_weights={train.class_weights} does not support multi-label datasets. Type: --set "
            "train.class_weights=none"
        )


def build_sampler(resolved: Resolved) -> Callable[[Split, int], OrderOf]:
    """Return a function that builds the job's sampler for a split and a number of processes."""
    job, entry = resolved.job, resolved.entry("train.sampler")

    def sampler_of(split: Split, processes: int) -> OrderOf:
        given = {"count": len(split), "labels": split.labels, "seed": job.seed, "shards": split.shards}
        form = {"multilabel": split.labels.dtype == np.float32, "regression": has_values(split.labels)}
        order_of = build(entry, job.train.sampler.params, "train.sampler", processes=processes, **form, **given)
        return lambda epoch: _checked_order(order_of(epoch), len(split), entry)

    return sampler_of


def _checked_order(order: Any, count: int, entry: Entry) -> NDArray[np.int64]:
    """Return a sampler's indices as an array.

    Raises:
        ContractError: they are not indices of the split's items.
    """
    found = np.asarray(order)
    if found.ndim != 1 or len(found) == 0 or found.dtype.kind not in "iu" or found.min() < 0 or found.max() >= count:
        raise ContractError(
            f"{entry.title} must return integer indices (M,) of the {count} items, each from 0 to {count - 1}, not "
            f"{found.dtype} {found.shape}{f' from {found.min()} to {found.max()}' if found.size else ''}."
        )
    return found.astype(np.int64, copy=False)


def build_opener(resolved: Resolved, shape: Shape | None = None, preparing: Preparing | None = None) -> Opener:
    """Build the opener of the job's dataset, which decodes images into pixels.

    Args:
        shape: target image shape; by default the job's.
        preparing: receives the progress of decoding.

    Raises:
        JobError: the dataset does not take the given parameters.
    """
    job, data, entry = resolved.job, resolved.job.data, resolved.entry("dataset")
    current, twice = entry.with_new_names(job.dataset.params, "dataset")
    params, problems = check("dataset", entry.factory(), current, "dataset")
    if twice or problems:
        raise JobError(twice + problems)
    if shape is None:
        shape = Shape(job.train.image_size, data.in_chans, data.resize, data.interpolation, data.crop_pct, data.values)
    return Opener(entry, params, shape, data.store, data.on_bad_image, data.max_bad_fraction, job.task, preparing)


def build_optimizer(
    resolved: Resolved, blocks: Sequence[Block], exempt: Collection[int] = (), loss: Sequence[nn.Parameter] = ()
) -> torch.optim.Optimizer:
    """Build the optimizer over the parameters of the trainable blocks, and the weights of the loss.

    Args:
        exempt: ids of parameters without weight decay, in addition to norms and biases.

    Raises:
        RequestError: no parameter is trainable, or the job combines the optimizer with what it can't do.
    """
    train = resolved.job.train
    rates: Any = {"head_lr": train.head_lr, "layer_decay": train.layer_decay}
    groups = parameter_groups(blocks, train.lr, train.weight_decay, **rates, exempt=exempt, loss=loss)
    if not any(block.parameters for block in blocks):
        raise RequestError(f"architecture {resolved.job.architecture.name!r} has nothing to train.")
    entry, params = resolved.entry("train.optimizer"), _fused(train.optimizer.params, groups)
    entry.factory()  # imports its classes
    defer_dynamo()
    optimizer: torch.optim.Optimizer = build(entry, params, "train.optimizer", groups, train.lr)
    _check_form(resolved, optimizer)
    return optimizer


def _check_form(resolved: Resolved, optimizer: torch.optim.Optimizer) -> None:
    """Refuse a job that combines an optimizer of another form with what that form rules out."""
    train, title = resolved.job.train, resolved.entry("train.optimizer").title
    if has_two_weights(optimizer) and train.ema_decay is not None:
        raise RequestError(
            f"{title} has evaluation weights of its own (train() and eval()), so that the moving average of the "
            "weights is not needed. Type: --set train.ema_decay=none"
        )
    if train.fsdp and (has_two_weights(optimizer) or needs_closure(optimizer)):
        why = "needs a closure" if needs_closure(optimizer) else "has evaluation weights of its own"
        raise RequestError(f"{title} {why}, which does not work with a sharded network. Type: --set train.fsdp=false")


def _fused(params: Mapping[str, Any], groups: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Use the fused kernel where the optimizer leaves the choice open and all parameters support it.

    torch does not choose it by default. Adam of 19 million parameters takes 6 ms a step with it instead of 40 (2
    cores).
    """
    parameters = [p for group in groups for p in group["params"]]
    open_ = params.get("fused", False) is None and not params.get("foreach") and not params.get("differentiable")
    fits = all(p.is_floating_point() and p.device.type in ("cpu", "cuda") for p in parameters)
    return {**params, "fused": True} if open_ and fits else params


def build_schedule(resolved: Resolved, optimizer: torch.optim.Optimizer, total_steps: int) -> Any:
    """Build the learning-rate schedule, which is stepped after every optimizer step."""
    choice = resolved.job.train.schedule
    return build(resolved.entry("train.schedule"), choice.params, "train.schedule", optimizer, total_steps)


def seed_everything(job: Job) -> None:
    """Seed the random generators of Python, NumPy and torch."""
    import random

    import numpy as np

    random.seed(job.seed)
    np.random.seed(job.seed % 2**32)
    torch.manual_seed(job.seed)
