"""``zoo extend``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

_HEAD = "How the new classes are recognised."


@click.command(name="extend")
@click.argument("run", metavar="RUN")
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER…")
@click.option("--name", metavar="NAME", help="Name of the new run.", show_default="generated")
@click.option("--head", type=click.Choice(["linear", "prototypes", "knn"]), default="linear", help=_HEAD)
@click.option("--prototypes", is_flag=True, help="Short for --head prototypes: for about five pictures a class.")
@click.option("--refit", is_flag=True, help="Fit the scores of all classes again, instead of keeping the old logits.")
@click.option("--data", type=click.Path(path_type=Path), metavar="PATH", help="The run's images, where they moved.")
@click.option("--device", metavar="DEVICE", help="Device for computing features.", show_default="the run's")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs"), help="Folder for runs.")
@click.option("--overwrite", is_flag=True, help="Replace an existing run of the same name.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def extend(run: str, folders: tuple[str, ...], prototypes: bool, as_json: bool, **typed: Any) -> None:
    """Add classes to a trained model, without training it again.

    Each FOLDER holds pictures of one new class and has its name. Only a
    head for the new classes is fitted, on the features before the last layer: the logits of the old classes stay the
    same, bit for bit. The result is a run: zoo evaluate, predict, export and serve take it.
    """
    from zoo.api.commands import registry_here
    from zoo.errors import RequestError
    from zoo.reports.kit.text import make_observer
    from zoo.storage import dump_json
    from zoo_extend.extending import ExtensionOptions, extend_run
    from zoo_extend.report import document, lines

    if prototypes and typed["head"] == "knn":
        raise RequestError("--prototypes stands for --head prototypes. Leave out one of --prototypes and --head knn.")
    if prototypes:
        typed["head"] = "prototypes"
    observer = make_observer(json=as_json)
    try:
        found = extend_run(run, folders, ExtensionOptions(**typed), registry=registry_here(), observer=observer)
    finally:
        observer.close()
    if as_json:
        click.echo(dump_json(document(found)))
        return
    for line in lines(found):
        click.echo(line)
