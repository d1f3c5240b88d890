"""Evaluation of a trained model after its run, on its own validation images or on others."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from zoo.data.batches import Batches, Normalize
from zoo.data.open import ALL, TEST, TRAIN, VAL, Opener, evaluation_split, open_training, same_task, training_splits
from zoo.data.split import Split
from zoo.data.splits import absent_notice
from zoo.data.task_words import ORDINAL
from zoo.data.window import with_contrast_notice
from zoo.engine.conformal import check_coverage
from zoo.engine.evaluate import Answers, evaluate_logits, predict_outputs
from zoo.engine.execution import choose_execution, keep_freed_memory, precision_here
from zoo.engine.final import final_numbers
from zoo.engine.outputs import outputs_of
from zoo.engine.part_numbers import PartScore
from zoo.engine.step import Loss
from zoo.engine.task import REGRESSION, new_task, task_of_card
from zoo.engine.tta import NONE, account, looking, notices, views_named
from zoo.errors import BundleError, RequestError
from zoo.evaluation.coverage import check_scores, coverage_on, save_scores
from zoo.job.request import Request, make_request
from zoo.job.resolve import Resolved, resolve
from zoo.job.run_folder import IMPORTED, JOB
from zoo.job.schema import Job
from zoo.model import provenance
from zoo.model.bundle import Preprocessing, find_bundle, load_model, read_card
from zoo.model.exported import AsNetwork, as_network, open_file
from zoo.model.formats import EXPORTED, artifact_at
from zoo.model.sources import find_model
from zoo.model.split_digest import SPLIT_DIGEST, check_split_digest
from zoo.registry.registry import Registry
from zoo.runner import build
from zoo.runner.analyses import PATH as ANALYSES
from zoo.runner.analyses import Analyses, Evaluated, Progress, build_analyses
from zoo.runner.losses import Scored, link_of_loss, loss_weights
from zoo.runner.measurements import CoverageScores, Mistake, SplitMetrics
from zoo.runner.pictures import INDEX, draw_mistakes
from zoo.runner.predictions import relative_names, write_predictions
from zoo.runner.run_result import RunResult
from zoo.storage.files import write_json
from zoo.storage.safe_yaml import read_mapping

UNMEASURED = "The loss has trained weights, which are not part of the model, so its value was not measured."

RAW = "The loss takes the raw outputs of the network, which an exported file doesn't return, so it was not measured."


def evaluate_run(
    run: str | Path,
    dataset: str | None = None,
    *,
    registry: Registry,
    data: Path | None = None,
    split: str | None = None,
    device: str = "auto",
    tta: str | None = None,
    keep: bool = False,
) -> RunResult:
    """Measure a trained model on a split: every number, and its worst mistakes.

    Args:
        run: name or folder of a run, or an exported file.
        dataset: name of a dataset; by default the run's own, with the same held-out part.
        registry: registry of the run's components.
        data: folder or file of the dataset.
        split: name of the split; by default test, else val, else all images.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:i`` or ``mps``.
        tta: test-time augmentation, see :func:`zoo.engine.tta.views_named`; by default the model's.
        keep: store the predictions in the run's folder, as the run does; for its own dataset only.

    Returns:
        A result without epochs: ``metrics``, ``mistakes`` and ``splits`` by split; with test-time augmentation also
        ``tta`` (its ``name`` and how many ``views``), ``changes``, sentences on components that are newer, and
        ``analyses``, documents by name of the analysis and split.

    Raises:
        RequestError: the run, dataset or split doesn't exist.
        DataError: the images don't fit the model, for example by an unknown class.
    """
    return evaluate(run, EvaluationOptions(dataset, data, split, device, tta, keep), registry)


@dataclasses.dataclass(frozen=True)
class EvaluationOptions:
    """Options of :func:`evaluate_run`.

    Args:
        dataset, data, split, device, tta, keep: see there.
        analyses: analyses with their parameters, such as ``{"name": "groups", "column": "camera"}``, in addition to
            those of the run's job, which belong to its own dataset.
        pictures: a folder for pictures of the worst mistakes and figures of the analyses; by default none are drawn.
        coverage: rate at which sets of classes should contain the true class, or intervals the value; by default
            neither is made.
        progress: receives the progress of the analyses.
    """

    dataset: str | None = None
    data: Path | None = None
    split: str | None = None
    device: str = "auto"
    tta: str | None = None
    keep: bool = False
    pictures: Path | None = None
    coverage: float | None = None
    analyses: tuple[Mapping[str, Any], ...] = ()
    progress: Progress | None = None

    @property
    def own(self) -> bool:
        """True for the run's own dataset."""
        return self.dataset is None and self.data is None


