"""The bundle: a trained model with all that inference needs, without pickles.

``model.safetensors`` has the weights; ``zoo.json`` the classes, the preprocessing, the architecture's id and
parameters, and the versions. The weights are written first, so a folder with a zoo.json is a whole bundle.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator
from torch import nn

from zoo.data.decode import Resize, Shape, ValuesKept
from zoo.engine.task import DETAILS, REGRESSION, task_of_card
from zoo.engine.task_protocol import TaskName
from zoo.errors import BundleError, RequestError, UnknownName
from zoo.job.run_folder import ATTACHMENTS
from zoo.job.run_folder import CARD as CARD
from zoo.job.run_folder import WEIGHTS as WEIGHTS
from zoo.job.schema import Channels, Data, Job, Side, Views, check_image
from zoo.model.build import build_model
from zoo.model.manifest import check_folder, is_shared
from zoo.model.provenance import how_to_get
from zoo.plugin import Interpolation
from zoo.registry.suggest import listing
from zoo.storage.files import atomic, open_plain, read_plain, write_json

SCHEMA = 1

_Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
_Exact = Field(strict=True)
"""Strict validation, since a card is used unconverted: the string ``"32"`` is not a number."""


@dataclass(frozen=True)
class Preprocessing:
    """Preprocessing of images for the network: resize, then ``(pixels / 255 - mean) / std``.

    With a window ``[low, high]`` pixels keep their own values, and ``(pixels - low) / (high - low)``, limited to 0..1,
    replaces the division by 255. Older bundles lack the last three; the defaults are their behaviour.

    Args:
        image_size: side of the input in pixels.
        in_chans: number of channels of the input.
        resize: ``squash`` or ``crop``, see :class:`zoo.data.decode.Shape`.
        mean, std: normalisation of pixels in 0..1, one value for all channels or one for each.
        interpolation: resampling filter.
        crop_pct: fraction of the shorter side that a crop keeps, 0 < x <= 1.
        window: values that become 0 and 1, in the images' own unit; ``dicom`` for the window that each file states;
            None for images of 8 bits.
    """

    image_size: Annotated[Side, _Exact]
    in_chans: Annotated[Channels, _Exact]
    resize: Resize
    mean: list[_Number]
    std: list[_Number]
    interpolation: Interpolation = "bilinear"
    crop_pct: Annotated[_Number, Field(gt=0, le=1)] = 1.0
    window: Annotated[list[_Number], Field(min_length=2, max_length=2)] | Literal["dicom"] | None = None

    @property
    def shape(self) -> Shape:
        """Target shape of images before normalisation."""
        values: ValuesKept = "8-bit" if self.window is None else "dicom" if self.window == "dicom" else "own"
        return Shape(self.image_size, self.in_chans, self.resize, self.interpolation, self.crop_pct, values)


def preprocessing_of(job: Job) -> dict[str, Any]:
    """Preprocessing of a job for its bundle: the arguments of :class:`Preprocessing`."""
    kept = ("in_chans", "resize", "interpolation", "crop_pct", "mean", "std")
    window = {} if job.data.scale is None else {"window": job.data.scale}
    return {"image_size": job.train.image_size, **{name: getattr(job.data, name) for name in kept}, **window}


class _Architecture(BaseModel):
    id: str
    params: dict[str, Any]


class _Familiar(BaseModel):
    score: Literal["energy", "centred energy"]
    least: _Number
    most: _Number


class _Link(BaseModel):
    """How the outputs of the network are read."""

    kind: Literal["quantiles", "corn", "cumulative"]
    levels: Annotated[list[Annotated[_Number, Field(gt=0, lt=1)]], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _with_levels(self) -> _Link:
        if (self.kind == "quantiles") != (self.levels is not None):
            raise ValueError("levels belong to quantiles")
        return self


class _Outputs(BaseModel):
    """Scale of a regression's values, and how the outputs of the network are read."""

    mean: list[_Number] = Field(default_factory=list)
    std: list[Annotated[_Number, Field(gt=0)]] = Field(default_factory=list)
    link: _Link | None = None

    @model_validator(mode="after")
    def _of_one_length(self) -> _Outputs:
        if len(self.mean) != len(self.std):
            raise ValueError(f"{len(self.mean)} means for {len(self.std)} standard deviations")
        return self


class _Reject(BaseModel):
    """Confidence below which a prediction is "not sure": one value for all classes, or one per class."""

    below: Annotated[_Number, Field(ge=0)] | dict[str, Annotated[_Number, Field(ge=0)]]


