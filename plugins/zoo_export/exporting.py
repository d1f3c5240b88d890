"""Export a trained model: write it, read it back with its own runtime, and keep it only if its predictions agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from zoo.api.commands import Interrupts
from zoo.api.compute import MULTI_LABEL, NONE, choose_execution, keep_freed_memory, task_named
from zoo.api.images import TRAIN, VAL, Pixels, build_opener
from zoo.api.jobs import Entry, Registry, accepts, plain, resolve
from zoo.api.models import (
    Artifact,
    Classifier,
    Preprocessing,
    artifact_at,
    find_bundle,
    find_model,
    load_model,
    open_artifact,
    open_fields,
)
from zoo.api.running import own_split, request_of
from zoo.errors import BundleError, ExportError, RequestError
from zoo.runs import JOB, is_run
from zoo.storage import placed, workplace
from zoo_export.agreement import Reference, lossy, same_answers, same_card, same_quantiles, through_own_resize
from zoo_export.card import REGRESSION, has_quantiles
from zoo_export.measures import TOLERANCE
from zoo_export.parameters import check_params, option_of, required_of
from zoo_export.score_agreement import other_decisions, same_scores
from zoo_export.writing import Writer, companions, size_of, target_of

Telling = Callable[[str], None]
NOISE = 32
"""Number of noise images."""
FEW = 16
"""Number of images that are compared again at the file's final location."""
MAX_LOSS = 0.01
"""Default for the maximum loss of accuracy of less precise formats, 0..1."""


@dataclass(frozen=True)
class ExportOptions:
    """Options of an export.

    Args:
        format: name of an exporter.
        out: path of the file; by default in the run's folder.
        params: parameters of the exporter. With any, the file may deviate from the model within ``max_loss``, after a
            file written without them was found to agree.
        max_loss: maximum loss of accuracy with ``params``, 0..1; of values, increase of the error in standard
            deviations.
        data: folder of the run's dataset, where it has moved.
        overwrite: replace an existing file.
    """

    format: str
    out: Path | None = None
    params: dict[str, Any] = field(default_factory=dict)
    max_loss: float = MAX_LOSS
    data: Path | None = None
    overwrite: bool = False


def export_run(
    run: str | Path, options: ExportOptions, *, registry: Registry, tell: Telling = lambda text: None
) -> dict[str, Any]:
    """Export a trained model, and keep the file only if its predictions agree with the model's.

    Args:
        run: name or folder of a run.
        options: options of the export.
        registry: provides exporters and the run's components.
        tell: receives a line for each step.

    Returns:
        ``{"status", "run", "format", "file", "bytes", "check", "resize", "lossy", "notices"}``.

    Raises:
        RequestError: the run, the format or a parameter doesn't exist, or the file does.
        ExportError: the model can't be written in that format, or the file doesn't agree; no file is left.
        OutputError: the folder can't be written.
    """
    entry = registry.find("exporter", options.format)
    values = check_params(entry, options.params)
    folder = _folder(run, values, options.data, options.out, registry)
    target = target_of(options.out, folder, entry, values, overwrite=options.overwrite)
    with Interrupts().listening(), workplace(target) as home:
        trained = Trained(folder, options.data, registry)
        found, artifact = _export(entry, trained, values, home, target.name, options.max_loss, tell)
        size, others = size_of(home / target.name), companions(home / target.name)
        _keep(entry, trained, artifact, home / target.name, target, overwrite=options.overwrite)
    name = {"run": folder.name, "architecture": trained.card["architecture"]["id"], "format": entry.component.name}
    doubts = found.pop("doubts", [])
    document = {"status": "exported", **name, "file": str(target), "bytes": size, **found}
    document["notices"] = [
        *trained.notices(entry),
        *doubts,
        *_without_quantiles(trained.card, artifact),
        *(f"{other} is a part of it: keep the files together." for other in others),
    ]
    return {**document, "images": "noise"} if trained.by_noise else document


def _without_quantiles(card: dict[str, Any], artifact: Artifact | None) -> list[str]:
    if artifact is None or hasattr(artifact, "quantiles") or not has_quantiles(card):
        return []
    return ["The file answers the median alone: its values have no intervals. An ONNX file has them: --format onnx"]


