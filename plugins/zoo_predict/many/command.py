"""``zoo predict --out``: from the typed options to the job, and what is printed at its end."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from zoo.errors import RequestError
from zoo_predict.many.options import check_options, command_line
from zoo_predict.many.output import FileShard, RowOutput

__all__ = ["output_at", "predict_many"]

_OTHERS = (".gz", ".json", ".jsonl", ".tsv", ".txt")


def predict_many(context: click.Context) -> None:
    """Predict the images of a command line into its ``--out``.

    Raises:
        RequestError: an option or input is invalid.
        click.exceptions.Exit: with code 2, where images have no prediction.
    """
    from zoo.api.commands import registry_here
    from zoo_predict.many.engine import checked
    from zoo_predict.many.job import ManyImages
    from zoo_predict.many.sources import Sources

    typed, started = context.params, time.monotonic()
    out: Path = typed["out"]
    shard = None if typed["shard"] is None else FileShard.parse(typed["shard"])
    output = output_at(out, shard, embeddings=typed["embeddings"])
    sources = Sources(typed["images"], typed["null"])
    job = ManyImages(sources, output, out, shard, typed["resume"], typed["overwrite"])
    job.check()
    registry = registry_here()
    entry = registry.find("predict_engine", typed["on"])
    engine = checked(entry.make(), entry.title_of_fault)
    predictor, record = _loaded(context, shard, registry)
    typed_top = context.get_parameter_source("top_k") is not click.core.ParameterSource.DEFAULT
    summary = job.predict(engine, predictor, record, typed["top_k"] if typed_top else 0)
    _report(summary, sources, out, time.monotonic() - started)
    if summary.failed:
        raise click.exceptions.Exit(2)


def output_at(out: Path, shard: FileShard | None, *, embeddings: bool) -> RowOutput:
    """The output that a path stands for: a CSV file by its suffix, else a folder of parquet files.

    Raises:
        RequestError: the path is a file of another kind; or embeddings are wanted in CSV.
    """
    from zoo_predict.many.csv_file import CsvAppender
    from zoo_predict.many.parts import PartsWriter

    suffix = out.suffix.lower()
    if suffix == ".csv" and not out.is_dir():
        if embeddings:
            raise RequestError(f"Embeddings are written in parquet, not in CSV. Type: --out {out.with_suffix('')}")
        return CsvAppender(out)
    if suffix in _OTHERS and not out.is_dir():
        raise RequestError(f"{out} is neither a CSV file nor a folder. Type: --out {out.with_suffix('.csv')}")
    return PartsWriter(out, shard)


def _loaded(context: click.Context, shard: FileShard | None, registry: Any) -> tuple[Any, dict[str, Any]]:
    """The predictor and the record of the output."""
    from zoo.api.models import load
    from zoo_predict.many.predictor import Predictor
    from zoo_predict.many.record import digests_of, record_of
    from zoo_predict.many.task import PredictTask

    typed = context.params
    how = {name: typed[name] for name in ("device", "top_k", "tta", "reject_below", "embeddings", "coverage")}
    task = PredictTask(PredictTask.model_word(typed["run"]), **how)
    digests = digests_of(typed["run"], registry)
    loading = {name: typed[name] for name in ("device", "reject_below", "coverage")}
    classifier = load(typed["run"], **loading, registry=registry)
    check_options(context, classifier)
    predictor = Predictor(task, classifier)
    return predictor, record_of(predictor, digests, command_line(context), shard)


def _report(summary: Any, sources: Any, out: Path, seconds: float) -> None:
    from zoo.api.images import depth_notices
    from zoo.reports.kit.text import duration
    from zoo_predict.pictures import other_files

    failed = f", {summary.failed:,} without a prediction" if summary.failed else ""
    click.echo(f"{out}: {summary.rows:,} image{'' if summary.rows == 1 else 's'}{failed}, {duration(seconds)}")
    others = [other_files(sources.others, ", ".join(sources.words))] if sources.others else []
    more = summary.failed - len(summary.reasons)
    counted = [f"{more:,} more without a prediction: see the column error"] if more > 0 and summary.reasons else []
    for notice in [*summary.reasons, *counted, *others, *depth_notices(summary.depths, summary.rows, "pictures")]:
        click.echo(f"zoo: {notice}", err=True)
