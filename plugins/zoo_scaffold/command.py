"""``zoo plugins new``."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.plugin import KINDS


@click.command("new")
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), default=Path(), help="Folder to create the package in.")
def new(name: str, into: Path, **chosen: bool) -> None:
    """Create a plugin package, zoo-NAME.

    It contains a working example of each requested kind of component, and passing tests.
    """
    from zoo_scaffold.writing import next_lines, write_package

    kinds = [kind for kind in KINDS if chosen[kind]]
    folder = write_package(name, kinds, into)
    for line in next_lines(folder, name, kinds):
        click.echo(line)


for _kind in reversed(KINDS):
    _article = "an" if _kind[0] in "aeiou" else "a"
    new = click.option(f"--{_kind}", is_flag=True, help=f"Include {_article} {_kind}.")(new)
