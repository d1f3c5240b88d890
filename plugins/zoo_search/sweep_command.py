"""``zoo sweep``."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.api.commands import RESUME_NAMED, SectionCommand, SectionOption, job_options
from zoo.errors import RequestError

if TYPE_CHECKING:
    from zoo.api.jobs import Entry, Registry
    from zoo_search.plan import SweepPlan
    from zoo_search.sweep import Sweep, SweepWatcher

_SET = (
    "Vary a value of the job, such as architecture.dropout=0..0.6, lr=log:1e-4..1e-1 or train.optimizer=adam,sgd, "
    "or set it: loss=focal; repeatable."
)
_TRIALS = 20
_LOCAL = "search/local"
_ON = "Where the trials run: local, or an engine of a plugin (see zoo list sweep_engines)."
_N_TRIALS = "Number of trials; of fewer combinations of values, each is tried once."


@click.command(name="sweep", cls=SectionCommand)
@click.argument("words", nargs=-1, metavar="ARCHITECTURE DATASET | JOB.yaml")
@job_options("set", set=_SET)
@click.option(
    "--trials",
    type=click.IntRange(1, 100_000),
    metavar="N",
    cls=SectionOption,
    help=_N_TRIALS,
    default_text=str(_TRIALS),
)
@click.option(
    "--pruner",
    type=click.Choice(["median", "halving", "none"]),
    default="median",
    help="Rule for stopping trials early.",
)
@job_options("budget", budget="Time for all trials together: 90s, 10m, 1h.")
@job_options("data", "task", "recipe", "epochs", "batch_size", "lr", "image_size", "pretrained", "weights", "freeze")
@job_options("seed", "device", "precision", "on_bad_image", seed="Random seed of the sampler and of every run.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs"), help="Folder for runs and sweeps.")
@click.option("--name", metavar="NAME", help="Name of the sweep.", show_default="generated")
@click.option("--resume", metavar="SWEEP", help="Resume a sweep; --trials can add trials.")
@click.option("--join", metavar="FOLDER", help="Join a sweep that other processes work on.")
@click.option("--on", metavar="ENGINE", default="local", help=_ON)
@job_options("offline")
@click.option("--quiet", "-q", is_flag=True, help="Print the last line only.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def sweep(words: tuple[str, ...], quiet: bool, as_json: bool, **typed: Any) -> None:
    """Search for better hyperparameters.

    Each trial is a run in the folder of the sweep, with values sampled by Optuna; trials that fall behind are stopped
    early. The job of the best trial is saved in best.yaml: zoo run runs/NAME/best.yaml
    """
    if not _has_optuna():
        raise RequestError("zoo sweep needs Optuna, which is not installed. Type: pip install 'visionzoo[sweep]'")
    from zoo.storage import dump_json
    from zoo_search.sweep_page import write_sweep_page

    typed["begun"] = time.monotonic()
    work = _existing_sweep(words, typed, quiet, as_json) or _new_sweep(words, typed, quiet, as_json)
    found = work.run()
    write_sweep_page(found, work.folder / "report.html")
    work.watcher.ended(found)
    if as_json:
        click.echo(dump_json(found))


def _new_sweep(words: Sequence[str], typed: dict[str, Any], quiet: bool, as_json: bool) -> Sweep:
    """Create a new sweep, after checking the values that it may try."""
    from dataclasses import replace

    from zoo.api.commands import request_of
    from zoo_search.plan import make_plan, refuse_doubles
    from zoo_search.space import check, divide, make_space
    from zoo_search.sweep import begin
    from zoo_search.sweep_watcher import make_sweep_watcher

    varied, fixed = divide(typed["set"])
    space = make_space(varied)
    request, registry = request_of(words, {**typed, "set": fixed}, "zoo sweep")
    refuse_doubles(request, varied)
    plan = make_plan(request, varied, check(space, request, registry), typed["trials"] or _TRIALS, typed["pruner"])
    plan = replace(plan, budget_s=typed["budget"])
    _engine(registry, typed["on"], plan)  # refused before the folder is made
    folder = begin(typed["out"], typed["name"], plan, request.file)
    return _sweep(folder, plan, registry, make_sweep_watcher(quiet, as_json), typed)


def _existing_sweep(words: Sequence[str], typed: dict[str, Any], quiet: bool, as_json: bool) -> Sweep | None:
    """Load an existing sweep to resume or join; None where none is named."""
    from dataclasses import replace

    from zoo.api.commands import registry_here
    from zoo_search.plan import load_plan
    from zoo_search.space import combinations
    from zoo_search.sweep_watcher import make_sweep_watcher

    word = typed["join"] or typed["resume"]
    word = typed["name"] if word == RESUME_NAMED else word
    if typed["join"] is None and typed["resume"] is None:
        return None
    if word is None or (typed["join"] and typed["resume"]):
        raise RequestError("Give the sweep to resume: zoo sweep --resume runs/NAME, or zoo sweep --join runs/NAME")
    if words or typed["set"] or typed["budget"]:
        raise RequestError(
            "A resumed sweep keeps its job, --set and --budget; only --trials can be changed. Type: zoo sweep "
            f"--resume {word}"
        )
    folder = _find(word, typed["out"])
    plan = load_plan(folder)
    if typed["trials"] is not None and typed["trials"] != plan.trials:
        if typed["trials"] < plan.trials:
            raise RequestError(f"{folder} has {plan.trials} trials. --trials can only be increased.")
        if plan.trials == combinations(plan.space):
            raise RequestError(
                f"The {plan.trials} trials of {folder} are every combination of its values. Vary more in a new sweep."
            )
        plan = replace(plan, trials=typed["trials"])
        plan.save(folder)
    return _sweep(folder, plan, registry_here(), make_sweep_watcher(quiet, as_json), typed)


def _find(word: str, out: Path) -> Path:
    from zoo.api.jobs import did_you_mean
    from zoo_search.plan import PLAN

    folders = [folder for folder in (Path(word), out / word) if folder.is_dir()]
    if not folders:
        known = [path.parent.name for path in out.glob(f"*/{PLAN}")]
        raise RequestError(f"There is no sweep {word!r}.{did_you_mean(word, known)} Sweeps are in {out}.")
    return next((folder for folder in folders if (folder / PLAN).is_file()), folders[0])


def _engine(registry: Registry, name: str, plan: SweepPlan) -> Entry:
    """The chosen engine of a sweep.

    Raises:
        RequestError: there is none of this name, or it can't divide the time of a sweep with a budget.
    """
    engine = registry.find("sweep_engine", name)
    if plan.budget_s is not None and engine.id != _LOCAL:
        raise RequestError(
            f"--budget divides the time of one process, and can't be combined with --on {name}. Leave out one of them; "
            "--trials and --epochs limit a sweep too."
        )
    return engine


def _sweep(
    folder: Path,
    plan: SweepPlan,
    registry: Registry,
    watcher: SweepWatcher,
    typed: Mapping[str, Any],
) -> Sweep:
    from zoo_search.joining import run_of
    from zoo_search.sweep import Sweep

    new = typed["join"] is None and typed["resume"] is None
    engine = _engine(registry, typed["on"], plan).make()
    return Sweep(folder, plan, registry, run_of(registry), watcher, engine=engine, new=new, begun=typed["begun"])


def _has_optuna() -> bool:
    try:
        return importlib.util.find_spec("optuna") is not None
    except ValueError:  # a module replaced in sys.modules may lack a spec
        return False
