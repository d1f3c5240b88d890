"""``zoo evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.commands.analysis_options import EvaluationCommand, typed_analyses
from zoo.job.options import DEVICES, VIEWS, offline_option

if TYPE_CHECKING:
    from zoo.runner.run_result import RunResult


@click.command(name="evaluate", cls=EvaluationCommand)
@click.argument("run", metavar="RUN")
@click.argument("dataset", required=False)
@click.option("--data", type=click.Path(path_type=Path), metavar="PATH", help="Folder or file of the dataset.")
@click.option("--split", metavar="SPLIT", help="Split: train, val, test or all.", show_default="test, val")
@click.option("--device", default="auto", metavar="DEVICE", help=DEVICES)
@click.option("--tta", metavar="VIEWS", help=VIEWS, show_default="as in the run")
@click.option(
    "--coverage",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="P",
    help="Verify sets of classes that contain the true one at this rate.",
)
@click.option("--keep", is_flag=True, help="Save the predictions in the run folder, for zoo runs compare.")
@click.option(
    "--html", type=click.Path(path_type=Path), metavar="FILE", help="HTML report.", show_default="evaluation.html"
)
@offline_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--verbose", "-v", is_flag=True, help="Report intervals and calibration.")
def evaluate(run: str, html: Path | None, as_json: bool, verbose: bool, **options: Any) -> None:
    """Evaluate a trained model.

    RUN is the name or folder of a run, an exported file, or a shared model (its folder, or hf:owner/name).

    The model is evaluated on the images of its run, or on DATASET: a name, a folder with a folder of images for each
    class, or a CSV file. Shared models come without images and need a DATASET.
    """
    from tempfile import TemporaryDirectory

    from zoo.evaluation import evaluate as evaluation
    from zoo.host.context import registry_here
    from zoo.reports.analysis_progress import analysis_progress
    from zoo.storage.files import check_target

    analyses = typed_analyses(click.get_current_context())

    if html is not None:
        check_target(html, (".html", ".htm"), lambda _: True, option="--html")
    with TemporaryDirectory() as folder, analysis_progress() as progress:
        pictures = None if as_json and html is None else Path(folder)
        asked = evaluation.EvaluationOptions(**options, pictures=pictures, analyses=analyses, progress=progress)
        result = evaluation.evaluate(run, asked, registry_here())
        page = None if pictures is None else _write_page(result, html, pictures)
    if as_json:
        from zoo.storage.files import dump_json

        click.echo(dump_json(result.document()))
        return
    from rich.console import Group
    from rich.text import Text

    from zoo.reports.coverage import coverage_parts
    from zoo.reports.parts import new_console
    from zoo.reports.results import render_result
    from zoo.reports.words import short_path

    # In one piece, as a pipe may be closed after its first lines; a path is not broken, so that it can be copied.
    named = [] if page is None else [Text(f"\npage: {short_path(page)}", no_wrap=True, overflow="ignore")]
    new_console().print(Group(render_result(result, verbose=verbose), *coverage_parts(result), *named), crop=False)


def _write_page(result: RunResult, asked: Path | None, pictures: Path) -> Path | None:
    """Write the page of an evaluation to the requested file, else into the run's folder, where there is one."""
    from zoo.errors import OutputError
    from zoo.job.run_folder import EVALUATION, is_run
    from zoo.reports.html import write_report

    if asked is not None:
        write_report(result, asked, pictures)
        return asked
    measured = Path(result.dir or "")
    folder = measured if measured.is_dir() else measured.parent
    if not is_run(folder):
        return None
    try:
        write_report(result, folder / EVALUATION, pictures)
    except OutputError as error:  # the run may be somebody else's: its numbers are printed all the same
        click.echo(f"The page was not written. {error}", err=True)
        return None
    return folder / EVALUATION
