"""``zoo runs compare``."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.errors import RequestError


@click.command(name="compare")
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN...")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs"), help="The folder for runs.")
@click.option("--split", metavar="SPLIT", help="val or test; by default test, where it was kept, else val.")
@click.option("--shared", is_flag=True, help="Where the images differ, compare on those that all were measured on.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page with plots.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare(
    runs: tuple[str, ...], out: Path, split: str | None, shared: bool, html: Path | None, as_json: bool
) -> None:
    """Compare runs with the first of them, image by image: is one better, or is it chance?"""
    if len(runs) < 2:
        raise RequestError(f"Give two or more runs: zoo runs compare {runs[0]} ANOTHER. See: zoo runs list")
    from zoo.evaluation.comparison import compare_runs
    from zoo.host.context import registry_here
    from zoo.model.sources import find_model

    registry = registry_here()
    folders = [find_model(run, registry, out) for run in runs]
    found = compare_runs(folders, registry, split, shared=shared)
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
