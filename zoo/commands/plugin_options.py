"""Options that plugins add to ``zoo run`` and ``zoo train``: of their kinds of components, and of their settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from zoo.commands.analysis_options import analysis_options
from zoo.errors import ZooError
from zoo.job.options import PLUGIN_VALUES, plugin_options
from zoo.job.sections import SectionCommand, SectionOption
from zoo.registry import kinds

if TYPE_CHECKING:
    from zoo.registry.plugin_settings import Setting, SettingsSchema
    from zoo.registry.registry import Registry

_FOUND = f"{__name__}.found"


class JobCommand(SectionCommand):
    """A command with a job, whose options include those of plugins under headings of their own."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        own = super().get_params(ctx)
        known = ctx.meta.get(_FOUND)
        if known is None:
            of_kinds = plugin_options(ctx)
            taken = {name for each in (*own, *of_kinds) for name in (*each.opts, *each.secondary_opts)}
            settings = list(_options(ctx, taken))
            taken |= {name for each in settings for name in each.opts}
            known = ctx.meta[_FOUND] = [*of_kinds, *settings, *analysis_options(ctx, taken, of_runs=True)]
        return [*own, *known]


def _options(ctx: click.Context, taken: set[str]) -> Iterator[click.Option]:
    """Options of settings; none where the plugins can't be loaded, which the command reports."""
    from zoo.host.context import registry_of

    try:
        declared = _declared(registry_of(ctx, quiet=True))
    except ZooError:
        return
    several = Counter(setting.option for _, setting in declared)
    for schema, setting in declared:
        if setting.option not in taken and several[setting.option] == 1:
            yield _option(schema, setting)


def _declared(registry: Registry) -> list[tuple[SettingsSchema, Setting]]:
    schemas = registry.settings.schemas.values()
    return [(schema, each) for schema in schemas for each in schema.fields.values() if each.option]


def _option(schema: SettingsSchema, setting: Setting) -> click.Option:
    from zoo.registry.plugin_settings import SECTION, read_text

    path, flag = f"{SECTION}.{schema.plugin}.{setting.name}", setting.annotation is bool

    def keep(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value is not None:
            value = read_text(value, setting) if isinstance(value, str) else value
            ctx.meta.setdefault(PLUGIN_VALUES, {})[path] = value

    return SectionOption(
        [f"{setting.option}/--no-{setting.option.removeprefix('--')}" if flag else setting.option, _name(path)],
        section=f"Plugin {schema.plugin}",
        default_text=str(setting.default),
        is_flag=flag or None,
        default=None,
        metavar=None if flag else setting.type.upper(),
        help=setting.help or f"Set {path}.",
        expose_value=False,
        callback=keep,
    )


def _name(path: str) -> str:
    """A name for click, which is an identifier."""
    return "".join(letter if letter.isalnum() else "_" for letter in path)


def option_clashes(registry: Registry, commands: Iterable[click.Command]) -> Iterator[str]:
    """Sentences about options of plugins that are left out, since a command or another plugin has them."""
    taken = {name for command in commands for each in command.params for name in (*each.opts, *each.secondary_opts)}
    taken |= {kind.option for kind in kinds.of_plugins()}
    declared = _declared(registry)
    several = Counter(setting.option for _, setting in declared)
    for schema, setting in declared:
        instead = f"Use --set plugins.{schema.plugin}.{setting.name}=VALUE."
        if setting.option in taken:
            yield f"The option {setting.option} of plugin {schema.plugin!r} is left out: zoo run has one. {instead}"
        elif several[setting.option] > 1:
            yield f"The option {setting.option} of plugin {schema.plugin!r} is left out: another has it. {instead}"
