"""``zoo data split``: divide a dataset once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.api.commands import SectionCommand, job_options, resolve_words
from zoo.errors import RequestError

_SHARE = click.FloatRange(0, 1, max_open=True)


@click.command("split", cls=SectionCommand)
@click.argument("dataset")
@job_options(
    "data",
    "seed",
    "set",
    "offline",
    seed="Random seed of the division.",
    set="Set any value of the job, such as dataset.path_column=file; repeatable.",
)
@click.option("--val", type=_SHARE, default=0.15, help="Share of the images for val; 0 for none.")
@click.option("--test", type=_SHARE, default=0.15, help="Share of the images for test; 0 for none.")
@click.option("--group", metavar="COLUMN", help="Column of groups that stay in one split, such as patient.")
@click.option("--time", metavar="COLUMN", help="Column of times: the latest images become test.")
@click.option("--near-duplicates/--no-near-duplicates", default=True, help="Keep near duplicates in one split.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=Path("splits.csv"),
    metavar="FILE",
    help="CSV file to write.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def split(dataset: str, as_json: bool, near_duplicates: bool, **typed: Any) -> None:
    """Divide a dataset into train, val and test, as a CSV file.

    The division is stratified by class, keeps groups and near duplicates in one split, and is opened by the dataset
    image_csv. A run records its digest, and refuses to continue with another one. No image is changed.
    """
    from zoo.api.images import build_opener
    from zoo.reports.kit.text import make_observer
    from zoo.storage import check_target, dump_json
    from zoo_data_check.cleaning import need_files
    from zoo_data_check.pool import read_pool
    from zoo_data_check.split_file import SplitRules, divided, document_of, write_split_file

    path, overwrite = typed.pop("out"), typed.pop("overwrite")
    names = ("val", "test", "group", "time")
    chosen = {name: typed.pop(name) for name in names}
    if path.is_file() and not overwrite:
        raise RequestError(
            f"{path} exists. A division is made once, so that results stay comparable: train on it with zoo run "
            f"simple_cnn {path}. For another division, give another file with --out, or replace it with --overwrite."
        )
    check_target(path, (".csv",), lambda _: True, option="--out", overwrite=overwrite)
    resolved, _ = resolve_words((dataset,), {**typed, "recipe": None}, "zoo data split", dataset_alone=True)
    rules = SplitRules(**chosen, seed=resolved.job.seed)
    rules.check()
    opener = build_opener(resolved)
    need_files(opener, "zoo data split")
    observer = make_observer(json=as_json)
    try:
        needed = {"--group": rules.group, "--time": rules.time}
        found = divided(read_pool(opener, observer.preparing, needed, duplicates=near_duplicates), rules)
    finally:
        observer.close()
    write_split_file(found, path)
    document = document_of(found, dataset, path, rules, _digest_of(path, found.pool.form, found.pool.classes))
    if as_json:
        click.echo(dump_json(document))
        return
    from zoo.reports.kit.console import new_console
    from zoo_data_check.split_report import split_report

    new_console().print(split_report(document))


def _digest_of(path: Path, form: str, classes: list[str]) -> str:
    """Open the file as a run does, and return the digest that a run records."""
    from zoo.api.images import TRAIN, build_opener

    values = [f"dataset.value_columns=[{','.join(classes)}]"] if form == "regression" else []
    typed = {"data": path, "seed": None, "set": tuple(values), "offline": False, "recipe": None}
    resolved, _ = resolve_words(("image_csv",), typed, "zoo data split", dataset_alone=True)
    return str(build_opener(resolved).open(TRAIN).split_digest)
