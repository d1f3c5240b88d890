"""``zoo label``."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.api.commands import DEVICES, offline_option
from zoo.errors import RequestError

if TYPE_CHECKING:
    from zoo_label.features import Extractor
    from zoo_label.labelling import Labelling
    from zoo_label.pool import Listed, Pool

_SKIPPED = "Show the skipped pictures again."
_FOLDERS = "Take the name of a picture's folder as its label, where it has none."
_IMPORT = "Take over the labels of Label Studio's JSON, and stop."
_EXPORT = "Write the labels as JSON for Label Studio, and stop."
_AUDIT = "Fraction of the pictures that are drawn at random, to measure the model."


@click.command(name="label")
@click.argument("pool", type=click.Path(path_type=Path), metavar="POOL")
@click.option(
    "--classes", metavar="A,B,C", help="Names of the classes.", show_default="those of the labels or the model"
)
@click.option("--model", "run", metavar="RUN", help="Trained model that guesses the classes.")
@click.option("--architecture", metavar="NAME", help="Network whose features a model is fitted on.")
@click.option("--weights", metavar="FILE", help="Weights of the --architecture.")
@click.option("--pretrained", is_flag=True, help="Pretrained weights for the --architecture.")
@click.option("--device", default="auto", metavar="DEVICE", help=DEVICES)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="CSV file of the labels.",
    show_default="labels.csv in the folder of the pictures",
)  # fmt: skip
@click.option(
    "--only", type=click.Path(path_type=Path), metavar="FILE", help="Show the pictures of this CSV file alone."
)
@click.option("--skipped", is_flag=True, help=_SKIPPED)
@click.option("--folders", is_flag=True, help=_FOLDERS)
@click.option("--import-labels", type=click.Path(path_type=Path), metavar="FILE", help=_IMPORT)
@click.option("--export-labels", type=click.Path(path_type=Path), metavar="FILE", help=_EXPORT)
@click.option("--audit", type=click.FloatRange(0, 0.5), default=0.2, metavar="P", help=_AUDIT)
@click.option("--who", metavar="NAME", help="Your name, for the labels.", show_default="the user's")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, help="Port; 0 for any free one.")
@click.option("--browser/--no-browser", default=True, help="Open the page in a browser.")
@click.option("--overwrite", is_flag=True, help="Replace an existing file of --export-labels.")
@offline_option
def label(pool: Path, out: Path | None, **typed: Any) -> None:
    """Label pictures on a page of this machine.

    POOL is a folder of pictures, or a CSV file with a column path. Keys give labels: 1 to 9 for the classes, 0 for none
    of them, s to skip, u to undo, z to zoom, g for many pictures at once. A model is fitted to the labels in the
    background; it chooses the next pictures, guesses their classes, and is measured on pictures drawn at random.

    Each label is on the disk before the next picture is shown. The file is a dataset: zoo run simple_cnn labels.csv
    """
    from zoo_label.journal import Journal
    from zoo_label.labelling import Labelling
    from zoo_label.pool import journal_of, open_pool

    _check_words(typed)
    file = out or journal_of(pool)
    if file.suffix.lower() != ".csv" or not file.parent.is_dir():
        raise RequestError(f"{file} must be a CSV file in an existing folder: --out {Path('labels.csv')}")
    pictures = open_pool(pool, file, folders=typed["folders"])
    who = (typed["who"] or _user()).strip()
    journal = Journal(file, read_only=typed["export_labels"] is not None)
    try:
        labelling = Labelling(pictures, journal, _class_names(typed["classes"]))
        _say_start(labelling)
        if typed["export_labels"]:
            _export(labelling, typed["export_labels"], overwrite=typed["overwrite"])
            return
        if count := labelling.take_over(pool.name):
            click.echo(f"{count:,} labels of {pool} are taken over into {file}")
        if typed["import_labels"]:
            _import(labelling, typed["import_labels"], who)
        else:
            _serve(labelling, typed, who)
    finally:
        journal.close()


def _check_words(typed: dict[str, Any]) -> None:
    """Refuse incompatible options."""
    begins = "--weights" if typed["weights"] else "--pretrained" if typed["pretrained"] else ""
    if typed["weights"] and typed["pretrained"]:
        raise RequestError("Choose one of --weights FILE and --pretrained.")
    if typed["run"] and (typed["architecture"] or begins):
        raise RequestError(f"Choose one of --model RUN and {begins or '--architecture'}: both define a network.")
    if typed["architecture"] and not begins:
        raise RequestError(
            f"An untrained network has no useful features. Give its weights: --architecture {typed['architecture']} "
            "--weights FILE, or --pretrained"
        )
    if begins and not typed["architecture"]:
        raise RequestError(f"{begins} needs a network: --architecture NAME {begins}")
    if typed["only"] and typed["skipped"]:
        raise RequestError("Choose one of --only FILE and --skipped: both choose the pictures.")
    if typed["import_labels"] and typed["export_labels"]:
        raise RequestError("Choose one of --import-labels FILE and --export-labels FILE.")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user without a name, as in a container
        return "unknown"


def _class_names(text: str | None) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()] if text else []


def _say_start(labelling: Labelling) -> None:
    """Report what was left out, and what was removed."""
    pool, journal = labelling.pool, labelling.journal
    for notice in pool.notices:
        click.echo(f"notice: {notice}.", err=True)
    if journal.mended:
        click.echo(f"notice: the last line of {journal.path} was incomplete and is removed.", err=True)
    if labelling.elsewhere:
        click.echo(f"notice: {labelling.elsewhere} pictures of {journal.path} are not in {pool.source}.", err=True)


def _import(labelling: Labelling, file: Path, who: str) -> None:
    from zoo_label.label_studio import import_labels

    for line in import_labels(labelling, file, who):
        click.echo(line)


def _export(labelling: Labelling, file: Path, *, overwrite: bool) -> None:
    from zoo_label.label_studio import export_labels

    for line in export_labels(labelling, file, overwrite=overwrite):
        click.echo(line)


def _serve(labelling: Labelling, typed: dict[str, Any], who: str) -> None:
    from zoo.reports.kit.pages import open_page
    from zoo_label.server import LabelServer
    from zoo_label.serving import serve_until_told
    from zoo_label.session import Session, SessionOptions
    from zoo_label.status import training_command

    extractor = _extractor(labelling.pool, typed)
    for name in getattr(extractor, "classes", ()):
        labelling.add_class(name)
    only, present = _chosen(labelling, typed)
    options = SessionOptions(typed["audit"], only, present)
    session = Session(labelling, extractor, options)
    server = LabelServer(session, typed["port"], who)

    def ready() -> None:
        session.model.start()
        click.echo(f"{server.url} labels {_shown(labelling, only)} into {labelling.journal.path}. Ctrl-C stops it.")
        click.echo(f"model: {extractor.words}")
        if typed["browser"]:
            open_page(server.url)

    serve_until_told(server, ready)
    _say_end(labelling, training_command(labelling, session.model))


def _shown(labelling: Labelling, only: list[int] | None) -> str:
    if only is not None:
        return f"{len(only):,} of {len(labelling.pool):,} pictures of {labelling.pool.source}"
    return f"{len(labelling.pool):,} pictures of {labelling.pool.source}"


def _extractor(pool: Pool, typed: dict[str, Any]) -> Extractor:
    from zoo.api.commands import registry_here
    from zoo_label.features import PlainFeatures, features_of_architecture, features_of_run

    if typed["run"]:
        return features_of_run(typed["run"], registry_here(), typed["device"])
    if typed["architecture"]:
        return features_of_architecture(typed["architecture"], typed["weights"], pool, registry_here(), typed["device"])
    return PlainFeatures()


def _chosen(labelling: Labelling, typed: dict[str, Any]) -> tuple[list[int] | None, dict[int, Listed]]:
    """The pictures of --only or --skipped, and what that file says of them."""
    from zoo_label.pool import by_path, read_list

    if typed["skipped"]:
        found = [index for index, answer in labelling.answers.items() if answer.event == "skip"]
        if not found:
            raise RequestError(f"No picture of {labelling.journal.path} is skipped. Leave --skipped out.")
        return found, {}
    if typed["only"] is None:
        return None, {}
    listed = read_list(typed["only"])
    present = by_path(labelling.pool, listed)
    if not present:
        raise RequestError(
            f"None of the {len(listed)} pictures of {typed['only']} is in {labelling.pool.source}. Its paths must be "
            f"absolute, or relative to {typed['only'].parent}."
        )
    if lost := len({each.path for each in listed}) - len(present):
        click.echo(f"notice: {lost} pictures of {typed['only']} are not in {labelling.pool.source}.", err=True)
    for name in sorted({each.label for each in present.values() if each.label}):
        labelling.add_class(name)
    return list(present), present


def _say_end(labelling: Labelling, command: str) -> None:
    from collections import Counter

    counts, file = Counter(labelling.labels().values()), labelling.journal.path
    per_class = ", ".join(f"{count:,} {name}" for name, count in counts.most_common())
    click.echo(f"{sum(counts.values()):,} labels in {file}{': ' + per_class if per_class else ''}")
    if len(counts) > 1:
        click.echo(f"next: {command}")
