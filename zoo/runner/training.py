"""One run, from a resolved job to its result: data, model, epochs, best weights, final evaluation."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
import yaml
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from zoo.bundle import read_weights, write_card, write_weights
from zoo.data.batches import Batches, Normalize
from zoo.data.open import TEST, TRAIN, VAL, Opener, open_training, training_splits
from zoo.data.splits import Split
from zoo.engine.evaluate import evaluate_logits, predict_logits, worst_mistakes
from zoo.engine.execution import Execution, choose_execution
from zoo.engine.train import train_epoch
from zoo.errors import RequestError, TrainingError
from zoo.files import append_json_line, write_text
from zoo.names import did_you_mean, listing
from zoo.resolve import Resolved
from zoo.runner import build
from zoo.runner.checkpoint import random_states, restore_random_states, save_checkpoint
from zoo.runner.folder import JOB, METRICS
from zoo.runner.hooks import Hooks
from zoo.runner.observer import Observer
from zoo.runner.record import Run

SCALARS = ("loss", "accuracy", "f1_macro", "f1_micro")


@dataclass
class Best:
    """The epoch whose weights are kept."""

    epoch: int
    metric: str
    value: float


class Training:
    """Everything that a run builds once and then uses, epoch after epoch."""

    def __init__(self, resolved: Resolved, folder: Path, observer: Observer):
        self.resolved, self.job, self.folder, self.observer = resolved, resolved.job, folder, observer
        self.history: list[dict[str, Any]] = []
        self.best: Best | None = None
        self.timing = {"setup_s": 0.0, "data_s": 0.0, "train_s": 0.0, "evaluate_s": 0.0}
        self._setup()

    # -- building ------------------------------------------------------------------------------------

    def _setup(self) -> None:
        """Model first and pixels last, so that what can be wrong is found before the long work."""
        started = perf_counter()
        job = self.job
        build.seed_everything(job)
        self.execution: Execution = choose_execution(job.device, job.precision)
        self.opener = self._opener()
        dataset, self.classes = open_training(self.opener)
        k = len(self.classes)
        self.model = self.execution.place(
            build.build_model(
                self.resolved.entry("architecture"), job.architecture.params, k, job.data.in_chans, job.train.image_size
            )
        )
        loss = build.build_loss(self.resolved, k)
        self.loss_fn = loss.to(self.execution.device) if isinstance(loss, nn.Module) else loss
        metrics = build.build_list(self.resolved, "metrics", job.metrics, k)
        self.metrics = dict(zip(build.metric_names(job.metrics), metrics, strict=True))
        for metric in self.metrics.values():
            if hasattr(metric, "to"):
                metric.to(self.execution.device)
        self.optimizer = build.build_optimizer(self.resolved, self.model)
        self._check_monitor()
        if job.train.start_size is not None:
            build.check_takes(self.model, self.resolved.entry("architecture"), job.data.in_chans, job.train.start_size)
        self.timing["setup_s"] = perf_counter() - started
        started = perf_counter()
        self.splits = training_splits(self.opener, dataset, self.classes, job.data.val_fraction, job.seed)
        self.timing["data_s"] = perf_counter() - started
        self._ready()

    def _opener(self) -> Opener:
        data, observer = self.job.data, self.observer
        return Opener(
            self.resolved.entry("dataset"),
            _dataset_params(self.resolved),
            (self.job.train.image_size, data.in_chans, data.resize),
            data.store,
            data.on_bad_image,
            data.max_bad_fraction,
            observer.preparing,
        )

    def _ready(self) -> None:
        """What needs to know how many steps there are."""
        train = self.job.train
        sizes = {train.size_of(epoch) for epoch in range(1, train.epochs + 1)}
        self.augment = {s: build.build_list(self.resolved, "augment", self.job.augment, s) for s in sizes}
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

    def _check_monitor(self) -> None:
        valid = [f"{VAL}/{name}" for name in (*SCALARS, *self.metrics)] + [f"{TRAIN}/{n}" for n in SCALARS[:2]]
        monitor = self.job.train.monitor
        if monitor not in valid:
            raise RequestError(
                f"train.monitor {monitor!r} is not measured.{did_you_mean(monitor, valid)} Valid are: {listing(valid)}."
            )

    # -- the record ----------------------------------------------------------------------------------

    def run_record(self, name: str) -> Run:
        """The run as observers and hooks see it."""
        entry = self.resolved.entry("architecture")
        notices = [text for split in self.splits.values() for text in split.notices]
        for split in self.splits.values():
            if split.skipped and split.rows is None:
                notices.append(_skipped_notice(split))
        return Run(
            name=name,
            dir=self.folder,
            job=self.job.plain(),
            sources=self.resolved.sources,
            classes=self.classes,
            splits={key: split.summary(self.classes) for key, split in self.splits.items()},
            model={
                "id": entry.id,
                "parameters": build.count_parameters(self.model),
                "plugin": entry.origin.plugin,
                "version": entry.origin.version,
            },
            device={"name": str(self.execution.device), "description": self.execution.describe().split(" · ")[0]},
            execution=", ".join(self.execution.describe().split(" · ")[1:]),
            expect=self.resolved.recipe.get("expect"),
            notices=list(dict.fromkeys(notices)),
        )

    def write_job(self) -> None:
        """job.yaml: `zoo run` on it does the run again."""
        write_text(self.folder / JOB, yaml.safe_dump(self.job.plain(), sort_keys=False, allow_unicode=True))

    def write_card(self) -> None:
        """The bundle's description; its weights follow, and change whenever an epoch is the best so far."""
        from zoo.runner.result import versions

        data, entry = self.job.data, self.resolved.entry("architecture")
        (self.folder / "model").mkdir(exist_ok=True)
        card = {
            "classes": self.classes,
            "preprocessing": {
                "image_size": self.job.train.image_size,
                "in_chans": data.in_chans,
                "resize": data.resize,
                "mean": data.mean,
                "std": data.std,
            },
            "architecture": {**entry.provenance(), "params": self.job.architecture.params},
            "parameters": build.count_parameters(self.model),
            "versions": versions(),
        }
        write_card(self.folder / "model", card)

    # -- epochs --------------------------------------------------------------------------------------

    def epochs(self, hooks: Hooks, run: Run) -> str | None:
        """Train until the last epoch, or a reason to stop.

        Returns:
            The reason, or None after the last epoch.
        """
        for epoch in range(len(self.history) + 1, self.job.train.epochs + 1):
            try:
                record = self._epoch(epoch)
            except TrainingError as error:
                raise TrainingError(f"Stopped in epoch {epoch}. {error}") from error
            self.observer.epoch_ended(record)
            reasons = [str(r) for r in hooks.call("zoo_epoch_end", run=run, epoch=record) if r]
            if reasons:
                return reasons[0]
            if self._out_of_patience(epoch):
                return f"no better {self.job.train.monitor} for {self.job.train.patience} epochs"
        return None

    def _epoch(self, epoch: int) -> dict[str, Any]:
        started = perf_counter()
        self.train_batches.epoch = epoch
        self.train_batches.size = size = self.job.train.size_of(epoch)
        self.train_batches.augment = self.augment[size]
        self.observer.epoch_started(epoch, self.job.train.epochs, len(self.splits[TRAIN]))
        lr = self.optimizer.param_groups[0]["lr"]
        totals = train_epoch(
            self.model,
            self.train_batches,
            self.loss_fn,
            self.optimizer,
            self.execution,
            schedule=self.schedule,
            scaler=self.scaler,
            clip_norm=self.job.train.clip_norm,
            after_step=self._average_weights if self.average else None,
            on_step=self.observer.step,
        )
        trained = perf_counter() - started
        val = self.evaluate(self.splits[VAL])[0]
        seconds = perf_counter() - started
        self.timing["train_s"] += trained
        self.timing["evaluate_s"] += seconds - trained
        record = {
            "epoch": epoch,
            "train": {"loss": totals.loss, "accuracy": totals.accuracy},
            "val": {k: v for k, v in val.items() if isinstance(v, float)},
            "lr": lr,
            "seconds": seconds,
            "images_per_second": totals.seen / trained,
        }
        return self._keep(record)

    def _average_weights(self) -> None:
        assert self.average is not None
        self.average.update_parameters(self.model)

    def _keep(self, record: dict[str, Any]) -> dict[str, Any]:
        """Weights if they are the best so far, then the line, then the checkpoint: each whole, in this order."""
        better = self._better(record)
        record["best"] = better is not None
        if better is not None:
            write_weights(self.folder / "model", self.final_model())
        self.history.append(record)
        self.best = better or self.best  # only now: an epoch that is interrupted while it is written never was
        append_json_line(self.folder / METRICS, record)
        save_checkpoint(self.folder / "checkpoints", self._state())
        return record

    def _better(self, record: dict[str, Any]) -> Best | None:
        """This epoch as the best one, if it is; a value that is no number is better than none at all."""
        split, _, name = self.job.train.monitor.partition("/")
        value = float(record[split][name])
        if self.best is not None:
            gain = (value - self.best.value) * (1 if self._higher_is_better(name) else -1)
            if math.isnan(value) or gain <= self.job.train.min_delta:
                return None
        return Best(record["epoch"], self.job.train.monitor, value)

    def _higher_is_better(self, name: str) -> bool:
        if name in SCALARS:
            return name != "loss"
        index = list(self.metrics).index(name)
        return bool(getattr(self.resolved.entry(f"metrics.{index}").component, "higher_is_better", True))

    def _out_of_patience(self, epoch: int) -> bool:
        patience = self.job.train.patience
        return patience is not None and self.best is not None and epoch - self.best.epoch >= patience

    def final_model(self) -> nn.Module:
        """The model that is evaluated and kept: the average of the weights, where the job asks for one."""
        return self.model if self.average is None else self.average.module

    def evaluate(self, split: Split, model: nn.Module | None = None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Every number of a split, and its worst mistakes."""
        model = self.final_model() if model is None else model
        logits, targets = predict_logits(model, self.batches(split), self.execution)
        numbers = evaluate_logits(logits, targets, self.loss_fn, self.classes, self.metrics)
        return numbers, worst_mistakes(logits, targets, split.names, self.classes)

    def evaluate_best(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Metrics and mistakes of val, and of test where there is one, by the best weights as they lie on the disk."""
        started = perf_counter()
        model = copy.deepcopy(self.final_model())
        read_weights(self.folder / "model", model)
        found = {name: self.evaluate(self.splits[name], model) for name in (VAL, TEST) if name in self.splits}
        self.timing["evaluate_s"] += perf_counter() - started
        return {k: v[0] for k, v in found.items()}, {k: v[1] for k, v in found.items()}

    # -- resuming ------------------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        return {
            "history": self.history,
            "best": vars(self.best) if self.best else None,
            "timing": self.timing,
            "model": self.model.state_dict(),
            "average": self.average.state_dict() if self.average else None,
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
            "random": random_states(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint of the same job."""
        self.history = state["history"]
        self.best = Best(**state["best"]) if state["best"] else None
        self.timing.update({k: v for k, v in state["timing"].items() if k != "setup_s"})
        self.model.load_state_dict(state["model"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.scaler.load_state_dict(state["scaler"])
        restore_random_states(state["random"])


def _dataset_params(resolved: Resolved) -> dict[str, Any]:
    """The dataset's parameters, in its factory's own types."""
    from zoo.signature import check

    entry = resolved.entry("dataset")
    values, _ = check("dataset", entry.factory(), resolved.job.dataset.params, "dataset")
    return values


def _skipped_notice(split: Split) -> str:
    shown = ", ".join(f"{Path(s['name']).name} ({s['reason']})" for s in split.skipped[:3])
    more = f" and {len(split.skipped) - 3} more" if len(split.skipped) > 3 else ""
    return f"{len(split.skipped)} {split.name} images could not be decoded and are left out: {shown}{more}."
