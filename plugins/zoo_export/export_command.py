"""``zoo export``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.api.commands import offline_option


@click.command(name="export")
@click.argument("run", metavar="RUN")
@click.option("--format", default="onnx", metavar="FORMAT", help="onnx, pt2, torchscript, safetensors, or a plugin's.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="By default model.FORMAT in the run.")
@click.option("--quantize", metavar="TYPE", help="int8: compute in 8 bits, with ranges read from training images.")
@click.option("--half", is_flag=True, help="Compute in float16; weights take half the room.")
@click.option(
    "--max-loss",
    type=click.FloatRange(0, 1),
    default=0.01,
    show_default=True,
    metavar="X",
    help="So much of the accuracy may be lost by --quantize and --half.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The dataset's folder, if it has moved; of a model that was shared, its dataset.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file.")
@offline_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def export(run: str, quantize: str | None, half: bool, as_json: bool, **options: Any) -> None:
    """Write a trained model as a file that needs no zoo.

    From uint8 images (N, H, W, C) of any size to probabilities: resize, normalisation, network and temperature are in
    the file. It is read back by its own runtime and kept only if it answers all validation images as the run does.

    RUN is a run's name or folder, or a model that somebody shared: its folder, or hf:owner/name; then say with --data
    which images to check it with, and with --out where it goes.
    """
    from zoo.api.commands import registry_here
    from zoo.storage import dump_json
    from zoo_export.export_report import export_lines
    from zoo_export.exporting import ExportOptions, export_run

    asked = {"quantize": quantize, "half": half or None}
    params = {name: value for name, value in asked.items() if value is not None}
    document = export_run(
        run,
        ExportOptions(params=params, **options),
        registry=registry_here(),
        tell=lambda text: click.echo(f"{text} …", err=True),
    )
    if as_json:
        click.echo(dump_json(document))
        return
    for line in export_lines(document):
        click.echo(line)
