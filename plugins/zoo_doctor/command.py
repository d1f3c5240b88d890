"""``zoo doctor``."""

from __future__ import annotations

import click


@click.command(name="doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, without secrets, for bug reports.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Check the installation and suggest fixes.

    Checks versions, device, memory, cache, runs, registry.yaml, plugins, environment variables and shell. The exit code
    is 1 if something is wrong. For details of a plugin: zoo plugins doctor NAME
    """
    from zoo_doctor.examine import examine

    findings = examine()
    if as_json:
        from zoo import __version__
        from zoo.storage import dump_json

        counts = {state: sum(f.state == state for f in findings) for state in ("ok", "warning", "wrong")}
        document = {"schema": 1, "zoo": __version__, "counts": counts, "findings": [f.as_dict() for f in findings]}
        click.echo(dump_json(document))
    else:
        from zoo.reports.kit.text import print_lines, width_here
        from zoo_doctor.report import health_lines

        print_lines(health_lines(findings, width_here()))
    if any(finding.state == "wrong" for finding in findings):
        context.exit(1)
