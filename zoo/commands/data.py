"""``zoo data``: looking at what a job feeds its network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.commands.job_words import LOOKING, job_options, no_architecture, resolve_words

if TYPE_CHECKING:
    from zoo.resolve import Resolved
    from zoo.runner.samples import Samples


@click.group(name="data")
def group() -> None:
    """Look at images as training gets them."""


@group.command("show")
@click.argument("words", nargs=-1, metavar="[ARCHITECTURE] DATASET | JOB.yaml | RUN")
@job_options("data", "recipe", "image_size", "seed", "set", "offline", **LOOKING)
@click.option("--split", default="train", metavar="SPLIT", help="train, val or test.")
@click.option("--count", type=click.IntRange(1, 100), default=6, help="How many images: a row each.")
@click.option("--draws", type=click.IntRange(1, 20), default=5, help="How often each is augmented: a column each.")
@click.option("-o", "--out", type=click.Path(path_type=Path), default=Path("samples.png"), help="The PNG to write.")
@click.option("--overwrite", is_flag=True, help="Replace a file that the zoo didn't make.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(words: tuple[str, ...], as_json: bool, **typed: Any) -> None:
    """Draw a contact sheet of augmented samples.

    A row is an image: as decoded, then as training would get it, each time drawn anew. The job decides what is
    seen: name it as for zoo run. A dataset alone is shown without any architecture's recipe.
    """
    from zoo.reports.picture_file import check_place

    path = check_place(typed["out"], (".png",), overwrite=typed["overwrite"])
    resolved, _ = resolve_words(words, typed, "zoo data show", runs=True, dataset_alone=True)
    from zoo.reports.sheet import make_sheet, sample_rows, save_sheet
    from zoo.runner.samples import draw_samples

    samples = draw_samples(resolved, split=typed["split"], count=typed["count"], draws=typed["draws"])
    facts = _facts(resolved, samples, typed["split"])
    heads = ["as decoded", *(f"draw {i + 1}" for i in range(samples.drawn.shape[1]))]
    title = f"{facts['dataset']} · {facts['split']} · {facts['image_size']} px"
    notes = [f"augmentation: {_augmentation(resolved)}", *facts["notes"]]
    save_sheet(make_sheet(title, heads, sample_rows(samples), notes), path)
    if as_json:
        from zoo.files import dump_json

        click.echo(dump_json({"path": str(path), **facts}))
        return
    _say(path, facts, _augmentation(resolved), named=_named(resolved))


def _facts(resolved: Resolved, samples: Samples, split: str) -> dict[str, Any]:
    """What is in the picture."""
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
    """What a reader of the picture must know."""
    import numpy as np

    from zoo.reports.sheet import channels_note

    train, drawn = resolved.job.train, samples.drawn
    notes = [channels_note(drawn.shape[2])]
    if train.train_size != train.image_size:
        notes.append(f"training sees {train.train_size} px, evaluation {train.image_size}")
    if train.start_size is not None and train.size_of(1) != train.train_size:
        early = sum(train.size_of(epoch) != train.train_size for epoch in range(1, train.epochs + 1))
        notes.append(f"the first {early} of {train.epochs} epochs train on {train.start_size} px")
    if not np.isfinite(drawn).all():
        notes.append("the augmentation gives values that are no numbers (black here)")
    elif drawn.min() < -1e-3 or drawn.max() > 1 + 1e-3:
        notes.append(f"the augmentation gives values of {drawn.min():.2f} to {drawn.max():.2f}, cut off here to 0..1")
    if samples.skipped:
        first = samples.skipped[0]
        more = f" and {len(samples.skipped) - 1} more" if len(samples.skipped) > 1 else ""
        notes.append(f"can't be decoded: {Path(first['name']).name} ({first['reason']}){more}")
    return [note for note in notes if note]


def _named(resolved: Resolved) -> bool:
    return resolved.entry("architecture").given is not no_architecture


def _augmentation(resolved: Resolved) -> str:
    from zoo.reports.words import component

    return ", then ".join(component(choice) for choice in resolved.job.plain()["augment"]) or "none"


def _say(path: Path, facts: dict[str, Any], augmentation: str, *, named: bool) -> None:
    images = facts["images"]
    draws = len(images[0]["draws"])
    click.echo(
        f"{path}: {len(images)} {facts['split']} images of {facts['dataset']} at {facts['image_size']} px, "
        f"as decoded and in {draws} {'draw' if draws == 1 else 'draws'}"
    )
    click.echo(f"augmentation: {augmentation}")
    for note in facts["notes"]:
        click.echo(f"note: {note}")
    if not named and augmentation == "none":
        click.echo(f"next: zoo data show simple_cnn {facts['dataset']}, for the pictures that a network's recipe makes")
