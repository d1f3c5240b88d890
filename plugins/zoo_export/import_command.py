"""``zoo import``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from zoo.errors import RequestError

_PREPROCESSING = ("image_size", "mean", "std", "resize", "crop_pct", "interpolation")


class Numbers(click.ParamType):  # type: ignore[type-arg]
    """Comma-separated numbers."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse the numbers into a list."""
        try:
            return value if isinstance(value, list) else [float(part) for part in value.split(",")]
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers such as 0.485,0.456,0.406.", param, ctx)


@click.command(name="import")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--format", metavar="FORMAT", help="timm, torchvision, onnx, or one of a plugin.", show_default="detected"
)
@click.option("--architecture", metavar="NAME", help="Network of the file, such as timm/resnet18, where it has none.")
@click.option(
    "--classes",
    metavar="NAMES",
    help="Class names: a file with one per line, a,b,c, a folder of class folders, or imagenet-1k.",
)
@click.option("--image-size", type=click.IntRange(min=1), metavar="PIXELS", help="Side of the images in pixels.")
@click.option("--mean", type=Numbers(), metavar="R,G,B", help="Mean for normalising pixels in 0..1.")
@click.option("--std", type=Numbers(), metavar="R,G,B", help="Standard deviation for normalising pixels in 0..1.")
@click.option(
    "--resize",
    type=click.Choice(["crop", "squash"]),
    help="Crop the centre, or squash both sides.",
)
@click.option(
    "--crop-pct",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="X",
    help="Fraction of the shorter side that a crop keeps.",
)
@click.option(
    "--interpolation",
    type=click.Choice(["bilinear", "bicubic", "nearest", "lanczos", "box", "hamming"]),
    help="Interpolation for resizing.",
)
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a parameter of the importer (see zoo info FORMAT); repeatable.",
)
@click.option("--name", metavar="NAME", help="Name of the model.", show_default="name of the file")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs"), help="Folder for runs.")
@click.option("--overwrite", is_flag=True, help="Replace an existing model of the same name.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def import_model(file: Path, sets: tuple[str, ...], as_json: bool, **typed: Any) -> None:
    """Import a model trained with another framework.

    FILE is a checkpoint of timm's train.py, a state dict of torchvision or timm, an ONNX classifier, or another format
    of zoo list importer. No code in it is executed.

    The imported model can be used by its name in zoo predict, evaluate, export and run --weights.
    """
    from zoo.api.commands import registry_here
    from zoo.reports.kit.text import import_lines
    from zoo.storage import dump_json
    from zoo_export.import_model import ImportOptions
    from zoo_export.import_model import import_model as import_it
    from zoo_export.parameters import parse_params

    shape = {name: typed.pop(name) for name in _PREPROCESSING}
    preprocessing = {name: value for name, value in shape.items() if value is not None}
    document = import_it(
        file,
        ImportOptions(preprocessing=preprocessing, params=parse_params(sets), **typed),
        registry=registry_here(),
        ask=None if as_json or not sys.stdin.isatty() else _ask,
        tell=lambda text: click.echo(f"{text} …", err=True),
    )
    if as_json:
        click.echo(dump_json(document))
        return
    for line in import_lines(document):
        click.echo(line)


def _ask(count: int) -> list[str]:
    """Ask for class names in the terminal until they are complete."""
    from zoo_export.class_names import check_names, read_names

    def names(word: str) -> list[str]:
        try:
            return check_names(read_names(word.strip()), count, "That")
        except RequestError as error:
            raise click.BadParameter(str(error)) from error

    click.echo(f"The file has no names for its {count:,} classes.", err=True)
    found: list[str] = click.prompt(
        "Names in the order of training, comma-separated, or a file with names", value_proc=names, err=True
    )
    return found
