"""``zoo lr-find``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.api.commands import LOOKING, SectionCommand, job_options, resolve_words


@click.command(name="lr-find", cls=SectionCommand)
@click.argument("words", nargs=-1, metavar="ARCHITECTURE DATASET | JOB.yaml | RUN")
@job_options("data", "recipe", "batch_size", "image_size", "pretrained", "weights", "freeze", **LOOKING)
@job_options("seed", "device", "precision", "set", "offline", **LOOKING)
@click.option("--from", "lowest", type=click.FloatRange(0, min_open=True), default=1e-7, help="First learning rate.")
@click.option("--to", "highest", type=click.FloatRange(0, min_open=True), default=10.0, help="Last learning rate.")
@click.option("--steps", type=click.IntRange(50, 10_000), default=100, help="Number of steps.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), default=Path("lr-find.png"), help="Plot to write: .png or .svg."
)
@click.option("--overwrite", is_flag=True, help="Overwrite an existing file of another origin.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def lr_find(words: tuple[str, ...], as_json: bool, **typed: Any) -> None:
    """Find a learning rate with a range test, and plot it.

    The network is trained for a hundred steps with a rising learning rate; the suggested rate is where the loss falls
    fastest. No run is saved. zoo run --lr auto does the same before training.
    """
    from zoo.errors import RequestError
    from zoo.reports.kit.pages import check_place

    if typed["lowest"] >= typed["highest"]:
        raise RequestError(f"--from {typed['lowest']:g} must be below --to {typed['highest']:g}.")
    path = check_place(typed["out"], (".png", ".svg"), overwrite=typed["overwrite"])
    resolved, _ = resolve_words(words, typed, "zoo lr-find", runs=True)
    found = _find(resolved, typed, as_json)
    from zoo_search.lr_find_plot import plot_lr

    title = f"{found['architecture']} on {found['dataset']}, {found['optimizer']}"
    plot_lr(found, path, title)
    if as_json:
        from zoo.storage import dump_json

        click.echo(dump_json({"path": str(path), **found}))
        return
    _say(found, path, title, words)


def _find(resolved: Any, typed: dict[str, Any], as_json: bool) -> dict[str, Any]:
    from zoo.api.running import find_lr, trial_parts
    from zoo.reports.kit.text import make_observer

    observer = make_observer(json=as_json)
    try:
        parts = trial_parts(resolved, observer)
        told = observer.preparing
        test = find_lr(
            parts,
            lowest=typed["lowest"],
            highest=typed["highest"],
            steps=typed["steps"],
            on_step=lambda done, total: told("trying learning rates", done, total),
        )
    finally:
        observer.close()
    job = parts.job
    named = {"architecture": job.architecture.name, "dataset": job.dataset.name, "optimizer": job.train.optimizer.name}
    return {**named, "batch_size": job.train.batch_size, "recipe": job.train.lr, **test.as_dict()}


def _say(found: dict[str, Any], path: Path, title: str, words: tuple[str, ...]) -> None:
    from zoo_search.lr_find_plot import table_lines

    click.echo(f"{title}, batches of {found['batch_size']}")
    for line in table_lines(found):
        click.echo(line)
    click.echo(f"the job's own: {found['recipe']:g}")
    click.echo(f"plot: {path}")
    if found["lr"] is not None and len(words) == 2:
        click.echo(f"next: zoo run {' '.join(words)} --lr {found['lr']:g}")
