"""Resolve the values of a job that depend on the network and the machine: its image size and its execution.

This requires the dataset, the network and its weights; the run continues with the same objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

from torch import nn

from zoo.engine.execution import Execution, choose_execution, keep_freed_memory
from zoo.engine.ranks import ALONE, Ranks
from zoo.job.resolve import Resolved
from zoo.job.schema import AUTO, EXECUTED, Job
from zoo.runner.build import seed_everything
from zoo.runner.fastest_execution import ExecutionPlan, fastest_execution
from zoo.runner.network import build_network, load_initial_weights, trainable
from zoo.runner.observer import Observer
from zoo.runner.run_data import OpenedData, open_data
from zoo.runner.trainable_model import TrainableModel
from zoo.runner.weights import Loaded

__all__ = ["PreparedJob", "prepare_job"]


@dataclass(frozen=True)
class PreparedJob:
    """A job with its final image size and execution, and the objects that were built to determine them.

    Args:
        resolved: the job; precision, memory format and compilation that are still ``auto`` follow the default rule.
        opened: the dataset, to be decoded at the final size.
        learner: the network with its initial weights, on its device.
        loaded: an account of the loaded weights; None where there are none.
        plan: the execution of training and of evaluation.
        seconds: duration of the preparation.
    """

    resolved: Resolved
    opened: OpenedData
    learner: TrainableModel
    loaded: Loaded | None
    plan: ExecutionPlan
    seconds: float


def prepare_job(resolved: Resolved, observer: Observer, ranks: Ranks = ALONE) -> PreparedJob:
    """Resolve the image size and the execution of a job.

    Seeds every random generator first, so that the initial weights depend on the job alone.

    Args:
        observer: receives the progress of decoding, which happens later.
        ranks: the processes of the run; only the first one times executions.

    Raises:
        ZooError: the job can't be built, or the data is invalid.
    """
    started = perf_counter()
    job = resolved.job
    seed_everything(job)
    usual = choose_execution(job.device, job.precision, job.memory_format, job.compile is True)
    keep_freed_memory(usual.device)
    opened = open_data(resolved, observer)
    model, resolved = build_network(resolved, opened.classes, opened.task)
    job = resolved.job
    loaded = load_initial_weights(model, resolved, opened.task.width(len(opened.classes)))
    usual = _for_network(usual, model, job)
    learner = trainable(usual.place(model), job)
    shown = job.train.images_per_epoch or len(opened.dataset)
    plan, resolved = _choose_execution(resolved, usual, learner, shown, ranks)
    opened = opened.at_size(job.train.image_size)
    return PreparedJob(resolved, opened, learner, loaded, plan, perf_counter() - started)


def _for_network(execution: Execution, model: nn.Module, job: Job) -> Execution:
    """The execution in a memory format that torch can compute the network in.

    Raises:
        RequestError: this processor can't compute one of its layers in the precision of training or evaluation.
    """
    execution.check(model)
    execution.computing_in(job.answers_in).check(model, "--set evaluation_precision=")
    return execution.suited(model)


def _choose_execution(
    resolved: Resolved, usual: Execution, learner: TrainableModel, images: int, ranks: Ranks
) -> tuple[ExecutionPlan, Resolved]:
    """Choose the fastest execution, and place the network accordingly.

    Args:
        images: number of images in an epoch.

    Returns:
        The plan, and the job with the measured values.
    """
    job = resolved.job
    made_of = {"id": resolved.entry("architecture").id, "params": job.architecture.params}
    plan = ExecutionPlan(usual, usual)
    if ranks.first:
        plan = fastest_execution(usual, learner, job, images, made_of)
    plan = ranks.broadcast(plan).on(usual.device)
    plan.train.place(learner.model)
    if plan.trial is None:
        return plan, resolved
    found = (plan.train.precision, plan.train.memory_format, plan.answer.precision, plan.train.compiled)
    decided = {k: v for k, v in zip(EXECUTED, found, strict=True) if getattr(job, k) == AUTO}
    return plan, resolved.decided(decided, plan.trial.how)
