"""A group of commands that plugins extend: its own commands, and those that a plugin contributes to it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from zoo.commands.arguments import VARIABLE, tidy_arguments
from zoo.errors import PluginError, ZooError
from zoo.host.context import bundled_of, registry_if_open, registry_of
from zoo.plugin import HEADINGS
from zoo.registry.command_names import command_clashes, find_command, shadowed, typed_names
from zoo.registry.entry import owners_of

if TYPE_CHECKING:
    from zoo.registry.entry import Entry

QUIET = frozenset({"--quiet", "-q"})
_WHOLE = 1000
"""Length of a summary that click doesn't cut off."""


class _Listed(NamedTuple):
    """A command of the help, under its heading."""

    name: str
    command: click.Command
    heading: str


class CommandGroup(click.Group):
    """A click group that includes commands contributed by plugins; each is imported when it runs."""

    place = ""
    """The group's name, as in :class:`zoo.plugin.Command`; empty for ``zoo`` itself."""

    def own_commands(self) -> Iterable[str]:
        """Names of the group's own commands, in the order of the help."""
        return list(self.commands)

    def own_command(self, name: str) -> click.Command | None:
        """Import and return one of the group's own commands; None where there is none."""
        return self.commands.get(name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.own_commands(), *sorted(self._contributed(ctx))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.own_commands():
            return self.own_command(cmd_name)
        # Bundled plugins first: their commands must work even if the import of a third-party plugin fails.
        entry = find_command(_commands(bundled_of(ctx)), cmd_name, self.place)
        entry = entry or find_command(registry_of(ctx, quiet=True).entries("command"), cmd_name, self.place)
        return None if entry is None else command_of(entry)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        from zoo.registry.suggest import did_you_mean

        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            entries = registry_of(ctx, quiet=True).entries("command")
            full = [e.id for e in entries if getattr(e.component, "group", "") == self.place]
            hint = did_you_mean(args[0], full if "/" in args[0] else self.list_commands(ctx))
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)
        ctx.call_on_close(lambda: self._tell_shadowed(ctx, args[0]))
        name, command, rest = super().resolve_command(ctx, args)
        return name, command, rest if command is None else tidy_arguments(rest, command)

    def _tell_shadowed(self, ctx: click.Context, name: str) -> None:
        """Say which command a name meant, where plugins have others of that name and were loaded anyhow."""
        registry = registry_if_open(ctx)
        others = shadowed(registry.entries("command"), name, self.place) if registry is not None else []
        if others and not QUIET.intersection(ctx.find_root().obj or ()):
            reach = " or ".join(" ".join(filter(None, ["zoo", self.place, e.id])) for e in others)
            whose = "is a command of the zoo"
            click.echo(f"zoo: {name!r} {whose}; for that of {owners_of(others)}, type: {reach}", err=True)

    def own_heading(self, name: str) -> str:
        """Heading of one of the group's own commands in the help; empty for ``Commands``."""
        return ""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by heading with a summary each, without importing contributed ones."""
        listed = [each for each in self._listed(ctx) if not each.command.hidden]
        room = max((len(each.name) for each in listed), default=0)
        for title in (*HEADINGS, *dict.fromkeys(each.heading for each in listed)):
            rows = [each for each in listed if each.heading == title]
            listed = [each for each in listed if each.heading != title]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(
                        [(each.name.ljust(room), each.command.get_short_help_str(_WHOLE)) for each in rows]
                    )
        for _, text in command_clashes(registry_of(ctx, quiet=True).entries("command"), self.place):
            formatter.write_paragraph()
            formatter.write_text(f"Note: {text}")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete names of commands and options of the group, without importing contributed commands."""
        names = [
            CompletionItem(name, help=command.get_short_help_str(_WHOLE))
            for name, command, _ in self._listed(ctx)
            if name.startswith(incomplete) and not command.hidden
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def _listed(self, ctx: click.Context) -> list[_Listed]:
        """The group's own commands, and placeholders with summaries for the contributed ones."""
        found = [
            _Listed(name, command, self.own_heading(name) or "Commands")
            for name in self.own_commands()
            if (command := self.own_command(name)) is not None
        ]
        for name, entry in sorted(self._contributed(ctx).items()):
            placeholder = click.Command(name, help=f"{entry.component.summary}.")
            found.append(_Listed(name, placeholder, self._heading(entry)))
        return found

    def _heading(self, entry: Entry) -> str:
        if self.place:
            return "Commands"
        heading = str(getattr(entry.component, "heading", ""))
        return heading if heading in HEADINGS else "Plugins"

    def _contributed(self, ctx: click.Context) -> dict[str, Entry]:
        """Contributed commands of this group, by the name to type."""
        return typed_names(registry_of(ctx, quiet=True).entries("command"), self.place)


def _commands(entries: Iterable[Entry]) -> list[Entry]:
    return [e for e in entries if e.kind == "command"]


def command_of(entry: Entry) -> click.Command:
    """Import a contributed command; a plain function is wrapped as a command that receives its words."""
    found: Any = entry.factory()
    return prepared(found) if isinstance(found, click.Command) else _of_function(entry)


def prepared(command: click.Command) -> click.Command:
    """Set the help options and completions of a command and its subcommands."""
    command.context_settings.setdefault("help_option_names", ["-h", "--help"])
    command.context_settings.setdefault("show_default", True)
    if VARIABLE in os.environ:
        from zoo.commands.completing import attach

        attach(command)
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        prepared(inner)
    return command


def _of_function(entry: Entry) -> click.Command:
    """Wrap a function as a command that passes it every word after the command's name, unparsed."""

    def call(arguments: tuple[str, ...]) -> None:
        raise click.exceptions.Exit(_call(entry, list(arguments)))

    words = click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)
    settings = {"ignore_unknown_options": True, "help_option_names": []}
    name, summary = entry.component.name, entry.component.summary
    return click.Command(name, params=[words], callback=call, help=summary, context_settings=settings)


def _call(entry: Entry, arguments: list[str]) -> int:
    try:
        return int(entry.make(arguments) or 0)
    except SystemExit as error:  # argparse exits this way, after --help too
        if isinstance(error.code, str):
            click.echo(error.code, err=True)
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except (ZooError, click.ClickException, click.exceptions.Exit, BrokenPipeError):
        raise
    except Exception as error:
        name = entry.component.name
        raise PluginError(
            f"{entry.describe_origin()}: its command {name!r} failed: {type(error).__name__}: {error}"
            f"{entry.place_in(error)}. For the traceback: zoo --debug {name} …"
        ) from error
