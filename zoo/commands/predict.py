"""``zoo predict``."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import click

from zoo.errors import BadImage, RequestError
from zoo.job.options import DEVICES, VIEWS, offline_option


@click.command(name="predict")
@click.argument("run", metavar="RUN")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...", type=click.Path(path_type=Path))
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
@offline_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
def predict(
    run: str,
    images: tuple[Path, ...],
    top_k: int,
    device: str,
    tta: str | None,
    reject_below: float | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Classify images.

    RUN is the name or folder of a run, an exported file, or a shared model: its folder, or hf:owner/name, which is
    downloaded on first use. IMAGE is an image file, or a folder of images.
    """
    from zoo.api import load
    from zoo.data.depth import count_depths, depth_notices
    from zoo.engine.execution import keep_freed_memory
    from zoo.engine.tta import account, views_named
    from zoo.host.context import registry_here
    from zoo.model.classifier import image_files, passed_over
    from zoo.model.formats import artifact_at
    from zoo.model.sources import find_model
    from zoo.storage.files import dump_json

    if as_json and as_csv:
        raise RequestError("Choose one of --json and --csv.")
    if tta is not None:
        views_named(tta)
    registry = registry_here()
    model = artifact_at(run, registry) or find_model(run, registry)
    files, others = list(image_files(images)), passed_over(images)
    note = f"skipped: {others}. These formats are not supported; convert the files to .jpg."
    if not files:
        raise RequestError(f"There are no images in {', '.join(map(str, images))}.{f' {note}' if others else ''}")
    classifier = load(model, device=device, reject_below=reject_below, registry=registry)
    keep_freed_memory(classifier.execution.device)
    if reject_below is not None and classifier.task.multilabel:
        raise RequestError(
            "--reject-below is not supported for multi-label models, where each class has its own threshold. "
            "Leave it out."
        )
    predictions, problems = _predict_all(classifier, files, top_k, tta)
    if as_json:
        document: dict[str, Any] = {"predictions": predictions, **account(classifier.tta if tta is None else tta)}
        if problems:
            document["skipped"] = problems
        click.echo(dump_json(document))
    elif as_csv:
        _write_csv(predictions)
    elif predictions:
        _print_table(predictions)
    depths = depth_notices(count_depths(Path(answer["path"]) for answer in predictions), len(files), "pictures")
    for problem in [*problems, *([note] if others else []), *depths]:
        click.echo(f"zoo: {problem}", err=True)
    if problems:
        raise click.exceptions.Exit(2)


def _predict_all(
    classifier: Any, files: list[Path], top_k: int, tta: str | None
) -> tuple[list[dict[str, Any]], list[str]]:
    """Predict all files, in batches.

    Returns:
        The predictions, and a sentence for each file that can't be decoded.
    """
    from zoo.model.classifier import BATCH

    predictions: list[dict[str, Any]] = []
    problems: list[str] = []
    for start in range(0, len(files), BATCH):
        try:
            predictions += classifier.predict(files[start : start + BATCH], top_k, tta)
        except BadImage:  # retry the batch's files one by one
            for file in files[start : start + BATCH]:
                try:
                    predictions += classifier.predict(file, top_k, tta)
                except BadImage as error:
                    problems.append(str(error))
    return predictions, problems


def _write_csv(predictions: list[dict[str, Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if predictions and "labels" in predictions[0]:
        writer.writerow(["path", "labels"])
        writer.writerows([p["path"], ";".join(p["labels"])] for p in predictions)
        return
    more = [name for name in ("sure", "familiar") if predictions and name in predictions[0]]
    writer.writerow(["path", "label", "confidence", *more])
    writer.writerows(
        [p["path"], p["label"], f"{p['confidence']:.6f}", *(str(p[name]).lower() for name in more)] for p in predictions
    )


def _print_table(predictions: list[dict[str, Any]]) -> None:
    from zoo.reports.parts import new_console
    from zoo.reports.tables import predictions_table

    new_console().print(predictions_table(predictions))
