"""Options of the analyses that plugins contribute, for ``zoo evaluate``, ``zoo run`` and ``zoo train``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import RequestError, ZooError
from zoo.job.options import PLUGIN_VALUES
from zoo.job.sections import SectionCommand, SectionOption

if TYPE_CHECKING:
    from zoo.plugin import AnalysisOption
    from zoo.registry.entry import Entry
    from zoo.registry.registry import Registry

PATH = "analyses"
_TYPED, _FOUND = f"{__name__}.typed", f"{__name__}.found"
_WORDS = {str: "text", int: "a whole number", float: "a number"}


class EvaluationCommand(SectionCommand):
    """A command whose options include those of the analyses, under headings of their plugins."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        own = super().get_params(ctx)
        if _FOUND not in ctx.meta:
            taken = {name for each in own for name in (*each.opts, *each.secondary_opts)}
            ctx.meta[_FOUND] = list(analysis_options(ctx, taken))
        return [*own, *ctx.meta[_FOUND]]


def analysis_options(ctx: click.Context, taken: set[str], *, of_runs: bool = False) -> Iterator[click.Option]:
    """Options of the analyses; none where the plugins can't be loaded, which the command reports.

    Args:
        taken: options that the command has already; an analysis's own of that name is left out.
        of_runs: only those that ``zoo run`` has too; the analyses become part of the job.
    """
    from zoo.host.context import registry_of

    try:
        declared = list(_declared(registry_of(ctx, quiet=True)))
    except ZooError:
        return
    several = Counter(option.name for _, option in declared)
    for entry, option in declared:
        if option.name not in taken and several[option.name] == 1 and (option.in_runs or not of_runs):
            yield _option(entry, option, of_runs=of_runs)


def typed_analyses(ctx: click.Context) -> tuple[Mapping[str, Any], ...]:
    """The analyses whose options were typed, each with its parameters."""
    return tuple({"name": name, **values} for name, values in ctx.meta.get(_TYPED, {}).items())


def _declared(registry: Registry) -> Iterator[tuple[Entry, AnalysisOption]]:
    for entry in registry.entries("analysis"):
        for option in getattr(entry.component, "options", ()):
            yield entry, option


def _option(entry: Entry, option: AnalysisOption, *, of_runs: bool) -> click.Option:
    def keep(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value in (None, False):
            return
        ctx.meta.setdefault(_TYPED, {}).setdefault(entry.id, {})[option.parameter] = _value(value, option)
        if of_runs:
            ctx.meta.setdefault(PLUGIN_VALUES, {})[PATH] = list(typed_analyses(ctx))

    return SectionOption(
        [option.name, "".join(letter if letter.isalnum() else "_" for letter in f"{entry.id}_{option.parameter}")],
        section=f"Plugin {entry.origin.plugin}",
        is_flag=not option.metavar,
        default=None,
        metavar=option.metavar or None,
        help=option.help,
        expose_value=False,
        callback=keep,
    )


def _value(value: Any, option: AnalysisOption) -> Any:
    if value is True:
        return True
    parts = [part.strip() for part in str(value).split(",")] if option.several else [value]
    try:
        read = [option.type(part) for part in parts]
    except ValueError as error:
        each = " separated by commas" if option.several else ""
        raise RequestError(f"{option.name} {value!r} is not {_WORDS[option.type]}{each}: {option.help}") from error
    return read if option.several else read[0]


def analysis_clashes(registry: Registry, commands: Iterable[click.Command]) -> Iterator[str]:
    """Sentences about options of analyses that are left out, since the command or another analysis has them."""
    taken = {name for command in commands for each in command.params for name in (*each.opts, *each.secondary_opts)}
    several = Counter(option.name for _, option in _declared(registry))
    for entry, option in _declared(registry):
        if option.name in taken or several[option.name] > 1:
            yield (
                f"The option {option.name} of analysis {entry.id!r} is left out: another has it. Use --set "
                f"'{PATH}=[{{name: {entry.id}, {option.parameter}: VALUE}}]' with zoo run."
            )
