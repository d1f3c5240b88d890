"""``zoo runs``: what was run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import RequestError

if TYPE_CHECKING:
    from rich.console import RenderableType

_out = click.option("--out", type=click.Path(path_type=Path), default=Path("runs"), help="The folder for runs.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(name="runs")
def group() -> None:
    """List runs, and show one again."""


@group.command("list")
@_out
@_json
def list_runs(out: Path, as_json: bool) -> None:
    """List the runs, the newest first."""
    rows = _rows(out)
    if as_json:
        from zoo.files import dump_json

        click.echo(dump_json(rows))
        return
    if not rows:
        click.echo(f"There are no runs in {out}. Make one: zoo run simple_cnn digits")
        return
    from rich.console import Console

    from zoo.reports.tables import runs_table

    Console().print(runs_table(rows))


@group.command("show")
@click.argument("run")
@_out
@_json
@click.option("--svg", type=click.Path(path_type=Path), metavar="FILE", help="Write the report as a picture.")
def show(run: str, out: Path, as_json: bool, svg: Path | None) -> None:
    """Show the report of a run, or of several by seeds or folds, again."""
    from zoo.runner.folder import find_run
    from zoo.runner.summary import SUMMARY

    folder = find_run(run, out)
    several = (folder / SUMMARY).is_file()
    document = json.loads((folder / SUMMARY).read_text("utf-8")) if several else read_result(folder)
    if as_json:
        from zoo.files import dump_json

        click.echo(dump_json(document))
        return
    from zoo.reports.repeats_console import render_summary
    from zoo.reports.results import render_result

    _print(render_summary(document) if several else render_result(document), folder.name, svg)


def _print(report: RenderableType, name: str, svg: Path | None) -> None:
    import io

    from rich.console import Console

    from zoo.files import write_text

    if svg is None:
        Console().print(report)
        return
    console = Console(record=True, width=80, file=io.StringIO(), force_terminal=True)
    console.print(report)
    write_text(svg, console.export_svg(title=f"zoo runs show {name}"))


def read_result(folder: Path) -> dict[str, Any]:
    """A run's result.json.

    Raises:
        RequestError: there is none, or it is damaged.
    """
    from zoo.runner.folder import RESULT

    path = folder / RESULT
    try:
        result = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RequestError(
            f"{folder} has no {RESULT}: the run has not ended. Go on with: zoo run --resume {folder}"
        ) from None
    except ValueError as error:
        raise RequestError(f"{path} is damaged: {error}.") from error
    if not isinstance(result, dict):
        raise RequestError(f"{path} is damaged: it is not a mapping.")
    return result


def _rows(out: Path) -> list[dict[str, Any]]:
    from zoo.runner.folder import JOB

    folders = [p.parent for p in out.glob(f"*/{JOB}")]
    folders.sort(key=lambda p: (-(p / JOB).stat().st_mtime, p.name))
    return [_row(folder) for folder in folders]


def _row(folder: Path) -> dict[str, Any]:
    from datetime import datetime

    from zoo.runner.folder import JOB

    when = datetime.fromtimestamp((folder / JOB).stat().st_mtime).astimezone().isoformat(timespec="seconds")
    try:
        result = read_result(folder)
    except RequestError:
        return {"run": folder.name, "status": "not ended", "when": when}
    job, best = result.get("job", {}), result.get("best") or {}
    return {
        "run": folder.name,
        "status": result.get("status"),
        "architecture": job.get("architecture", {}).get("name"),
        "dataset": job.get("dataset", {}).get("name"),
        "val_accuracy": result.get("metrics", {}).get("val", {}).get("accuracy"),
        "best_epoch": best.get("epoch"),
        "epochs": len(result.get("epochs", [])),
        "total_s": result.get("timing", {}).get("total_s"),
        "when": when,
    }
