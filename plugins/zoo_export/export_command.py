"""``zoo export``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.api.commands import offline_option


@click.command(name="export")
@click.argument("run", metavar="RUN")
@click.option(
    "--format", default="onnx", metavar="FORMAT", help="onnx, pt2, torchscript, safetensors, or one of a plugin."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File to write.",
    show_default="model.FORMAT in the run",
)
@click.option("--quantize", metavar="TYPE", help="Quantize to int8, calibrated on training images.")
@click.option("--half", is_flag=True, help="Convert to float16, which halves the file size.")
@click.option(
    "--max-loss",
    type=click.FloatRange(0, 1),
    default=0.01,
    metavar="X",
    help="Largest accepted loss of accuracy by --quantize and --half.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Dataset to check the file with, where the run has none or it has moved.",
)
@click.option("--overwrite", is_flag=True, help="Overwrite an existing file.")
@offline_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def export(run: str, quantize: str | None, half: bool, as_json: bool, **options: Any) -> None:
    """Export a trained model to a standalone file.

    The file maps uint8 images (N, H, W, C) of any size to probabilities: it contains resizing, normalisation, network
    and temperature. It is read back with its own runtime, and kept only if it agrees with the run on all validation
    images.

    RUN is the name or folder of a run, or a shared model (its folder, or hf:owner/name), which needs --data and --out.
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
