"""Command-line options of a job, and the request that they make."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import RequestError

if TYPE_CHECKING:
    from zoo.job.request import Request
    from zoo.job.resolve import Resolved
    from zoo.registry.registry import Registry


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


_UNITS = {"s": 1, "m": 60, "h": 3600}


class Span(click.ParamType[Any] if TYPE_CHECKING else click.ParamType):  # type: ignore[misc]
    """A length of time: ``90s``, ``10m``, ``1.5h``; in seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Seconds."""
        found = re.fullmatch(r"(\d+(?:\.\d*)?)\s*(s|m|min|h)?", str(value).strip().lower())
        if found is None or float(found[1]) == 0:
            return self.fail(f"{value!r} is not a length of time, as 90s, 10m and 1h are.", param, ctx)
        return float(found[1]) * _UNITS[(found[2] or "s")[0]]


RESUME_NAMED = "."
"""The value of ``--resume`` where no run follows: the run that ``--name`` says, or the newest."""
VIEWS = "Answer by the mean over views: none, flip, crops, flip_crops, d4."
_OPTIONS: dict[str, dict[str, Any]] = {
    "data": {"type": click.Path(path_type=Path), "metavar": "PATH", "help": "The dataset's folder or file."},
    "recipe": {"metavar": "NAME", "help": "A recipe of registry.yaml; 'none' for none."},
    "epochs": {"type": int, "help": "How often to go through the training images."},
    "batch_size": {"type": NumberOrAuto(int), "metavar": "N|auto", "help": "Images a step."},
    "lr": {"type": NumberOrAuto(float), "metavar": "RATE|auto", "help": "Learning rate, at its highest."},
    "image_size": {"type": int, "help": "Side of the images in pixels."},
    "pretrained": {"is_flag": True, "default": None, "help": "Begin with the weights that its library has."},
    "weights": {"metavar": "FILE|RUN", "help": "Begin with these: .safetensors, .pth, or another run's."},
    "teacher": {"metavar": "RUN", "help": "Learn from this run's answers, beside the labels."},
    "freeze": {"metavar": "WHAT", "help": "Learns nothing: backbone (all but the head), or N blocks."},
    "seed": {"type": int, "help": "The same seed gives the same numbers."},
    "device": {"metavar": "DEVICE", "help": "auto, cpu, cuda, cuda:1 or mps."},
    "precision": {"metavar": "TYPE", "help": "auto, fp32, bf16 or fp16."},
    "tta": {"metavar": "VIEWS", "help": VIEWS},
    "on_bad_image": {"metavar": "POLICY", "help": "skip or fail."},
    "set": {
        "multiple": True,
        "metavar": "PATH=VALUE",
        "help": "Any value of the job, as often as you like: architecture.dropout=0.3, loss=focal.",
    },
    "budget": {"type": Span(), "metavar": "TIME", "help": "Fit the whole run into this time: 90s, 10m, 1h."},
    "offline": {"is_flag": True, "help": "Download nothing."},
}
LOOKING = {
    "weights": "Begin with these.",
    "freeze": "Learns nothing: backbone, or N blocks.",
    "seed": "The same seed gives the same picture.",
    "set": "Any value of the job, as in zoo run.",
}
"""Help of the commands that draw a picture of a job and keep no run, where it differs from ``run``'s."""


def job_options(*names: str, **help: str) -> Callable[[Any], Any]:
    """These options of a job, in this order.

    Args:
        help: by an option's name, what its help says here in place of ``run``'s own.
    """

    def add(command: Any) -> Any:
        for name in reversed(names):
            option = {**_OPTIONS[name], **({"help": help[name]} if name in help else {})}
            command = click.option(f"--{name.replace('_', '-')}", **option)(command)
        return command

    return add


def resolve_words(
    words: Sequence[str], typed: Mapping[str, Any], command: str, **how: Any
) -> tuple[Resolved, Registry]:
    """The job of ``ARCHITECTURE DATASET`` or ``JOB.yaml``, and the registry that it was resolved with.

    Args and errors as :func:`request_of` has them.
    """
    from zoo.job.resolve import resolve

    request, registry = request_of(words, typed, command, **how)
    return resolve(request, registry), registry


def request_of(
    words: Sequence[str],
    typed: Mapping[str, Any],
    command: str,
    *,
    file: Path | None = None,
    runs: bool = False,
    dataset_alone: bool = False,
) -> tuple[Request, Registry]:
    """What is asked for by ``ARCHITECTURE DATASET`` or ``JOB.yaml``, and the registry to resolve it with.

    Args:
        typed: the command's options, by name.
        command: as one types it, for messages.
        file: the job where the words name none.
        runs: whether ``RUN`` is allowed, for that run's job.
        dataset_alone: whether ``DATASET`` is allowed.

    Raises:
        ZooError: the words name no job, or what they name is wrong.
    """
    from zoo.host.context import registry_here

    if typed["offline"]:
        os.environ["ZOO_OFFLINE"] = "1"
    request = _request(words, typed, command, file, runs, dataset_alone)
    return request, registry_here()


def _request(
    words: Sequence[Any], typed: Mapping[str, Any], command: str, file: Path | None, runs: bool, dataset_alone: bool
) -> Request:
    from zoo.job.layers import OPTIONS
    from zoo.job.request import make_request

    if (named := _job_file(words, runs)) is not None:
        file, words = named, ()
    elif dataset_alone and len(words) == 1:
        words = (no_architecture, *words)
    if len(words) not in ((0, 2) if file else (2,)):
        or_else = "a job file, or a run" if runs else "or one job file"
        raise RequestError(
            f"{command} takes an architecture and a dataset, {or_else}, not {' '.join(words) or 'nothing'}. "
            f"Try: {command} simple_cnn digits"
        )
    asked = dict(zip(("architecture", "dataset"), words, strict=False))
    asked.update({name: typed[name] for name in OPTIONS if name in typed})
    request = make_request(asked, file=file, recipe=typed["recipe"])
    return dataclasses.replace(request, sets=tuple(typed["set"]))


def _job_file(words: Sequence[str], runs: bool) -> Path | None:
    """The job that a lone word means: a YAML file, or a run's own."""
    from zoo.job.run_folder import JOB

    if len(words) == 1 and words[0].endswith((".yaml", ".yml")):
        return Path(words[0])
    if len(words) != 1 or not runs:
        return None
    return next((path for path in (Path(words[0]) / JOB, Path("runs") / words[0] / JOB) if path.is_file()), None)


def no_architecture(num_classes: int) -> Any:
    """Stands where a job needs an architecture and nobody named one; it is never built."""
    raise AssertionError("a job without an architecture was built")


def offline_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--offline``, for a command that may fetch a model of the hub: ``ZOO_OFFLINE``, as of a job."""

    def obey(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        if value:
            os.environ["ZOO_OFFLINE"] = "1"

    return click.option("--offline", expose_value=False, callback=obey, **_OPTIONS["offline"])(command)
