"""The commands of ``zoo``: each file one, importing what is heavy only when it is typed."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

import click

from zoo import __version__
from zoo.commands.arguments import FLAGS, VARIABLE
from zoo.commands.context import registry_of
from zoo.errors import PluginError, ZooError

if TYPE_CHECKING:
    from zoo.registry.entry import Entry

# In the order of a newcomer's path: name, and where the command is.
CORE = {
    "run": "run:run",
    "train": "run:train",
    "evaluate": "evaluate:evaluate",
    "predict": "predict:predict",
    "export": "export:export",
    "import": "import_model:import_model",
    "serve": "serve:serve",
    "models": "models:group",
    "data": "data:group",
    "lr-find": "lr_find:lr_find",
    "bench": "bench:bench",
    "sweep": "sweep:sweep",
    "compare-architectures": "compare_architectures:compare_architectures",
    "verify-resume": "verify_resume:verify_resume",
    "list": "catalogue:list_components",
    "info": "catalogue:info",
    "plugins": "plugins:group",
    "runs": "runs:group",
    "dashboard": "dashboard:dashboard",
    "doctor": "doctor:doctor",
    "cache": "cache:group",
    "completion": "completion:completion",
}


class _Group(click.Group):
    """Commands of the core, and those that plugins contribute; each is imported when it is typed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*CORE, *sorted(_contributed(ctx))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in CORE:
            return core_command(cmd_name)
        entry = _contributed(ctx).get(cmd_name)
        return None if entry is None else _wrap(cmd_name, entry)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        from zoo.registry.suggest import did_you_mean

        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            hint = did_you_mean(args[0], self.list_commands(ctx))
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


def _contributed(ctx: click.Context) -> dict[str, Entry]:
    """Commands of plugins, by name."""
    return {entry.component.name: entry for entry in registry_of(ctx, quiet=True).entries("command")}


def _wrap(name: str, entry: Entry) -> click.Command:
    """A plugin's command: every word after its name goes to it untouched."""

    def call(arguments: tuple[str, ...]) -> None:
        raise click.exceptions.Exit(_call(name, entry, list(arguments)))

    words = click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)
    settings = {"ignore_unknown_options": True, "help_option_names": []}
    return click.Command(name, params=[words], callback=call, help=entry.component.summary, context_settings=settings)


def _call(name: str, entry: Entry, arguments: list[str]) -> int:
    try:
        return int(entry.make(arguments) or 0)
    except (ZooError, click.ClickException, click.exceptions.Exit, BrokenPipeError):
        raise
    except Exception as error:
        raise PluginError(
            f"{entry.describe_origin()}: its command {name!r} failed: {type(error).__name__}: {error}"
            f"{entry.place_in(error)}. For the traceback: zoo --debug {name} …"
        ) from error


def _tell_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    """The zoo's version on a line of its own, which programs read, and those of what it stands on; none is imported."""
    if not asked or context.resilient_parsing:
        return
    import platform
    from importlib import metadata

    click.echo(f"zoo {__version__}")
    versions = {"Python": platform.python_version()}
    for name in ("torch", "torchvision", "timm"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    click.echo(", ".join(f"{name} {version}" for name, version in versions.items()))
    context.exit()


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_tell_version, help="Show versions and exit."
)
@click.option("--debug", is_flag=True, help=FLAGS["--debug"])
@click.option("--no-plugins", is_flag=True, help=FLAGS["--no-plugins"])
@click.option("--trace-plugins", is_flag=True, help=FLAGS["--trace-plugins"])
def app(**flags: bool) -> None:
    """The zoo: train, evaluate and use image classifiers.

    Datasets, architectures, losses and metrics come from plugins. Start with: zoo run simple_cnn digits
    """


def core_command(name: str) -> click.Command:
    """Import one of the core's commands."""
    module, _, attribute = CORE[name].partition(":")
    command: click.Command = getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
    _take_h(command)
    if VARIABLE in os.environ:
        _complete(command)
    return command


def _complete(command: click.Command) -> None:
    """Values for TAB, for a command and for what is in it."""
    from zoo.commands.completing import attach

    attach(command)
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        _complete(inner)


def _take_h(command: click.Command) -> None:
    """``-h`` for a command and for what is in it, however it is reached."""
    command.context_settings.setdefault("help_option_names", ["-h", "--help"])
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _take_h(inner)
