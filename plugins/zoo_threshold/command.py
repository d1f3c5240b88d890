"""``zoo runs threshold``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import RequestError

if TYPE_CHECKING:
    from zoo.api.running import Predictions
    from zoo_threshold.figures import ChosenThreshold


@click.command(name="threshold")
@click.argument("run")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs"), help="Folder for runs.")
@click.option(
    "--precision",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Target precision: fraction of accepted predictions that are right.",
)
@click.option(
    "--recall",
    type=click.FloatRange(0, 1),
    metavar="R",
    help="Target recall: fraction of all images that are accepted and right.",
)
@click.option("--costs", type=click.Path(path_type=Path), metavar="FILE", help="YAML file with the costs of mistakes.")
@click.option("--below", type=click.FloatRange(0, 1), metavar="P", help="Threshold itself; 0 removes it.")
@click.option("--per-class", is_flag=True, help="Choose a threshold for each class.")
@click.option("--keep", is_flag=True, help="Save the threshold in the model, for zoo predict.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def threshold(run: str, out: Path, per_class: bool, keep: bool, as_json: bool, **asked: Any) -> None:
    """Choose the confidence threshold below which a model answers "not sure".

    The threshold is chosen on the validation images.
    """
    given = [name for name, value in asked.items() if value is not None]
    if len(given) != 1:
        raise RequestError("Give exactly one of --precision, --recall, --costs and --below, such as --precision 0.95.")
    from zoo.api.commands import registry_here
    from zoo.api.models import find_model

    folder = find_model(run, registry_here(), out)
    chosen = _choose(folder, given[0], asked[given[0]], per_class, keep)
    if keep:
        _write_to_card(folder, chosen)
    if as_json:
        from zoo.storage import dump_json

        click.echo(dump_json(asdict(chosen)))
        return
    from zoo.reports.kit.console import new_console
    from zoo_threshold.report import thresholds_table

    new_console().print(thresholds_table(chosen))


def _choose(folder: Path, by: str, wanted: Any, per_class: bool, keep: bool) -> ChosenThreshold:
    from zoo.api.running import by_costs, by_precision, by_recall, predictions_file, read_predictions
    from zoo_threshold.costs import read_costs
    from zoo_threshold.figures import ChosenThreshold, measure

    kept = read_predictions(folder, "val")
    if kept.has_values:
        raise RequestError(
            f"{folder.name} is a regression: a value has no confidence, so no threshold. For the errors of its values: "
            f"zoo runs show {folder}"
        )
    if kept.multilabel:
        raise RequestError(
            f"{folder.name} is a multi-label model: each class already has its own threshold, chosen for the best "
            "F1 on val, which zoo predict uses."
        )
    found: Any = wanted
    if by == "precision":
        found = by_precision(kept, wanted, per_class=per_class)
    elif by == "recall":
        found = by_recall(kept, wanted, per_class=per_class)
    elif by == "costs":
        found = by_costs(kept, read_costs(wanted, kept.classes))
    splits: dict[str, Predictions] = {"val": kept}
    if predictions_file(folder, "test").is_file():
        splits["test"] = read_predictions(folder, "test")
    measured = {name: measure(each, found) for name, each in splits.items()}
    said = str(wanted) if by == "costs" else wanted
    return ChosenThreshold(folder.name, str(folder), {by: said}, found, measured, keep)


def _write_to_card(folder: Path, chosen: ChosenThreshold) -> None:
    from zoo.api.models import find_bundle, read_card, write_card

    bundle = find_bundle(folder)
    card = {name: value for name, value in read_card(bundle).items() if name != "reject"}
    if chosen.below != 0:
        card["reject"] = {"below": chosen.below, "by": chosen.by}
    write_card(bundle, card)
