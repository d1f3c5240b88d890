"""The commands of ``zoo``: each file one, importing what is heavy only when it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo import __version__
from zoo.commands import catalogue, evaluate, plugins, predict, run, runs
from zoo.commands.run import RESUME_NAMED


class _Group(click.Group):
    """Commands of the core, and those that plugins contribute, which are imported when they are typed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.commands, *sorted(_contributed())]  # the core's in the order of a newcomer's path

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = super().get_command(ctx, cmd_name)
        entry = None if command else _contributed().get(cmd_name)
        return command if entry is None else _wrap(cmd_name, entry)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        from zoo.names import did_you_mean

        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            hint = did_you_mean(args[0], self.list_commands(ctx))
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


def _contributed() -> dict[str, Any]:
    """Commands of plugins, by name. The bundled ones bring none, and ``zoo --help`` needn't wait for them."""
    from zoo.host import discover
    from zoo.shelf import open_shelf

    entries = (e for plugin in discover(open_shelf().disabled, bundled=False) for e in plugin.entries)
    return {entry.component.name: entry for entry in entries if entry.kind == "command"}


def _wrap(name: str, entry: Any) -> click.Command:
    """A plugin's command: every word after its name goes to it untouched."""

    def call(arguments: tuple[str, ...]) -> None:
        raise click.exceptions.Exit(int(entry.factory()(list(arguments)) or 0))

    words = click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)
    settings = {"ignore_unknown_options": True, "help_option_names": []}
    return click.Command(name, params=[words], callback=call, help=entry.component.summary, context_settings=settings)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="zoo", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Print the traceback of an error.")
def app(debug: bool) -> None:
    """The zoo: train, evaluate and use image classifiers.

    Datasets, architectures, losses and metrics come from plugins. Start with: zoo run simple_cnn digits
    """


def _add(command: click.Command, group: click.Group) -> None:
    """Add a command, with ``-h`` for it and for what is in it, however it is reached."""
    command.context_settings.setdefault("help_option_names", ["-h", "--help"])
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _add(inner, command)
    group.add_command(command)


for _command in (
    run.run,
    run.train,
    evaluate.evaluate,
    predict.predict,
    catalogue.list_components,
    catalogue.info,
    plugins.group,
    runs.group,
):
    _add(_command, app)


def tidy_arguments(words: list[str]) -> list[str]:
    """``--resume`` takes a run or none; where none follows, it is given the word for the one that is named."""
    tidy: list[str] = []
    named = any(word == "--name" or word.startswith("--name=") for word in words)
    for i, word in enumerate(words):
        tidy.append(word)
        following = words[i + 1] if i + 1 < len(words) else "-"
        if word == "--resume" and (following.startswith("-") or (named and not _is_run(words, following))):
            tidy.append(RESUME_NAMED)
    return tidy


def _is_run(words: list[str], word: str) -> bool:
    out = Path(words[words.index("--out") + 1]) if "--out" in words[:-1] else Path("runs")
    return any((path / "job.yaml").is_file() for path in (Path(word), out / word))
