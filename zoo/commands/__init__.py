"""The commands of ``zoo``: one file each, with heavy imports deferred until the command runs."""

from __future__ import annotations

import importlib
from collections.abc import Iterable

import click

from zoo.commands.arguments import FLAGS
from zoo.commands.group import CommandGroup, prepared
from zoo.version import __version__

# By heading of the help, in the order of a newcomer's path: command name -> module and attribute.
_CORE = {
    "Train": {"run": "run:run", "train": "run:train", "evaluate": "evaluate:evaluate"},
    "Inspect": {"list": "catalogue:list_components", "info": "catalogue:info", "runs": "runs:group"},
    "Extend": {"plugins": "plugins:group"},
    "Maintain": {"completion": "completion:completion"},
}
CORE = {name: target for commands in _CORE.values() for name, target in commands.items()}
_HEADINGS = {name: heading for heading, commands in _CORE.items() for name in commands}


class _Zoo(CommandGroup):
    """The core's commands, each imported when it runs or is listed."""

    def own_commands(self) -> Iterable[str]:
        return CORE

    def own_command(self, name: str) -> click.Command | None:
        return core_command(name)

    def own_heading(self, name: str) -> str:
        return _HEADINGS[name]


def _print_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    """Print the zoo's version on a separate line, for programs, then those of its dependencies, importing none."""
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
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the versions and exit.",
)
@click.option("--debug", is_flag=True, help=FLAGS["--debug"])
@click.option("--no-plugins", is_flag=True, help=FLAGS["--no-plugins"])
@click.option("--trace-plugins", is_flag=True, help=FLAGS["--trace-plugins"])
def app(**flags: bool) -> None:
    """Train, evaluate and use image classifiers.

    Start with: zoo run simple_cnn digits
    """


def core_command(name: str) -> click.Command:
    """Import a command of the core."""
    module, _, attribute = CORE[name].partition(":")
    command: click.Command = getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
    return prepared(command)
