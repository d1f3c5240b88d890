"""``zoo runs``: list, show and compare runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.commands.compare import compare
from zoo.commands.group import CommandGroup
from zoo.commands.run_rows import WHEN, Row, chosen, find_rows, number_at, numbers_in, ordered, since
from zoo.errors import RequestError

if TYPE_CHECKING:
    from rich.console import RenderableType

_out = click.option("--out", type=click.Path(path_type=Path), default=Path("runs"), help="Folder for runs.")
_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


class _Runs(CommandGroup):
    place = "runs"


@click.group(name="runs", cls=_Runs)
def group() -> None:
    """List, show and compare runs."""


group.add_command(compare)


@group.command("list")
@_out
@click.option(
    "--sort", default=WHEN, metavar="BY", help="Sort by a metric such as val/accuracy, or by when, took or run."
)
@click.option("--reverse", is_flag=True, help="Reverse the order.")
@click.option("--dataset", metavar="NAME", help="Only runs on this dataset or folder.")
@click.option("--since", "after", metavar="TIME", help="Only runs newer than a date or an age: 2026-05-01, 7d, 36h.")
@_json
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
def list_runs(
    out: Path, sort: str, reverse: bool, dataset: str | None, after: str | None, as_json: bool, as_csv: bool
) -> None:
    """List runs, newest first or sorted by a metric."""
    if as_json and as_csv:
        raise RequestError("Choose one of --json and --csv.")
    every = find_rows(out)
    rows = ordered(chosen(every, dataset, since(after) if after else None), sort, reverse=reverse)
    if as_json:
        from zoo.storage.files import dump_json

        click.echo(dump_json(rows))
    elif as_csv:
        _write_csv(rows)
    elif not rows:
        none = f"There are no runs in {out}. Start one: zoo run simple_cnn digits"
        click.echo(f"None of the {len(every)} runs in {out} matches. See: zoo runs list" if every else none)
    else:
        from zoo.reports.parts import new_console
        from zoo.reports.tables import runs_table

        new_console().print(runs_table(rows, None if sort in (WHEN, "run", "took") else sort))


def _write_csv(rows: Sequence[Row]) -> None:
    import csv
    import sys

    metrics = list(dict.fromkeys(name for row in rows for name in numbers_in(row["metrics"])))
    columns = ["run", "status", "architecture", "dataset", "best_epoch", "epochs", "total_s", "when"]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*columns, *metrics])
    for row in rows:
        writer.writerow([row.get(name) for name in columns] + [number_at(row["metrics"], name) for name in metrics])


@group.command("show")
@click.argument("run")
@_out
@_json
@click.option("--svg", type=click.Path(path_type=Path), metavar="FILE", help="Write the report as an SVG picture.")
@click.option("--verbose", "-v", is_flag=True, help="Report intervals and calibration.")
@click.option("--open", "in_browser", is_flag=True, help="Open the HTML report in a browser.")
def show(run: str, out: Path, as_json: bool, svg: Path | None, verbose: bool, in_browser: bool) -> None:
    """Show the report of a run, or of repeated runs (--seeds, --folds)."""
    from zoo.host.context import registry_here
    from zoo.job.run_folder import IMPORTED
    from zoo.model.sources import find_model
    from zoo.runner.repeats_summary import SUMMARY, read_summary
    from zoo.runner.run_result import damage_reported, read_result
    from zoo.storage.files import dump_json, read_json_mapping

    folder = find_model(run, registry_here(), out)
    several = (folder / SUMMARY).is_file()
    if (folder / IMPORTED).is_file():  # it has no report, as it was not trained here
        from zoo.reports.imported import import_lines

        imported = read_json_mapping(folder / IMPORTED)
        with damage_reported(folder):
            click.echo(dump_json(imported) if as_json else "\n".join(import_lines(imported)))
    elif as_json:
        click.echo(dump_json((read_summary(folder) if several else read_result(folder)).document()))
    elif in_browser:
        _open(folder, several)
    elif several:
        from zoo.reports.repeats_console import render_summary

        with damage_reported(folder):
            _print(render_summary(read_summary(folder)), folder.name, svg)
    else:
        from zoo.reports.results import render_result

        with damage_reported(folder):
            _print(render_result(read_result(folder), verbose=verbose), folder.name, svg)


def _open(folder: Path, several: bool) -> None:
    """Open a run's report in a browser; a missing one, as of an interrupted run, is written first."""
    import webbrowser

    from zoo.errors import RequestError
    from zoo.job.run_folder import REPORT

    if several:
        raise RequestError(f"{folder} has several runs, each with its own report: zoo runs show NAME --open")
    page = folder / REPORT
    if not page.is_file():
        from zoo.reports.html import write_report
        from zoo.runner.run_result import damage_reported, read_result

        with damage_reported(folder):
            write_report(read_result(folder), page)
    opened = webbrowser.open(page.absolute().as_uri())
    click.echo(f"{page}" if opened else f"{page}: no browser was found; open the file manually")


def _print(report: RenderableType, name: str, svg: Path | None) -> None:
    import io

    from zoo.reports.parts import new_console
    from zoo.storage.files import write_text

    if svg is None:
        new_console().print(report)
        return
    console = new_console(io.StringIO(), record=True, width=80, force_terminal=True)
    console.print(report)
    write_text(svg, console.export_svg(title=f"zoo runs show {name}"))
