"""``zoo evaluate``."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.job.options import DEVICES, VIEWS, offline_option


@click.command(name="evaluate")
@click.argument("run", metavar="RUN")
@click.argument("dataset", required=False)
@click.option("--data", type=click.Path(path_type=Path), metavar="PATH", help="Folder or file of the dataset.")
@click.option("--split", metavar="SPLIT", help="Split: train, val, test or all.", show_default="test, val")
@click.option("--device", default="auto", metavar="DEVICE", help=DEVICES)
@click.option("--tta", metavar="VIEWS", help=VIEWS, show_default="as in the run")
@click.option("--keep", is_flag=True, help="Save the predictions in the run folder, for zoo runs compare.")
@offline_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--verbose", "-v", is_flag=True, help="Report intervals and calibration.")
def evaluate(
    run: str,
    dataset: str | None,
    data: Path | None,
    split: str | None,
    device: str,
    tta: str | None,
    keep: bool,
    **report: bool,
) -> None:
    """Evaluate a trained model.

    RUN is the name or folder of a run, an exported file, or a shared model (its folder, or hf:owner/name).

    The model is evaluated on the images of its run, or on DATASET: a name, a folder with a folder of images for each
    class, or a CSV file. Shared models come without images and need a DATASET.
    """
    from zoo.evaluation.evaluate import evaluate_run
    from zoo.host.context import registry_here

    registry = registry_here()
    result = evaluate_run(run, dataset, registry=registry, data=data, split=split, device=device, tta=tta, keep=keep)
    if report["as_json"]:
        from zoo.storage.files import dump_json

        click.echo(dump_json(result.document()))
        return
    from zoo.reports.parts import new_console
    from zoo.reports.results import render_result

    new_console().print(render_result(result, verbose=report["verbose"]))
