"""Epochs as lines of a table, during training and afterwards, and the accuracy as curves."""

from __future__ import annotations

import math

from rich.text import Text

from zoo.reports import reading
from zoo.reports.parts import ACCENT, GOOD
from zoo.reports.words import UNKNOWN, bar, clock, number, percent, sparkline
from zoo.runner.measurements import EpochRecord
from zoo.runner.run_result import RunResult

__all__ = ["curves", "epoch_header", "epoch_line", "epoch_table"]

BAR = 12
"""Columns of the bar for the validation accuracy, from 0 to 1."""
_ROW = "{epoch:>9}  {train_loss:>7} {train:>6}   {loss:>7} {val:>6} {f1:>6} "


def epoch_header() -> Text:
    """Render two header lines for the columns of ``epoch_line``."""
    groups = " " * 11 + "train".ljust(17) + "validation"
    names = _ROW.format(epoch="epoch", train_loss="loss", train="acc", loss="loss", val="acc", f1="F1")
    return Text(f"{groups}\n{names}{'':{BAR}} {'img/s':>7} {'time':>7}", "dim", no_wrap=True)


def epoch_line(record: EpochRecord, epochs: int | None = None, style: str = "") -> Text:
    """Render one epoch in at most 80 columns; the best so far has a star."""
    line = Text(_figures(record, epochs), style, no_wrap=True)
    line.append(bar(record.val.accuracy, BAR), GOOD if record.best else ACCENT)
    rate = record.images_per_second
    line.append(f" {UNKNOWN if rate is None else f'{rate:,.0f}':>7} {clock(record.seconds):>7}", "dim")
    return line.append(" ★" if record.best else "", f"bold {GOOD}")


def _figures(record: EpochRecord, epochs: int | None) -> str:
    train, val, epoch = record.train, record.val, record.epoch or UNKNOWN
    return _ROW.format(
        epoch=f"{epoch}/{epochs}" if epochs and epochs < 10_000 else epoch,
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
    return Text("\n").join([epoch_header(), *lines])


def _line(record: EpochRecord, kept: bool) -> Text:
    return epoch_line(record.changed(best=kept), style="bold" if kept else "")


def curves(result: RunResult, width: int = 48) -> Text | None:
    """Render the accuracy of both splits by epoch as sparklines on one scale; None for fewer than four epochs."""
    series = {name: reading.curve(result, name, "accuracy") for name in ("train", "val")}
    known = [value for values in series.values() for value in values if math.isfinite(value)]
    if len(series["val"]) < 4 or not known:
        return None
    lines = [_curve(name, values, min(known), max(known), width) for name, values in series.items()]
    return Text("\n").join(lines)


def _curve(name: str, values: list[float], low: float, high: float, width: int) -> Text:
    style = GOOD if name == "val" else "dim"
    line = Text(f"{name + ' acc':>9}  ", no_wrap=True).append(sparkline(values, low, high, width), style)
    return line.append(f"  {percent(values[0])} → {percent(values[-1])}", "dim")
