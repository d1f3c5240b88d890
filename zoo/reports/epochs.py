"""Epochs as lines of a table, during training and afterwards, and the main metric as curves."""

from __future__ import annotations

import math

from rich.text import Text

from zoo.reports import reading
from zoo.reports.parts import ACCENT, GOOD
from zoo.reports.words import UNKNOWN, bar, clock, compact, number, percent, sparkline
from zoo.runner.main_metric import ACCURACY, MainMetric, main_metric_of
from zoo.runner.measurements import EpochRecord
from zoo.runner.run_result import RunResult

__all__ = ["curves", "epoch_header", "epoch_line", "epoch_table"]

BAR = 12
"""Columns of the bar for the validation accuracy, or R², from 0 to 1."""
_ROW = "{epoch:>9}  {train_loss:>7} {train:>6}   {loss:>7} {val:>6} {f1:>6} "
_VALUE_ROW = "{epoch:>9}  {train_loss:>7} {train:>7}   {loss:>7} {val:>7} {r2:>6} "
_VALUE_BAR = BAR - 2


def epoch_header(metric: MainMetric = ACCURACY) -> Text:
    """Render two header lines for the columns of ``epoch_line``."""
    row, room, first = (_ROW, BAR, 17) if metric.is_share else (_VALUE_ROW, _VALUE_BAR, 18)
    groups, short = " " * 11 + "train".ljust(first) + "validation", metric.short
    names = row.format(epoch="epoch", train_loss="loss", train=short, loss="loss", val=short, f1="F1", r2="R²")
    return Text(f"{groups}\n{names}{'':{room}} {'img/s':>7} {'time':>7}", "dim", no_wrap=True)


def epoch_line(record: EpochRecord, epochs: int | None = None, style: str = "") -> Text:
    """Render one epoch in at most 80 columns; the best so far has a star."""
    line = Text(_figures(record, epochs), style, no_wrap=True)
    share, room = (record.val.accuracy, BAR) if main_metric_of(record.val).is_share else (_r2(record), _VALUE_BAR)
    line.append(bar(share, room), GOOD if record.best else ACCENT)
    rate = record.images_per_second
    line.append(f" {UNKNOWN if rate is None else f'{rate:,.0f}':>7} {clock(record.seconds):>7}", "dim")
    return line.append(" ★" if record.best else "", f"bold {GOOD}")


def _r2(record: EpochRecord) -> float | None:
    return record.val.value("r2")


def _figures(record: EpochRecord, epochs: int | None) -> str:
    train, val, epoch = record.train, record.val, record.epoch or UNKNOWN
    place = f"{epoch}/{epochs}" if epochs and epochs < 10_000 else epoch
    if not main_metric_of(val).is_share:
        errors = {"train": compact(train.mae), "val": compact(val.mae), "r2": compact(_r2(record))}
        return _VALUE_ROW.format(epoch=place, train_loss=number(train.loss), loss=number(val.loss), **errors)
    return _ROW.format(
        epoch=place,
        train_loss=number(train.loss),
        train=percent(train.accuracy),
        loss=number(val.loss),
        val=percent(val.accuracy),
        f1=percent(val.f1_macro),
    )


def epoch_table(result: RunResult, limit: int = 12) -> Text:
    """Render a selection of the epochs; a star marks the one whose weights are kept."""
    best = result.best_epoch
    lines = [_line(record, record.epoch == best) for record in reading.select_epochs(result.epochs, best, limit)]
    return Text("\n").join([epoch_header(reading.metric_in(result)), *lines])


def _line(record: EpochRecord, kept: bool) -> Text:
    return epoch_line(record.changed(best=kept), style="bold" if kept else "")


def curves(result: RunResult, width: int = 48) -> Text | None:
    """Render the main metric of both splits by epoch as sparklines on one scale; None for fewer than four epochs."""
    metric = reading.metric_in(result)
    series = {name: reading.curve(result, name, metric.key) for name in ("train", "val")}
    known = [value for values in series.values() for value in values if math.isfinite(value)]
    if len(series["val"]) < 4 or not known:
        return None
    lines = [_curve(name, metric, values, (min(known), max(known)), width) for name, values in series.items()]
    return Text("\n").join(lines)


def _curve(name: str, metric: MainMetric, values: list[float], ends: tuple[float, float], width: int) -> Text:
    style = GOOD if name == "val" else "dim"
    line = Text(f"{f'{name} {metric.short}':>9}  ", no_wrap=True).append(sparkline(values, *ends, width), style)
    return line.append(f"  {metric.text(values[0])} → {metric.text(values[-1])}", "dim")