def _folder(
    run: str | Path, values: Mapping[str, Any], data: Path | None, out: Path | None, registry: Registry
) -> Path:
    """Find the folder of a run, of an imported model, or of a bundle without a run.

    Raises:
        RequestError: it is none of these, the model is an exported file already, or a required option is missing.
    """
    if (file := artifact_at(run, registry)) is not None:
        raise RequestError(f"{run} is already an exported file, {file}: use it directly.")
    folder = find_model(str(run), registry)
    if (folder / JOB).is_file():
        return folder
    if is_run(folder):
        if values and data is None:
            raise RequestError(
                f"{folder} was imported and has no images for checking {', '.join(f'--{k}' for k in values)}. Give "
                "a folder of class folders: --data FOLDER"
            )
        return folder
    find_bundle(folder)
    if data is None or out is None:
        raise RequestError(
            f"{folder} is not the folder of a run: it has no {JOB}, and therefore no images for checking. Give "
            f"them, and the file: zoo export {run} --data DATASET --out FILE"
        )
    return folder


class NoiseDataset:
    """A dataset of noise with the classes, or the values, of a card, for networks without images of their own."""

    def __init__(self, card: Mapping[str, Any]):
        self.classes = list(card["classes"])
        self.task = task_named(card.get("task", ""), card).name
        shape = Preprocessing(**card["preprocessing"])
        side = shape.image_size + shape.image_size // 3
        size = (NOISE, shape.in_chans, side, side)
        self.images = np.random.default_rng(0).integers(0, 256, size, np.uint8)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if self.task == REGRESSION:
            return self.images[index], [0.0] * len(self.classes)
        label = index % len(self.classes)
        return self.images[index], (label,) if self.task == MULTI_LABEL.name else label


@dataclass(frozen=True)
class Trained:
    """A run to export: its network, and its training and validation images.

    An imported model has no images; it is compared on the user's images, or on noise.
    """

    folder: Path
    data: Path | None
    registry: Registry

    @cached_property
    def bundle(self) -> Path:
        return find_bundle(self.folder)

    @cached_property
    def _model(self) -> tuple[nn.Module, dict[str, Any]]:
        return load_model(self.bundle, self.registry)

    @property
    def network(self) -> nn.Module:
        return self._model[0]

    @property
    def card(self) -> dict[str, Any]:
        return self._model[1]

    @property
    def has_job(self) -> bool:
        return (self.folder / JOB).is_file()

    @property
    def by_noise(self) -> bool:
        """True for a model that is compared on noise, as it has no images."""
        return not self.has_job and self.data is None

    @cached_property
    def _resolved(self) -> Any:
        images = NoiseDataset(self.card) if self.by_noise else self.data and str(self.data)
        asked = {"data": self.data} if self.has_job else {"dataset": images}
        return resolve(request_of(self.folder, self.card, asked), self.registry)

    @cached_property
    def _opener(self) -> Any:
        return build_opener(self._resolved, Preprocessing(**self.card["preprocessing"]).shape)

    def split(self, name: str) -> Any:
        """Decode one of the run's own splits."""
        asked = name if self.has_job or name in self._opener.splits() else None
        return own_split(self._opener, self._resolved, list(self.card["classes"]), asked, own=self.has_job)

    def dataset(self) -> Any:
        """Dataset object of the validation images."""
        own = VAL in self._opener.splits() and self._resolved.job.data.folds is None
        return self._opener.open(VAL if own else TRAIN)

    def pixels(self, count: int) -> Pixels:
        """Training images for calibration, uint8 (n, size, size, C), the same at each call."""
        train = self.split(TRAIN)
        chosen = np.random.default_rng(0).permutation(len(train))[:count]
        return np.ascontiguousarray(train.gather(np.sort(chosen)))

    @cached_property
    def reference(self) -> Reference:
        """Predictions of the zoo's own model, in float32 on the CPU, without test-time augmentation."""
        execution = choose_execution("cpu", "fp32", "channels_first")
        keep_freed_memory(execution.device)
        classifier = Classifier(self.network, self.card, execution)
        return Reference.of(classifier, self.split(VAL))

    def writer(self, entry: Entry) -> Writer:
        given = {"network": self.network, "pixels": self.pixels, "fields": self.fields}
        return Writer(entry, self.bundle, self.card, given)

    @cached_property
    def fields(self) -> dict[str, Any]:
        """Objects of attachments that add fields to predictions; none with test-time augmentation, which they need."""
        return open_fields(self.bundle, self.registry) if self.card.get("tta", NONE) == NONE else {}

    def notices(self, entry: Entry) -> list[str]:
        found = []
        if self.card.get("tta", NONE) != NONE:
            found.append(f"The run uses test-time augmentation ({self.card['tta']}); the file does not.")
        attached = [name for name, facts in (self.card.get("attachments") or {}).items() if "prediction_field" in facts]
        if lost := [name for name in attached if not (name in self.fields and accepts(entry.factory(), "fields"))]:
            format = entry.component.name
            other = "" if format == "onnx" else " An ONNX file has it: --format onnx"
            found.append(f"The {format} file lacks the {' and the '.join(lost)} of the model.{other}")
        return found


