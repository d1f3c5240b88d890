"""``zoo runs``: what was run."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
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
    document = read_document(folder / SUMMARY) if several else read_result(folder)
    if as_json:
        from zoo.files import dump_json

        click.echo(dump_json(document))
        return
    from zoo.reports.repeats_console import render_summary
    from zoo.reports.results import render_result

    with _as_written(folder):
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

    try:
        return read_document(folder / RESULT)
    except FileNotFoundError:
        raise RequestError(
            f"{folder} has no {RESULT}: the run has not ended. Go on with: zoo run --resume {folder}"
        ) from None


def read_document(path: Path) -> dict[str, Any]:
    """A file of JSON with names at its top.

    Raises:
        FileNotFoundError: there is none.
        RequestError: it is damaged.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{path} is damaged: {error}.") from error
    if not isinstance(found, dict):
        raise RequestError(f"{path} is damaged: it is not a mapping.")
    return found


@contextlib.contextmanager
def _as_written(folder: Path) -> Iterator[None]:
    """A document that has names, but not what the zoo writes under them."""
    try:
        yield
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise RequestError(
            f"The result in {folder} is damaged, or of another zoo ({type(error).__name__}: {error}). "
            f"Measure the model again: zoo evaluate {folder}"
        ) from error


def _rows(out: Path) -> list[dict[str, Any]]:
    from zoo.runner.folder import JOB

    folders = [p.parent for p in out.glob(f"*/{JOB}")]
    folders.sort(key=lambda p: (-(p / JOB).stat().st_mtime, p.name))
    return [_row(folder) for folder in folders]


def _row(folder: Path) -> dict[str, Any]:
    from datetime import datetime

    from zoo.runner.folder import JOB, RESULT

    when = datetime.fromtimestamp((folder / JOB).stat().st_mtime).astimezone().isoformat(timespec="seconds")
    try:
        result = read_result(folder)
        with _as_written(folder):
            return {"run": folder.name, **_columns(result), "when": when}
    except RequestError:
        return {"run": folder.name, "status": "damaged" if (folder / RESULT).is_file() else "not ended", "when": when}


def _columns(result: dict[str, Any]) -> dict[str, Any]:
    """What a list has of a result.

    Raises:
        TypeError, AttributeError: something in it is of another type than the zoo writes.
    """
    job, best = result.get("job", {}), result.get("best") or {}
    numbers = {
        "val_accuracy": result.get("metrics", {}).get("val", {}).get("accuracy"),
        "best_epoch": best.get("epoch"),
        "total_s": result.get("timing", {}).get("total_s"),
    }
    if wrong := [name for name, value in numbers.items() if not isinstance(value, int | float | None)]:
        raise TypeError(f"{wrong[0]} is no number")
    return {
        "status": str(result.get("status")),
        "architecture": job.get("architecture", {}).get("name"),
        "dataset": job.get("dataset", {}).get("name"),
        "epochs": len(result.get("epochs", [])),
        **numbers,
    }
