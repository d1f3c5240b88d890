"""``zoo doctor``."""

from __future__ import annotations

import click


@click.command(name="doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a report of a defect: it has no secrets.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Look at this installation, and say what mends what is wrong.

    Versions, device, memory, cache, runs, registry.yaml, plugins, variables and shell. Exits with 1 when something
    is wrong. Of one plugin more is told by: zoo plugins doctor NAME
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
