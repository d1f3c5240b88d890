"""A run's job as its result records it: read from any version, so no value is validated against current rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, ModelWrapValidatorHandler, model_validator

from zoo.runner.records import Number, Record

__all__ = ["ComponentRecord", "DataRecord", "JobRecord", "TrainRecord"]


class ComponentRecord(Record):
    """A component of a job: its name, and its parameters as further entries."""

    name: str | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _keep_keys(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        found = handler({"name": data} if isinstance(data, str) else data)
        if isinstance(data, str | Mapping):
            found._keys = ("name",) if isinstance(data, str) else tuple(data)
        return found

    @property
    def short_name(self) -> str:
        """The name without its plugin; empty where there is none."""
        return (self.name or "").rpartition("/")[2]


class TrainRecord(Record):
    """The ``train`` section of a job; a learning rate or a batch size can still be ``auto``."""

    epochs: int | None = None
    stop_after: int | None = None
    batch_size: int | str | None = None
    image_size: int | None = None
    optimizer: ComponentRecord = ComponentRecord()
    schedule: ComponentRecord = ComponentRecord()
    lr: Number | str | None = None
    weight_decay: Number | None = None
    freeze: int | str | None = None
    freeze_epochs: int | None = None
    patience: int | None = None
    class_weights: str = "none"
    sampler: ComponentRecord | str = ComponentRecord()

    @property
    def sampler_name(self) -> str:
        """Name of the sampler without its plugin; results of version 0.1 have it as text."""
        name = self.sampler if isinstance(self.sampler, str) else self.sampler.name or ""
        return name.rpartition("/")[2]

    @property
    def last_epoch(self) -> int | None:
        """The epoch after which training ends."""
        return self.stop_after or self.epochs


class DataRecord(Record):
    """The ``data`` section of a job: conversion of images to tensors."""

    mean: list[Number] | None = None
    std: list[Number] | None = None


class JobRecord(Record):
    """A resolved job.

    Args:
        augment: the augmentations in the order of application.
        recipe: name of the recipe that the job is based on.
    """

    architecture: ComponentRecord = ComponentRecord()
    dataset: ComponentRecord = ComponentRecord()
    loss: ComponentRecord = ComponentRecord()
    augment: list[ComponentRecord] = Field(default_factory=list)
    train: TrainRecord = TrainRecord()
    data: DataRecord = DataRecord()
    seed: int = 0
    weights: str | None = None
    recipe: str | None = None

    @property
    def data_folder(self) -> str:
        """Path of the dataset's folder or file; empty where it has none."""
        return str(self.dataset.extra.get("root") or "")