def evaluate(run: str | Path, options: EvaluationOptions, registry: Registry) -> RunResult:
    """Measure a trained model as :func:`evaluate_run` does."""
    if options.tta is not None:
        views_named(options.tta)
    if options.coverage is not None:
        check_coverage(options.coverage)
    if (file := artifact_at(run, registry)) is not None:
        return _evaluate_file(run, file, options, registry)
    if options.keep and not options.own:
        raise RequestError(
            "Only predictions on the run's own dataset can be saved with it: leave out --keep, or the dataset."
        )
    folder, dataset = find_model(str(run), registry), options.dataset
    bundle, has_job = find_bundle(folder), (folder / JOB).is_file()
    if not has_job and (options.keep or dataset is None):
        raise RequestError(_without_job(folder, str(run), options.keep))
    used = _used(bundle, registry, own_dataset=dataset is None, architecture_alone=not has_job)
    model, card = load_model(bundle, registry)
    options = dataclasses.replace(options, tta=card.get("tta", NONE) if options.tta is None else options.tta)
    asked = {"dataset": dataset, "data": options.data, ANALYSES: _analyses_of(folder, options)}
    resolved = resolve(request_of(folder, card, asked), registry)
    return _measured(folder, model, card, resolved, options, used)


def _measured(
    path: Path,
    model: nn.Module,
    card: Mapping[str, Any],
    resolved: Resolved,
    options: EvaluationOptions,
    changes: list[str],
) -> RunResult:
    """Measure a model, and describe it as a result."""
    own_val, tta = options.own and options.split in (None, VAL), options.tta or NONE
    if options.coverage is not None and (options.keep or not own_val) and tta != (views := card.get("tta", NONE)):
        raise RequestError(f"A coverage holds for the views of the calibration, {views!r}. Type: --tta {views}")
    if options.coverage is not None and (task_of_card(card).multilabel or not own_val):
        check_scores(card, options.coverage, path.name)
    opener = build.build_opener(resolved, Preprocessing(**card["preprocessing"]).shape)
    if card.get("task") == REGRESSION:  # the images may be labelled by classes that are called by numbers
        opener = dataclasses.replace(opener, task=REGRESSION)
    images = own_split(opener, resolved, list(card["classes"]), options.split, own=options.own)
    images = with_contrast_notice(images, card["preprocessing"].get("window"))
    seen = _check_division(path, card, images, resolved.job, options)
    seen += trained_on(card, images.name) if options.own else []
    if seen and options.keep:
        raise RequestError(f"The predictions were not saved for zoo runs compare. {seen[0]}")
    analyses = build_analyses(resolved)
    analyses.check(images)
    numbers, mistakes, problems = _measure(path, model, card, images, resolved, options, analyses)
    return RunResult.read(
        {
            "status": "evaluated",
            "run": path.name,
            "dir": str(path),
            "job": resolved.job.plain(),
            "task": task_of_card(card).name,
            "classes": card["classes"],
            "splits": {images.name: images.summary(card["classes"])},
            "notices": [*images.notices, *absent_notice(images, card["classes"]), *notices(tta), *problems, *seen],
            "metrics": {images.name: numbers},
            "mistakes": {images.name: mistakes},
            **account(tta),
            "changes": changes,
            **analyses.entries(),
        }
    )


def _check_division(
    path: Path, card: Mapping[str, Any], images: Split, job: Job, options: EvaluationOptions
) -> list[str]:
    """Refuse a run's own dataset with other splits; return a notice where the dataset was named explicitly."""
    before, now, root = card.get(SPLIT_DIGEST), images.split_digest, job.dataset.params.get("root")
    if options.own:
        again = f"name it, for its new {images.name} images: zoo evaluate {path} {root or job.dataset.name}"
        check_split_digest(before, now, job.dataset, again)
        return []
    file = (path if path.is_dir() else path.parent) / JOB
    own = read_mapping(file).get("dataset") if file.is_file() else None
    if None in (before, now, root) or before == now or not isinstance(own, Mapping) or own.get("root") != root:
        return []
    return [f"The splits of {root} have changed since the training: some of these images may have been trained on."]


def trained_on(card: Mapping[str, Any], split: str) -> list[str]:
    """Notice about a split other than train that a model was trained on, by the entry ``trained_on`` of its card."""
    said = card.get("trained_on")
    return [str(said[split])] if isinstance(said, Mapping) and split in said else []


