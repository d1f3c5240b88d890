"""``zoo detector``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.api.commands import DEVICES, offline_option
from zoo.errors import RequestError

if TYPE_CHECKING:
    from zoo.api.jobs import Entry, Registry
    from zoo.api.models import Classifier
    from zoo_detectors.fitting import DetectorComparison


@click.command(name="detector")
@click.argument("run", metavar="RUN")
@click.option(
    "--foreign",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Pictures of other things, a kind per folder; repeat it.",
    show_default="generated pictures",
)
@click.option(
    "--false-alarms",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    metavar="P",
    help="Rate of images of the classes that may be called foreign.",
)
@click.option("--detector", "name", metavar="NAME", default="all", help="A single detector; see zoo list detectors.")
@click.option("--data", type=click.Path(path_type=Path), metavar="PATH", help="Folder or file of the run's dataset.")
@click.option("--device", default="auto", metavar="DEVICE", help=DEVICES)
@click.option("--keep/--no-keep", default=True, help="Save the best detector in the model, for zoo predict.")
@click.option("--remove", is_flag=True, help="Remove the detector of the model.")
@offline_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--verbose", "-v", is_flag=True, help="Print each detector for each kind.")
def detector(run: str, **typed: Any) -> None:
    """Fit a detector of images that show none of the classes.

    Every detector is fitted on the training images of RUN, and scored on its validation images and on foreign ones.
    Half of the foreign images choose the best, the other half measures it. It is then saved in the model: the field
    familiar of a prediction is false for images that the detector finds foreign.
    """
    from zoo.api.commands import registry_here
    from zoo.api.models import find_bundle, remove_attachment

    registry = registry_here()
    folder = _folder(run, registry)
    if typed["remove"]:
        remove_attachment(find_bundle(folder), "detector")
        click.echo(f"{run} has no detector")
        return
    entries = _entries(typed["name"], registry)
    _fit(folder, run, entries, registry, typed)


def _fit(folder: Path, word: str, entries: list[Entry], registry: Registry, typed: dict[str, Any]) -> None:
    from zoo.api.models import find_bundle, write_attachment
    from zoo_detectors.fitting import attachment_of, compare_detectors
    from zoo_detectors.foreign import foreign_kinds
    from zoo_detectors.outputs import RunImages
    from zoo_detectors.report import DetectorReport

    kinds = foreign_kinds(typed["foreign"])
    classifier = _load(folder, word, typed["device"], registry)
    images = RunImages(classifier, folder, registry, typed["data"])
    found = compare_detectors(images, kinds, entries, typed["false_alarms"], _progress)
    if typed["keep"]:
        best = found.found[found.best]
        write_attachment(find_bundle(folder), attachment_of(best, kinds, typed["false_alarms"]))
    report = DetectorReport(word, folder, found, kinds, typed["false_alarms"], kept=typed["keep"])
    if typed["as_json"]:
        from zoo.storage import dump_json

        click.echo(dump_json(report.document()))
    else:
        from zoo.reports.kit.console import new_console

        new_console().print(report.page(verbose=typed["verbose"]))
    _say(found)


def _say(found: DetectorComparison) -> None:
    for notice in found.notices:
        click.echo(f"zoo: {notice}", err=True)


def _folder(word: str, registry: Registry) -> Path:
    """Folder of a run.

    Raises:
        RequestError: the word stands for an exported file, a shared model, or a model without images.
    """
    from zoo.api.manifests import is_shared
    from zoo.api.models import find_bundle, find_model, is_artifact
    from zoo.runs import JOB

    if is_artifact(word, registry):
        raise RequestError(
            f"{word} is an exported file, which is not changed. Fit the detector of its run, then export that again: "
            "zoo detector RUN"
        )
    folder = find_model(word, registry)
    if is_shared(find_bundle(folder)):
        raise RequestError(
            f"{word} is a shared model, which is not changed. Fit the detector of its run, and share that."
        )
    if not (folder / JOB).is_file():
        raise RequestError(
            f"{folder} is not the folder of a run (it has no {JOB}), so its training images are unknown, and no "
            "detector can be fitted. Give a run. See: zoo runs list"
        )
    return folder


def _entries(name: str, registry: Registry) -> list[Entry]:
    return registry.entries("detector") if name == "all" else [registry.find("detector", name)]


def _load(folder: Path, word: str, device: str, registry: Registry) -> Classifier:
    """The model without attachments, so that a damaged one can be replaced."""
    from zoo.api.compute import choose_execution, keep_freed_memory
    from zoo.api.models import Classifier, find_bundle, load_model

    model, card = load_model(find_bundle(folder), registry)
    classifier = Classifier(model, card, choose_execution(device, "fp32"))
    task = classifier.task
    if task.multilabel or not task.classifies:
        why = "an image with none of its labels has an answer already" if task.multilabel else "it has no classes"
        raise RequestError(f"{word} is a {task.name} model: {why}. Detectors are for models whose answer is one class.")
    keep_freed_memory(classifier.execution.device)
    return classifier


@contextmanager
def _progress(text: str, total: int) -> Iterator[Callable[[int], object]]:
    """A progress bar on stderr if that is a terminal."""
    import sys

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from zoo.reports.kit.console import new_console

    console = new_console(sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(text, total=total)
        yield lambda count: bars.advance(task, count)