class _Conformal(BaseModel):
    """Calibration scores of conformal prediction, see :class:`zoo.engine.conformal.ConformalScores`."""

    kind: Literal["lac"]
    images: Annotated[int, Field(ge=1)]
    scores: Annotated[list[_Number], Field(min_length=1)]


class _Intervals(BaseModel):
    """Calibration scores of a regression, see :class:`zoo.engine.value_intervals.ValueIntervals`."""

    kind: Literal["absolute", "quantiles"]
    images: Annotated[int, Field(ge=1)]
    scores: Annotated[list[Annotated[list[_Number], Field(min_length=1)]], Field(min_length=1)]


class _Source(BaseModel):
    """Origin of a component; older bundles have no kind."""

    id: str
    kind: str = ""


class _Card(BaseModel):
    """Required content of zoo.json; further keys are allowed. A missing task means single-label."""

    task: TaskName = "single-label"
    outputs: _Outputs | None = None
    tta: Views = "none"
    thresholds: list[Annotated[_Number, Field(ge=0, le=1)]] | None = None
    temperature: Annotated[_Number, Field(gt=0)] = 1.0
    familiar: _Familiar | None = None
    reject: _Reject | None = None
    conformal: _Conformal | None = None
    intervals: _Intervals | None = None
    attachments: dict[str, Mapping[str, Any]] | None = None
    classes: Annotated[list[str], Field(min_length=1)]
    preprocessing: Preprocessing
    architecture: _Architecture
    provenance: dict[str, _Source] | None = None

    @field_validator("preprocessing")
    @classmethod
    def _as_of_a_job(cls, image: Preprocessing) -> Preprocessing:
        said = {name: value for name, value in vars(image).items() if name in Data.model_fields and value is not None}
        try:
            Data(**said)
        except ValidationError as error:
            raise ValueError(_first(error)) from error
        check_image(image.image_size, image.in_chans)
        return image

    @field_validator("classes")
    @classmethod
    def _each_by_its_name(cls, names: list[str]) -> list[str]:
        if len(set(names)) < len(names):
            raise ValueError("two classes with the same name")
        if not all(name.strip() for name in names):
            raise ValueError("a class without a name")
        return names

    @model_validator(mode="after")
    def _fits_the_task(self) -> _Card:
        if self.task != REGRESSION and len(self.classes) < 2:
            raise ValueError("classes: a classifier has two or more")
        if self.task == REGRESSION and (self.outputs is None or len(self.outputs.mean) != len(self.classes)):
            raise ValueError(f"outputs: a mean and a standard deviation are needed for {len(self.classes)} values")
        if self.intervals is not None and len(self.intervals.scores) != len(self.classes):
            raise ValueError(f"intervals: {len(self.intervals.scores)} lists of scores for {len(self.classes)} values")
        return self

    @model_validator(mode="after")
    def _a_threshold_each(self) -> _Card:
        if self.thresholds is not None and len(self.thresholds) != len(self.classes):
            raise ValueError(f"{len(self.thresholds)} thresholds for {len(self.classes)} classes")
        return self


def _first(error: ValidationError) -> str:
    """First error of pydantic, such as ``preprocessing.std: …``."""
    found = error.errors()[0]
    where, said = ".".join(map(str, found["loc"])), found["msg"].removeprefix("Value error, ")
    return f"{where}: {said}" if where else said


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Write zoo.json."""
    write_json(folder / CARD, {"schema": SCHEMA, **card})


def copied_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """Copy a model's current weights to contiguous tensors on the CPU."""
    return {k: v.detach().cpu().contiguous().clone() for k, v in model.state_dict().items()}


def packed_weights(tensors: Mapping[str, torch.Tensor]) -> bytes:
    """Serialise weights to the content of a safetensors file."""
    from safetensors.torch import save

    return save(dict(tensors), metadata={"format": "pt"})


def write_packed(folder: Path, content: bytes) -> None:
    """Write the result of :func:`packed_weights` atomically."""
    with atomic(folder / WEIGHTS) as file:
        file.write(content)


def write_weights(folder: Path, tensors: Mapping[str, torch.Tensor]) -> str:
    """Write weights atomically, and return the SHA-256 of their file."""
    content = packed_weights(tensors)
    write_packed(folder, content)
    return hashlib.sha256(content).hexdigest()


