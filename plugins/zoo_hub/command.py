"""``zoo models``: share trained models, and fetch shared ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.api.commands import offline_option

_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group(name="models")
def group() -> None:
    """Share models: push, pull and list.

    A location is a folder, a .zip file, hf:owner/name on the Hugging Face hub, or, for pulling, an https URL.
    """


@group.command("push")
@click.argument("run", metavar="RUN")
@click.argument("target", metavar="TARGET")
@click.option("--license", metavar="NAME", help="License in the spelling of the hub, such as apache-2.0 or cc-by-4.0.")
@click.option("--name", metavar="NAME", help="Name of the shared model.", show_default="name of the run")
@click.option("--private", is_flag=True, help="Make a new repository on the hub private.")
@click.option("--overwrite", is_flag=True, help="Replace another model at the target.")
@click.option("--dry-run", is_flag=True, help="Show the model card and the files that would be written, and exit.")
@offline_option
@_json
def push(run: str, target: str, as_json: bool, **asked: Any) -> None:
    """Share a trained model.

    RUN is the name or folder of a run. TARGET is a folder (the model becomes TARGET/NAME), a .zip file, or
    hf:owner/name[@branch]. The shared model consists of the weights, zoo.json, a model card, and a manifest with the
    SHA-256 of each file. The digest that is printed is the SHA-256 of the manifest.
    """
    from zoo_hub.push import push_model
    from zoo_hub.report import pushed_lines

    document = push_model(run, target, tell=_tell, **asked)
    _print(document, pushed_lines(document), as_json)


@group.command("pull")
@click.argument("source", metavar="SOURCE")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("models"), metavar="DIR", help="Folder for models."
)
@click.option("--name", metavar="NAME", help="Name of the folder in DIR.", show_default="name of the model")
@click.option("--sha256", metavar="HEX", help="Expected digest of the model; required for an https URL.")
@click.option("--overwrite", is_flag=True, help="Replace another model of the same name.")
@offline_option
@_json
def pull(source: str, as_json: bool, **asked: Any) -> None:
    """Download a shared model.

    SOURCE is a folder, a .zip file, hf:owner/name[@revision], or the https URL of such a folder or .zip file. Each file
    is checked against the manifest; a changed or damaged model is discarded. No code of the model is executed.
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

    WHERE is a folder, or hf:owner for the models of an owner on the hub. By default, the models in models/ and those
    cached from the hub are listed, without network access.
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
        return ["Its zoo.json can't be read, so the model can't be used."]


def _tell(text: str) -> None:
    click.echo(f"{text} …", err=True)


def _print(document: Any, lines: Any, as_json: bool) -> None:
    from zoo.storage import dump_json

    if as_json:
        click.echo(dump_json(document))
        return
    for line in lines:
        click.echo(line)
