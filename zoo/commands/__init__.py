"""The commands of ``zoo``: each file one, importing what is heavy only when it is typed."""

from __future__ import annotations

import importlib
from collections.abc import Iterable

import click

from zoo.commands.arguments import FLAGS
from zoo.commands.group import CommandGroup, prepared
from zoo.version import __version__

# In the order of a newcomer's path: name, and where the command is.
CORE = {
    "run": "run:run",
    "train": "run:train",
    "evaluate": "evaluate:evaluate",
    "predict": "predict:predict",
    "list": "catalogue:list_components",
    "info": "catalogue:info",
    "plugins": "plugins:group",
    "runs": "runs:group",
    "cache": "cache:group",
    "completion": "completion:completion",
}


class _Zoo(CommandGroup):
    """The commands of the core, each imported when it is typed or listed."""

    def own_commands(self) -> Iterable[str]:
        return CORE

    def own_command(self, name: str) -> click.Command | None:
        return core_command(name)


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


@click.group(cls=_Zoo, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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
    return prepared(command)
