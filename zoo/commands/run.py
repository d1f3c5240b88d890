"""``zoo run`` and ``zoo train``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.commands.arguments import RESUME_NAMED
from zoo.commands.job_words import NumberOrAuto
from zoo.errors import RequestError

if TYPE_CHECKING:
    from zoo.resolve import Request, Resolved
    from zoo.runner.repeats import Repeats
    from zoo.runner.runner import Place

_JOB_OPTIONS = (
    *("data", "epochs", "batch_size", "lr", "image_size", "pretrained", "weights", "teacher", "freeze"),
    *("seed", "device", "precision", "on_bad_image"),
)


def _options(command: Any) -> Any:
    """The options of ``run`` and ``train``."""
    options = [
        click.argument("words", nargs=-1, metavar="ARCHITECTURE DATASET | JOB.yaml"),
        click.option("--data", type=click.Path(path_type=Path), metavar="PATH", help="The dataset's folder or file."),
        click.option("--recipe", metavar="NAME", help="A recipe of registry.yaml; 'none' for none."),
        click.option("--epochs", type=int, help="How often to go through the training images."),
        click.option("--batch-size", type=NumberOrAuto(int), metavar="N|auto", help="Images a step."),
        click.option("--lr", type=NumberOrAuto(float), metavar="RATE|auto", help="Learning rate, at its highest."),
        click.option("--image-size", type=int, help="Side of the images in pixels."),
        click.option("--pretrained", is_flag=True, default=None, help="Begin with the weights that its library has."),
        click.option("--weights", metavar="FILE|RUN", help="Begin with these: .safetensors, .pth, or another run's."),
        click.option("--teacher", metavar="RUN", help="Learn from this run's answers, beside the labels."),
        click.option("--freeze", metavar="WHAT", help="Learns nothing: backbone (all but the head), or N blocks."),
        click.option("--seed", type=int, help="The same seed gives the same numbers."),
        click.option("--seeds", type=int, metavar="N", help="Run N times, with N seeds from --seed on."),
        click.option("--folds", type=int, metavar="N", help="Run N times, validated with another part of train each."),
        click.option("--device", metavar="DEVICE", help="auto, cpu, cuda, cuda:1 or mps."),
        click.option("--precision", metavar="TYPE", help="auto, fp32, bf16 or fp16."),
        click.option("--on-bad-image", metavar="POLICY", help="skip or fail."),
        click.option(
            "--set",
            "sets",
            multiple=True,
            metavar="PATH=VALUE",
            help="Any value of the job, as often as you like: architecture.dropout=0.3, loss=focal.",
        ),
        click.option("--out", type=click.Path(path_type=Path), default=Path("runs"), help="The folder for runs."),
        click.option("--name", metavar="NAME", help="The run's name; made up, when not given."),
        click.option("--resume", metavar="[RUN]", help="Go on with an interrupted run."),
        click.option("--overwrite", is_flag=True, help="Replace a run of the same name."),
        click.option("--offline", is_flag=True, help="Download nothing."),
        click.option("--dry-run", is_flag=True, help="Print the job and where each value came from; run nothing."),
        click.option("--json", "as_json", is_flag=True, help="Print the result document alone to stdout."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command(name="run")
@_options
@click.option("--quiet", "-q", is_flag=True, help="Print the last line only.")
def run(**typed: Any) -> None:
    """Train, evaluate and report.

    ARCHITECTURE is a name (zoo list architectures), DATASET a name or a folder of class folders:
    zoo run simple_cnn cats_dogs, or zoo run timm/resnet18 ./my_photos
    """
    _run(typed)


@click.command(name="train")
@_options
def train(**typed: Any) -> None:
    """As run, with only the last line for a report.

    Train now, and ask zoo evaluate RUN later.
    """
    _run({**typed, "quiet": True})


class _Where:
    """Where the run lives, as typed."""

    def __init__(self, out: Path, name: str | None, resume: str | None, overwrite: bool):
        self.out, self.name, self.resume, self.overwrite = out, name, resume, overwrite

    def place(self) -> Place:
        from zoo.runner.folder import find_run
        from zoo.runner.runner import Place

        if self.resume not in (None, RESUME_NAMED):
            folder = find_run(str(self.resume), self.out)
            return Place(folder.parent, folder.name, resume=True)
        return Place(self.out, self.name, self.overwrite, self.resume is not None)

    def repeats(self, seeds: int | None, folds: int | None) -> Repeats | None:
        """Several runs, as typed, or as they were before that are to be resumed."""
        from zoo.runner.folder import find_run
        from zoo.runner.repeats import asked, recorded

        typed = asked(seeds, folds)
        if typed is not None or self.resume is None:
            return typed
        if self.resume == RESUME_NAMED:
            return recorded(self.out / self.name) if self.name else None
        return recorded(find_run(str(self.resume), self.out))

    def job_file(self) -> Path | None:
        """The job of the run to resume, when no other is typed."""
        from zoo.runner.folder import JOB, find_run
        from zoo.runner.repeats import job_to_resume, recorded

        if self.resume == RESUME_NAMED and self.name is None:
            raise RequestError("--resume needs to know which run: zoo run --resume RUN, or --name NAME --resume.")
        if self.resume is None or self.resume == RESUME_NAMED:
            return None
        folder = find_run(str(self.resume), self.out)
        return job_to_resume(folder) if recorded(folder) else folder / JOB


def _run(typed: dict[str, Any]) -> None:
    from zoo.host import say_failures
    from zoo.registry import open_registry
    from zoo.resolve import resolve

    if typed["offline"]:
        os.environ["ZOO_OFFLINE"] = "1"
    where = _Where(typed["out"], typed["name"], typed["resume"], typed["overwrite"])
    repeats = where.repeats(typed["seeds"], typed["folds"])
    request = _request(typed, where)
    registry = open_registry(say=say_failures)
    resolved = resolve(request, registry)
    if typed["dry_run"]:
        _show_job(resolved, typed["as_json"], repeats)
        return
    from zoo.api import execute, execute_several
    from zoo.files import dump_json
    from zoo.reports.choose import make_observer
    from zoo.reports.repeats import make_watcher

    how = {"quiet": typed["quiet"], "json": typed["as_json"]}
    if repeats is None:
        result = execute(resolved, registry, where.place(), make_observer(**how))
    else:
        result = execute_several(resolved, registry, repeats, where.place(), make_watcher(**how))
    if typed["as_json"]:
        click.echo(dump_json(result))


def _request(typed: dict[str, Any], where: _Where) -> Request:
    import dataclasses

    from zoo.api import make_request

    words = list(typed["words"])
    file = where.job_file()
    if len(words) == 1 and words[0].endswith((".yaml", ".yml")):
        file, words = Path(words[0]), []
    if len(words) not in ((0, 2) if file else (2,)):
        raise RequestError(
            f"zoo run takes an architecture and a dataset, or one job file, not {' '.join(words) or 'nothing'}. "
            "Try: zoo run simple_cnn digits"
        )
    asked = dict(zip(("architecture", "dataset"), words, strict=False))
    options = {name: typed[name] for name in _JOB_OPTIONS}
    request = make_request({**asked, **options}, file=file, recipe=typed["recipe"])
    return dataclasses.replace(request, sets=tuple(typed["sets"]))


def _show_job(resolved: Resolved, json: bool, repeats: Repeats | None) -> None:
    from zoo.runner.repeats import members

    several = [] if repeats is None else [member.name for member in members(resolved, repeats, "NAME")]
    if json:
        from zoo.files import dump_json

        runs = {"runs": several} if several else {}
        click.echo(dump_json({"job": resolved.job.plain(), "sources": resolved.sources, **runs}))
        return
    from rich.console import Console

    from zoo.reports.tables import job_table

    Console().print(job_table(resolved.job.plain(), resolved.sources))
    if several:
        from zoo.names import listing

        click.echo(f"{len(several)} runs: {listing(several, most=6)}")
