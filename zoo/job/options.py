"""Command-line options of a job, and the request that they make."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import RequestError, ZooError
from zoo.job.sections import SectionOption
from zoo.registry import kinds

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
            return self.fail(f"{value!r} is not a duration such as 90s, 10m or 1h.", param, ctx)
        return float(found[1]) * _UNITS[(found[2] or "s")[0]]


PLUGIN_VALUES = "zoo.plugin_values"
"""Key of click's context with the values of plugins' options, by dotted path."""
RESUME_NAMED = "."
"""The value of ``--resume`` where no run follows: the run that ``--name`` says, or the newest."""
VIEWS = "Test-time augmentation: none, flip, crops, flip_crops or d4."
DEVICES = "Device: auto, cpu, cuda, cuda:1 or mps."
_RECIPE = "from the recipe"
# Help, section and effective default of each option; an option without a section is among the first.
_OPTIONS: dict[str, dict[str, Any]] = {
    "data": {"type": click.Path(path_type=Path), "metavar": "PATH", "help": "Folder or file of the dataset."},
    "recipe": {
        "metavar": "NAME",
        "help": "Recipe of registry.yaml, or none.",
        "section": "Training",
        "default_text": "the most specific that fits",
    },
    "epochs": {"type": int, "metavar": "N", "help": "Number of training epochs.", "default_text": _RECIPE},
    "batch_size": {
        "type": NumberOrAuto(int),
        "metavar": "N|auto",
        "help": "Batch size; auto fits it to the memory.",
        "default_text": _RECIPE,
    },
    "lr": {
        "type": NumberOrAuto(float),
        "metavar": "RATE|auto",
        "help": "Peak learning rate; auto finds it by a range test.",
        "default_text": _RECIPE,
    },
    "image_size": {
        "type": int,
        "metavar": "PIXELS",
        "help": "Side of the images.",
        "section": "Data",
        "default_text": _RECIPE,
    },
    "pretrained": {"is_flag": True, "default": None, "help": "Start from pretrained weights."},
    "weights": {
        "metavar": "FILE|RUN",
        "help": "Start from the weights of a file (.safetensors, .pth) or a run.",
        "section": "Weights",
    },
    "teacher": {"metavar": "RUN", "help": "Distill knowledge from a trained run.", "section": "Weights"},
    "freeze": {
        "metavar": "backbone|N",
        "help": "Freeze the backbone (all layers except the head) or the first N blocks.",
        "section": "Weights",
    },
    "seed": {"type": int, "metavar": "N", "help": "Random seed.", "section": "Repeats", "default_text": "0"},
    "device": {"metavar": "DEVICE", "help": DEVICES, "default_text": "auto"},
    "precision": {
        "metavar": "TYPE",
        "help": "Floating-point precision: auto, fp32, bf16 or fp16.",
        "section": "Hardware",
        "default_text": "auto",
    },
    "tta": {"metavar": "VIEWS", "help": VIEWS, "section": "Evaluation", "default_text": "none"},
    "task": {
        "metavar": "TASK",
        "help": "Single-label, multi-label, regression or ordinal.",
        "section": "Data",
        "default_text": "the dataset's own",
    },
    "on_bad_image": {
        "metavar": "POLICY",
        "help": "What to do with unreadable images: skip or fail.",
        "section": "Data",
        "default_text": "skip",
    },
    "set": {
        "multiple": True,
        "metavar": "PATH=VALUE",
        "help": "Set any value of the job, such as architecture.dropout=0.3 or loss=focal; repeatable.",
    },
    "budget": {
        "type": Span(),
        "metavar": "TIME",
        "help": "Fit the whole run into a time: 90s, 10m, 1h.",
    },
    "offline": {"is_flag": True, "help": "Disable downloads.", "section": "Control"},
}
LOOKING = {
    "weights": "Start from the weights of a file or a run.",
    "freeze": "Freeze the backbone or the first N blocks.",
    "set": "Set any value of the job, as in zoo run; repeatable.",
}
"""Help of the commands that draw a picture of a job and keep no run, where it differs from ``run``'s."""


def job_options(*names: str, **help: str) -> Callable[[Any], Any]:
    """Add options of a job to a command, in this order.

    Args:
        names: names of the options, with underscores.
        help: help texts by option, in place of those of ``zoo run``.
    """

    def add(command: Any) -> Any:
        for name in reversed(names):
            option = {**_OPTIONS[name], **({"help": help[name]} if name in help else {})}
            command = click.option(f"--{name.replace('_', '-')}", cls=SectionOption, **option)(command)
        return command

    return add


class NameList(click.types.StringParamType):
    """A name; an environment variable with several separates them by spaces or commas."""

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        """The names."""
        return rv.replace(",", " ").split()


class PluginOption(SectionOption):
    """An option of a plugin's kind, whose environment variable has no effect on a run that is resumed by its name."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """The variable's value."""
        is_kept = ctx.params.get("resume") is not None and not ctx.params.get("words")
        return None if is_kept else super().resolve_envvar_value(ctx)


def variable_of(option: str) -> str:
    """Environment variable of an option of a plugin's kind: ``ZOO_TRACK`` of ``--track``."""
    return "ZOO_" + option.removeprefix("--").replace("-", "_").upper()


def plugin_options(context: click.Context) -> list[click.Parameter]:
    """Options of ``zoo run`` that plugins add; none where the plugins can't be loaded, which the command reports."""
    from zoo.host.context import registry_of

    with contextlib.suppress(ZooError):
        registry_of(context, quiet=True)
    return [
        PluginOption(
            [kind.option],
            multiple=kind.choose == "many",
            envvar=variable_of(kind.option),
            show_envvar=True,
            type=NameList(),
            metavar="NAME",
            help=f"{kind.summary or kind.names.capitalize()}; see zoo list {kind.names}.",
            section=f"Plugin {kinds.owner_of(kind)}",
        )
        for kind in kinds.of_plugins()
        if kind.option
    ]


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
        command: as typed, for messages.
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
    from zoo.job.layers import options
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
    asked.update({name: typed[name] for name in options() if typed.get(name) not in (None, ())})
    context = click.get_current_context(silent=True)
    asked["set"] = {} if context is None else context.meta.get(PLUGIN_VALUES, {})
    request = make_request(asked, file=file, recipe=typed["recipe"])
    return dataclasses.replace(request, sets=tuple(typed["set"]))


def _job_file(words: Sequence[str], runs: bool) -> Path | None:
    """The job that a lone word means: a YAML file, or the job of a run."""
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

    option = click.option("--offline", cls=SectionOption, expose_value=False, callback=obey, **_OPTIONS["offline"])
    return option(command)