def _evaluate_file(word: str | Path, path: Path, options: EvaluationOptions, registry: Registry) -> RunResult:
    """The numbers of an exported file; on its run's own images where it lies in the run's folder."""
    if options.keep:
        raise RequestError("Only predictions of a run can be saved with it: leave out --keep.")
    artifact, dataset = open_file(word, registry), options.dataset
    model, card = as_network(artifact, options.device)
    in_run = _is_of(artifact.card, path.parent)
    if dataset is None and not in_run:
        raise RequestError(f"{path} is outside of the folder of its run. Give a dataset: zoo evaluate FILE DATASET")
    asked = {"dataset": dataset, "data": options.data, ANALYSES: _analyses_of(path.parent, options)}
    if not in_run:
        asked["architecture"] = standing_for(artifact, card)
    resolved = resolve(request_of(path.parent if in_run else None, card, asked), registry)
    return _measured(path, model, card, resolved, dataclasses.replace(options, device="cpu"), [])


def _analyses_of(folder: Path, options: EvaluationOptions) -> list[Mapping[str, Any]]:
    """The requested analyses, and on the run's own images those of its job under other names."""
    job = read_mapping(folder / JOB) if options.own and (folder / JOB).is_file() else {}
    named = {each["name"] if isinstance(each, Mapping) else each: each for each in job.get(ANALYSES) or []}
    return list({**named, **{each["name"]: each for each in options.analyses}}.values())


def request_of(folder: Path | None, card: Mapping[str, Any], asked: Mapping[str, Any]) -> Request:
    """Request for evaluating a model: its run's job, or a job without recipe for a model without a run.

    Args:
        folder: folder of the run; None for a model without one.
        card: card of the model.
        asked: options that override the job's.
    """
    if folder is not None and (folder / JOB).is_file():
        return make_request(asked, file=folder / JOB)
    own: dict[str, Any] = {"architecture": {"name": card["architecture"]["id"], **card["architecture"]["params"]}}
    if card.get("task") in (ORDINAL, REGRESSION):
        own["task"] = card["task"]
    return make_request({**own, **asked}, recipe="none")


def _without_job(folder: Path, word: str, keep: bool) -> str:
    """Message for a model whose own images are unknown."""
    if keep:
        return "Only predictions of a run can be saved with it: leave out --keep."
    why = f"{folder} is not the folder of a run (it has no {JOB}), so its images are unknown"
    if (folder / IMPORTED).is_file():
        why = f"{folder} was imported and has no images"
    return f"{why}. Give a dataset: zoo evaluate {word} DATASET"


def standing_for(network: Any, card: Mapping[str, Any]) -> Any:
    """Wrap an exported file as a factory, which stands for its architecture in a job."""

    def file(num_classes: int, in_chans: int = 3) -> Any:
        return network

    file.__name__ = card["architecture"]["id"].rpartition("/")[2]
    return file


def _is_of(card: Mapping[str, Any], folder: Path) -> bool:
    """Check that a folder is that of the run with this card."""
    try:
        own = {name: value for name, value in card.items() if name != EXPORTED}
        return (folder / JOB).is_file() and read_card(find_bundle(folder)) == own
    except BundleError:
        return False


def _used(
    bundle: Path, registry: Registry, *, own_dataset: bool = False, architecture_alone: bool = False
) -> list[str]:
    """List and print changes among the components that the run was made with.

    Raises:
        BundleError: components are not installed; the message says how to get them.
    """
    records = provenance.recorded(read_card(bundle))
    if architecture_alone:
        records = {"architecture": records["architecture"]}
    used = {path: record for path, record in records.items() if own_dataset or path != "dataset"}
    if lost := provenance.missing(used, registry):
        raise BundleError(f"The run of {bundle} can't be evaluated again: {' '.join(lost)}")
    changes = provenance.changes(used, registry)
    provenance.say(changes)
    return changes


