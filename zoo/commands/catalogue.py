"""``zoo list`` and ``zoo info``: the catalogue of components."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from zoo.commands.architectures import FACTS, SORTS, Row, ordered
from zoo.commands.architectures import chosen as select
from zoo.errors import RequestError, UnknownName
from zoo.plugin import Component
from zoo.registry.kinds import KINDS

if TYPE_CHECKING:
    from zoo.registry.entry import Entry
    from zoo.registry.loaded_plugin import LoadedPlugin
    from zoo.registry.registry import Registry
    from zoo.registry.signature import Parameter

_MANY = 200
"""Length of a list from which on a hint says how to narrow it down."""
_FILTER = "List only architectures with params<10, size<=224, accuracy>80 or license=mit; repeatable."


@click.command(name="list")
@click.argument("kind", required=False)
@click.option("--search", metavar="WORD", help="Search names, summaries and tags.")
@click.option("--variants", is_flag=True, help="Include variants, such as other weights of a timm model.")
@click.option("--sort", type=click.Choice(SORTS), default="name", help="Sort architectures.")
@click.option("--filter", "conditions", multiple=True, metavar="CONDITION", help=_FILTER)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def list_components(
    kind: str | None, search: str | None, variants: bool, sort: str, conditions: tuple[str, ...], as_json: bool
) -> None:
    """List components: architectures, datasets, losses, …

    KIND: datasets, architectures, losses, metrics, augmentations, optimizers, schedules, samplers, callbacks,
    exporters, importers, commands, or a kind that a plugin declares; or recipes.

    Variants, NAME.WORD, are listed with --variants, or where --search matches their name. Of architectures, the
    parameters (with 1,000 classes), the input size, and the published ImageNet accuracy and license of the pretrained
    weights are listed:

    \b
      zoo list architectures --filter "params<10" --filter "accuracy>78" --sort accuracy
    """
    from zoo.host.context import registry_here
    from zoo.host.requirements import say_unmet
    from zoo.registry.kinds import check_kind

    registry = registry_here()  # plugins declare further kinds
    say_unmet(registry.shelf)
    if kind in ("recipe", "recipes"):
        _print_recipes(registry, search, as_json=as_json)
        return
    chosen = check_kind(kind) if kind else None
    if chosen != "architecture" and (conditions or sort != "name"):
        raise RequestError("--sort and --filter need architectures. Type: zoo list architectures --sort accuracy")
    entries = _found(registry, chosen, search, variants=variants)
    overview = not (kind or search or variants or as_json)
    rows = _overview(entries) if overview else [describe(entry) for entry in entries]
    if chosen == "architecture":
        rows = ordered(select(rows, conditions), sort)
    if as_json:
        from zoo.storage.files import dump_json

        click.echo(dump_json(rows))
        return
    if not rows:
        click.echo(f"No component matches {search!r}. See: zoo list" if search else "There are no such components.")
        return
    _print(rows, entries, table=chosen == "architecture")


def _print_recipes(registry: Registry, search: str | None, *, as_json: bool) -> None:
    """Print the recipes of registry.yaml and of plugins with their origins."""
    from zoo.reports.lists import component_lines, print_lines, width_here
    from zoo.storage.files import dump_json

    word = (search or "").lower()
    rows = [row for row in registry.recipes.rows() if word in " ".join(row.values()).lower()]
    if as_json:
        click.echo(dump_json(rows))
    elif not rows:
        click.echo(f"No recipe matches {search!r}. See: zoo list recipes")
    else:
        foreign = {row["id"]: f" ({row['origin']})" for row in rows if row["origin"] != "shipped"}
        named = [{**row, "summary": f"{row['summary']}{foreign.get(row['id'], '')}".strip()} for row in rows]
        print_lines(component_lines(named, width_here()))


def _found(registry: Registry, kind: str | None, search: str | None, *, variants: bool) -> list[Entry]:
    # `zoo --help` lists commands; here commands and kinds that no job names are listed only on request.
    named = [e for e in registry.entries(kind) if kind or (e.kind in KINDS and e.kind != "command")]
    found = [e for e in named if _matches(e, search)]
    if variants or search:
        further = registry.variants(kind, "" if variants else search or "")
        found += [e for e in further if not variants or _matches(e, search)]
        found.sort(key=lambda e: (e.kind, e.id))
    return found


def describe(entry: Entry) -> dict[str, Any]:
    """Describe a component as plain data, without importing it."""
    listed = _listed(entry)
    facts = {name: getattr(listed, name) for name in FACTS} if entry.kind == "architecture" else {}
    return {
        "kind": entry.kind,
        "id": entry.id,
        "name": entry.component.name,
        "summary": listed.summary,
        **facts,
        **({"tasks": list(tasks)} if (tasks := _tasks(entry)) else {}),
        "tags": list(entry.component.tags),
        "aliases": list(entry.component.aliases),
        "variants": [f"{entry.id}.{word}" for word in sorted(entry.variants)],
        "variant_of": f"{entry.origin.plugin}/{entry.variant_of}" if entry.variant_of else None,
        "plugin": entry.origin.plugin,
        "distribution": entry.origin.distribution,
        "version": entry.origin.version,
        "target": entry.component.target,
    }


def _tasks(entry: Entry) -> tuple[str, ...]:
    """Tasks that a loss or a metric declares."""
    return tuple(getattr(entry.component, "tasks", ()))


def _listed(entry: Entry) -> Component:
    """Declaration of a component for listings; a table of its plugin that can't be read is reported and ignored."""
    try:
        return entry.listed()
    except (OSError, ValueError, UnicodeError) as error:
        _report(f"zoo: {entry.describe_origin()}: {entry.facts} can't be read: {error}")
        return entry.component


