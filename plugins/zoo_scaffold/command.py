"""``zoo plugins new``."""

from __future__ import annotations

from pathlib import Path

import click

from zoo_scaffold.names import EXAMPLE_KINDS, PARTS


@click.command("new")
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), default=Path(), help="Folder to create the package in.")
def new(name: str, into: Path, **chosen: bool) -> None:
    """Create a plugin package, zoo-NAME.

    It contains a working example of each requested kind of component or other part, and passing tests.
    """
    from zoo_scaffold.writing import next_lines, write_package

    asked = [word for word in (*EXAMPLE_KINDS, *PARTS) if chosen[word]]
    folder = write_package(name, asked, into)
    for line in next_lines(folder, name, asked):
        click.echo(line)


for _part, (_, _help) in reversed(PARTS.items()):
    new = click.option(f"--{_part}", is_flag=True, help=f"Include {_help}.")(new)
for _kind in reversed(EXAMPLE_KINDS):
    _article = "an" if _kind[0] in "aeiou" else "a"
    new = click.option(f"--{_kind}", is_flag=True, help=f"Include {_article} {_kind}.")(new)
