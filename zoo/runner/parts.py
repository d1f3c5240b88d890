"""What a run builds once: data, model, loss, metrics, optimizer, schedule. Training uses it, epoch after epoch."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from zoo.data.batches import Batches, Normalize
from zoo.data.open import TRAIN, VAL, Opener, open_training, training_splits
from zoo.data.splits import Split
from zoo.engine.execution import choose_execution
from zoo.errors import RequestError
from zoo.names import did_you_mean, listing
from zoo.resolve import Resolved
from zoo.runner import build
from zoo.runner.observer import Observer

SCALARS = ("loss", "accuracy", "f1_macro", "f1_micro")


class Parts:
    """The parts of a run, built from a resolved job.

    Model first and pixels last, so that what can be wrong is found before the long work.

    Raises:
        ZooError: what was asked for can't be built, or the data isn't as it should be.
    """

    def __init__(self, resolved: Resolved, observer: Observer):
        started = perf_counter()
        self.resolved, self.job = resolved, resolved.job
        build.seed_everything(self.job)
        self.execution = choose_execution(self.job.device, self.job.precision)
        self.opener = self._opener(observer)
        dataset, self.classes = open_training(self.opener)
        self.model = self.execution.place(self._model())
        self.loss_fn, self.metrics = build.build_scoring(resolved, len(self.classes), self.execution.device)
        self.optimizer = build.build_optimizer(resolved, self.model)
        self._check_monitor()
        self.setup_s = perf_counter() - started
        self.splits = training_splits(self.opener, dataset, self.classes, self.job.data.val_fraction, self.job.seed)
        self.data_s = perf_counter() - started - self.setup_s
        self._count_steps()

    def _opener(self, observer: Observer) -> Opener:
        data = self.job.data
        return Opener(
            self.resolved.entry("dataset"),
            build.dataset_params(self.resolved),
            (self.job.train.image_size, data.in_chans, data.resize),
            data.store,
            data.on_bad_image,
            data.max_bad_fraction,
            observer.preparing,
        )

    def _model(self) -> nn.Module:
        job, entry = self.job, self.resolved.entry("architecture")
        in_chans, size = job.data.in_chans, job.train.image_size
        model = build.build_model(entry, job.architecture.params, len(self.classes), in_chans, size)
        if job.train.start_size is not None:
            build.check_takes(model, entry, in_chans, job.train.start_size)
        return model

    def _check_monitor(self) -> None:
        valid = [f"{VAL}/{name}" for name in (*SCALARS, *self.metrics)] + [f"{TRAIN}/{n}" for n in SCALARS[:2]]
        monitor = self.job.train.monitor
        if monitor not in valid:
            raise RequestError(
                f"train.monitor {monitor!r} is not measured.{did_you_mean(monitor, valid)} Valid are: {listing(valid)}."
            )

    def _count_steps(self) -> None:
        """What needs to know how many steps there are."""
        train = self.job.train
        sizes = {train.size_of(epoch) for epoch in range(1, train.epochs + 1)}
        count, chosen = len(self.classes), self.job.augment
        self.augment = {s: build.build_list(self.resolved, "augment", chosen, s, num_classes=count) for s in sizes}
        self.train_batches = self.batches(self.splits[TRAIN], seed=self.job.seed)
        steps = len(self.train_batches) * train.epochs
        self.schedule = build.build_schedule(self.resolved, self.optimizer, steps)
        half = self.execution.dtype is torch.float16
        self.scaler = torch.amp.GradScaler(self.execution.device.type, enabled=half)
        self.average: AveragedModel | None = None
        if train.ema_decay is not None:
            average = get_ema_multi_avg_fn(train.ema_decay)  # type: ignore[no-untyped-call]
            self.average = AveragedModel(self.model, multi_avg_fn=average, use_buffers=True)

    def batches(self, split: Split, **training: Any) -> Batches:
        """Batches of a split; evaluation's are twice as large, for no gradient is kept."""
        data, device = self.job.data, self.execution.device
        size = self.job.train.batch_size * (1 if training else 2)
        normalize = Normalize(data.mean, data.std, device)
        return Batches(split, size, normalize, device, channels_last=self.execution.channels_last, **training)

    def average_weights(self) -> None:
        """After a step: bring the weights into their moving average, where the job asks for one."""
        if self.average is not None:
            self.average.update_parameters(self.model)

    def final_model(self) -> nn.Module:
        """The model that is evaluated and kept: the average of the weights, where the job asks for one."""
        return self.model if self.average is None else self.average.module

    def higher_is_better(self, name: str) -> bool:
        """Of a scalar, or of one of the job's metrics."""
        if name in SCALARS:
            return name != "loss"
        index = list(self.metrics).index(name)
        return bool(getattr(self.resolved.entry(f"metrics.{index}").component, "higher_is_better", True))

    def stateful(self) -> dict[str, Any]:
        """What a checkpoint keeps, by name: each has ``state_dict`` and ``load_state_dict``."""
        kept = {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule, "scaler": self.scaler}
        return kept if self.average is None else {**kept, "average": self.average}
