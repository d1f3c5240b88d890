"""``zoo bench``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.api.commands import job_options

if TYPE_CHECKING:
    from zoo.api.jobs import Registry, Resolved


@click.command(name="bench")
@click.argument("architecture", metavar="ARCHITECTURE|FILE")
@job_options("recipe", "batch_size", "image_size", "device", "precision", "set")
@click.option("--compare", metavar="ARCHITECTURE|FILE", help="Second network, timed in alternation with the first.")
@click.option("--steps", type=click.IntRange(2, 10_000), default=10, help="Number of timed steps.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def bench(architecture: str, compare: str | None, steps: int, as_json: bool, **typed: Any) -> None:
    """Benchmark training and inference of a network, on random images.

    Prints images per second for training and inference, the time of each phase of a training step, and the achieved
    fraction of the machine's peak matrix-product throughput. No run is saved.

    Of an exported file, inference is timed, with its own runtime on the CPU. A run or hf:owner/name stands for its
    architecture with its parameters and image size.
    """
    from zoo.api.commands import registry_here
    from zoo.api.models import is_artifact

    registry = registry_here()
    given = [name for name in (architecture, compare) if name is not None]
    if any(is_artifact(word, registry) for word in given):
        _files(given, steps, typed, as_json)
        return
    from zoo.reports.kit.text import make_observer
    from zoo.storage import dump_json
    from zoo_bench.measure import bench as measure

    jobs = [_job(name, typed) for name in given]
    observer = make_observer(json=as_json)
    try:
        found = measure(jobs, steps, observer)
    finally:
        observer.close()
    if as_json:
        click.echo(dump_json(found))
        return
    from zoo_bench.report import table_lines

    for line in table_lines(found):
        click.echo(line)


def _files(words: list[str], steps: int, typed: dict[str, Any], as_json: bool) -> None:
    """Benchmark exported files, which have no training steps; of a job's options, only the batch size applies."""
    from zoo.api.commands import registry_here
    from zoo.api.models import is_artifact
    from zoo.errors import RequestError
    from zoo.storage import dump_json
    from zoo_bench.files import BATCH, bench_files
    from zoo_bench.report import file_lines

    registry = registry_here()
    if other := [word for word in words if not is_artifact(word, registry)]:
        raise RequestError(
            f"{other[0]!r} is not an exported file; an exported file can only be compared with another one. "
            "See: zoo export --help"
        )
    asked = [name for name, value in typed.items() if value and name != "batch_size" and value != "cpu"]
    if asked or typed["batch_size"] == "auto":
        raise RequestError("Exported files support only --batch-size N and --steps: they run on the CPU.")
    found = bench_files(words, registry, steps, typed["batch_size"] or BATCH)
    click.echo(dump_json(found) if as_json else "\n".join(file_lines(found)))


def _job(architecture: str, typed: dict[str, Any]) -> Resolved:
    """Resolve the job of a network on noise of one batch."""
    import dataclasses

    from zoo.api.commands import registry_here
    from zoo.api.jobs import OPTIONS, make_request, resolve
    from zoo.api.running import noise
    from zoo.errors import RequestError

    if typed["batch_size"] == "auto":
        raise RequestError("zoo bench needs a number, not --batch-size auto. Type: --batch-size 32")
    asked = {name: typed[name] for name in OPTIONS if name in typed}
    registry = registry_here()
    trained, channels = _of_model(architecture, registry)
    asked = {"architecture": architecture, **trained, **{k: v for k, v in asked.items() if v is not None}}

    def job(dataset: Any) -> Resolved:
        request = make_request({**asked, "dataset": dataset}, recipe=typed["recipe"])
        return resolve(dataclasses.replace(request, sets=tuple(typed["set"])), registry)

    train = job(noise(1, channels)).job
    if train.train.freeze is not None:
        raise RequestError("zoo bench times whole networks. Leave out train.freeze.")
    return job(noise(int(train.train.batch_size), train.data.in_chans))


def _of_model(word: str, registry: Registry) -> tuple[dict[str, Any], int]:
    """Architecture options of a trained model, and its number of channels; none for an architecture's name."""
    from zoo.runs import CARD, MODEL

    if registry.model_source(word) is None and not any((Path(word) / place / CARD).is_file() for place in ("", MODEL)):
        return {}, 3  # a folder may have an architecture's name
    from zoo.api.models import find_bundle, find_model, read_card

    card = read_card(find_bundle(find_model(word, registry)))
    network, shape = card["architecture"], card["preprocessing"]
    asked = {"architecture": {"name": network["id"], **network["params"]}, "image_size": shape["image_size"]}
    return asked, int(shape["in_chans"])
