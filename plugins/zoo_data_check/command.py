"""``zoo data``: show augmented samples, check a dataset, and divide it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.api.commands import LOOKING, SectionCommand, Span, job_options, no_architecture, resolve_words
from zoo.errors import RequestError
from zoo_data_check.split_command import split

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoo.api.jobs import Registry, Resolved
    from zoo_data_check.backbone import Backbone
    from zoo_data_check.samples import Samples


@click.group(name="data")
def group() -> None:
    """Inspect a dataset, find its problems and divide it."""


group.add_command(split)


@group.command("show")
@click.argument("words", nargs=-1, metavar="[ARCHITECTURE] DATASET | JOB.yaml | RUN")
@job_options("data", "recipe", "image_size", "seed", "set", "offline", **LOOKING)
@click.option("--split", default="train", metavar="SPLIT", help="Split: train, val or test.")
@click.option("--count", type=click.IntRange(1, 100), default=6, help="Number of images, one per row.")
@click.option(
    "--draws", type=click.IntRange(1, 20), default=5, help="Number of augmented samples per image, one per column."
)
@click.option("-o", "--out", type=click.Path(path_type=Path), default=Path("samples.png"), help="PNG file to write.")
@click.option("--overwrite", is_flag=True, help="Overwrite an existing file of another origin.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def show(words: tuple[str, ...], as_json: bool, **typed: Any) -> None:
    """Draw a contact sheet of augmented training samples.

    Each row shows an image as decoded, then augmented samples of it. The augmentation is that of the job, given as for
    zoo run; with a dataset alone, no recipe is used.
    """
    from zoo.reports.kit.pages import check_place

    path = check_place(typed["out"], (".png",), overwrite=typed["overwrite"])
    resolved, _ = resolve_words(words, typed, "zoo data show", runs=True, dataset_alone=True)
    from zoo_data_check.samples import draw_samples
    from zoo_data_check.sheet import make_sheet, sample_rows, save_sheet

    samples = draw_samples(resolved, split=typed["split"], count=typed["count"], draws=typed["draws"])
    facts = _facts(resolved, samples, typed["split"])
    heads = ["as decoded", *(f"draw {i + 1}" for i in range(samples.drawn.shape[1]))]
    title = f"{facts['dataset']} · {facts['split']} · {facts['image_size']} px"
    notes = [f"augmentation: {_augmentation(resolved)}", *facts["notes"]]
    save_sheet(make_sheet(title, heads, sample_rows(samples), notes), path)
    if as_json:
        from zoo.storage import dump_json

        click.echo(dump_json({"path": str(path), **facts}))
        return
    _say(path, facts, _augmentation(resolved))
    if not _named(resolved) and not facts["augment"]:
        data = ["--data", str(typed["data"])] if typed["data"] else []
        command = shlex.join(["zoo", "data", "show", "simple_cnn", words[-1], *data])
        click.echo(f"next: {command}, for the augmentation of a recipe")


def _facts(resolved: Resolved, samples: Samples, split: str) -> dict[str, Any]:
    """Describe the content of the contact sheet."""
    job = resolved.job
    rows = zip(samples.names, samples.labels, samples.shares, strict=True)
    return {
        "architecture": job.architecture.name if _named(resolved) else None,
        "dataset": job.dataset.name,
        "split": split,
        "image_size": job.train.image_size,
        "in_chans": job.data.in_chans,
        "mean": job.data.mean,
        "std": job.data.std,
        "augment": job.plain()["augment"],
        "classes": samples.classes,
        "images": [{"name": name, "label": label, "draws": shares} for name, label, shares in rows],
        "skipped": samples.skipped,
        "notes": _notes(resolved, samples),
    }


def _notes(resolved: Resolved, samples: Samples) -> list[str]:
    """Notes that a viewer of the contact sheet needs."""
    import numpy as np

    from zoo_data_check.sheet import channels_note

    train, drawn = resolved.job.train, samples.drawn
    notes = [channels_note(drawn.shape[2]), *samples.notices]
    if train.train_size != train.image_size:
        notes.append(f"training sees {train.train_size} px, evaluation {train.image_size}")
    if train.start_size is not None and train.size_of(1) != train.train_size:
        early = sum(train.size_of(epoch) != train.train_size for epoch in range(1, train.epochs + 1))
        notes.append(f"the first {early} of {train.epochs} epochs train on {train.start_size} px")
    if not np.isfinite(drawn).all():
        notes.append("the augmentation returns NaN values (shown in black)")
    elif drawn.min() < -1e-3 or drawn.max() > 1 + 1e-3:
        notes.append(f"the augmentation returns values of {drawn.min():.2f} to {drawn.max():.2f}, clipped here to 0..1")
    if samples.skipped:
        first = samples.skipped[0]
        more = f" and {len(samples.skipped) - 1} more" if len(samples.skipped) > 1 else ""
        notes.append(f"can't be decoded: {Path(first['name']).name} ({first['reason']}){more}")
    return [note for note in notes if note]


def _named(resolved: Resolved) -> bool:
    return resolved.entry("architecture").given is not no_architecture


def _augmentation(resolved: Resolved) -> str:
    from zoo.reports.kit.text import component

    return ", then ".join(component(choice) for choice in resolved.job.plain()["augment"]) or "none"


def _say(path: Path, facts: dict[str, Any], augmentation: str) -> None:
    images = facts["images"]
    draws = len(images[0]["draws"])
    click.echo(
        f"{path}: {len(images)} {facts['split']} images of {facts['dataset']} at {facts['image_size']} px, "
        f"as decoded and in {draws} {'draw' if draws == 1 else 'draws'}"
    )
    click.echo(f"augmentation: {augmentation}")
    for note in facts["notes"]:
        click.echo(f"note: {note}")


CHECKING = {
    "weights": "Weights of the --architecture.",
    "pretrained": "Pretrained weights for the --architecture.",
    "seed": "Random seed of the folds.",
    "set": "Set any value of the job, such as dataset.path_column=file; repeatable.",
}


@group.command("check", cls=SectionCommand)
@click.argument("dataset")
@job_options("data", "weights", "pretrained", "seed", "device", "set", "offline", **CHECKING)
@click.option("--architecture", metavar="NAME", help="Network whose features judge the labels, or that --train trains.")
@click.option("--features", metavar="RUN", help="Trained run whose features judge the labels.")
@click.option("--train", type=Span(), metavar="TIME", help="Train networks on the images to judge the labels: 20m.")
@click.option("--folds", type=click.IntRange(2, 50), default=5, help="Number of folds for judging labels.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="PAGE", help="Write an HTML page with the images."
)
@click.option(
    "--fix",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a cleaned list of images, for the dataset image_csv.",
)
@click.option(
    "--suspects",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the images with suspect or contradicting labels, for zoo label --only FILE.",
)
@click.option("--drop-suspects", is_flag=True, help="Also omit images with suspect labels from the list.")
@click.option("--overwrite", is_flag=True, help="Overwrite existing files of another origin.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def check(dataset: str, as_json: bool, **typed: Any) -> None:
    """Find problems in a dataset before training.

    Decodes every image of every split, and finds unreadable files, exact and near duplicates (also resized,
    re-encoded or cropped), leakage between splits, contradicting labels, likely label errors, and outliers. No image
    is changed; --fix writes a list of the good ones.
    """
    from zoo.reports.kit.pages import check_place

    _check_words(typed)
    page, table, drop_suspects = typed.pop("out"), typed.pop("fix"), typed.pop("drop_suspects")
    suspects, seconds, network = typed.pop("suspects"), typed.pop("train"), typed["architecture"] or "simple_cnn"
    if seconds is not None:
        typed["architecture"] = None
    if page is not None:
        check_place(page, (".html",), overwrite=typed["overwrite"])
    resolved, registry = _resolve_checked(dataset, typed, "zoo data check")
    from zoo.api.compute import choose_execution, keep_freed_memory
    from zoo.api.images import build_opener
    from zoo.reports.kit.text import make_observer
    from zoo.storage import dump_json
    from zoo_data_check.check import check_dataset
    from zoo_data_check.cleaning import check_list, need_files, write_clean, write_suspects
    from zoo_data_check.cross_validation import CrossValidation

    opener = build_opener(resolved)
    for path, option in ((table, "--fix"), (suspects, "--suspects")):
        if path is not None:
            check_list(path, option, overwrite=typed["overwrite"])
            need_files(opener, option)
    execution = choose_execution(resolved.job.device)
    keep_freed_memory(execution.device)
    backbone = _backbone(resolved, registry, typed["features"])
    observer = make_observer(json=as_json)
    try:
        folds, seed = typed["folds"], resolved.job.seed
        how = network, seconds, folds, seed, resolved.job.device
        training = None if seconds is None else CrossValidation(*how)
        found = check_dataset(opener, dataset, observer, backbone, execution, folds, seed, training)
    finally:
        observer.close()
    document = found.document
    document["data"] = None if typed["data"] is None else str(typed["data"])
    if table is not None:
        document["fix"] = write_clean(found, table, drop_suspects=drop_suspects)
    if suspects is not None:
        document["suspects"] = write_suspects(found, suspects)
    if page is not None:
        from zoo_data_check.page import write_check

        document["page"] = str(page)
        write_check(document, found.scan.picture, page)
    if as_json:
        click.echo(dump_json(document))
        return
    from zoo.reports.kit.console import new_console
    from zoo_data_check.report import check_report

    new_console().print(check_report(document))


@group.command("stats")
@click.argument("dataset")
@job_options("data", "set", "offline", set=CHECKING["set"])
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def stats(dataset: str, as_json: bool, **typed: Any) -> None:
    """Print statistics of a dataset: classes, image sizes, mean and std.

    Decodes every image of every split. The mean and standard deviation can be used as data.mean and data.std of a job.
    """
    resolved, _ = _resolve_checked(dataset, typed, "zoo data stats")
    from zoo.api.images import build_opener, open_training
    from zoo.reports.kit.text import make_observer
    from zoo.storage import dump_json
    from zoo_data_check.scan import scan
    from zoo_data_check.stats import statistics

    opener = build_opener(resolved)
    observer = make_observer(json=as_json)
    try:
        document = statistics(scan(opener, open_training(opener)[1], observer.preparing), dataset)
    finally:
        observer.close()
    if as_json:
        click.echo(dump_json(document))
        return
    from zoo.reports.kit.console import new_console
    from zoo_data_check.report import stats_report

    new_console().print(stats_report(document))


def _check_words(typed: dict[str, Any]) -> None:
    """Refuse incompatible options of ``zoo data check``."""
    begins = "--weights" if typed["weights"] else "--pretrained" if typed["pretrained"] else ""
    if typed["features"] and (typed["architecture"] or begins):
        raise RequestError(f"Choose one of --features RUN and {begins or '--architecture'}: both define a network.")
    if typed["architecture"] and not begins and not typed["train"]:
        raise RequestError(
            f"An untrained network has no useful features. Give its weights: --architecture {typed['architecture']} "
            "--weights FILE, or --pretrained; or train it: --train 20m"
        )
    if begins and not typed["architecture"]:
        raise RequestError(f"{begins} needs a network: --architecture NAME {begins}")
    if typed["train"] and (typed["features"] or begins):
        given = "--features" if typed["features"] else begins
        raise RequestError(f"Choose one of --train and {given}: --train begins with random weights.")
    if typed["drop_suspects"] and not typed["fix"]:
        raise RequestError("--drop-suspects needs --fix: --fix clean.csv --drop-suspects")


def _resolve_checked(dataset: str, typed: dict[str, Any], command: str) -> tuple[Resolved, Registry]:
    """Resolve the job of a dataset alone, or of a network on it without a recipe."""
    architecture = typed.pop("architecture", None)
    words = (dataset,) if architecture is None else (architecture, dataset)
    recipe = None if architecture is None else "none"
    return resolve_words(words, {**typed, "recipe": recipe}, command, dataset_alone=True)


def _backbone(resolved: Resolved, registry: Registry, run: str | None) -> Callable[[int], Backbone] | None:
    """Return a factory for the requested trained network; None where none is requested."""
    from zoo_data_check.backbone import backbone_of_job, backbone_of_run

    if run is not None:
        chosen = backbone_of_run(run, registry)  # now, so that a wrong name fails before all images are read
        return lambda num_classes: chosen
    return (lambda num_classes: backbone_of_job(resolved, num_classes)) if _named(resolved) else None
