"""``zoo cache``: list the data kept between runs, and remove old entries."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from zoo.api.plugins import cache_kinds_here, did_you_mean, listing
from zoo.errors import OutputError, RequestError

if TYPE_CHECKING:
    from zoo.storage import CachedItem


class _CacheKindName(click.ParamType[Any] if TYPE_CHECKING else click.ParamType):  # type: ignore[misc]
    """A kind of file in the cache; TAB completes those of all plugins."""

    name = "kind"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        with ctx.scope(cleanup=False):
            return [CompletionItem(name) for name in cache_kinds_here() if name.startswith(incomplete)]


_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group(name="cache")
def group() -> None:
    """List and prune cached data."""


@group.command("list")
@click.argument("kind", type=_CacheKindName(), required=False)
@_json
def list_cache(kind: str | None, as_json: bool) -> None:
    """List the content of the cache, or the entries of a KIND.

    The cache is the folder ZOO_CACHE, by default in the user's cache folder. Removed entries are computed or downloaded
    again when needed.
    """
    from zoo.storage import cache_folder, dump_json, free_bytes

    kinds = cache_kinds_here()
    if kind is not None and kind not in kinds:
        raise RequestError(
            f"The cache has no kind {kind!r}.{did_you_mean(kind, kinds)} Kinds: {listing(kinds)}. See: zoo cache list"
        )
    entries = _survey()
    mine = [entry for entry in entries if kind in (None, entry.kind)]
    if as_json:
        document = {"cache": str(cache_folder()), "free": free_bytes(), "entries": [_row(entry) for entry in mine]}
        click.echo(dump_json(document))
        return
    from zoo.reports.kit.text import print_lines, width_here
    from zoo_cache.lines import entry_lines, kind_lines

    if kind is not None:
        print_lines(entry_lines(mine, f"There are no entries of kind {kind} in {cache_folder()}."))
    else:
        print_lines(kind_lines(mine, kinds, str(cache_folder()), free_bytes(), width_here()))


@group.command("prune")
@click.option(
    "--older-than", "days", type=click.FloatRange(0), metavar="DAYS", help="Remove entries unused for this many days."
)
@click.option("--above", "most", metavar="SIZE", help="Remove the oldest entries until the cache has this size: 20GB.")
@click.option("--downloads", is_flag=True, help="Include datasets and shards, which have to be downloaded again.")
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and exit.")
@_json
@click.pass_context
def prune(
    context: click.Context, days: float | None, most: str | None, downloads: bool, dry_run: bool, as_json: bool
) -> None:
    """Remove old entries of the cache.

    Entries in use by a running process are kept. Runs and models are not part of the cache. The exit code is 1 if an
    entry could not be removed.
    """
    from zoo.storage import IN_USE, dump_json, remove_item
    from zoo_cache.pruning import choose

    older_s, bytes_left = None if days is None else days * 86400, _bytes(most)
    if older_s is None and bytes_left is None:
        raise RequestError(
            "Choose what to remove: zoo cache prune --older-than 30 (days), or zoo cache prune --above 20GB. Add "
            "--dry-run to see it first."
        )
    entries = _survey()
    chosen = choose(entries, older_s=older_s, most=bytes_left, downloads=downloads)
    kept = {} if dry_run else {entry: why for entry in chosen if (why := remove_item(entry))}
    if as_json:
        rows = [{**_row(e), "removed": not dry_run and e not in kept, "kept": kept.get(e)} for e in chosen]
        click.echo(dump_json({"dry_run": dry_run, "entries": rows}))
    else:
        _print_pruned(entries, chosen, kept, dry_run=dry_run, downloads=downloads)
    if any(why != IN_USE for why in kept.values()):
        context.exit(1)


def _survey() -> list[CachedItem]:
    from zoo.storage import cache_folder, survey

    if cache_folder().exists() and not cache_folder().is_dir():
        raise RequestError(f"The cache {cache_folder()} is not a folder. Choose another: export ZOO_CACHE=FOLDER")
    try:
        return survey(cache_kinds_here())[0]
    except OSError as error:
        raise OutputError(f"{cache_folder()} can't be read: {error.strerror or error}. See: zoo doctor") from error


def _bytes(text: str | None) -> int | None:
    from zoo_cache.pruning import parse_size

    if text is None:
        return None
    size = parse_size(text)
    if size is None:
        raise RequestError(f"{text!r} is not a size. Give a number and a unit: --above 500MB, --above 20GB.")
    return size


def _row(entry: CachedItem) -> dict[str, Any]:
    used = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry.used))
    return {"kind": entry.kind, "name": entry.name, "bytes": entry.size, "used": used}


def _print_pruned(
    entries: list[CachedItem], chosen: list[CachedItem], kept: dict[CachedItem, str], *, dry_run: bool, downloads: bool
) -> None:
    from zoo.reports.kit.text import print_lines
    from zoo_cache.lines import entry_lines, pruned_line

    if dry_run:
        print_lines(entry_lines(chosen, "Nothing would be removed."))
    for entry, why in kept.items():
        click.echo(f"{entry.name} was not removed: {why}.")
    click.echo(pruned_line(entries, [entry for entry in chosen if entry not in kept], dry_run=dry_run))
    large = sum(e.size for e in entries if e.fate == "fetched again" and e not in chosen)
    if large and not downloads:
        click.echo(
            "Datasets and shards are kept, since they would have to be downloaded again; to remove them too: "
            "--downloads"
        )
