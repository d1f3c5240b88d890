"""Measuring a trained model again: on the images it was validated with, or on others."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from zoo import provenance
from zoo.api import make_request
from zoo.artifacts import as_network, open_file
from zoo.bundle import Preprocessing, find_bundle, load_model, read_card
from zoo.data.batches import Batches, Normalize
from zoo.data.open import (
    ALL,
    TEST,
    TRAIN,
    VAL,
    Opener,
    evaluation_split,
    open_training,
    same_task,
    training_splits,
)
from zoo.data.splits import Split
from zoo.engine.evaluate import evaluate_logits, predict_logits
from zoo.engine.execution import choose_execution, precision_here
from zoo.engine.final import final_numbers
from zoo.engine.task import task_named
from zoo.engine.views import NONE, account, looking, notices, views_named
from zoo.errors import BundleError, RequestError
from zoo.formats import is_artifact
from zoo.host import say_failures
from zoo.registry import Registry, open_registry
from zoo.resolve import Resolved, resolve
from zoo.runner import build
from zoo.runner.folder import JOB, find_run
from zoo.runner.predictions import write_predictions


def evaluate_run(
    run: str | Path,
    dataset: str | None = None,
    *,
    data: Path | None = None,
    split: str | None = None,
    device: str = "auto",
    tta: str | None = None,
    keep: bool = False,
) -> dict[str, Any]:
    """Every number of a trained model on a split, with its worst mistakes.

    Args:
        run: a run's name or folder.
        dataset: by default the run's own, held out the same way.
        data: the dataset's folder or file.
        split: by default test, else val, else everything there is.
        tta: test-time augmentation, as :func:`zoo.engine.views.views_named` has it; all numbers are then those of the
            averaged answers. By default what the model was made with.
        keep: the answer to each image in the run's folder, as the run itself keeps them; of its own dataset alone.

    Returns:
        A document as result.json has it: ``metrics``, ``mistakes``, ``splits``, ``classes``, by split; with test-time
        augmentation also ``tta``: its ``name`` and how many ``views``.

    Raises:
        RequestError: run, dataset or split is not there.
        DataError: the images don't fit: a class that training had not, say.
    """
    if tta is not None:
        views_named(tta)
    if is_artifact(run):
        return _evaluate_file(Path(run), dataset, data, split, device, tta, keep=keep)
    own = dataset is None and data is None
    if keep and not own:
        raise RequestError("Only answers to the run's own dataset are kept with it: leave out --keep, or the dataset.")
    folder = find_run(str(run))
    registry = open_registry(say=say_failures)
    if not (folder / JOB).is_file():
        return _evaluate_bundle(folder, str(run), registry, dataset, data, split, device, tta, keep=keep)
    bundle = find_bundle(folder)
    used = _used(bundle, registry, own_dataset=dataset is None)
    model, card = load_model(bundle, registry)
    tta = card.get("tta", NONE) if tta is None else tta
    asked = {"dataset": dataset, "data": data}
    resolved = resolve(make_request(asked, file=folder / JOB), registry)
    opener = build.build_opener(resolved, Preprocessing(**card["preprocessing"]).shape)
    images = own_split(opener, resolved, list(card["classes"]), split, own=own)
    measured = _measure(model, card, images, resolved, device, tta, own=own, keep=folder if keep else None)
    return {**_document(folder, resolved, card, images, tta, *measured), "changes": used}


def _evaluate_bundle(
    folder: Path,
    word: str,
    registry: Registry,
    dataset: str | None,
    data: Path | None,
    split: str | None,
    device: str,
    tta: str | None,
    *,
    keep: bool,
) -> dict[str, Any]:
    """The numbers of a bundle without its run, as one that was shared, on a dataset that is named."""
    bundle = find_bundle(folder)
    if keep:
        raise RequestError("Only a run's own answers are kept with it. Leave out --keep.")
    if dataset is None:
        raise RequestError(
            f"{folder} is not a run's folder (it has no {JOB}), so its images are not known. Say what to measure it "
            f"on: zoo evaluate {word} DATASET"
        )
    model, card = load_model(bundle, registry)
    used = _used(bundle, registry, architecture_alone=True)
    tta = card.get("tta", NONE) if tta is None else tta
    resolved, images = _images_for(card, registry, dataset, data, split)
    measured = _measure(model, card, images, resolved, device, tta, own=False, keep=None)
    return {**_document(folder, resolved, card, images, tta, *measured), "changes": used}


def named_job(card: dict[str, Any], dataset: str | None, data: Path | None, registry: Registry) -> Resolved:
    """The job of measuring a model on a dataset that is named, where its own job is not at hand."""
    asked = {"architecture": card["architecture"]["id"], "dataset": dataset, "data": data}
    return resolve(make_request(asked, recipe="none"), registry)


def _images_for(
    card: dict[str, Any], registry: Registry, dataset: str | None, data: Path | None, split: str | None
) -> tuple[Resolved, Split]:
    resolved = named_job(card, dataset, data, registry)
    opener = build.build_opener(resolved, Preprocessing(**card["preprocessing"]).shape)
    return resolved, own_split(opener, resolved, list(card["classes"]), split, own=False)


def _document(
    path: Path,
    resolved: Resolved,
    card: dict[str, Any],
    images: Split,
    tta: str,
    numbers: dict[str, Any],
    mistakes: list[dict[str, Any]],
) -> dict[str, Any]:
    """What was measured, as a result document."""
    return {
        "status": "evaluated",
        "run": path.name,
        "dir": str(path),
        "job": resolved.job.plain(),
        "task": task_named(card.get("task", "")).name,
        "classes": card["classes"],
        "splits": {images.name: images.summary(card["classes"])},
        "notices": [*images.notices, *notices(tta)],
        "metrics": {images.name: numbers},
        "mistakes": {images.name: mistakes},
        **account(tta),
    }


def _evaluate_file(
    path: Path,
    dataset: str | None,
    data: Path | None,
    split: str | None,
    device: str,
    tta: str | None,
    *,
    keep: bool,
) -> dict[str, Any]:
    """The numbers of an exported file; on its run's own images where it lies in the run's folder."""
    if keep:
        raise RequestError("Only a run's own answers are kept with it. Leave out --keep.")
    artifact = open_file(path)
    model, card = as_network(artifact, device)
    own = dataset is None and data is None
    at_home = _is_of(artifact.card, path.parent)
    if dataset is None and not at_home:
        raise RequestError(
            f"{path} is not in the folder of its run. Say what to measure it on: zoo evaluate FILE DATASET"
        )
    registry = open_registry()
    if at_home:
        resolved = resolve(make_request({"dataset": dataset, "data": data}, file=path.parent / JOB), registry)
    else:
        resolved = named_job(card, dataset, data, registry)
    opener = build.build_opener(resolved, Preprocessing(**card["preprocessing"]).shape)
    images = own_split(opener, resolved, list(card["classes"]), split, own=own)
    measured = _measure(model, card, images, resolved, "cpu", tta or NONE, own=own, keep=None)
    return {**_document(path, resolved, card, images, tta or NONE, *measured), "changes": []}


def _is_of(card: dict[str, Any], folder: Path) -> bool:
    """Whether a folder is that of the run whose card this is."""
    try:
        return (folder / JOB).is_file() and read_card(find_bundle(folder)) == card
    except BundleError:
        return False


def _used(
    bundle: Path, registry: Registry, *, own_dataset: bool = False, architecture_alone: bool = False
) -> list[str]:
    """What has changed among the components that the run was made with; told as well.

    Raises:
        BundleError: some are not here; says how to get each.
    """
    records = provenance.recorded(read_card(bundle))
    if architecture_alone:
        records = {"architecture": records["architecture"]}
    used = {path: record for path, record in records.items() if own_dataset or path != "dataset"}
    if lost := provenance.missing(used, registry):
        raise BundleError(f"The run of {bundle} can't be measured again: {' '.join(lost)}")
    changes = provenance.changes(used, registry)
    provenance.say(changes)
    return changes


def own_split(opener: Opener, resolved: Resolved, classes: list[str], asked: str | None, *, own: bool) -> Split:
    """The split to measure: of the run's own dataset the very images it held out."""
    held_out = VAL not in opener.splits() or resolved.job.data.folds is not None
    if own and held_out and asked in (None, VAL, TRAIN) and TRAIN in opener.splits():
        wanted = asked or (TEST if TEST in opener.splits() else VAL)
        train, _ = open_training(opener)
        job, data = resolved.job, resolved.job.data
        return training_splits(opener, train, classes, data.val_fraction, job.seed, data.folds, data.fold)[wanted]
    name = evaluation_split(opener, asked)
    opened = opener.open(TRAIN if name == ALL and opener.splits() == (TRAIN,) else name)
    return dataclasses.replace(opener.decode(opened, name, classes), name=name)