@functools.cache
def _report(text: str) -> None:
    """Print a message to stderr, once."""
    click.echo(text, err=True)


def _matches(entry: Entry, word: str | None) -> bool:
    if not word:
        return True
    text = (entry.id, *entry.names, _listed(entry).summary, *entry.component.tags, *_tasks(entry))
    return any(word.lower() in t.lower() for t in text)


def _print(rows: Sequence[Row], entries: list[Entry], *, table: bool) -> None:
    """Print a list, or a table of architectures."""
    from zoo.commands.variants import unlisted
    from zoo.reports.lists import architecture_lines, component_lines, print_lines, width_here

    left_out = unlisted(entries)
    many = len(rows) > _MANY
    lines = architecture_lines if table else component_lines
    print_lines(lines(rows, width_here()))
    if many:
        narrow = "--search WORD, --filter CONDITION" if table else "--search WORD"
        click.echo(f"{len(rows):,} components; narrow the list down: {narrow}", err=True)
    if left_out:
        click.echo(left_out if many else f"\n{left_out}", err=many)


def _overview(entries: Sequence[Entry], most: int = 40) -> list[Row]:
    """Rows of an overview of all kinds; each large family is one row, and its members are not described."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.kind, entry.component.target), []).append(entry)
    rows: list[Row] = []
    for (kind, _), group in groups.items():
        if len(group) <= most:
            rows += [describe(entry) for entry in group]
            continue
        plugin = group[0].origin.plugin
        summary = f"{len(group)} {kind}s; see: zoo list {kind} --search {plugin}"
        rows.append({"kind": kind, "id": f"{plugin}/*", "summary": summary})
    return rows


@click.command(name="info")
@click.argument("name")
@click.option("--kind", metavar="KIND", help="Kind of the component, where several have the name.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def info(name: str, kind: str | None, as_json: bool) -> None:
    """Show a component, or a plugin and its settings."""
    from zoo.commands.variants import in_words, variation
    from zoo.host.context import registry_here
    from zoo.host.requirements import say_unmet
    from zoo.registry.kinds import check_kind

    registry = registry_here()
    say_unmet(registry.shelf)
    plugin = None if kind else next((p for p in registry.plugins if p.name == name), None)
    entries = _find(registry, name, check_kind(kind) if kind else None, strict=plugin is None)
    shown = [{**_details(e), **variation(e, registry)} for e in entries]
    told = plugin is not None and (plugin.settings is not None or not entries)
    of_plugin = [describe_plugin(plugin, registry)] if plugin is not None and told else []
    if as_json:
        from zoo.storage.files import dump_json

        rows = [*shown, *of_plugin]
        click.echo(dump_json(rows[0] if len(rows) == 1 else rows))
        return
    from zoo.reports.parts import new_console
    from zoo.reports.tables import component_info, plugin_info

    for details in shown:
        new_console().print(component_info({**details, **in_words(details)}))
    for row in of_plugin:
        new_console().print(plugin_info(row))


def describe_plugin(plugin: LoadedPlugin, registry: Registry) -> Row:
    """Describe a plugin as plain data: its origin, what it provides, and its settings with their values."""
    from zoo.host.provisions import provisions

    settings = [] if plugin.settings is None else list(registry.settings.active[plugin.name].rows())
    return {
        "kind": "plugin",
        "id": plugin.name,
        "name": plugin.name,
        "plugin": plugin.name,
        "distribution": plugin.origin.distribution,
        "version": plugin.origin.version,
        "state": plugin.state,
        **provisions(plugin),
        "recipes": [recipe.id for recipe in plugin.recipes],
        "settings": settings,
    }


def _find(registry: Registry, name: str, kind: str | None, *, strict: bool) -> list[Entry]:
    """Find the entries with a name, of every kind or of one.

    Raises:
        UnknownName: there is none of any kind, and ``strict`` is set.
    """
    if kind:
        return [registry.find(kind, name)]
    found: list[Entry] = []
    for each in KINDS:
        try:
            found.append(registry.find(each, name))
        except UnknownName:
            continue
    if not found and strict:
        if said := next(filter(None, (registry.no_variant(each, name) for each in KINDS)), None):
            raise UnknownName(said)
        raise UnknownName(f"There is no component {name!r}.{registry.suggest(KINDS, name)} See: zoo list")
    return found


def _details(entry: Entry) -> dict[str, Any]:
    from zoo.registry.signature import parameters

    component = entry.component
    details = describe(entry)
    for key in ("input_size", "in_chans", "splits", "mean", "std", "interpolation", "crop_pct", "higher_is_better"):
        value = getattr(component, key, None)
        if value is not None:
            details[key] = list(value) if isinstance(value, tuple) else value
    details["parameters"] = [_preset(p, entry) for p in parameters(entry.kind, entry.factory())]
    if component.deprecated:
        details["deprecated"] = component.deprecated
    if component.renamed:
        details["renamed"] = dict(component.renamed)
    if entry.params:
        details["presets"] = dict(entry.params)
    details["source"] = str(entry.source_file() or "")
    details["model_parameters"] = _model_parameters(entry)
    return details


def _preset(parameter: Parameter, entry: Entry) -> dict[str, Any]:
    """Describe a parameter; what registry.yaml presets is its default."""
    row = parameter.as_dict()
    return (
        {**row, "default": entry.params[parameter.name], "required": False} if parameter.name in entry.params else row
    )


def _model_parameters(entry: Entry) -> int | None:
    """Number of parameters of an architecture with two classes and its own image size, built on the meta device.

    None where it can't be built without further parameters.
    """
    if entry.kind != "architecture":
        return None
    import torch

    from zoo.job.resolve import FALLBACK_SIZE
    from zoo.model.build import build, count_parameters
    from zoo.registry.signature import parameters

    if any(p.required and p.name not in entry.params for p in parameters(entry.kind, entry.factory())):
        return None

    size = getattr(entry.component, "input_size", None) or FALLBACK_SIZE
    with torch.device("meta"):
        model = build(entry, dict(entry.params), "architecture", 2, in_chans=3, image_size=size)
    return count_parameters(model)
