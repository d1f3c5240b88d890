"""``zoo evaluate``."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.job.options import VIEWS, offline_option


@click.command(name="evaluate")
@click.argument("run", metavar="RUN")
@click.argument("dataset", required=False)
@click.option("--data", type=click.Path(path_type=Path), metavar="PATH", help="The dataset's folder or file.")
@click.option("--split", metavar="SPLIT", help="train, val, test or all; by default test, else val, else all there is.")
@click.option("--device", default="auto", metavar="DEVICE", help="auto, cpu, cuda, cuda:1 or mps.")
@click.option("--tta", metavar="VIEWS", help=f"{VIEWS} By default as the run's job says.")
@click.option("--keep", is_flag=True, help="Keep the answer to each image in the run's folder, to be compared.")
@offline_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--verbose", "-v", is_flag=True, help="Report the intervals of all metrics and the calibration, too.")
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
    """Measure a trained model again.

    RUN is a run's name or folder, a file that zoo export wrote, or a model that somebody shared: its folder, or
    hf:owner/name.

    On the images it was validated with, or on DATASET: a name, a folder of class folders, or a CSV file. What was
    shared comes without images, and needs a DATASET.
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