def _export(
    entry: Entry, trained: Trained, params: dict[str, Any], home: Path, name: str, max_loss: float, tell: Telling
) -> tuple[dict[str, Any], Artifact | None]:
    """Write the file as ``home/name/name``, and compare it with the model.

    Returns:
        The findings (``check``, ``resize``, ``lossy``), and the opened file; None without a reader.
    """
    format = entry.component.name
    base, writer = required_of(entry, params), trained.writer(entry)
    free = {key: value for key, value in params.items() if key not in base}
    written, exact_file = home / name / name, home / ("exact" if free else name) / name
    if free:  # first, so that errors in parameters show early
        tell(f"writing {format} with {_shown(params)}")
        writer.write(written, params)
    tell(f"writing {format} with {_shown(base)}" if base else f"writing {format}")
    writer.write(exact_file, base)
    if getattr(entry.component, "reader", None) is None:
        return {"check": None, "resize": None, "lossy": None}, None
    try:
        exact = artifact = open_artifact(entry, exact_file, trained.registry)
        same_card(exact, trained.card)
        tell("running the model")
        reference = trained.reference
        tell(f"comparing on {len(reference.images):,} {'images of noise' if trained.by_noise else 'val images'}")
        agreed = same_answers(reference, exact)
        if trained.by_noise:
            agreed[reference.measure.score] = None
        same_quantiles(reference, exact)
        resized = through_own_resize(reference, exact, trained.dataset())
        found: dict[str, Any] = {"check": agreed, "resize": resized, "lossy": None}
        if scored := getattr(exact, "scored", ()):
            found["scores"] = same_scores(reference, exact, {name: trained.fields[name] for name in scored})
        if free:
            artifact = open_artifact(entry, written, trained.registry)
            found["lossy"] = _lossy(trained, params, (exact_file, exact), (written, artifact), max_loss, tell)
            found["doubts"] = other_decisions(reference, artifact, {name: trained.fields[name] for name in scored})
    except ExportError as error:
        raise ExportError(
            f"The {format} file of {trained.folder.name} was not kept: {error}. {_advice(free, format)}"
        ) from error
    return found, artifact


def _lossy(
    trained: Trained,
    params: dict[str, Any],
    exact: tuple[Path, Artifact],
    coarse: tuple[Path, Artifact],
    max_loss: float,
    tell: Telling,
) -> dict[str, Any]:
    same_card(coarse[1], trained.card)
    tell("measuring accuracy and speed")
    sizes = {"before": size_of(exact[0].parent), "after": size_of(coarse[0].parent)}
    return {"params": plain(params), "bytes": sizes, **lossy(trained.reference, exact[1], coarse[1], max_loss)}


def _keep(
    entry: Entry, trained: Trained, artifact: Artifact | None, made: Path, target: Path, *, overwrite: bool
) -> None:
    """Move a file and its companions to their destination, and verify it there once more.

    Raises:
        RequestError: a companion's name is taken.
        ExportError: the file can't be read at its destination, or gives other predictions; everything is restored.
    """
    if not overwrite and (taken := [name for name in companions(made) if (target.parent / name).exists()]):
        raise RequestError(
            f"{target.parent / taken[0]} exists, but the export writes a file of that name. Replace it with "
            "--overwrite, or give another file: --out FILE"
        )
    few = trained.reference.first(FEW) if artifact is not None else None
    wanted = few.ask(artifact) if few and artifact else None
    with placed(made, target.parent):
        if few is None or wanted is None:
            return
        try:
            found = few.ask(open_artifact(entry, target, trained.registry))
            same = few.measure.compare(wanted, found)["largest_difference"] < TOLERANCE
        except BundleError as error:
            raise ExportError(_placement_error(trained, entry, target, f"can't be read: {error}")) from error
        if not same:
            raise ExportError(_placement_error(trained, entry, target, "gives different results."))


def _placement_error(trained: Trained, entry: Entry, target: Path, what: str) -> str:
    return (
        f"The {entry.component.name} file of {trained.folder.name} was not kept: moved to {target.parent}, it "
        f"{what} An exporter must refer to other files by name only; report this to the author of {entry.id!r}."
    )


def _advice(params: dict[str, Any], format: str) -> str:
    if params:
        return f"Allow more with --max-loss, or leave out {', '.join(map(option_of, params))}."
    return f"Try another format: zoo list exporter. For details: zoo --debug export … --format {format}"


def _shown(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in params.items())
