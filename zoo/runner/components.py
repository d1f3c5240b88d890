"""The components of a run, built once: data, model, loss, metrics, optimizer, schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from zoo.data.batches import Batches, Normalize
from zoo.data.decode import is_multilabel
from zoo.data.gpu_cache import Residence
from zoo.data.open import TRAIN, VAL, open_training, training_splits
from zoo.data.split import Split, class_counts
from zoo.engine.batch_weights import is_of_whole_batch
from zoo.engine.class_weights import class_weights
from zoo.engine.distill import Distillation
from zoo.engine.execution import choose_execution, keep_freed_memory
from zoo.engine.features import FeatureBatches
from zoo.engine.layer_groups import find_head, is_last_step
from zoo.engine.ranks import ALONE, Ranks
from zoo.engine.sharding import Divided
from zoo.engine.task import MULTI_LABEL, SINGLE_LABEL
from zoo.engine.train import weight_penalty
from zoo.errors import RequestError
from zoo.job.apply_rules import SIZE
from zoo.job.resolve import Resolved
from zoo.job.schema import AUTO, EXECUTED
from zoo.model.build import build_model, check_takes
from zoo.model.bundle import preprocessing_of
from zoo.registry.suggest import did_you_mean, listing
from zoo.runner import build
from zoo.runner.environment import versions
from zoo.runner.fastest_execution import ExecutionPlan, fastest_execution
from zoo.runner.features import FeatureStore
from zoo.runner.observer import Observer
from zoo.runner.result_parts import ExecutionTrial
from zoo.runner.teacher import Teacher
from zoo.runner.trainable_model import TrainableModel, blank
from zoo.runner.weights import Loaded, load_weights


class RunComponents:
    """The parts of a run, built from a resolved job.

    Model first and pixels last, so that what can be wrong is found before the long work.

    Raises:
        ZooError: what was asked for can't be built, or the data isn't as it should be.
    """

    def __init__(self, resolved: Resolved, observer: Observer, ranks: Ranks = ALONE):
        started = perf_counter()
        self.resolved, self.job, self.ranks = resolved, resolved.job, ranks
        build.seed_everything(self.job)
        how = (self.job.precision, self.job.memory_format, self.job.compile is True)
        self.execution = choose_execution(self.job.device, *how)
        keep_freed_memory(self.execution.device)
        self.opener = build.build_opener(resolved, preparing=observer.preparing)
        dataset, self.classes = open_training(self.opener, resolved.facts.take_opened())
        self.task = MULTI_LABEL if is_multilabel(dataset) else SINGLE_LABEL
        self.loaded: Loaded | None = None
        self.learner = self._learner()
        self.trial = self._choose_execution(self.job.train.images_per_epoch or len(dataset))
        self.divided = self._divided()
        self.teacher = self._teacher()
        self.distill = self._distillation()
        self.loss_fn, self.metrics = self._scoring([1] * len(self.classes))
        self.optimizer = self.new_optimizer()
        self._check_monitor()
        self.setup_s = perf_counter() - started
        data, seed = self.job.data, self.job.seed
        self.splits = training_splits(
            self.opener, dataset, self.classes, data.val_fraction, seed, data.folds, data.fold
        )
        if self.job.train.class_weights != "none":
            self.loss_fn, self.metrics = self._scoring(self._counts(TRAIN))
        self._check_pieces()
        self.residence = Residence(self.execution.device)
        self._features = self._compute_features(observer) if self.learner.alone else {}
        self.data_s = perf_counter() - started - self.setup_s
        self._count_steps()
        ranks.wait()  # one may have decoded all of the images
        self.settle()
        ranks.part_ways(self.job.seed)
        ranks.hurry()

    def _model(self) -> nn.Module:
        entry, in_chans = self.resolved.entry("architecture"), self.job.data.in_chans
        params, count = self.job.architecture.params, len(self.classes)
        make = partial(build_model, entry, params, count, in_chans, pretrained=self.job.pretrained)
        try:
            model = make(self.job.train.image_size)
        except RequestError:
            if not self._take_designed_size():
                raise
            model = make(self.job.train.image_size)
        size = self.job.train.image_size
        for side in self._sizes() - {size}:
            check_takes(model, entry, in_chans, side)
        return model

    def _take_designed_size(self) -> bool:
        """Where a rule chose an image size that the network doesn't take: the one that it was designed for.

        Returns:
            Whether there is another to try.
        """
        own = getattr(self.resolved.entry("architecture").component, "input_size", None)
        if SIZE not in self.resolved.reasons or own in (None, self.job.train.image_size):
            return False
        reason = f"the network takes no {self.job.train.image_size} px; it was designed for {own}"
        self.resolved = self.resolved.decided({SIZE: own}, "architecture", reason)
        self.job = self.resolved.job
        self.opener = replace(self.opener, shape=self.opener.shape._replace(size=own))
        return True

    def _sizes(self) -> set[int]:
        """Sides of the training images in all epochs."""
        return {self.job.train.size_of(epoch) for epoch in range(1, self.job.train.epochs + 1)}

    def _learner(self) -> TrainableModel:
        """The network with the weights that it begins with, where and as it is trained."""
        job = self.job
        model = self._model()
        images = blank(model, job.data.in_chans, job.train.image_size)
        if job.weights:
            self.loaded = load_weights(model, job.weights, head_or_none(model, images), self.resolved.registry)
        self._begin_head(model, images)
        self.execution.check(model)
        self.execution.computing_in(job.answers_in).check(model, "--set evaluation_precision=")
        self.execution = self.execution.suited(model)
        self.model = self.execution.place(model)
        return self._learning(images.to(self.execution.device))

    def _learning(self, images: Tensor) -> TrainableModel:
        job = self.job
        plain = not job.augment and job.teacher is None and self._sizes() == {job.train.image_size}
        return TrainableModel(self.model, job.train, images, plain=plain)

    def _divided(self) -> Divided | None:
        """Divide the network among the processes, where the job says so: its parameters are others from here on."""
        if not self.job.train.fsdp or self.ranks.size == 1:
            return None
        self.ranks.agree(self.model)
        divided = Divided(self.model, self.ranks)
        self.execution = replace(self.execution, compiled=False)
        self.learner = self._learning(blank(self.model, self.job.data.in_chans, self.job.train.image_size))
        self.learner.whole = divided.whole
        return divided

    def settle(self) -> None:
        """After steps: what each process has found for itself, as a batch norm does, is the first one's."""
        self.ranks.agree(self.model, *([self.learner.final] if self.divided is None else []))
        self.gather()

    def gather(self) -> None:
        """Bring weights that are divided together, to be evaluated and kept."""
        if self.divided is not None:
            self.divided.gather()

    def _choose_execution(self, images: int) -> ExecutionTrial | None:
        """Take the fastest execution; the trial by which it was found."""
        made_of = {"id": self.resolved.entry("architecture").id, "params": self.job.architecture.params}
        plan = ExecutionPlan(self.execution, self.execution)
        if self.ranks.first:
            plan = fastest_execution(self.execution, self.learner, self.job, images, made_of)
        plan = self.ranks.told(plan).on(self.execution.device)
        self.execution, self.answering = plan.train, plan.answer
        self.execution.place(self.model)
        if plan.trial is not None:
            found = (plan.train.precision, plan.train.memory_format, plan.answer.precision, plan.train.compiled)
            decided = {k: v for k, v in zip(EXECUTED, found, strict=True) if getattr(self.job, k) == AUTO}
            self.resolved = self.resolved.decided(decided, plan.trial.how)
            self.job = self.resolved.job
        return plan.trial

    def _teacher(self) -> Teacher | None:
        """The model whose answers are learned from, where the job names one."""
        if self.job.teacher is None:
            return None
        data, registry = self.job.data, self.resolved.registry
        normalize = Normalize(data.mean, data.std, self.execution.device)
        return Teacher(self.job.teacher, self.classes, self.task, normalize, data.in_chans, self.execution, registry)

    def _distillation(self) -> Distillation | None:
        train = self.job.train
        if self.teacher is None:
            return None
        return Distillation(self.teacher, train.distill_weight, train.distill_temperature, self.task.multilabel)

    def new_optimizer(self) -> torch.optim.Optimizer:
        """An optimizer over all that learns in some epoch, its groups at their peak rates."""
        return build.build_optimizer(self.resolved, self.learner.learning(), _without_decay(self.model))

    def _begin_head(self, model: nn.Module, images: Tensor) -> None:
        """A new last layer on trained ones begins at zero, so that chance has no part in its answers.

        Source: Kolesnikov et al. 2019 (BiT), arXiv:1912.11370.
        """
        head = head_or_none(model, images) if self.loaded or self.job.pretrained else None
        if head is None or not is_last_step(model, head, images):
            return
        layer = model.get_submodule(head)
        fresh = set(self.loaded.fresh) if self.loaded else {f"{head}.weight", f"{head}.bias"}
        if self.job.pretrained and getattr(model, "pretrained_cfg", {}).get("num_classes", 1000) == len(self.classes):
            return  # the head may be the library's own
        if isinstance(layer, nn.Linear | nn.Conv2d):
            for name, parameter in layer.named_parameters():
                if f"{head}.{name}" in fresh:
                    nn.init.zeros_(parameter)

    def _scoring(self, counts: Sequence[int]) -> tuple[Any, dict[str, Any]]:
        """The loss, with classes weighted by their numbers of images where the job asks for it, and the metrics."""
        rule = self.job.train.class_weights
        weights = None if rule == "none" else class_weights(counts, rule)
        several = self.task.multilabel
        return build.build_scoring(self.resolved, len(self.classes), self.execution.device, weights, multilabel=several)

    def loss_is_of_whole_batch(self) -> bool:
        """Tell a loss that is no mean over images, so that pieces and processes change the training."""
        several = self.task.multilabel
        return is_of_whole_batch(self.loss_fn, len(self.classes), self.execution.device, multilabel=several)

    def _check_pieces(self) -> None:
        train = self.job.train
        if train.accumulate > 1 and self.loss_is_of_whole_batch():
            raise RequestError(
                f"train.accumulate={train.accumulate} computes a batch in pieces, and loss {self.job.loss.name!r} is "
                "no mean over images: its pieces are not the whole. Take a smaller batch in its place: "
                f"--batch-size {max(2, train.batch_size // train.accumulate)} --set train.accumulate=1"
            )

    def _counts(self, split: str) -> list[int]:
        return [int(n) for n in class_counts(self.splits[split].labels, len(self.classes))]

    def _compute_features(self, observer: Observer) -> dict[str, Tensor]:
        """The output of a frozen backbone for every image, computed once."""
        entry = self.resolved.entry("architecture")
        made = {**entry.provenance(), "params": self.job.architecture.params}
        recipe = {"architecture": made, "preprocessing": preprocessing_of(self.job), "versions": versions()}
        store = FeatureStore(self.model, str(self.learner.head), recipe, self.execution, observer)
        if not self.ranks.first:
            self.ranks.wait()  # and then finds them in the cache, where they have a key
        found = {name: store.of(split, self.images(split, dealt=False)) for name, split in self.splits.items()}
        if self.ranks.first:
            self.ranks.wait()
        return found

    def _check_monitor(self) -> None:
        known = (*self.task.scalars, *self.metrics)
        valid = [f"{VAL}/{name}" for name in dict.fromkeys(known)] + [f"{TRAIN}/{name}" for name in known[:2]]
        monitor = self.job.train.monitor
        if monitor not in valid:
            raise RequestError(
                f"train.monitor {monitor!r} is not measured.{did_you_mean(monitor, valid)} Valid are: {listing(valid)}."
            )

    def _count_steps(self) -> None:
        """Build the parts that need the number of steps: augmentation, batches, schedule, gradient scaler."""
        train = self.job.train
        count, chosen = len(self.classes), self.job.augment
        self.augment = {
            size: build.build_list(self.resolved, "augment", chosen, size, num_classes=count) for size in self._sizes()
        }
        self.train_batches = self.batches(self.splits[TRAIN], train=True)
        steps = len(self.train_batches) * train.epochs
        self.schedule = build.build_schedule(self.resolved, self.optimizer, steps)
        half = self.execution.dtype is torch.float16
        self.scaler = torch.amp.GradScaler(self.execution.device.type, enabled=half)
        self.learner.begin_average()
        weighted = train.l1 > 0 or train.l2 > 0
        self.stepped = self.execution.in_steps(self.learner.trained)
        self.penalty = weight_penalty(self.learner.trained.parameters(), train.l1, train.l2) if weighted else None

    @property
    def images_per_epoch(self) -> int:
        """How many images an epoch shows."""
        return self.job.train.images_per_epoch or len(self.splits[TRAIN])

    def batches(self, split: Split, *, train: bool = False) -> Batches | FeatureBatches:
        """Batches of what the learner takes: images, or features of a frozen backbone."""
        if split.name not in self._features:
            return self.images(split, train=train)
        order = self.images(split, train=train, dealt=False)
        labels = torch.from_numpy(split.labels).to(self.execution.device)
        return FeatureBatches(self._features[split.name], labels, order.indices, self.ranks if train else ALONE)

    def images(self, split: Split, *, train: bool = False, dealt: bool = True) -> Batches:
        """Batches of a split: training's, or those in which evaluation is fast.

        Args:
            dealt: to all processes of the run; else each has all of them.
        """
        data, device, job = self.job.data, self.execution.device, self.job
        size = job.train.batch_size
        if not train:
            size = self.execution.evaluation_batch(2 * size, data.in_chans * job.train.image_size**2)
        return Batches(
            split,
            size,
            Normalize(data.mean, data.std, device),
            device,
            seed=job.seed if train else None,
            balanced=job.train.sampler == "balanced",
            images_per_epoch=job.train.images_per_epoch,
            channels_last=self.execution.channels_last,
            residence=self.residence,
            ranks=self.ranks if dealt else ALONE,
        )

    def begin_epoch(self, epoch: int) -> None:
        """Set what differs from epoch to epoch: order, size of the pictures, augmentation, what is frozen."""
        self.learner.begin_epoch(epoch)
        batches, train = self.train_batches, self.job.train
        batches.epoch = epoch
        if isinstance(batches, Batches):
            batches.size = size = train.size_of(epoch)
            batches.room = 1 / train.size_fraction
            batches.augment = [] if epoch > train.epochs - train.plain_epochs else self.augment[size]

    def higher_is_better(self, name: str) -> bool:
        """Of a scalar, or of one of the job's metrics."""
        if name in self.task.scalars:
            return name in self.task.higher
        index = list(self.metrics).index(name)
        return bool(getattr(self.resolved.entry(f"metrics.{index}").component, "higher_is_better", True))

    def stateful(self) -> dict[str, Any]:
        """The parts that a checkpoint keeps, by name: each has ``state_dict`` and ``load_state_dict``."""
        kept = {"optimizer": self.optimizer, "schedule": self.schedule, "scaler": self.scaler}
        taught = {} if self.teacher is None else {"teacher": self.teacher}
        divided = {} if self.divided is None else self.divided.stateful(self.optimizer)
        return {**self.learner.stateful(), **kept, **taught, **divided}


def head_or_none(model: nn.Module, images: Tensor) -> str | None:
    """The path of the network's last layer, where it can be told."""
    try:
        return find_head(model, images)
    except ValueError:
        return None


def _without_decay(model: nn.Module) -> set[int]:
    """Ids of the parameters that the network itself exempts from weight decay, such as positions (timm's protocol)."""
    ask = getattr(model, "no_weight_decay", None)
    names = set(ask()) if callable(ask) else set()
    return {id(p) for name, p in model.named_parameters() if name in names}
