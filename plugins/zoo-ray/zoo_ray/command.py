"""``zoo ray``: commands of a Ray cluster. Ray is imported when a run begins."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.api.commands import RESUME_NAMED, SectionCommand, SectionOption, Span, job_options
from zoo.errors import RequestError

if TYPE_CHECKING:
    from zoo.api.running import RunPlace
    from zoo_ray.worker import RayRun

_PATH = click.Path(path_type=Path)


def _option(*names: str, section: str, **settings: Any) -> Callable[[Any], Any]:
    return click.option(*names, cls=SectionOption, section=section, **settings)


def _number(name: str, kind: Any, default: float, text: str) -> Callable[[Any], Any]:
    return _option(name, section="Ray", type=kind, metavar="N", default=default, help=text)


def _cluster_options(command: Any) -> Any:
    """Add the options of the cluster and its workers."""
    options = [
        _number("--workers", click.IntRange(1, 4096), 1, "Number of workers."),
        _number("--cpus-per-worker", click.FloatRange(0), 1.0, "CPUs of a worker; 0.5 lets two share one."),
        _number("--gpus-per-worker", click.FloatRange(0), 0.0, "GPUs of a worker."),
        _option(
            "--address",
            section="Ray",
            metavar="HOST:PORT|auto",
            help="Address of the cluster.",
            default_text="RAY_ADDRESS, or a new cluster of this machine",
        ),
        _number("--max-failures", click.IntRange(0, 1000), 3, "Number of restarts when a worker or node is lost."),
        _option("--wait", section="Ray", type=Span(), metavar="TIME", help="Time to wait for CPUs and GPUs: 90s, 10m."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def ray() -> None:
    """Train on the machines of a Ray cluster."""


@ray.command(name="run", cls=SectionCommand)
@click.argument("words", nargs=-1, metavar="ARCHITECTURE DATASET | JOB.yaml")
@job_options("data", "pretrained", "epochs", "batch_size", "lr", "device")
@click.option("--name", metavar="NAME", help="Name of the run.", cls=SectionOption, default_text="generated")
@job_options("set")
@_cluster_options
@job_options("image_size", "on_bad_image", "recipe", "weights", "freeze", "teacher", "seed", "precision", "tta")
@_option("--out", section="Output", type=_PATH, default=Path("runs"), help="Folder for runs.")
@_option("--overwrite", section="Output", is_flag=True, help="Replace an existing run of the same name.")
@_option("--json", "as_json", section="Output", is_flag=True, help="Print the result as JSON.")
@_option("--quiet", "-q", section="Output", is_flag=True, help="Print the last line only.")
@_option("--verbose", "-v", section="Output", is_flag=True, help="Report intervals and calibration.")
@_option(
    "--resume",
    section="Control",
    is_flag=False,
    flag_value=RESUME_NAMED,
    metavar="[RUN]",
    help="Resume an interrupted run.",
)
@job_options("offline")
def run(**typed: Any) -> None:
    """Train and evaluate a model on several workers of a Ray cluster.

    Like zoo run, with the same files in the same folder. All nodes need the working folder, the data and the folder of
    runs at the same paths. When a worker or node is lost, the run continues from its last checkpoint. Example:

    \b
      zoo ray run runs/NAME/job.yaml --name NAME-4 --workers 4 --address auto
    """
    from zoo_ray.cluster import WorkerSize, connected

    asked = _requested(typed)
    _check_free(asked.place)
    size = WorkerSize(typed["cpus_per_worker"], typed["gpus_per_worker"])
    if not size.resources:
        raise RequestError("A worker needs a CPU or a GPU. Type: --cpus-per-worker 0.5")
    stream = sys.stderr if typed["as_json"] else sys.stdout
    with connected(typed["address"]) as module:
        from zoo_ray.training import RayTraining, WorkerGroup

        group = WorkerGroup(typed["workers"], size, typed["max_failures"], typed["wait"])
        result = RayTraining(module, asked, group, stream).fit()
    if typed["as_json"]:
        from zoo.storage import dump_json

        click.echo(dump_json(result))


def _requested(typed: Mapping[str, Any]) -> RayRun:
    """The requested run, whose job is resolved once here, so that an invalid one is refused before Ray starts.

    Raises:
        ZooError: the request is invalid.
    """
    from zoo.api.commands import request_of
    from zoo.api.jobs import resolve
    from zoo_ray.worker import RayRun

    place, file = _place(typed)
    request, registry = request_of(typed["words"], typed, "zoo ray run", file=file)
    resolve(request, registry)
    return RayRun(request, place, Path.cwd(), typed["quiet"], typed["verbose"])


def _place(typed: Mapping[str, Any]) -> tuple[RunPlace, Path | None]:
    """Location of the run, and its job file where it is resumed by its name."""
    from zoo.api.running import RunPlace
    from zoo.runs import JOB, find_run, made_up_name

    resume, out = typed["resume"], typed["out"]
    if resume == RESUME_NAMED and typed["name"] is None:
        raise RequestError("--resume needs a run: zoo ray run --resume RUN, or --name NAME --resume.")
    if resume in (None, RESUME_NAMED):
        name = typed["name"] or made_up_name(out)
        return RunPlace(out, name, typed["overwrite"], resume is not None), None
    folder = find_run(str(resume), out)
    return RunPlace(folder.parent, folder.name, resume=True), folder / JOB


def _check_free(place: RunPlace) -> None:
    """Refuse a name that is taken, before Ray starts.

    Raises:
        RequestError: a run of that name exists.
    """
    from zoo.runs import check_name

    name = check_name(str(place.name))
    if (place.out / name).exists() and not (place.resume or place.overwrite):
        raise RequestError(
            f"The run {name!r} exists in {place.out}. Give another --name, continue it with --resume, or replace it "
            "with --overwrite."
        )
