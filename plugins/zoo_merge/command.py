"""``zoo merge``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.api.commands import DEVICES, offline_option


@click.command(name="merge")
@click.argument("runs", metavar="RUN RUN…", nargs=-1, required=True)
@click.option("--as", "how", required=True, metavar="MERGER", help="Ensemble, soup or distilled; see zoo list mergers.")
@click.option("--name", metavar="NAME", help="Name of the merged run.", show_default="RUN-MERGER")
@click.option("--force", is_flag=True, help="Keep the model although the paired test speaks against it.")
@click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="Set a parameter of the merger; repeatable.")
@click.option("--device", default="auto", metavar="DEVICE", help=DEVICES)
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs"), help="Folder for runs.")
@click.option("--overwrite", is_flag=True, help="Replace an existing run of the same name.")
@offline_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def merge(runs: tuple[str, ...], sets: tuple[str, ...], as_json: bool, **typed: Any) -> None:
    """Merge trained runs into one model.

    RUN is the name or folder of a run, or of repeated runs (zoo run --seeds, --folds), which stands for all of them.

    \b
      ensemble   averages the probabilities, or the values, of all runs
      soup       averages the weights of runs that began with the same ones
      distilled  trains one network with the ensemble as its teacher

    The result is a run like any other. It is kept unless it is significantly worse than the best of the runs.
    """
    from zoo.api.commands import registry_here
    from zoo.storage import dump_json
    from zoo_merge.merging import MergeOptions, merge_runs
    from zoo_merge.parameters import parsed
    from zoo_merge.report import print_merged

    options = MergeOptions(params=parsed(sets), **typed)
    merged = merge_runs(runs, options, registry_here(), lambda text: click.echo(text, err=True))
    if as_json:
        click.echo(dump_json(merged.document()))
        return
    print_merged(merged)
