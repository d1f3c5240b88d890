"""The components of a run, built once from its job: data, model, loss, metrics, optimizer and schedule."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from zoo.data.batches import Batches, Normalize
from zoo.data.open import TRAIN
from zoo.data.split import Split, class_counts
from zoo.data.window import resolve_window, with_contrast_notice, with_window_notice
from zoo.engine.distill import Distillation, soft_loss, value_loss
from zoo.engine.execution import Execution
from zoo.engine.optimizers import needs_closure
from zoo.engine.outputs import loss_module, outputs_of
from zoo.engine.param_groups import weight_penalty
from zoo.engine.ranks import ALONE, Ranks
from zoo.engine.sharding import Divided, Stateful
from zoo.engine.step import StepConfig
from zoo.errors import RequestError
from zoo.job.resolve import Resolved
from zoo.runner import build
from zoo.runner.augmenting import build_augment
from zoo.runner.features import feature_store
from zoo.runner.losses import Scored, loss_weights
from zoo.runner.network import trainable, training_sides
from zoo.runner.observer import Observer
from zoo.runner.prepare import PreparedJob, prepare_job
from zoo.runner.run_data import OpenedData, RunData
from zoo.runner.scoring import Scoring, scoring_of
from zoo.runner.teacher import Teacher
from zoo.runner.trainable_model import TrainableModel

__all__ = ["RunComponents", "build_components"]


def build_components(resolved: Resolved, observer: Observer, ranks: Ranks = ALONE) -> RunComponents:
    """Settle what the job leaves to the network and the machine, and build the components of its run.

    Raises:
        ZooError: the job can't be built, or the data isn't as it should be.
    """
    return RunComponents(prepare_job(resolved, observer, ranks), observer, ranks)


class RunComponents:
    """The components of a run, built once from a prepared job.

    The images are decoded last, so that configuration errors are found before the long work.

    Args:
        prepared: the job, which is not modified, with its dataset and its network.
        observer: receives the progress of decoding, and of computing a frozen backbone's features.
        ranks: the processes of the run.

    Raises:
        ZooError: the job can't be built, or the data is invalid.
    """

    def __init__(self, prepared: PreparedJob, observer: Observer, ranks: Ranks = ALONE):
        started = perf_counter()
        self.resolved, self.job, self.ranks = prepared.resolved, prepared.resolved.job, ranks
        self.classes, self.task = prepared.opened.classes, prepared.opened.task
        self.dataset = prepared.opened.dataset
        self.loaded, self.trial, self.answering = prepared.loaded, prepared.plan.trial, prepared.plan.answer
        self.scored = Scored(self.classes, self.task, outputs_of(prepared.learner.model))
        self.learner, self.execution, self.divided = _shard(prepared, ranks)
        self.model = self.learner.model
        self.teacher = self._teacher()
        self.distill = self._distillation()
        scoring = self._scoring([1] * len(self.classes))
        if scoring.takes_outputs():
            self.learner.train_on_images()
        self._use(scoring)
        scoring.check_monitor()
        self.setup_s = prepared.seconds + perf_counter() - started
        started = perf_counter()
        self.splits = self._decode(prepared.opened)
        if self.job.train.class_weights != "none":
            scoring = self._scoring([int(n) for n in class_counts(self.splits[TRAIN].labels, len(self.classes))])
            self._use(scoring)
        self.data = RunData(self.splits, self.resolved, self.execution, ranks)
        if self.learner.alone:
            store = feature_store(self.resolved, self.model, str(self.learner.head), self.execution, observer)
            self.data.compute_features(store)
        self.data_s = perf_counter() - started
        self._build_schedule()
        ranks.barrier()  # one process may decode the images for all
        self.settle()
        ranks.seed_rank(self.job.seed)
        ranks.shorten_timeout()

    def _decode(self, opened: OpenedData) -> dict[str, Split]:
        """Decode the splits, and standardise values by those of the training split."""
        found = opened.decode(self.job)
        narrow = found[TRAIN].images.dtype.itemsize == 1 < max(each.images.dtype.itemsize for each in found.values())
        if self.job.data.window == "auto" and (narrow or found[TRAIN].mostly_8_bits):
            self._decide("8-bit", "most training images have 8 bits")
            found = opened.in_8_bits().decode(self.job)
        found = self._windowed(found)
        self.task = self.task.fitted(found[TRAIN].labels)
        self.scoring: Scoring = replace(self.scoring, task=self.task)
        if self.teacher is not None:
            self.teacher.student = self.task
        return {name: replace(split, labels=self.task.standardise(split.labels)) for name, split in found.items()}

    def _decide(self, window: Any, how: str) -> None:
        self.resolved = self.resolved.decided({"data.window": window}, TRAIN, how)
        self.job = self.resolved.job

    def _windowed(self, splits: dict[str, Split]) -> dict[str, Split]:
        """Resolve the job's window by the training split, and say it.

        Raises:
            RequestError: the teacher was trained with another window.
        """
        if (found := resolve_window(self.job.data.window, splits[TRAIN])) is not None:
            window, how = found
            self._decide(window, how)
            splits = {**splits, TRAIN: with_window_notice(splits[TRAIN], window, how)}
        if self.teacher is not None:
            self.teacher.check_window(self.job.data.scale)
        return {name: with_contrast_notice(split, self.job.data.scale) for name, split in splits.items()}

    def _teacher(self) -> Teacher | None:
        """Build the model to distill from; None where the job names none."""
        if self.job.teacher is None:
            return None
        data, registry = self.job.data, self.resolved.registry
        normalize = Normalize(data.mean, data.std, self.execution.device, data.scale)
        return Teacher(self.job.teacher, self.classes, self.task, normalize, data.in_chans, self.execution, registry)

    def _distillation(self) -> Distillation | None:
        train = self.job.train
        if self.teacher is None:
            return None
        return Distillation(self.teacher, train.distill_weight, train.distill_temperature, self._soft_loss())

    def _soft_loss(self) -> Callable[[Tensor, Tensor, float], Tensor]:
        """The distillation loss of the task."""
        if not self.task.classifies:
            return value_loss
        return partial(soft_loss, multilabel=self.task.multilabel)

    def _scoring(self, counts: Sequence[int]) -> Scoring:
        return scoring_of(self.resolved, self.scored, self.task, self.execution.device, counts)

    def _use(self, scoring: Scoring) -> None:
        """Set the loss and the metrics, and the optimizer of the network's weights and the loss's.

        Raises:
            RequestError: a sharded network is trained with a loss that has weights; or batches are cut, and the loss
                needs whole ones.
        """
        scoring.check_cuts(self.ranks.size)
        self.scoring, self.loss_fn, self.metrics = scoring, scoring.loss_fn, scoring.metrics
        self.loss_module = loss_module(scoring.loss_fn)
        if self.divided is not None and loss_weights(self.loss_fn):
            title = self.resolved.entry("loss").title
            raise RequestError(f"{title} has weights, which can't be sharded. Type: --set train.fsdp=false")
        self.optimizer = self.new_optimizer()

    def new_optimizer(self) -> torch.optim.Optimizer:
        """Build an optimizer over the parameters trained in any epoch, each group at its peak learning rate.

        Raises:
            RequestError: the optimizer needs a closure, and the precision float16.
        """
        exempt, own = _decay_exempt_ids(self.model), loss_weights(self.loss_fn)
        optimizer = build.build_optimizer(self.resolved, self.learner.learning(), exempt, own)
        if needs_closure(optimizer) and self.execution.dtype is torch.float16:
            title = self.resolved.entry("train.optimizer").title
            raise RequestError(f"{title} needs a closure, which fp16 does not support. Type: --precision fp32")
        return optimizer

    def _build_schedule(self) -> None:
        """Build the parts of a training step that depend on the number of steps or on the final weights."""
        train = self.job.train
        self.augment = {size: build_augment(self.resolved, size, self.classes) for size in training_sides(train)}
        self.train_batches = self.data.batches(self.splits[TRAIN], train=True)
        self.schedule = build.build_schedule(self.resolved, self.optimizer, len(self.train_batches) * train.epochs)
        self.scaler = self._new_scaler()
        self.learner.begin_average()
        weighted = train.l1 > 0 or train.l2 > 0
        self.stepped = self.execution.in_steps(self.learner.trained)
        self.penalty = weight_penalty(self.learner.trained.parameters(), train.l1, train.l2) if weighted else None

    def _new_scaler(self) -> torch.amp.GradScaler:
        half = self.execution.dtype is torch.float16
        return torch.amp.GradScaler(self.execution.device.type, enabled=half)

    def step_config(self) -> StepConfig:
        """Options of the training steps, with the layers that the current epoch freezes."""
        return StepConfig(
            schedule=self.schedule,
            scaler=self.scaler,
            clip_norm=self.job.train.clip_norm,
            accumulate=self.job.train.accumulate,
            penalty=self.penalty,
            distill=self.distill,
            frozen=self.learner.frozen,
            after_step=self.learner.after_step,
        )

    def trial_config(self, schedule: Any | None = None) -> StepConfig:
        """Options of trial steps, which leave the run's own schedule, scaler and weight average unchanged."""
        return replace(self.step_config(), schedule=schedule, scaler=self._new_scaler(), after_step=None)

    @property
    def images_per_epoch(self) -> int:
        """Number of training images shown in an epoch."""
        return self.job.train.images_per_epoch or len(self.splits[TRAIN])

    def begin_epoch(self, epoch: int) -> None:
        """Apply the settings of an epoch: image order, image size, augmentation and frozen layers."""
        self.learner.begin_epoch(epoch)
        batches, train = self.train_batches, self.job.train
        batches.epoch = epoch
        if isinstance(batches, Batches):
            batches.size = size = train.size_of(epoch)
            batches.room = 1 / train.size_fraction
            batches.augment = [] if epoch > train.epochs - train.plain_epochs else self.augment[size]

    def settle(self) -> None:
        """Broadcast the first process's buffers (such as batch-norm statistics) after training steps."""
        beside = [] if self.loss_module is None else [self.loss_module]
        self.ranks.broadcast_weights(self.model, *beside, *([self.learner.final] if self.divided is None else []))
        self.gather()

    def gather(self) -> None:
        """Gather weights that are sharded across processes, for evaluation and saving."""
        if self.divided is not None:
            self.divided.gather()

    def loss_state(self) -> dict[str, Tensor]:
        """Copy of the weights and buffers of the loss, by name; empty for a loss without any."""
        return {} if self.loss_module is None else copy.deepcopy(self.loss_module.state_dict())

    def load_loss_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore what :meth:`loss_state` returned."""
        if self.loss_module is not None and state:
            self.loss_module.load_state_dict(state)

    def stateful(self) -> dict[str, Stateful]:
        """The objects whose ``state_dict`` a checkpoint keeps, by name."""
        kept = {"optimizer": self.optimizer, "schedule": self.schedule, "scaler": self.scaler}
        taught = {} if self.teacher is None else {"teacher": self.teacher}
        divided = {} if self.divided is None else self.divided.stateful(self.optimizer)
        own = {"loss": self.loss_module} if self.loss_module is not None and self.loss_module.state_dict() else {}
        return {**self.learner.stateful(), **kept, **own, **taught, **divided}


def _shard(prepared: PreparedJob, ranks: Ranks) -> tuple[TrainableModel, Execution, Divided | None]:
    """Shard the network across processes where the job asks for it; this replaces its parameters."""
    learner, execution, job = prepared.learner, prepared.plan.train, prepared.resolved.job
    if not job.train.fsdp or ranks.size == 1:
        return learner, execution, None
    ranks.broadcast_weights(learner.model)
    divided = Divided(learner.model, ranks)
    learner = trainable(learner.model, job)
    learner.whole = divided.whole
    return learner, replace(execution, compiled=False), divided


def _decay_exempt_ids(model: nn.Module) -> set[int]:
    """Ids of parameters that the network exempts from weight decay, such as position embeddings (timm's protocol)."""
    ask = getattr(model, "no_weight_decay", None)
    names = set(ask()) if callable(ask) else set()
    return {id(p) for name, p in model.named_parameters() if name in names}
