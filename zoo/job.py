"""The Job: everything that decides a run, typed and validated in one place.

Components are named here and get keyword arguments when they are built; none ever sees a Job.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_default=True, allow_inf_nan=False)


class Choice(BaseModel):
    """A component by name with its parameters, written ``focal`` or ``{name: focal, gamma: 2}``."""

    model_config = ConfigDict(extra="forbid")

    name: str
    params: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _inline(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict):
            params = {k: v for k, v in value.items() if k != "name"}
            return {"name": value.get("name"), "params": params}
        return value

    @model_serializer
    def _flat(self) -> dict[str, Any]:
        return {"name": self.name, **self.params}


class Train(_Strict):
    """How to train."""

    epochs: int = Field(ge=1, le=100_000)
    batch_size: int = Field(ge=1)
    image_size: int = Field(ge=1, le=8192)
    start_size: int | None = Field(default=None, ge=1)
    start_fraction: float = Field(default=0.5, ge=0, le=1)
    optimizer: Choice
    lr: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    schedule: Choice
    clip_norm: float | None = Field(default=None, gt=0)
    ema_decay: float | None = Field(default=None, gt=0, lt=1)
    monitor: str = "val/accuracy"
    patience: int | None = Field(default=None, ge=1)
    min_delta: float = Field(default=0.0, ge=0)

    def size_of(self, epoch: int) -> int:
        """Side in pixels of an epoch's training images: small ones first, where the job says so."""
        early = self.start_size is not None and epoch <= round(self.epochs * self.start_fraction)
        return self.start_size if early and self.start_size else self.image_size

    @model_validator(mode="after")
    def _growing(self) -> Train:
        if self.start_size is not None and self.start_size > self.image_size:
            raise ValueError(f"start_size {self.start_size} must not be larger than image_size {self.image_size}")
        return self


class Data(_Strict):
    """How images become batches."""

    in_chans: int = Field(ge=1)
    resize: Literal["squash", "crop"] = "squash"
    mean: list[float] = Field(min_length=1)
    std: list[float] = Field(min_length=1)
    val_fraction: float = Field(default=0.2, gt=0, lt=1)
    on_bad_image: Literal["skip", "fail"] = "skip"
    max_bad_fraction: float = Field(default=0.01, ge=0, le=1)
    store: Literal["auto", "disk", "stream"] = "auto"

    @model_validator(mode="after")
    def _channels(self) -> Data:
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, self.in_chans):
                raise ValueError(f"{name} needs 1 value or {self.in_chans} (one a channel), not {len(values)}")
        if min(self.std) <= 0:
            raise ValueError("std must be positive")
        return self


class Job(_Strict):
    """What to run."""

    architecture: Choice
    dataset: Choice
    loss: Choice
    metrics: list[Choice] = Field(default_factory=list)
    augment: list[Choice] = Field(default_factory=list)
    train: Train
    data: Data
    device: str = Field(default="auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    seed: int = Field(default=0, ge=0, lt=2**63)
    recipe: str | None = None

    def plain(self) -> dict[str, Any]:
        """The job as JSON and YAML have it."""
        return self.model_dump(mode="json")


# Where a Choice stands in a job, and the kind that it is.
CHOICES: dict[str, str] = {
    "architecture": "architecture",
    "dataset": "dataset",
    "loss": "loss",
    "train.optimizer": "optimizer",
    "train.schedule": "schedule",
}
CHOICE_LISTS: dict[str, str] = {"metrics": "metric", "augment": "augmentation"}


def field_paths(model: type[BaseModel] = Job, prefix: str = "") -> list[str]:
    """Every dotted path of a job, without the components' parameters."""
    paths: list[str] = []
    for name, info in model.model_fields.items():
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel) and inner is not Choice:
            paths += field_paths(inner, f"{prefix}{name}.")
        else:
            paths.append(f"{prefix}{name}")
    return paths
