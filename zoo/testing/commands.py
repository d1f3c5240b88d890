"""Checks of commands: click's, whose help is complete and ends with exit code 0."""

from __future__ import annotations

from collections.abc import Iterator

import click
from click.testing import CliRunner

from zoo.registry.suggest import listing
from zoo.testing.checking import contract
from zoo.testing.outcome import need, skip
from zoo.testing.subject import Subject

KIND = "command"
HELP = "--help"


@contract(KIND, "help", "Write a docstring whose first line is the summary; import packages in the function.")
def _prints_its_help(subject: Subject) -> None:
    for path, command in _commands(subject):
        done = CliRunner().invoke(command, [HELP], prog_name=path)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        need(done.exit_code == 0, f"`{path} {HELP}` ends with exit code {done.exit_code}, not 0.")
        summary = command.get_short_help_str(limit=1000).strip()
        need(summary, f"`{path} {HELP}` has no summary.")
        printed = " ".join(summary.split()[:3]) in " ".join(done.output.split())
        need(printed, f"`{path} {HELP}` doesn't print its summary.")


@contract(KIND, "help of options", "Set help='…' of the option, or hidden=True.")
def _explains_its_options(subject: Subject) -> None:
    for path, command in _commands(subject):
        options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
        bare = [each.opts[-1] for each in options if not (each.help or "").strip()]
        need(not bare, f"`{path}` has options without a help text: {listing(bare)}.")


def _commands(subject: Subject) -> Iterator[tuple[str, click.Command]]:
    """Yield the command and its subcommands with the words that are typed for each."""
    found = subject.factory()
    if not isinstance(found, click.Command):
        skip("it is a function, whose arguments the zoo doesn't parse; a click.Command has more checks.")
    group = getattr(subject.component, "group", "")
    yield from _walk(" ".join(filter(None, ("zoo", group, subject.component.name))), found)


def _walk(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            need(inner is not None, f"its group lists a command {name!r} that it doesn't have.")
            assert inner is not None
            yield from _walk(f"{path} {name}", inner)
