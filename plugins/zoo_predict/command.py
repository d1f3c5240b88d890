"""``zoo predict``."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.api.commands import DEVICES, VIEWS, SectionCommand, SectionOption, offline_option
from zoo.errors import RequestError
from zoo_predict.many.options import check_options, many_options, need_out

if TYPE_CHECKING:
    from zoo.api.models import Classifier
    from zoo_predict.answers import PicturePrediction
    from zoo_predict.pictures import FoundPictures


def _output(name: str, metavar: str, text: str) -> Callable[[Any], Any]:
    """An option that names a file or folder to write."""
    kind = click.Path(path_type=Path)
    return click.option(name, cls=SectionOption, section="Output", type=kind, metavar=metavar, help=text)


@click.command(name="predict", cls=SectionCommand)
@click.argument("run", metavar="RUN")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...", type=click.Path())
@click.option(
    "--top-k", metavar="N", type=click.IntRange(min=1), default=5, help="Number of classes to print per image."
)
@click.option("--device", default="auto", metavar="DEVICE", help=DEVICES)
@click.option("--tta", metavar="VIEWS", help=VIEWS, show_default="as in the run")
@click.option(
    "--reject-below",
    type=click.FloatRange(0, 1),
    metavar="P",
    show_default="threshold of the model",
    help='Reject predictions with a lower confidence as "not sure".',
)
@click.option(
    "--coverage",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="P",
    help="Print the set of classes that contains the true one at this rate.",
)
@offline_option
@_output("--save", "DIR", "Save the images with their predictions below them, and a page of them.")
@_output("--sort", "DIR", "Copy the images into a folder per class.")
@_output("--html", "FILE", "Write a page of the predictions.")
@click.option("--overwrite", cls=SectionOption, section="Output", is_flag=True, help="Replace existing files.")
@click.option("--json", "as_json", cls=SectionOption, section="Output", is_flag=True, help="Print the result as JSON.")
@click.option("--csv", "as_csv", cls=SectionOption, section="Output", is_flag=True, help="Print CSV.")
@many_options
def predict(run: str, images: tuple[str, ...], as_json: bool, as_csv: bool, **typed: Any) -> None:
    """Classify images, or predict the values of a regression.

    RUN is the name or folder of a run, an exported file, or a shared model: its folder, or hf:owner/name, which is
    downloaded on first use. IMAGE is an image file, a folder of images, a quoted pattern such as 'photos/**/*.jpg', an
    http(s) URL, a CSV or parquet file with a column path, a tar file (with --out), or - for paths on standard input.

    --sort copies rejected images into the folder unsure. The originals are never changed.
    """
    context = click.get_current_context()
    need_out(context)
    if as_json and as_csv:
        raise RequestError("Choose one of --json and --csv.")
    from zoo.api.compute import views_named

    if typed["tta"] is not None:
        views_named(typed["tta"])
    if typed["out"] is not None:
        from zoo_predict.many.command import predict_many

        predict_many(context)
    else:
        with tempfile.TemporaryDirectory(prefix="zoo-predict-") as store:
            _predict(run, images, Path(store), {"json": as_json, "csv": as_csv}, typed)


def _predict(run: str, images: Sequence[str], store: Path, form: dict[str, bool], typed: dict[str, Any]) -> None:
    from zoo.api.commands import registry_here
    from zoo.api.models import find_model, is_artifact
    from zoo_predict.answers import predict_all
    from zoo_predict.outputs import Outputs
    from zoo_predict.pictures import find_pictures

    registry = registry_here()
    model = run if is_artifact(run, registry) else find_model(run, registry)
    found = find_pictures(images, store, null=typed["null"])
    _need_pictures(found, images)
    outputs = Outputs(typed["save"], typed["sort"], typed["html"], typed["overwrite"])
    outputs.check(found.pictures)
    classifier = _load(model, typed, registry)
    check_options(click.get_current_context(), classifier)
    with _progress(len(found.pictures), classifier.batch) as advance:
        answers, problems = predict_all(classifier, found.pictures, typed["top_k"], typed["tta"], advance)
    predictions = [answer.prediction for answer in answers]
    problems = [*found.problems, *problems]
    if not form["json"]:
        names = () if classifier.task.classifies else classifier.classes
        _print(predictions, names, as_csv=form["csv"], detector="familiar" in classifier.fields.names)
    written = outputs.write(answers, classifier, run) if answers else {}
    if form["json"]:
        _print_json(predictions, problems, written, classifier.tta if typed["tta"] is None else typed["tta"])
    else:
        for line in outputs.lines(written):
            click.echo(line, err=form["csv"])
    for notice in [*problems, *filter(None, [found.note()]), *_depths(answers, classifier, len(found.pictures))]:
        click.echo(f"zoo: {notice}", err=True)
    if problems:
        raise click.exceptions.Exit(2)


def _need_pictures(found: FoundPictures, images: Sequence[str]) -> None:
    """Raise RequestError unless there is an image."""
    note = f" {note[0].upper()}{note[1:]}." if (note := found.note()) else ""
    if not found.pictures:
        raise RequestError(" ".join(found.problems) or f"There are no images in {', '.join(images)}.{note}")


def _load(model: Any, typed: dict[str, Any], registry: Any) -> Classifier:
    from zoo.api.compute import keep_freed_memory
    from zoo.api.models import load

    how = {name: typed[name] for name in ("device", "reject_below", "coverage")}
    classifier = load(model, **how, registry=registry)
    keep_freed_memory(classifier.execution.device)
    return classifier


def _progress(total: int, batch: int) -> AbstractContextManager[Callable[[int], object]]:
    """A progress bar where there is more than one batch."""
    if total <= batch:
        return nullcontext(lambda count: None)
    from zoo_predict.table import progress

    return progress(total)


def _depths(answers: Sequence[PicturePrediction], classifier: Classifier, total: int) -> list[str]:
    """Notices about pictures of which decoding loses something."""
    from zoo.api.images import depth_notices
    from zoo_predict.depth import count_depths, loss_in

    files = (answer.picture.path for answer in answers)
    return depth_notices(count_depths(files, partial(loss_in, classifier)), total, "pictures")


def _print(predictions: list[dict[str, Any]], names: Sequence[str], *, as_csv: bool, detector: bool) -> None:
    from zoo_predict.table import predictions_table, write_csv

    if as_csv:
        write_csv(predictions)
    elif predictions:
        from zoo.reports.kit.console import new_console

        new_console().print(predictions_table(predictions, names, detector=detector))


def _print_json(predictions: list[dict[str, Any]], problems: list[str], written: dict[str, Any], tta: str) -> None:
    from zoo.api.compute import account
    from zoo.storage import dump_json

    document: dict[str, Any] = {"predictions": predictions, **account(tta), **written}
    if problems:
        document["skipped"] = problems
    click.echo(dump_json(document))