def _measure(
    model: Any,
    card: dict[str, Any],
    images: Split,
    resolved: Resolved,
    device: str,
    tta: str,
    *,
    own: bool,
    keep: Path | None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    job = resolved.job
    execution = choose_execution(device, precision_here(device, job.answers_in), job.memory_format).suited(model)
    model = execution.place(model)
    shape, classes, task = card["preprocessing"], list(card["classes"]), task_named(card.get("task", ""))
    same_task(images, task, "the run")
    loss, metrics = build.build_scoring(resolved, len(classes), execution.device, multilabel=task.multilabel)
    normalize = Normalize(shape["mean"], shape["std"], execution.device)
    size = execution.evaluation_batch(2 * resolved.job.train.batch_size, shape["in_chans"] * shape["image_size"] ** 2)
    batches = Batches(images, size, normalize, execution.device)
    logits, targets = predict_logits(looking(model, tta, multilabel=task.multilabel), batches, execution)
    numbers = evaluate_logits(logits, targets, loss, classes, metrics, card.get("thresholds"))
    heat, here = card.get("temperature"), own and images.name == VAL
    beside, mistakes = final_numbers(logits, targets, loss, images.names, classes, metrics, heat, fitted_here=here)
    if keep is not None:
        root = str(job.dataset.params.get("root") or "")
        write_predictions(keep, images.name, images.names, classes, logits, targets, heat or 1.0, root)
    return {**numbers, **beside}, mistakes
