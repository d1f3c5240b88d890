"""Options of ``zoo predict`` for many files."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from zoo.api.commands import SectionOption
from zoo.api.jobs import listing
from zoo.errors import RequestError

if TYPE_CHECKING:
    from zoo.api.models import Classifier

__all__ = ["LOCAL", "check_options", "command_line", "many_options", "need_out"]

SECTION = "Many files"
LOCAL = "local"
_FEW = {"save": "--save", "sort": "--sort", "html": "--html", "as_json": "--json", "as_csv": "--csv"}
_OF_CLASSES = {"top_k": "--top-k", "reject_below": "--reject-below", "sort": "--sort"}
_MANY = {"resume": "--resume", "shard": "--shard", "embeddings": "--embeddings", "on": "--on"}


def _option(*names: str, **how: Any) -> Callable[[Any], Any]:
    return click.option(*names, cls=SectionOption, section=SECTION, **how)


def many_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the section."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    _option(
        "--out",
        type=click.Path(path_type=Path),
        metavar="FILE.csv|DIR",
        help="Write a row per image as it is predicted: to a CSV file, or to parquet files in a folder.",
    ),
    _option("--resume", is_flag=True, help="Predict only the images whose rows are missing in --out."),
    _option(
        "--shard",
        metavar="I/N",
        help="Predict one of N parts of the images: 1/N to N/N. Every image is in one of them.",
    ),
    _option("--embeddings", is_flag=True, help="Write the input of the model's last layer too, to parquet."),
    _option("-0", "--null", is_flag=True, help="Paths on standard input end with NUL, as from find -print0."),
    _option("--on", metavar="ENGINE", default=LOCAL, help="Where to predict; plugins add engines."),
)


def need_out(context: click.Context) -> None:
    """Check that the typed options go together with or without ``--out``.

    Raises:
        RequestError: one of them does not.
    """
    typed = {name for name in context.params if _is_typed(context, name)}
    if "out" not in typed:
        if found := [option for name, option in _MANY.items() if name in typed]:
            raise RequestError(f"{found[0]} needs --out. Name a file or folder for the rows: --out predictions.csv")
    elif found := [option for name, option in _FEW.items() if name in typed]:
        raise RequestError(f"{found[0]} can't be combined with --out. Leave out one of them.")


def check_options(context: click.Context, classifier: Classifier) -> None:
    """Check that the typed options suit the task of the model.

    Raises:
        RequestError: one of them is about a confidence or classes that the model doesn't give.
    """
    if classifier.task.multilabel and context.params["reject_below"] is not None:
        raise RequestError(
            "--reject-below is not supported for multi-label models, where each class has its own threshold. "
            "Leave it out."
        )
    found = [option for name, option in _OF_CLASSES.items() if _is_typed(context, name)]
    if found and not classifier.task.classifies:
        raise RequestError(
            f"{found[0]} is about classes, but this model predicts numbers ({listing(classifier.classes, most=4)}). "
            "Leave it out."
        )


def _is_typed(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is not ParameterSource.DEFAULT


def command_line(context: click.Context) -> str:
    """The command as it was typed, for the record of an output."""
    words = ["zoo", "predict", context.params["run"], *context.params["images"]]
    for parameter in context.command.params:
        name = str(parameter.name)
        if isinstance(parameter, click.Option) and name in context.params and _is_typed(context, name):
            value = context.params[name]
            words += [parameter.opts[-1]] if parameter.is_flag else [parameter.opts[-1], str(value)]
    return shlex.join(words)
