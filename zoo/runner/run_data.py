"""The data of a run: its dataset, opened and then decoded, and batches of its splits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from zoo.data.batches import Batches, Normalize, targets_of
from zoo.data.gpu_cache import Residence
from zoo.data.open import Opener, open_training, training_splits
from zoo.data.samplers import Sampling
from zoo.data.split import Split
from zoo.engine.execution import Execution
from zoo.engine.features import FeatureBatches
from zoo.engine.ranks import ALONE, Ranks
from zoo.engine.task import Task, new_task
from zoo.job.resolve import Resolved
from zoo.job.schema import Job
from zoo.runner.build import build_opener, build_sampler
from zoo.runner.features import FeatureStore
from zoo.runner.losses import link_of_loss
from zoo.runner.observer import Observer

__all__ = ["OpenedData", "RunData", "open_data"]


@dataclass(frozen=True)
class OpenedData:
    """A job's dataset before any image is decoded.

    Args:
        opener: opens and decodes the dataset's splits.
        dataset: the object of the training split.
        classes: names, in label order.
        task: the task, whose outputs have their scale once the splits are decoded.
    """

    opener: Opener
    dataset: Any
    classes: list[str]
    task: Task

    def at_size(self, size: int) -> OpenedData:
        """The same data, to be decoded at another image size in pixels."""
        return replace(self, opener=replace(self.opener, shape=self.opener.shape._replace(size=size)))

    def in_8_bits(self) -> OpenedData:
        """The same data, to be decoded to 8 bits."""
        return replace(self, opener=replace(self.opener, shape=self.opener.shape._replace(values="8-bit")))

    def decode(self, job: Job) -> dict[str, Split]:
        """Decode train, val, and test where there is one, with the validation split that the job asks for.

        Raises:
            DataError: too many images can't be decoded, or a split lacks classes.
        """
        data = job.data
        return training_splits(
            self.opener, self.dataset, self.classes, data.val_fraction, job.seed, data.folds, data.fold
        )


def open_data(resolved: Resolved, observer: Observer) -> OpenedData:
    """Open the training split of the job's dataset.

    Args:
        observer: receives the progress of decoding, later.

    Raises:
        ZooError: there is no such data, or no training split, or fewer than two classes.
    """
    opener = build_opener(resolved, preparing=observer.preparing)
    dataset, classes = open_training(opener, resolved.facts.take_opened())
    return OpenedData(opener, dataset, classes, new_task(opener.task_of(dataset), link_of_loss(resolved)))


class RunData:
    """The decoded splits of a run, and batches of them for its network.

    Args:
        splits: decoded splits by name.
        resolved: settings of the batches, and their sampler.
        execution: device and memory format of the images.
        ranks: the processes that share the batches.
    """

    def __init__(self, splits: dict[str, Split], resolved: Resolved, execution: Execution, ranks: Ranks = ALONE):
        self.splits, self.job, self.execution, self.ranks = splits, resolved.job, execution, ranks
        self._sampler = build_sampler(resolved)
        self._residence = Residence(execution.device)
        self._features: dict[str, Tensor] = {}

    def batches(self, split: Split, *, train: bool = False) -> Batches | FeatureBatches:
        """Batches of the trained layers' input: images, or features of a frozen backbone."""
        if split.name not in self._features:
            return self.images(split, train=train)
        order = self.images(split, train=train, dealt=False)
        labels = targets_of(split.labels).to(self.execution.device)
        return FeatureBatches(self._features[split.name], labels, order.indices, self.ranks if train else ALONE)

    def images(self, split: Split, *, train: bool = False, dealt: bool = True) -> Batches:
        """Batches of a split's images: training's, or larger ones for a fast evaluation.

        Args:
            dealt: distribute the images over the run's processes; otherwise each process receives all of them.
        """
        data, train_config = self.job.data, self.job.train
        size, sampling = train_config.batch_size, None
        if train:
            sampling = Sampling(self._sampler, train_config.images_per_epoch)
        else:
            size = self.execution.evaluation_batch(2 * size, data.in_chans * train_config.image_size**2)
        return Batches(
            split,
            size,
            Normalize(data.mean, data.std, self.execution.device, data.scale),
            sampling=sampling,
            channels_last=self.execution.channels_last,
            residence=self._residence,
            ranks=self.ranks if dealt else ALONE,
        )

    def compute_features(self, store: FeatureStore) -> None:
        """Replace the images by the frozen backbone's features of them, computed once or read from the cache."""
        if not self.ranks.first:
            self.ranks.barrier()  # it then reads them from the cache, where they have a key
        self._features = {name: store.of(split, self.images(split, dealt=False)) for name, split in self.splits.items()}
        if self.ranks.first:
            self.ranks.barrier()
