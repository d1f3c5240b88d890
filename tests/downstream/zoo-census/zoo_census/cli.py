"""The commands."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import click
from zoo.api.commands import registry_here
from zoo.errors import RequestError
from zoo.runs import find_run, read_result
from zoo_census import rows


@click.group()
def census():
    """Count runs and their classes."""


@census.command()
@click.option("--out", type=click.Path(path_type=Path), default="runs", help="Folder of runs.", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def runs(out, as_json):
    """Print a line per run."""
    found = rows.census(out)
    if as_json:
        click.echo(json.dumps(found))
        return
    if not found:
        raise RequestError(f"{out} has no runs. Start one: zoo run simple_cnn digits")
    for each in found:
        accuracy = "" if each.get("accuracy") is None else f"{each['accuracy']:.1%}"
        click.echo(f"{each['run']:20} {each.get('status', 'unreadable'):10} {each.get('classes', ''):>4} {accuracy:>6}")


@census.command()
@click.argument("run")
def classes(run):
    """Count the validation images of each class of RUN."""
    result = read_result(find_run(run))
    matrix = result.metrics["val"].confusion_matrix
    for name, line in zip(result.classes, matrix, strict=True):
        click.echo(f"{name}\t{sum(line)}")


def roll_call(arguments: list[str]) -> int:
    """``zoo roll-call [FOLDER]``: print the names of the runs; exit code 1 if there are none."""
    names = [each["run"] for each in rows.census(*arguments[:1])]
    print("\n".join(names))
    return 0 if names else 1


@click.command()
@click.argument("word", default="")
def owners(word):
    """Print how many components each distribution contributes, of those whose id contains WORD."""
    found = Counter(entry.origin.distribution for entry in registry_here().entries() if word in entry.id)
    for name, count in sorted(found.items()):
        click.echo(f"{name}: {count}")
