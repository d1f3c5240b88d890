"""Commands that a report proposes: each can be typed as it stands, in the folder where the run was started."""

from __future__ import annotations

import shlex
from typing import Any

from zoo.reports.reading import Result
from zoo.reports.words import clean, short_path

__all__ = [
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


def split_advice(advice: str) -> tuple[str, str]:
    """An advice as ``(why, command)``; the command is empty where there is none."""
    why, found, command = advice.partition(": zoo ")
    return (why, f"zoo {command}") if found else (advice, "")


def again(result: Result, *options: str) -> str:
    """The command that does the same run again, with ``options`` changed."""
    if result.get("dir"):
        words = [f"{short_path(result['dir'])}/job.yaml"]
    else:
        words = [_name(result, "architecture"), _name(result, "dataset")]
    return shlex.join(["zoo", "run", *words, *options])


def next_commands(result: Result) -> list[tuple[str, str]]:
    """What one would type next, as ``(what it does, command)``."""
    where = short_path(result.get("dir") or "RUN")
    if result.get("status") in ("interrupted", "failed"):
        return [("go on where it stopped", resume(result)), ("start afresh", again(result))]
    return [
        ("use the model", shlex.join(["zoo", "predict", where, "photo.jpg"])),
        ("score it on other images", shlex.join(["zoo", "evaluate", where, "FOLDER"])),
    ]


def resume(result: Result) -> str:
    """The command that goes on with a run that was cut short."""
    return shlex.join(["zoo", "run", "--resume", short_path(result.get("dir") or "RUN")])


def train_longer(result: Result) -> str:
    """Twice the epochs."""
    epochs = int(_train(result).get("epochs") or len(result.get("epochs") or []) or 1)
    return f"train longer: {again(result, '--epochs', str(2 * epochs))}"


def other_lr(result: Result, factor: float) -> str:
    """Another learning rate, ``factor`` times the job's."""
    lr = _train(result).get("lr")
    value = f"{lr * factor:.3g}" if isinstance(lr, (int, float)) else "1e-4" if factor < 1 else "3e-3"
    return f"try a {'lower' if factor < 1 else 'higher'} learning rate: {again(result, '--lr', value)}"


def find_lr(result: Result) -> str:
    """A range test."""
    name = shlex.join(["zoo", "lr-find", _name(result, "architecture"), _name(result, "dataset")])
    return f"find one by a range test: {name}"


def clean_data(result: Result) -> str:
    """What looks for leaks, duplicates and wrong labels, and writes a list without them."""
    return f"find out which: {shlex.join(['zoo', 'data', 'check', _name(result, 'dataset')])}"


def usual_normalisation(result: Result) -> str:
    """Pixels of 0 to 1 about their middle."""
    return _set(result, "normalise as usual", "data.mean=[0.5]") + " --set 'data.std=[0.5]'"


def softer_labels(result: Result) -> list[str]:
    """A loss that believes labels a little less."""
    loss = _part(result, "loss")
    named = isinstance(loss, dict) and loss.get("name", "").rpartition("/")[2] == "cross_entropy"
    soft = named and not loss.get("label_smoothing")
    return [_set(result, "believe labels a little less", "loss.label_smoothing=0.1")] if soft else []


def for_rare_classes(result: Result) -> list[str]:
    """What is not in the job yet."""
    train, tries = _train(result), []
    if train.get("class_weights", "none") == "none":
        tries.append(_set(result, "let rare classes weigh more", "train.class_weights=balanced"))
    if train.get("sampler", "shuffle") == "shuffle":
        tries.append(_set(result, "show each class equally often", "train.sampler=balanced"))
    return tries or ["more images of the rare classes would help most"]


def more_folds(result: Result) -> str:
    """Each image validated once."""
    return f"validate by every image once: {again(result, '--folds', '5')}"


def larger_network(result: Result) -> str:
    """A network from a well-known family."""
    return f"try a larger network: {shlex.join(['zoo', 'run', 'timm/resnet18', _name(result, 'dataset')])}"


def not_learning(result: Result) -> list[str]:
    """For a network that gives everything the same answer."""
    advice = [other_lr(result, 0.1)] if result.get("epochs") else []
    return [*advice, "look at some images of each class: are their labels right?"]


def against_overfitting(result: Result) -> list[str]:
    """What is known to help and is not in the job yet, the most helpful first."""
    job, architecture = result.get("job") or {}, _part(result, "architecture")
    dropout = architecture.get("dropout") if isinstance(architecture, dict) else None
    advice = []
    if not job.get("augment"):
        advice.append(_set(result, "augment the images", "augment=[flip,affine,colour]"))
    if isinstance(dropout, (int, float)) and dropout < 0.5:
        advice.append(_set(result, "drop more", "architecture.dropout=0.5"))
    if not _train(result).get("weight_decay"):
        advice.append(_set(result, "decay the weights", "train.weight_decay=0.05"))
    return advice or ["more images would help most; then a smaller network"]


def on_photos(result: Result) -> str:
    """The same job on images that were not drawn."""
    return f"train on photos: {again(result)} --data FOLDER"


def _set(result: Result, why: str, setting: str) -> str:
    return f"{why}: {again(result, '--set', setting)}"


def _part(result: Result, part: str) -> Any:
    return (result.get("job") or {}).get(part)


def _train(result: Result) -> dict[str, Any]:
    train = _part(result, "train")
    return train if isinstance(train, dict) else {}


def _name(result: Result, part: str) -> str:
    """What one types for a part of the job: its name, or the folder that it was."""
    spec = _part(result, part)
    if not isinstance(spec, dict):
        return clean(spec or part.upper())
    name = clean(spec.get("name", part.upper()))
    opened = name.rpartition("/")[2] in ("image_folder", "image_csv") and spec.get("root")
    return short_path(opened) if opened else name
