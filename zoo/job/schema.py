"""The Job: all settings of a run, typed and validated in one place.

Components are referred to by name and get keyword arguments when they are built; they never see a Job.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    WrapValidator,
    field_validator,
    model_serializer,
    model_validator,
)

from zoo.plugin import Interpolation
from zoo.registry.kinds import ALL, CHOICE_LISTS, CHOICES
from zoo.registry.plugin_settings import SECTION

AUTO = "auto"


def _or_auto(value: Any, number: Callable[[Any], Any]) -> Any:
    return value if value == AUTO else number(value)


# A number or "auto", which the runner replaces by a number before anything is built.
_AUTO = (WrapValidator(_or_auto), PlainSerializer(lambda value: value))


Side = Annotated[int, Field(ge=1, le=8192)]
"""Side of an image in pixels."""
Channels = Annotated[int, Field(ge=1, le=4096)]
MOST_VALUES = 2**28
"""Maximum number of values in an image: 8,192 px in four channels, 1 GiB as float32."""


def check_image(image_size: int, in_chans: int) -> None:
    """Raise ValueError for images that are too large for any memory."""
    if image_size**2 * in_chans > MOST_VALUES:
        raise ValueError(
            f"{in_chans:,} channels of {image_size:,}x{image_size:,} px have more than {MOST_VALUES:,} values per image"
        )


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_default=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        """Convert ``none``, as ``--dry-run`` prints it, to None for fields with a default of None."""
        if not isinstance(value, dict):
            return value
        absent = {name for name, field in cls.model_fields.items() if field.default is None}
        return {key: None if each == "none" and key in absent else each for key, each in value.items()}


class Choice(BaseModel):
    """A component by name with its parameters, written as ``focal`` or ``{name: focal, gamma: 2}``."""

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

    @property
    def label(self) -> str:
        """Name in results: without the plugin, unless every evaluation has a number of that name."""
        short = self.name.rpartition("/")[2]
        return self.name if short in MEASURED else short

    @model_serializer
    def _flat(self) -> dict[str, Any]:
        return {"name": self.name, **self.params}


class Train(_Strict):
    """Training settings.

    Args:
        size_fraction: side of the training images as a fraction of ``image_size``. Augmentations that zoom in enlarge
            objects compared to evaluation; smaller training images compensate for that.
        start_size, start_fraction: side of the training images in the first ``start_fraction`` of the epochs.
        head_lr: peak learning rate of the last layer; None for ``lr``.
        layer_decay: factor on the learning rate from each block of the network to the block before it.
        freeze: layers to freeze: ``backbone`` (all layers except the head), or a number of blocks from the front.
        freeze_epochs: number of epochs with frozen layers; None for all.
        freeze_norms: keep the statistics of batch norms instead of updating them from small batches.
        unfreeze_epochs: number of further epochs over which the blocks are unfrozen, the last ones first.
        accumulate: number of pieces of a batch for gradient accumulation; the result is the same except for batch norm.
            Losses of the whole batch, such as soft F1, are refused.
        l1, l2: penalty factors on the absolute values and on half the squares of the weights, without norms and biases.
        swa_epochs: number of epochs at the end whose weights are averaged (stochastic weight averaging).
        plain_epochs: number of epochs at the end without augmentation.
        class_weights: class weights in the loss: ``balanced`` by frequency, ``effective`` by the effective number of
            images.
        sampler: chooses and orders the images of each epoch; ``balanced`` shows all classes equally often.
        images_per_epoch: number of images in an epoch; epochs then cover the data one part after the other. None for
            all images.
        stop_after: number of epochs after which training stops, while the schedule is planned for all epochs.
        checkpoint_s: interval in seconds of checkpoints within an epoch.
        fsdp: shard the weights and the optimizer's state over the processes, for networks that exceed the memory of one
            GPU.
        distill_weight: weight of the teacher in the objective, in 0..1; at 1 the labels are ignored.
        distill_temperature: divisor of the logits of teacher and student in the distillation loss.
    """

    epochs: int = Field(ge=1, le=100_000)
    batch_size: Annotated[int, Field(ge=1), *_AUTO]
    image_size: Side
    size_fraction: float = Field(default=1.0, gt=0, le=1)
    start_size: int | None = Field(default=None, ge=1)
    start_fraction: float = Field(default=0.5, ge=0, le=1)
    optimizer: Choice
    lr: Annotated[float, Field(gt=0), *_AUTO]
    weight_decay: float = Field(ge=0)
    schedule: Choice
    head_lr: float | None = Field(default=None, gt=0)
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    freeze: int | str | None = None
    freeze_epochs: int | None = Field(default=None, ge=1)
    unfreeze_epochs: int = Field(default=0, ge=0)
    freeze_norms: bool = False
    accumulate: int = Field(default=1, ge=1)
    l1: float = Field(default=0.0, ge=0)
    l2: float = Field(default=0.0, ge=0)
    clip_norm: float | None = Field(default=None, gt=0)
    ema_decay: float | None = Field(default=None, gt=0, lt=1)
    swa_epochs: int = Field(default=0, ge=0)
    plain_epochs: int = Field(default=0, ge=0)
    class_weights: Literal["none", "balanced", "effective"] = "none"
    sampler: Choice = Field(default_factory=lambda: Choice(name=str(ALL["sampler"].default)))
    distill_weight: float = Field(default=0.5, ge=0, le=1)
    distill_temperature: float = Field(default=4.0, gt=0)
    images_per_epoch: int | None = Field(default=None, ge=1)
    stop_after: int | None = Field(default=None, ge=1)
    checkpoint_s: float = Field(default=300.0, gt=0)
    fsdp: bool = False
    monitor: str = "val/accuracy"
    patience: int | None = Field(default=None, ge=1)
    min_delta: float = Field(default=0.0, ge=0)

    def autos(self) -> tuple[str, ...]:
        """Fields of ``batch_size`` and ``lr`` that are ``auto``, to be determined by the run."""
        return tuple(name for name in ("batch_size", "lr") if getattr(self, name) == AUTO)

    @property
    def last_epoch(self) -> int:
        """Last epoch of the training."""
        return min(self.stop_after or self.epochs, self.epochs)

    @property
    def train_size(self) -> int:
        """Side in pixels of the training images, after an initial phase of ``start_size``."""
        return max(1, round(self.image_size * self.size_fraction))

    def size_of(self, epoch: int) -> int:
        """Side in pixels of the training images in an epoch."""
        early = self.start_size is not None and epoch <= round(self.epochs * self.start_fraction)
        return self.start_size if early and self.start_size else self.train_size

    def frozen_blocks(self, epoch: int, count: int) -> int:
        """Number of frozen blocks in an epoch, of ``count`` blocks including the head."""
        if self.freeze is None:
            return 0
        frozen = min(self.freeze, count - 1) if isinstance(self.freeze, int) else count - 1
        since = 0 if self.freeze_epochs is None else max(epoch - self.freeze_epochs, 0)
        if since == 0:
            return frozen
        return max(0, round(frozen * (1 - since / (self.unfreeze_epochs + 1))))

    @field_validator("freeze")
    @classmethod
    def _what_is_frozen(cls, value: int | str | None) -> int | str | None:
        if isinstance(value, str) and value.isdigit():
            value = int(value)
        if value is not None and value != "backbone" and (isinstance(value, str) or value < 1):
            raise ValueError(f"must be backbone or a number of blocks of at least 1, not {value!r}")
        return value

    @model_validator(mode="after")
    def _frozen_at_all(self) -> Train:
        if self.freeze is None and self.freeze_epochs is not None:
            raise ValueError("freeze_epochs needs frozen layers: add --freeze backbone")
        if self.freeze_epochs is None and self.unfreeze_epochs:
            raise ValueError("unfreeze_epochs needs freeze_epochs: set it too")
        return self

    @model_validator(mode="after")
    def _averaged_once(self) -> Train:
        if self.swa_epochs and self.ema_decay is not None:
            raise ValueError("swa_epochs and ema_decay can't be combined: both average the weights")
        return self

    @model_validator(mode="after")
    def _divided(self) -> Train:
        whole = {
            "freeze": self.freeze,
            "ema_decay": self.ema_decay,
            "swa_epochs": self.swa_epochs,
            "l1": self.l1,
            "l2": self.l2,
        }
        if self.fsdp and (needed := [name for name, value in whole.items() if value]):
            raise ValueError(f"fsdp and {needed[0]} can't be combined: {needed[0]} needs unsharded weights")
        return self

    @model_validator(mode="after")
    def _growing(self) -> Train:
        if self.start_size is not None and self.start_size > self.train_size:
            whole = f"image_size {self.image_size}"
            limit = whole if self.size_fraction == 1 else f"{self.size_fraction:g} of {whole}"
            raise ValueError(f"start_size {self.start_size} must not be larger than {limit}")
        return self


Range = Annotated[list[float], Field(min_length=2, max_length=2)]
WindowWord = Literal["auto", "8-bit", "percentile", "dicom"]


class Data(_Strict):
    """Settings for images and batches.

    Args:
        window: values that become 0 and 1, in the images' own unit: ``[0, 4095]``; ``auto`` for the range of the
            training images, or ``8-bit`` where at least half of them have 8 bits; ``percentile`` for their 0.5 to
            99.5 %; ``dicom`` for the window that each file states; ``8-bit`` to reduce all images to 8 bits.
    """

    in_chans: Channels
    window: WindowWord | Range = "auto"
    resize: Literal["squash", "crop"] = "squash"
    interpolation: Interpolation = "bilinear"
    crop_pct: float = Field(default=1.0, gt=0, le=1)
    mean: list[float] = Field(min_length=1)
    std: list[float] = Field(min_length=1)
    val_fraction: float = Field(default=0.2, gt=0, lt=1)
    folds: int | None = Field(default=None, ge=2, le=1000)
    fold: int | None = Field(default=None, ge=1)
    on_bad_image: Literal["skip", "fail"] = "skip"
    max_bad_fraction: float = Field(default=0.01, ge=0, le=1)
    store: Literal["auto", "disk", "stream"] = "auto"

    @model_validator(mode="after")
    def _channels(self) -> Data:
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, self.in_chans):
                raise ValueError(f"{name} needs 1 value or {self.in_chans} (one per channel), not {len(values)}")
        if min(self.std) <= 0:
            raise ValueError("std must be positive")
        if self.crop_pct < 1 and self.resize != "crop":
            raise ValueError(f"crop_pct {self.crop_pct} has no effect with resize=squash; set data.resize=crop")
        return self

    @field_validator("window", mode="before")
    @classmethod
    def _of_a_word_or_two_values(cls, window: Any) -> Any:
        two = isinstance(window, list | tuple) and len(window) == 2
        if two and all(type(each) in (int, float) and isfinite(each) for each in window) and window[0] < window[1]:
            return [float(each) for each in window]
        if window not in get_args(WindowWord):
            words = ", ".join(get_args(WindowWord))
            raise ValueError(f"must be {words} or [LOWER,UPPER] with LOWER < UPPER, not {window}")
        return window

    @property
    def scale(self) -> list[float] | Literal["dicom"] | None:
        """Window of a job with its numbers, as bundles and :class:`zoo.data.batches.Normalize` have it."""
        return self.window if self.window == "dicom" or not isinstance(self.window, str) else None

    @property
    def values(self) -> Literal["8-bit", "own", "dicom"]:
        """Values of images that decoding keeps."""
        return self.window if self.window in ("8-bit", "dicom") else "own"

    @model_validator(mode="after")
    def _one_fold_of(self) -> Data:
        if (self.folds is None) != (self.fold is None):
            raise ValueError(
                "folds and fold must be set together, such as folds=5 and fold=1; for all folds use --folds 5"
            )
        if self.folds is not None and self.fold is not None and self.fold > self.folds:
            raise ValueError(f"fold must be from 1 to {self.folds}, as there are {self.folds} folds, not {self.fold}")
        return self


Precision = Literal["auto", "fp32", "bf16", "fp16"]

TaskWord = Literal["auto", "single-label", "multi-label", "regression", "ordinal"]
"""``auto``, or one of :data:`zoo.plugin.TASKS`."""

Views = Literal["none", "flip", "crops", "flip_crops", "d4"]
"""Methods of test-time augmentation; a copy of those in ``zoo.engine.tta``, which imports torch."""


class Job(_Strict):
    """Settings of a run.

    Args:
        task: what is learned of an image: one class, any of several labels, numbers (``regression``), or one of ordered
            classes (``ordinal``); ``auto`` is the dataset's own.
        tta: test-time augmentation: predictions of the trained model, in the final evaluation and in later use, are the
            mean over several views of an image. Evaluations between epochs use one view.
        precision, memory_format: for ``auto``, the run's job.yaml records the fastest value.
        evaluation_precision: precision of inference; ``auto`` is the fastest where ``precision`` is ``auto``, else the
            same.
        compile: use torch.compile for training steps; ``auto`` does so where it was measured to be faster, on a GPU in
            a long training.
        plugins: settings by plugin, of those that declare some.

    Components of kinds that plugins declare stand at the paths of their kinds, beside these fields.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, list[Choice] | Choice | None]

    architecture: Choice
    dataset: Choice
    task: TaskWord = "auto"
    loss: Choice
    metrics: list[Choice] = Field(default_factory=list)
    augment: list[Choice] = Field(default_factory=list)
    callbacks: list[Choice] = Field(default_factory=list)
    train: Train
    data: Data
    device: str = Field(default="auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    precision: Precision = "auto"
    evaluation_precision: Precision = "auto"
    memory_format: Literal["auto", "channels_last", "channels_first"] = "auto"
    compile: bool | Literal["auto"] = "auto"
    tta: Views = "none"
    seed: int = Field(default=0, ge=0, lt=2**63)
    pretrained: bool = False
    weights: str | None = None
    teacher: str | None = None
    recipe: str | None = None
    plugins: dict[str, Mapping[str, Any]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _declared(self) -> Job:
        """Refuse keys at which no kind of component stands."""
        extra = self.model_extra if self.model_extra is not None else {}
        if unknown := [name for name in extra if name not in (*CHOICES, *CHOICE_LISTS)]:
            raise ValueError(f"unknown key {unknown[0]!r}")
        return self

    @model_validator(mode="after")
    def _sharded(self) -> Job:
        if self.train.fsdp and self.compile is True:
            raise ValueError("train.fsdp and compile can't be combined: a sharded network is not compiled")
        return self

    @model_validator(mode="after")
    def _held(self) -> Job:
        check_image(self.train.image_size, self.data.in_chans)
        return self

    @model_validator(mode="after")
    def _one_beginning(self) -> Job:
        if self.pretrained and self.weights:
            raise ValueError("pretrained and weights can't be combined")
        return self

    @model_validator(mode="after")
    def _taught_by_somebody(self) -> Job:
        for name in ("distill_weight", "distill_temperature"):
            if self.teacher is None and getattr(self.train, name) != Train.model_fields[name].default:
                raise ValueError(f"train.{name} needs a teacher: --teacher RUN")
        return self

    @property
    def answers_in(self) -> Precision:
        """Precision requested for evaluation."""
        return self.precision if self.evaluation_precision == AUTO else self.evaluation_precision

    def plain(self) -> dict[str, Any]:
        """Return the job as plain values for JSON and YAML, without ``plugins`` where none has settings."""
        return self.model_dump(mode="json", exclude=None if self.plugins else {"plugins"})


EXECUTED = ("precision", "memory_format", "evaluation_precision", "compile")
"""Fields for which ``auto`` means that the runner measures the fastest value."""

MEASURED = frozenset(
    (
        "loss",
        "accuracy",
        "f1_macro",
        "f1_micro",
        "confusion_matrix",
        "per_class",
        "intervals",
        "baseline",
        "calibration",
    )
) | {"hamming_loss", "mean_average_precision", "at_thresholds"}
"""Names of the numbers in every evaluation, reserved for the bundled metrics that compute the same."""
MEASURED_OF = {"regression": frozenset(("mae", "rmse", "r2", "spearman")), "ordinal": frozenset(("mae_ranks", "qwk"))}
"""Names of the further numbers in every evaluation of a task."""


def field_paths(model: type[BaseModel] = Job, prefix: str = "", *, required: bool = False) -> list[str]:
    """List every dotted path of a job, without the components' parameters.

    Args:
        model: the schema to list.
        prefix: dotted path of the schema in a job.
        required: only paths without a default, which every version's job.yaml has.
    """
    paths: list[str] = []
    for name, info in model.model_fields.items():
        inner = info.annotation
        if model is Job and name == SECTION:
            continue  # the plugins know their own
        if isinstance(inner, type) and issubclass(inner, BaseModel) and inner is not Choice:
            paths += field_paths(inner, f"{prefix}{name}.", required=required)
        elif info.is_required() or not required:
            paths.append(f"{prefix}{name}")
    if model is Job and not required:
        paths += [path for path in (*CHOICES, *CHOICE_LISTS) if path not in paths]
    return paths


def default_of(path: str) -> Any:
    """Return the default at a dotted path of a job; pydantic's undefined value where there is none."""
    if path not in Job.model_fields and "." not in path:  # of a plugin's kind
        default = ALL[(CHOICES | CHOICE_LISTS)[path]].default
        return default if path in CHOICES else []
    section, _, name = path.rpartition(".")
    model = Job.model_fields[section].annotation if section else Job
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    default = model.model_fields[name].get_default(call_default_factory=True)
    return default.name if isinstance(default, Choice) else default
