"""What the commands that look at a job, and train nothing, take: the words and options of ``run`` that decide it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import RequestError

if TYPE_CHECKING:
    from zoo.resolve import Request, Resolved

JOB_OPTIONS = ("data", "batch_size", "image_size", "pretrained", "weights", "freeze", "seed", "device", "precision")


class NumberOrAuto(click.ParamType[Any] if TYPE_CHECKING else click.ParamType):  # type: ignore[misc]
    """A number, or the word ``auto``."""

    name = "number"

    def __init__(self, number: type[int] | type[float]):
        self.number = number

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or ``"auto"``."""
        try:
            return value if value == "auto" else self.number(value)
        except (TypeError, ValueError):
            kind = "a whole number" if self.number is int else "a number"
            self.fail(f"{value!r} is neither {kind} nor 'auto'.", param, ctx)


def job_options(*names: str) -> Callable[[Any], Any]:
    """``--data``, ``--recipe``, ``--set`` and ``--offline``, and of ``run``'s further options those named."""
    every = {
        "batch_size": click.option("--batch-size", type=NumberOrAuto(int), metavar="N|auto", help="Images a step."),
        "image_size": click.option("--image-size", type=int, help="Side of the images in pixels."),
        "pretrained": click.option(
            "--pretrained", is_flag=True, default=None, help="Begin with the weights that its library has."
        ),
        "weights": click.option("--weights", metavar="FILE|RUN", help="Begin with these."),
        "freeze": click.option("--freeze", metavar="WHAT", help="Learns nothing: backbone, or N blocks."),
        "seed": click.option("--seed", type=int, help="The same seed gives the same picture."),
        "device": click.option("--device", metavar="DEVICE", help="auto, cpu, cuda, cuda:1 or mps."),
        "precision": click.option("--precision", metavar="TYPE", help="auto, fp32, bf16 or fp16."),
    }
    options = [
        click.option("--data", type=click.Path(path_type=Path), metavar="PATH", help="The dataset's folder or file."),
        click.option("--recipe", metavar="NAME", help="A recipe of registry.yaml; 'none' for none."),
        *(every[name] for name in names),
        click.option("--set", "sets", multiple=True, metavar="PATH=VALUE", help="Any value of the job, as in zoo run."),
        click.option("--offline", is_flag=True, help="Download nothing."),
    ]

    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def resolve_words(words: tuple[str, ...], typed: dict[str, Any], command: str, *, dataset_alone: bool) -> Resolved:
    """The job of ``ARCHITECTURE DATASET``, ``JOB.yaml`` or ``RUN``, and where it is allowed of ``DATASET``.

    Raises:
        ZooError: the words name none, or what they name is wrong.
    """
    from zoo.host import say_failures
    from zoo.registry import open_registry
    from zoo.resolve import resolve

    if typed["offline"]:
        os.environ["ZOO_OFFLINE"] = "1"
    return resolve(_request(words, typed, command, dataset_alone), open_registry(say=say_failures))


def _request(words: tuple[str, ...], typed: dict[str, Any], command: str, dataset_alone: bool) -> Request:
    import dataclasses

    from zoo.api import make_request

    asked: dict[str, Any] = {}
    file = _job_file(words[0]) if len(words) == 1 else None
    if len(words) == 2:
        asked = {"architecture": words[0], "dataset": words[1]}
    elif file is None and len(words) == 1 and dataset_alone:
        asked = {"architecture": no_architecture, "dataset": words[0]}
    elif file is None:
        raise RequestError(
            f"{command} takes an architecture and a dataset, a job file, or a run, not {' '.join(words) or 'nothing'}. "
            f"Try: {command} simple_cnn digits"
        )
    asked.update({name: typed.get(name) for name in JOB_OPTIONS})
    request = make_request(asked, file=file, recipe=typed["recipe"])
    return dataclasses.replace(request, sets=tuple(typed["sets"]))


def _job_file(word: str) -> Path | None:
    """The job that a word means: a YAML file, or a run's own."""
    from zoo.runner.folder import JOB

    if word.endswith((".yaml", ".yml")):
        return Path(word)
    return next((path for path in (Path(word) / JOB, Path("runs") / word / JOB) if path.is_file()), None)


def no_architecture(num_classes: int) -> Any:
    """Stands where a job needs an architecture and nobody named one; it is never built."""
    raise AssertionError("a job without an architecture was built")
