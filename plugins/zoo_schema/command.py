"""``zoo schema``."""

from __future__ import annotations

from pathlib import Path

import click

FILES = {"job": "job files", "registry": "registry.yaml"}
"""What each schema is for."""


@click.command()
@click.argument("what", type=click.Choice(tuple(FILES)), metavar="job|registry")
@click.option("--components", is_flag=True, help="Include the names and parameters of the installed components.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the schema to a file.")
def schema(what: str, components: bool, out: Path | None) -> None:
    """Print the JSON schema of job files or registry.yaml.

    An editor with a YAML language server, such as VS Code with the YAML extension, then completes keys, describes them,
    and marks mistakes in every file whose first line names the schema; that line is printed as well.

    \b
      zoo schema job --out job.schema.json
      zoo schema registry --components > registry.schema.json
    """
    from zoo.storage import dump_json, write_text

    text = dump_json(_document(what, components=components))
    line = first_line(out or Path(f"{what}.schema.json"))
    if out is None:
        click.echo(text)
    else:
        write_text(out, f"{text}\n")
    click.echo(f"For completion in an editor, begin {FILES[what]} with this line:\n{line}", err=out is None)


def first_line(file: Path) -> str:
    """Comment that names the schema of a YAML file for an editor."""
    place = file if file.is_absolute() or str(file).startswith(".") else f"./{file}"
    return f"# yaml-language-server: $schema={place}"


def _document(what: str, *, components: bool) -> dict[str, object]:
    from zoo.api.commands import registry_here

    registry = registry_here()  # declares the kinds of plugins
    chosen = registry if components else None
    if what == "job":
        from zoo_schema.job_file import job_schema

        return job_schema(chosen)
    from zoo_schema.registry_file import registry_schema

    return registry_schema(chosen)
