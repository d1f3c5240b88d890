"""``zoo run`` and ``zoo train``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.commands.plugin_options import JobCommand
from zoo.errors import RequestError
from zoo.host.restarts import restart, restarts
from zoo.job.options import RESUME_NAMED, job_options, resolve_words
from zoo.job.sections import SectionOption

if TYPE_CHECKING:
    from zoo.job.resolve import Resolved
    from zoo.runner.repeats import Repeats
    from zoo.runner.runner import RunPlace
    from zoo.runner.time_budget import Budget


def _option(*names: str, section: str, **settings: Any) -> Any:
    return click.option(*names, cls=SectionOption, section=section, **settings)


_PATH = click.Path(path_type=Path)
_RESTARTS = "Number of restarts when a process dies."


def _options(command: Any) -> Any:
    """Add the options of ``run`` and ``train``; the first ones are those of a newcomer."""
    options = [
        click.argument("words", nargs=-1, metavar="ARCHITECTURE DATASET | JOB.yaml"),
        job_options("data", "pretrained", "epochs", "batch_size", "lr", "budget", "device"),
        click.option("--name", metavar="NAME", help="Name of the run.", cls=SectionOption, default_text="generated"),
        job_options("set"),
        click.option("--dry-run", is_flag=True, help="Print the job with the source of each value, and exit."),
        job_options("image_size", "task", "on_bad_image", "recipe", "weights", "freeze", "teacher", "seed"),
        _option("--seeds", section="Repeats", type=int, metavar="N", help="Repeat the run with N seeds from --seed."),
        _option("--folds", section="Repeats", type=int, metavar="N", help="Run N-fold cross-validation."),
        job_options("precision"),
        _option("--nproc", section="Hardware", type=click.IntRange(1, 1024), default=1, help="Number of processes."),
        _option("--max-restarts", section="Hardware", type=click.IntRange(0, 1000), default=0, help=_RESTARTS),
        job_options("tta"),
        _option("--out", section="Output", type=_PATH, default=Path("runs"), help="Folder for runs."),
        _option("--overwrite", section="Output", is_flag=True, help="Replace an existing run of the same name."),
        _option("--json", "as_json", section="Output", is_flag=True, help="Print the result as JSON."),
        _option("--resume", section="Control", metavar="[RUN]", help="Resume an interrupted run."),
        _option("--yes", "-y", section="Control", is_flag=True, help="Start long trainings without confirmation."),
        job_options("offline"),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command(name="run", cls=JobCommand)
@_options
@click.option("--quiet", "-q", cls=SectionOption, section="Output", is_flag=True, help="Print the last line only.")
@click.option(
    "--verbose", "-v", cls=SectionOption, section="Output", is_flag=True, help="Report intervals and calibration."
)
def run(**typed: Any) -> int:
    """Train and evaluate a model, and report.

    ARCHITECTURE is a name (see zoo list architectures). DATASET is a name, or a folder with a folder of images for
    each class. JOB.yaml is the job of another run. Examples:

    \b
      zoo run simple_cnn cats_dogs
      zoo run timm/resnet18 ./my_photos --pretrained
    """
    return _run(typed)


@click.command(name="train", cls=JobCommand)
@_options
def train(**typed: Any) -> int:
    """Train a model without the full report.

    Like zoo run --quiet. Evaluate the model later with: zoo evaluate RUN
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
            raise RequestError("--resume needs a run: zoo run --resume RUN, or --name NAME --resume.")
        if self.resume is None or self.resume == RESUME_NAMED:
            return None
        folder = find_run(str(self.resume), self.out)
        return job_to_resume(folder) if recorded(folder) else folder / JOB


def _run(typed: Mapping[str, Any]) -> int:
    """Execute the command and return the exit code; errors are raised."""
    typed = _continued(typed)
    budget = _budget(typed)
    if typed["dry_run"]:
        os.environ["ZOO_OFFLINE"] = "1"  # a dry run reads facts of the data, but downloads nothing
    where = _Location(typed["out"], typed["name"], typed["resume"], typed["overwrite"])
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


def _continued(typed: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options of a process that torchrun has started: those of a resumed run, if it is a restart.

    Raises:
        RequestError: a restart would not know which run to resume, or of several machines not all would know of it.
    """
    if not restarts() or typed["dry_run"]:
        return typed
    if typed["resume"] is None and (typed["name"] is None or os.environ.get("GROUP_WORLD_SIZE", "1") != "1"):
        raise RequestError("torchrun --max-restarts resumes a run by its name. Add: --name NAME --resume")
    if not restart():
        return typed
    if os.environ.get("RANK", "0") == "0":
        click.echo(f"zoo: continuing from the last checkpoint (restart {restart()} of {restarts()})", err=True)
    return {**typed, "resume": typed["resume"] or RESUME_NAMED, "overwrite": False}


def _budget(typed: Mapping[str, Any]) -> Budget | None:
    """The requested time budget, starting now; None where none is requested.

    Raises:
        RequestError: it is combined with an option that it can't be fitted to.
    """
    if typed["budget"] is None:
        return None
    for name, instead in (
        ("resume", "A resumed run keeps its plan; leave out --budget."),
        ("seeds", "Fit a single run first, then repeat its job: zoo run RUN/job.yaml --seeds 3"),
        ("folds", "Fit a single run first, then repeat its job: zoo run RUN/job.yaml --folds 5"),
    ):
        if typed[name] is not None:
            raise RequestError(f"--budget and --{name} can't be combined. {instead}")
    from zoo.runner.time_budget import Budget

    return Budget.of_command(typed["budget"])


def _run_in_processes(typed: Mapping[str, Any], where: _Location, repeats: Repeats | None) -> int:
    """Restart the command in several processes, for a run with a fixed name."""
    from zoo.runner.folder import made_up_name
    from zoo.runner.launch import launch

    if repeats is not None:
        raise RequestError("--nproc can't be combined with --seeds or --folds.")
    place = where.place()
    name = place.name or made_up_name(place.out)
    named = [] if place.name else ["--name", name]
    words = [*click.get_current_context().find_root().obj, *named]
    return launch(words, typed["nproc"], typed["max_restarts"], place.out / name)


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