def own_split(opener: Opener, resolved: Resolved, classes: list[str], asked: str | None, *, own: bool) -> Split:
    """Open the split to evaluate; of the run's own dataset, exactly the held-out images."""
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
    folder: Path,
    model: nn.Module,
    card: Mapping[str, Any],
    images: Split,
    resolved: Resolved,
    options: EvaluationOptions,
    analyses: Analyses,
) -> tuple[SplitMetrics, list[Mistake], list[str]]:
    """Numbers and worst mistakes of a model on images, and notices of what could not be drawn."""
    job, tta = resolved.job, options.tta or NONE
    execution = choose_execution(options.device, precision_here(options.device, job.answers_in), job.memory_format)
    execution = execution.suited(model)
    keep_freed_memory(execution.device)
    model = execution.place(model)
    shape, classes, task = card["preprocessing"], list(card["classes"]), task_of_card(card)
    same_task(images, task.name, "the run")
    images = dataclasses.replace(images, labels=task.standardise(images.labels))
    file, link = isinstance(model, AsNetwork), link_of_loss(resolved)
    scored = Scored(classes, new_task(task.name, link), outputs_of(model), file)
    loss, metrics = build.build_scoring(resolved, scored, execution.device)
    problems = [UNMEASURED] if loss_weights(loss) else [RAW] if file and link else []
    known = None if problems else loss
    normalize = Normalize(shape["mean"], shape["std"], execution.device, shape.get("window"))
    size = execution.evaluation_batch(2 * resolved.job.train.batch_size, shape["in_chans"] * shape["image_size"] ** 2)
    network, takers = looking(model, tta, task.mean), [loss, *(m.update for m in metrics.values())]

    def predict(split: Split) -> Answers:
        return predict_outputs(network, Batches(split, size, normalize), execution, takers=takers)

    answers = predict(images)
    here = options.own and images.name == VAL
    measured, mistakes = score_answers(answers, images.names, card, known, metrics, fitted_here=here)
    logits, targets, _ = answers
    if options.coverage is not None:
        verified = coverage_on(logits, targets, card, options.coverage, calibrated_here=here)
        measured = measured.changed(conformal=CoverageScores.read(verified))
        if options.keep and here:
            save_scores(folder, logits, targets)
    score = PartScore(known, classes, metrics, card.get("thresholds"), task)
    watched = {} if options.progress is None else {"progress": options.progress}
    higher = build.higher_names(resolved, task, metrics)
    columns = analyses.run(Evaluated(folder, card, images, answers, measured, higher, score, predict, **watched))
    plotted = None if task.classifies else options.pictures  # the page plots values
    for place in filter(None, (folder if options.keep else None, plotted)):
        names = relative_names(images.names, job.dataset.params.get("root"))
        read = task.read(logits), task.read_labels(targets)
        write_predictions(place, images.name, names, classes, *read, card.get("temperature") or 1.0, columns)
    if options.pictures is not None:
        drawn = partial(_mistake_rows, model, card, Batches(images, size, normalize), mistakes, options.pictures)
        problems += _drawn(drawn, analyses, options.pictures)
    return measured, mistakes, problems


def score_answers(
    answers: Answers,
    names: Sequence[str],
    card: Mapping[str, Any],
    loss: Loss | None,
    metrics: Mapping[str, Any],
    *,
    fitted_here: bool,
) -> tuple[SplitMetrics, list[Mistake]]:
    """Compute the numbers and the worst mistakes of a model from its answers.

    Args:
        names: names of the N images.
        card: card of the model.
        loss: None leaves the loss out.
        metrics: the job's metrics by name.
        fitted_here: the temperature of the card was fitted on these images.
    """
    logits, targets, outputs = answers
    classes, heat, task = list(card["classes"]), card.get("temperature"), task_of_card(card)
    numbers = evaluate_logits(logits, targets, loss, classes, metrics, card.get("thresholds"), outputs, task)
    beside, found = final_numbers(answers, loss, names, classes, metrics, heat, fitted_here=fitted_here, task=task)
    return SplitMetrics.read({**numbers, **beside}), [Mistake.read(mistake) for mistake in found]


def _drawn(draw: Callable[[], list[Any]], analyses: Analyses, folder: Path) -> list[str]:
    """Draw the pictures of a page; what prevents it becomes a notice, as the numbers don't depend on it."""
    try:
        write_json(folder / INDEX, {"mistakes": draw(), "figures": analyses.figures})
    except Exception as error:
        return [f"The pictures for the report were not written: {type(error).__name__}: {error}"]
    return []


def _mistake_rows(
    model: nn.Module, card: Mapping[str, Any], batches: Batches, mistakes: list[Mistake], folder: Path
) -> list[dict[str, Any]]:
    """Draw the worst mistakes, of images with 1 or 3 channels."""
    if card["preprocessing"]["in_chans"] not in (1, 3):
        return []
    return draw_mistakes(model, batches, mistakes, list(card["classes"]), folder, task=task_of_card(card))
