"""``zoo models``: share trained models, and fetch shared ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.api.commands import offline_option

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(name="models")
def group() -> None:
    """Share models: push one, pull one, list them.

    A place is a folder, a .zip file, hf:owner/name on the Hugging Face hub, or, to pull from, an https address.
    """


@group.command("push")
@click.argument("run", metavar="RUN")
@click.argument("target", metavar="TARGET")
@click.option("--license", metavar="NAME", help="As the hub spells it: apache-2.0, mit, cc-by-4.0 … The hub needs one.")
@click.option("--name", metavar="NAME", help="What it is called; by default as the run is.")
@click.option("--private", is_flag=True, help="A repository that is made on the hub is seen by its owner only.")
@click.option("--overwrite", is_flag=True, help="Replace another model that is there.")
@click.option("--dry-run", is_flag=True, help="Show the model card, and what would be written where.")
@offline_option
@_json
def push(run: str, target: str, as_json: bool, **asked: Any) -> None:
    """Give a trained model to others.

    RUN is a run's name or folder; TARGET a folder, where it will be TARGET/NAME, a .zip file, or
    hf:owner/name[@branch]. Written are the weights, zoo.json, a model card and a manifest with the SHA-256 of each;
    the manifest's own is printed, as digest.
    """
    from zoo_hub.push import push_model
    from zoo_hub.report import pushed_lines

    document = push_model(run, target, tell=_tell, **asked)
    _print(document, pushed_lines(document), as_json)


@group.command("pull")
@click.argument("source", metavar="SOURCE")
@click.option("--out", type=click.Path(path_type=Path), default=Path("models"), show_default=True, metavar="DIR")
@click.option("--name", metavar="NAME", help="The folder's name in DIR; by default what the model is called.")
@click.option("--sha256", metavar="HEX", help="The digest that it must have; an https address needs one.")
@click.option("--overwrite", is_flag=True, help="Replace another model of that name.")
@offline_option
@_json
def pull(source: str, as_json: bool, **asked: Any) -> None:
    """Get a model that somebody shared.

    SOURCE is a folder, a .zip file, hf:owner/name[@revision], or an https address of such a folder or .zip file. Each
    file is checked against the manifest; of a model that was changed or damaged nothing is kept. Nothing is run.
    """
    from zoo_hub.pull import pull_model
    from zoo_hub.report import pulled_lines

    document = pull_model(source, tell=_tell, **asked)
    document["notices"] = _missing(Path(document["dir"]))
    _print(document, pulled_lines(document), as_json)


@group.command("list")
@click.argument("where", required=False, metavar="[WHERE]")
@offline_option
@_json
def list_models(where: str | None, as_json: bool) -> None:
    """List shared models.

    WHERE is a folder, or hf:owner for those of an owner on the hub; by default what was pulled to models/, and what is
    kept of the hub since it was used. Nothing is fetched.
    """
    from zoo_hub.listing import list_models as listed
    from zoo_hub.report import model_lines

    rows = listed(where)
    _print(rows, model_lines(rows), as_json)


def _missing(folder: Path) -> list[str]:
    """Describe missing requirements of a model, each with the command that installs it; nothing is installed here."""
    import json

    from zoo.api.commands import registry_here
    from zoo.api.models import missing
    from zoo.storage import read_plain

    try:
        architecture = json.loads(read_plain(folder / "zoo.json"))["architecture"]
        return missing({"architecture": {"kind": "architecture", **architecture}}, registry_here())
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return ["Its zoo.json can't be read, so it can't be used."]


def _tell(text: str) -> None:
    click.echo(f"{text} …", err=True)


def _print(document: Any, lines: Any, as_json: bool) -> None:
    from zoo.storage import dump_json

    if as_json:
        click.echo(dump_json(document))
        return
    for line in lines:
        click.echo(line)
