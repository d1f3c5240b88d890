"""``zoo export``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.api.commands import offline_option
from zoo.errors import RequestError


@click.command(name="export")
@click.argument("run", metavar="RUN")
@click.argument("word", metavar="[FORMAT]", required=False)
@click.option(
    "--format",
    metavar="FORMAT",
    help="onnx, pt2, torchscript, safetensors, or one of a plugin.",
    show_default="onnx",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File or folder to write.",
    show_default="model.FORMAT in the run",
)
@click.option("--quantize", metavar="TYPE", help="Quantize to int8, calibrated on training images.")
@click.option("--half", is_flag=True, help="Convert to float16, which halves the file size.")
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a parameter of the exporter (see zoo info FORMAT); repeatable.",
)
@click.option(
    "--max-loss",
    type=click.FloatRange(0, 1),
    default=0.01,
    metavar="X",
    help="Largest accepted loss by --quantize, --half and --set: of accuracy, or of the MAE in standard deviations.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Dataset to check the file with, where the run has none or it has moved.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing file or exported folder.")
@offline_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def export(run: str, word: str | None, format: str | None, as_json: bool, **typed: Any) -> None:
    """Export a trained model to a standalone file, or to a folder where the format is one.

    The file maps uint8 images (N, H, W, C) of any size, or float32 ones for a model with a window, to probabilities, or
    to the values of a regression: it contains resizing, window, normalisation, network and temperature. It is read back
    with its own runtime, and kept only if it agrees with the run on all validation images.

    RUN is the name or folder of a run, or a shared model (its folder, or hf:owner/name), which needs --data and --out.
    """
    from zoo.api.commands import registry_here
    from zoo.storage import dump_json
    from zoo_export.export_report import export_lines
    from zoo_export.exporting import ExportOptions, export_run

    if word and format and word != format:
        raise RequestError(f"The format is given twice: {word} and --format {format}. Give one.")
    params = _params(typed.pop("quantize"), typed.pop("half"), typed.pop("sets"))
    document = export_run(
        run,
        ExportOptions(word or format or "onnx", params=params, **typed),
        registry=registry_here(),
        tell=lambda text: click.echo(f"{text} …", err=True),
    )
    if as_json:
        click.echo(dump_json(document))
        return
    for line in export_lines(document):
        click.echo(line)


def _params(quantize: str | None, half: bool, sets: tuple[str, ...]) -> dict[str, Any]:
    """Parameters of the exporter, by the options of their own and by ``--set``."""
    from zoo_export.parameters import parse_params

    asked = {"quantize": quantize, "half": half or None}
    own = {name: value for name, value in asked.items() if value is not None}
    found = parse_params(sets)
    if twice := [name for name in own if name in found]:
        raise RequestError(f"--{twice[0]} and --set {twice[0]} set the same parameter. Give one of them.")
    return {**own, **found}