def find_bundle(path: Path) -> Path:
    """Find the folder of a bundle, given that folder or its run's.

    A shared model has a manifest, which its files must match.

    Raises:
        BundleError: there is no bundle, or its files don't match its manifest.
    """
    for folder in (path, path / "model"):
        if (folder / CARD).is_file() and (folder / WEIGHTS).is_file():
            if is_shared(folder):
                check_folder(folder, (CARD, WEIGHTS, *([ATTACHMENTS] if (folder / ATTACHMENTS).is_file() else [])))
            return folder
    raise BundleError(f"{path} contains no trained model (no {CARD} with {WEIGHTS}). See: zoo runs list")


def read_card(folder: Path) -> dict[str, Any]:
    """Read and validate zoo.json.

    Raises:
        BundleError: the file is damaged, or of a newer zoo.
    """
    try:
        card = json.loads(read_plain(folder / CARD))
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{folder / CARD} is damaged ({type(error).__name__}: {error}).") from error
    check_card(card, folder / CARD)
    return card  # type: ignore[no-any-return]


def check_card(card: Any, file: Path) -> None:
    """Validate the content of a zoo.json.

    Args:
        card: content of the file.
        file: path of the file, for the message.

    Raises:
        BundleError: the content is damaged, or of a newer zoo.
    """
    try:
        if card["schema"] > SCHEMA:
            raise BundleError(f"{file} was written by a newer zoo. Type: pip install -U visionzoo")
        _Card.model_validate(card)
        Preprocessing(**card["preprocessing"])  # refuses further keys
    except ValidationError as error:
        raise BundleError(f"{file} is damaged ({_first(error)}).") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{file} is damaged ({type(error).__name__}: {error}).") from error


def read_weights(folder: Path, model: nn.Module) -> None:
    """Load the weights into a model of the same architecture.

    Raises:
        BundleError: the file is damaged, or its keys or shapes don't match the model.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        open_plain(folder / WEIGHTS).close()
        tensors = load_file(folder / WEIGHTS)
    except (SafetensorError, OSError) as error:
        raise BundleError(f"{folder / WEIGHTS} can't be read: {error}.") from error
    own = model.state_dict()
    missing, extra = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    wrong = [k for k in sorted(own.keys() & tensors.keys()) if own[k].shape != tensors[k].shape]
    if missing or extra or wrong:
        parts = [f"{what}: {listing(k, most=4)}" for what, k in
                 (("missing", missing), ("unknown", extra), ("of different shape", wrong)) if k]  # fmt: skip
        raise BundleError(f"The weights in {folder} don't fit the architecture ({'; '.join(parts)}).")
    model.load_state_dict(tensors)


def load_model(folder: Path, registry: Any, given: Any | None = None) -> tuple[nn.Module, dict[str, Any]]:
    """Load the model of a bundle in evaluation mode, and its card.

    Args:
        folder: folder of the bundle.
        registry: registry of the architecture.
        given: entry of an architecture passed from Python, which is not in the registry.

    Raises:
        BundleError: the bundle is damaged, or its architecture is not installed; the message says how to get it.
    """
    card = read_card(folder)
    model = new_network(card, registry, folder, given)
    read_weights(folder, model)
    return model.eval(), card


def new_network(card: Mapping[str, Any], registry: Any, folder: Path, given: Any | None = None) -> nn.Module:
    """Build the network that a card describes, with random weights.

    Args:
        card: content of zoo.json.
        registry: registry of the architecture.
        folder: folder of the card, for messages.
        given: see :func:`load_model`.

    Raises:
        BundleError: the architecture is not installed, or can't be built.
    """
    entry = given if given is not None else _architecture(card, registry, folder)
    image = Preprocessing(**card["preprocessing"])
    with torch.random.fork_rng(devices=[]):  # the initial weights are discarded: keep the random state
        params = dict(card["architecture"]["params"])
        try:
            names, task = card["classes"], task_of_card(card)
            width, separate = task.width(len(names)), DETAILS in card
            return build_model(
                entry, params, width, image.in_chans, image.image_size, classes=names, separate_outputs=separate
            )
        except RequestError as error:
            raise BundleError(f"The model in {folder} can't be built: {error}") from error


def _architecture(card: Mapping[str, Any], registry: Any, folder: Path) -> Any:
    wanted = card["architecture"]
    name = wanted["id"]
    try:
        return registry.find("architecture", name)
    except UnknownName as error:
        how = how_to_get({"kind": "architecture", **wanted}, registry, folder)
        raise BundleError(
            f"The model in {folder} needs architecture {name!r}, which is not available. {how}."
        ) from error
    except RequestError as error:
        raise BundleError(f"The model in {folder} needs architecture {name!r}: {error}") from error
