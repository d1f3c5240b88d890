"""``zoo dashboard``."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.errors import RequestError
from zoo.reports.kit.pages import open_page


@click.command(name="dashboard")
@click.argument("runs", type=click.Path(path_type=Path), default=Path("runs"))
@click.option("--port", type=click.IntRange(0, 65535), default=8000, help="Port; 0 for any free one.")
@click.option("--open", "open_it", is_flag=True, help="Open the page in a browser.")
def dashboard(runs: Path, port: int, open_it: bool) -> None:
    """Show the runs in a folder on a live web page.

    The page is read-only, works offline, and is served on this machine only. Ctrl-C stops the server.
    """
    from zoo_dashboard.server import Dashboard

    if runs.exists() and not runs.is_dir():
        raise RequestError(f"{str(runs)!r} is a file. Give the folder of the runs: zoo dashboard runs")
    server = Dashboard(runs, port)
    click.echo(f"{server.url} shows {runs}{'' if runs.is_dir() else ', which does not exist yet'}. Ctrl-C stops it.")
    if open_it:
        open_page(server.url)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo("")
    finally:
        server.server_close()
