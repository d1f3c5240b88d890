"""``zoo run`` and ``zoo train``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import RequestError
from zoo.job.options import RESUME_NAMED, job_options, resolve_words
from zoo.reports.terminal import shown_while

if TYPE_CHECKING:
    from zoo.job.resolve import Resolved
    from zoo.runner.repeats import Repeats
    from zoo.runner.runner import RunPlace
    from zoo.runner.time_budget import Budget


def _options(command: Any) -> Any:
    """Add the options of ``run`` and ``train``."""
    options = [
        click.argument("words", nargs=-1, metavar="ARCHITECTURE DATASET | JOB.yaml"),
        job_options("data", "recipe", "budget", "epochs", "batch_size", "lr", "image_size"),
        job_options("pretrained", "weights", "teacher", "freeze", "seed"),
        click.option("--seeds", type=int, metavar="N", help="Run N times, with N seeds from --seed on."),
        click.option("--folds", type=int, metavar="N", help="Run N times, validated with another part of train each."),
        job_options("device", "precision", "tta", "on_bad_image", "set"),
        click.option("--out", type=click.Path(path_type=Path), default=Path("runs"), help="The folder for runs."),
        click.option("--name", metavar="NAME", help="The run's name; made up, when not given."),
        click.option("--resume", metavar="[RUN]", help="Go on with an interrupted run."),
        click.option("--overwrite", is_flag=True, help="Replace a run of the same name."),
        click.option("--nproc", type=click.IntRange(1, 1024), default=1, help="Train by N processes on this machine."),
        click.option("--max-restarts", type=click.IntRange(0, 1000), default=0, help="Go on if one of them dies."),
        job_options("offline"),
        click.option("--yes", "-y", is_flag=True, help="Begin without asking, however long training will take."),
        click.option("--dry-run", is_flag=True, help="Print the job and where each value came from; run nothing."),
        click.option("--json", "as_json", is_flag=True, help="Print the result document alone to stdout."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command(name="run")
@_options
@click.option("--quiet", "-q", is_flag=True, help="Print the last line only.")
@click.option("--verbose", "-v", is_flag=True, help="Report the intervals of all metrics and the calibration, too.")
def run(**typed: Any) -> int:
    """Train, evaluate and report.

    ARCHITECTURE is a name (zoo list architectures), DATASET a name or a folder of class folders:
    zoo run simple_cnn cats_dogs, or zoo run timm/resnet18 ./my_photos
    """
    return _run(typed)


@click.command(name="train")
@_options
def train(**typed: Any) -> int:
    """As run, with only the last line for a report.

    Train now, and ask zoo evaluate RUN later.
    """
    return _run({**typed, "quiet": True, "verbose": False})


class _Location:
    """The requested location of the run, as typed."""

    def __init__(self, out: Path, name: str | None, resume: str | None, overwrite: bool):
        self.out, self.name, self.resume, self.overwrite = out, name, resume, overwrite

    def place(self) -> RunPlace:
        from zoo.job.run_folder import find_run
        from zoo.runner.runner import RunPlace

        if self.resume not in (None, RESUME_NAMED):
            folder = find_run(str(self.resume), self.out)
            return RunPlace(folder.parent, folder.name, resume=True)
        return RunPlace(self.out, self.name, self.overwrite, self.resume is not None)

    def repeats(self, seeds: int | None, folds: int | None) -> Repeats | None:
        """The requested repetitions, or those of the repeated runs to resume; None for a single run."""
        from zoo.job.run_folder import find_run
        from zoo.runner.repeats import asked, recorded

        typed = asked(seeds, folds)
        if typed is not None or self.resume is None:
            return typed
        if self.resume == RESUME_NAMED:
            return recorded(self.out / self.name) if self.name else None
        return recorded(find_run(str(self.resume), self.out))

    def job_file(self) -> Path | None:
        """Job file of the run to resume; None where the job is typed."""
        from zoo.job.run_folder import JOB, find_run
        from zoo.runner.repeats import job_to_resume, recorded

        if self.resume == RESUME_NAMED and self.name is None:
            raise RequestError("--resume needs to know which run: zoo run --resume RUN, or --name NAME --resume.")
        if self.resume is None or self.resume == RESUME_NAMED:
            return None
        folder = find_run(str(self.resume), self.out)
        return job_to_resume(folder) if recorded(folder) else folder / JOB


def _run(typed: dict[str, Any]) -> int:
    """Execute the command and return the exit code; errors are raised."""
    budget = _budget(typed)
    if typed["dry_run"]:
        os.environ["ZOO_OFFLINE"] = "1"  # a dry run reads facts of the data, but downloads nothing
    where = _Location(typed["out"], typed["name"], typed["resume"], typed["overwrite"])
    with shown_while("loading PyTorch …", silent=typed["quiet"] or typed["as_json"]):  # by an architecture's code
        repeats = where.repeats(typed["seeds"], typed["folds"])
        resolved, registry = resolve_words(typed["words"], typed, "zoo run", file=where.job_file())
    if typed["dry_run"]:
        _show_job(resolved, typed["as_json"], repeats)
        return 0
    if typed["nproc"] > 1 and "WORLD_SIZE" not in os.environ:
        return _run_in_processes(typed, where, repeats)
    from zoo.api import execute, execute_several
    from zoo.reports.choose import make_confirm, make_observer, make_watcher
    from zoo.storage.files import dump_json

    how = {"quiet": typed["quiet"], "json": typed["as_json"]}
    if repeats is None:
        observer = make_observer(**how, verbose=typed["verbose"])
        confirm = make_confirm(observer, typed["yes"] or typed["nproc"] > 1)
        result = execute(resolved, registry, where.place(), observer, budget=budget, confirm=confirm)
    else:
        result = execute_several(resolved, registry, repeats, where.place(), make_watcher(**how))
    if typed["as_json"] and os.environ.get("RANK", "0") == "0":
        click.echo(dump_json(result))
    return 0


def _budget(typed: dict[str, Any]) -> Budget | None:
    """The requested time budget, starting now; None where none is requested.

    Raises:
        RequestError: it is combined with an option that it can't be fitted to.
    """
    if typed["budget"] is None:
        return None
    for name, instead in (
        ("resume", "A run is resumed as it was planned; leave --budget out."),
        ("seeds", "Fit one run, and repeat its job: zoo run RUN/job.yaml --seeds 3"),
        ("folds", "Fit one run, and repeat its job: zoo run RUN/job.yaml --folds 5"),
    ):
        if typed[name] is not None:
            raise RequestError(f"--budget and --{name} can't both be given. {instead}")
    from zoo.runner.time_budget import Budget

    return Budget.of_command(typed["budget"])


def _run_in_processes(typed: dict[str, Any], where: _Location, repeats: Repeats | None) -> int:
    """Restart the command in several processes, for a run with a fixed name."""
    from zoo.runner.folder import made_up_name
    from zoo.runner.launch import launch

    if repeats is not None:
        raise RequestError("--nproc is for one run, not for several by --seeds or --folds.")
    place = where.place()
    name = place.name or made_up_name(place.out)
    named = [] if place.name else ["--name", name]
    words = [*click.get_current_context().find_root().obj, *named]
    return launch(words, typed["nproc"], typed["max_restarts"], str(place.out / name))


def _show_job(resolved: Resolved, json: bool, repeats: Repeats | None) -> None:
    from zoo.runner.repeats import members

    several = [] if repeats is None else [member.name for member in members(resolved, repeats, "NAME")]
    if json:
        from zoo.storage.files import dump_json

        runs = {"runs": several} if several else {}
        job = {"job": resolved.job.plain(), "sources": resolved.sources, "reasons": resolved.reasons}
        found = {"provisional": resolved.facts.provisional} if resolved.facts.provisional else {}
        click.echo(dump_json({**job, **runs, **found}))
        return
    from zoo.reports.parts import new_console
    from zoo.reports.tables import job_table

    new_console().print(job_table(resolved.job.plain(), resolved.sources, resolved.reasons))
    if several:
        from zoo.registry.suggest import listing

        click.echo(f"{len(several)} runs: {listing(several, most=6)}")
    if resolved.facts.provisional:
        click.echo(resolved.facts.provisional)
