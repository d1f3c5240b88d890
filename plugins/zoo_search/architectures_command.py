"""``zoo compare-architectures``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.api.commands import SectionCommand, Span, job_options
from zoo.errors import RequestError

if TYPE_CHECKING:
    from zoo.api.jobs import Registry, Resolved
    from zoo.api.running import Budget, Observer, RunPlace
    from zoo.runs import RunResult
    from zoo_search.architectures import Candidate

_SHORTEST_S = 1.0


@click.command(name="compare-architectures", cls=SectionCommand)
@click.argument("dataset")
@click.option(
    "--budget", type=Span(), required=True, metavar="TIME", help="Time for all architectures together: 90s, 10m, 1h."
)
@click.option("--architectures", metavar="A,B,C", help="Architectures to compare.", show_default="those of no library")
@click.option("--search", metavar="WORD", help="Compare all architectures with this word in their name.")
@job_options("data", "recipe", "epochs", "batch_size", "lr", "image_size", recipe="Recipe for all architectures.")
@job_options("task", "pretrained", "freeze", "seed", "device", "precision", "set")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs"), help="Folder for runs.")
@click.option("--name", metavar="NAME", help="Name of the comparison.", show_default="generated")
@job_options("offline")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def compare_architectures(dataset: str, as_json: bool, **typed: Any) -> int:
    """Compare architectures within a time budget.

    Each architecture is timed, and trained for its share of the budget, on the same data with the same settings.
    Architectures too slow for one epoch are reported. The image size is that of the first one. Ctrl-C keeps the
    results so far.
    """
    from zoo.api.running import Budget, run_job
    from zoo.reports.kit.pages import write_report
    from zoo.storage import dump_json
    from zoo_search.architectures import Comparison
    from zoo_search.architectures_page import write_which_page
    from zoo_search.architectures_watcher import make_which_watcher

    budget = Budget.of_command(typed["budget"])

    def one(resolved: Resolved, place: RunPlace, observer: Observer, share: Budget) -> RunResult:
        return run_job(resolved, registry.plugins, observer, place, write_report, budget=share)

    candidates, registry = _candidates(dataset, typed)
    watcher = make_which_watcher(as_json)
    comparison = Comparison(candidates, typed["out"], typed["name"], budget, one, watcher)
    found = comparison.run()
    write_which_page(found, comparison.folder / "report.html")
    if as_json:
        click.echo(dump_json(found))
    else:
        _print(found)
    return 130 if found["status"] == "interrupted" else 0


def _print(found: dict[str, Any]) -> None:
    import sys

    from zoo.reports.kit.text import is_terminal

    if is_terminal(sys.stdout):
        from zoo.reports.kit.console import new_console
        from zoo_search.architectures_console import render_which

        new_console().print(render_which(found))
        return
    from zoo_search.architectures_report import which_lines

    click.echo("\n".join(which_lines(found)))


def _candidates(dataset: str, typed: dict[str, Any]) -> tuple[list[Candidate], Registry]:
    """Resolve the candidates' jobs, so that all are checked before any training begins."""
    import os

    from zoo.api.commands import registry_here

    if typed["offline"]:
        os.environ["ZOO_OFFLINE"] = "1"
    registry = registry_here()
    names = _names(registry, typed["architectures"], typed["search"])
    if typed["budget"] / len(names) < _SHORTEST_S:
        raise RequestError(
            f"{len(names)} architectures in {typed['budget']:g} s leave less than a second for each. Increase --budget."
        )
    if typed["batch_size"] == "auto" or typed["lr"] == "auto":
        raise RequestError("All architectures use the same settings: give --batch-size and --lr as numbers, not auto.")
    if typed["image_size"] is None:
        typed = {**typed, "image_size": _resolved(names[0], dataset, typed, registry).job.train.image_size}
    return [_candidate(name, dataset, typed, registry) for name in names], registry


def _candidate(name: str, dataset: str, typed: dict[str, Any], registry: Registry) -> Candidate:
    from zoo_search.architectures import Candidate

    # A recipe's network parameters belong to the candidate; its training settings are the same for all.
    network = _resolved(name, dataset, typed, registry).job.architecture.params
    typed = {**typed, "recipe": typed["recipe"] or "none", "network": network}
    return Candidate(name, _resolved(name, dataset, typed, registry))


def _resolved(name: str, dataset: Any, typed: dict[str, Any], registry: Registry) -> Resolved:
    import dataclasses

    from zoo.api.jobs import OPTIONS, make_request, resolve

    asked = {"architecture": name, "dataset": dataset, **{key: typed[key] for key in OPTIONS if key in typed}}
    asked["set"] = {f"architecture.{key}": value for key, value in typed.get("network", {}).items()}
    request = make_request(asked, recipe=typed["recipe"])
    return resolve(dataclasses.replace(request, sets=tuple(typed["set"])), registry)


_DERIVED = "derived"
"""Tag of architectures that are made from trained runs, and so are no candidates."""


def _names(registry: Registry, listed: str | None, word: str | None) -> list[str]:
    from zoo.api.jobs import listing
    from zoo_search.architectures import MOST

    if listed is not None and word is not None:
        raise RequestError("--architectures and --search can't be combined.")
    if listed is not None:
        names = list(dict.fromkeys(name.strip() for name in listed.split(",") if name.strip()))
    elif word is not None:
        names = [entry.id for entry in registry.entries("architecture") if word.lower() in entry.id.lower()]
    else:
        own = (entry for entry in registry.entries("architecture") if entry.member is None)
        names = [entry.id for entry in own if _DERIVED not in entry.component.tags]
    if not names:
        raise RequestError(f"No architecture has {word!r} in its name. See: zoo list architectures --search WORD")
    if len(names) > MOST:
        raise RequestError(
            f"{len(names)} architectures are too many ({listing(names, most=4)}). Choose up to {MOST} of them: "
            f"--architectures {','.join(names[:3])}"
        )
    for name in names:
        registry.find("architecture", name)  # suggests similar names if it is missing
    return names
