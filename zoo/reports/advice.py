"""Commands that a report proposes: each can be typed as it stands, in the folder where the run was started."""

from __future__ import annotations

import shlex

from zoo.reports.words import clean, short_path
from zoo.runner.job_record import ComponentRecord
from zoo.runner.run_result import RunResult

__all__ = [
    "MORE_IMAGES",
    "again",
    "against_overfitting",
    "clean_data",
    "find_lr",
    "for_rare_classes",
    "larger_network",
    "more_folds",
    "next_commands",
    "not_learning",
    "on_photos",
    "other_lr",
    "resume",
    "softer_labels",
    "split_advice",
    "train_longer",
    "usual_normalisation",
]


MORE_IMAGES = "more images of each class would help most"


def split_advice(advice: str) -> tuple[str, str]:
    """An advice as ``(why, command)``; the command is empty where there is none."""
    why, found, command = advice.partition(": zoo ")
    return (why, f"zoo {command}") if found else (advice, "")


def again(result: RunResult, *options: str) -> str:
    """The command that does the same run again, with ``options`` changed."""
    words = [_architecture(result), _dataset(result), *_task(result)]
    if result.dir:
        words = [f"{short_path(result.dir)}/job.yaml"]
    return shlex.join(["zoo", "run", *words, *options])


def next_commands(result: RunResult) -> list[tuple[str, str]]:
    """The next commands, as ``(purpose, command)``."""
    where = short_path(result.dir or "RUN")
    if result.status in ("interrupted", "failed"):
        return [("resume the run", resume(result)), ("start over", again(result))]
    return [
        (
            "predict values" if result.has_values else "classify images",
            shlex.join(["zoo", "predict", where, "photo.jpg"]),
        ),
        ("evaluate on other images", shlex.join(["zoo", "evaluate", where, "FOLDER"])),
    ]


def resume(result: RunResult) -> str:
    """The command that resumes an interrupted run."""
    return shlex.join(["zoo", "run", "--resume", short_path(result.dir or "RUN")])


def train_longer(result: RunResult) -> str:
    """Twice the epochs."""
    epochs = result.job.train.epochs or len(result.epochs) or 1
    return f"train longer: {again(result, '--epochs', str(2 * epochs))}"


def other_lr(result: RunResult, factor: float) -> str:
    """Another learning rate, ``factor`` times the job's."""
    lr = result.job.train.lr
    value = f"{lr * factor:.3g}" if isinstance(lr, (int, float)) else "1e-4" if factor < 1 else "3e-3"
    return f"try a {'lower' if factor < 1 else 'higher'} learning rate: {again(result, '--lr', value)}"


def find_lr(result: RunResult) -> str:
    """A range test."""
    job = [f"{short_path(result.dir)}/job.yaml"] if result.dir else [_architecture(result), _dataset(result)]
    return f"find a learning rate by a range test: {shlex.join(['zoo', 'lr-find', *job])}"


def clean_data(result: RunResult) -> str:
    """Check the data for leaks, duplicates and wrong labels."""
    return f"find the duplicates: {shlex.join(['zoo', 'data', 'check', _dataset(result)])}"


def usual_normalisation(result: RunResult) -> str:
    """Pixels of 0 to 1 about their middle."""
    return _set(result, "normalise pixels to -1..1", "data.mean=[0.5]") + " --set 'data.std=[0.5]'"


def softer_labels(result: RunResult) -> list[str]:
    """A loss that believes labels a little less."""
    loss = result.job.loss
    soft = loss.short_name == "cross_entropy" and not loss.extra.get("label_smoothing")
    return [_set(result, "use label smoothing", "loss.label_smoothing=0.1")] if soft else []


def for_rare_classes(result: RunResult) -> list[str]:
    """Class weights and balanced sampling, as far as the job has them not yet."""
    train, tries = result.job.train, []
    if train.class_weights == "none":
        tries.append(_set(result, "weight the classes in the loss", "train.class_weights=balanced"))
    if train.sampler_name in ("", "shuffle"):
        tries.append(_set(result, "sample all classes equally", "train.sampler=balanced"))
    return tries or ["more images of the rare classes would help most"]


def more_folds(result: RunResult) -> str:
    """Each image validated once."""
    return f"cross-validate: {again(result, '--folds', '5')}"


def larger_network(result: RunResult) -> str:
    """A network from a well-known family."""
    return f"try a larger network: {shlex.join(['zoo', 'run', 'timm/resnet18', _dataset(result), *_task(result)])}"


def not_learning(result: RunResult) -> list[str]:
    """For a network that gives everything the same answer."""
    advice = [other_lr(result, 0.1)] if result.epochs else []
    return [*advice, "check the labels of some images of each class"]


def against_overfitting(result: RunResult) -> list[str]:
    """Regularisation that the job does not use yet, the most helpful first."""
    job, dropout = result.job, result.job.architecture.extra.get("dropout")
    advice = []
    if not job.augment:
        why = "add data augmentation" + (" if it leaves the values as they are" if result.has_values else "")
        advice.append(_set(result, why, "augment=[flip,affine,colour]"))
    if isinstance(dropout, (int, float)) and dropout < 0.5:
        advice.append(_set(result, "increase dropout", "architecture.dropout=0.5"))
    if not job.train.weight_decay:
        advice.append(_set(result, "add weight decay", "train.weight_decay=0.05"))
    return advice or ["more images would help most; then a smaller network"]


def on_photos(result: RunResult) -> str:
    """The same job on images that were not drawn."""
    return f"train on photos: {again(result)} --data FOLDER"


def _set(result: RunResult, why: str, setting: str) -> str:
    return f"{why}: {again(result, '--set', setting)}"


def _task(result: RunResult) -> list[str]:
    """The option for a task that a dataset of classes does not declare."""
    return ["--task", str(result.task)] if result.task in ("regression", "ordinal") else []


def _architecture(result: RunResult) -> str:
    return _typed(result.job.architecture, "ARCHITECTURE")


def _dataset(result: RunResult) -> str:
    """The dataset as typed: its name, or the folder that it was."""
    dataset = result.job.dataset
    opened = dataset.short_name in ("image_folder", "image_csv") and result.job.data_folder
    return short_path(opened) if opened else _typed(dataset, "DATASET")


def _typed(component: ComponentRecord, otherwise: str) -> str:
    return clean(component.name or otherwise)
