"""``zoo runs compare``."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.errors import RequestError


@click.command(name="compare")
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN...")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs"), help="Folder for runs.")
@click.option("--split", metavar="SPLIT", help="Split to compare on: val or test.", show_default="test, val")
@click.option("--shared", is_flag=True, help="Compare on the common images where the images differ.")
@click.option("--group", metavar="COLUMN", help="Compare by group too: a column stored by --group of an evaluation.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write an HTML page with plots.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def compare(
    runs: tuple[str, ...],
    out: Path,
    split: str | None,
    shared: bool,
    group: str | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Test whether runs differ significantly from the first one, image by image."""
    if len(runs) < 2:
        raise RequestError(f"Give two or more runs: zoo runs compare {runs[0]} OTHER. See: zoo runs list")
    from zoo.evaluation.comparison import compare_runs
    from zoo.host.context import registry_here
    from zoo.model.sources import find_model

    registry = registry_here()
    folders = [find_model(run, registry, out) for run in runs]
    found = compare_runs(folders, registry, split, shared=shared, group=group)
    if html is not None:
        from zoo.reports.compare_page import write_comparison

        write_comparison(found, html)
    if as_json:
        from zoo.storage.files import dump_json

        click.echo(dump_json(found))
        return
    from zoo.reports.compare import comparison_table
    from zoo.reports.parts import new_console

    new_console().print(comparison_table(found))
