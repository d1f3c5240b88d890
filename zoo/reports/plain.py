"""The report without a terminal: plain lines, one an epoch, that read well in a log. No rich."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TextIO

from zoo.reports import reading
from zoo.reports.advice import next_commands
from zoo.reports.estimate import estimate_line
from zoo.reports.verdict import diagnose
from zoo.reports.words import clean, clock, component, count, duration, legible, number, percent, short_path
from zoo.runner.observer import Observer
from zoo.runner.record import Run

__all__ = ["PlainObserver", "final_lines", "plain_epoch"]


class PlainObserver(Observer):
    """Tells a run in plain lines.

    Args:
        stream: where to; flushed after each line, so that a log is never behind.
        quiet: only the final line.
    """

    def __init__(self, stream: TextIO, quiet: bool = False):
        self._stream, self._quiet = stream, quiet
        self._preparing = ""
        self._told: set[str] = set()
        self._epochs = self._finished = 0

    def preparing(self, what: str, done: int, total: int) -> None:
        if what != self._preparing and done < total:
            self._say(f"{what} ({count(total)}) …")
        self._preparing = what

    def started(self, run: Run) -> None:
        self._say(f"{run.name}: {_model(run)} on {_data(run)}, on {_device(run)}")
        if begins := run.model.get("begins"):
            self._say(f"begins with {clean(begins)}")
        for line in (estimate_line(run), *run.hints):
            if line:
                self._say(line)
        for text in run.notices:
            self.notice(text)

    def epoch_started(self, epoch: int, epochs: int, images: int) -> None:
        del epoch, images  # a line at its end is enough
        self._epochs = epochs

    def epoch_ended(self, record: dict[str, Any]) -> None:
        self._finished = int(record.get("epoch", 0))
        self._say(plain_epoch(record, self._epochs))

    def notice(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._say(f"NOTICE: {clean(text)}")

    def ended(self, run: Run, result: dict[str, Any]) -> None:
        del run  # the result has all of it
        for text in result.get("notices") or []:
            self.notice(text)
        first, *others = final_lines(result)
        self._write(first)
        for line in others:
            self._say(line)

    def failed(self, run: Run | None, error: BaseException) -> None:
        if run is not None and not isinstance(error, KeyboardInterrupt):  # else what is printed next says it all
            self._say(f"failed after {self._finished} of {self._epochs} epochs, {short_path(run.dir)}")

    def _say(self, line: str) -> None:
        if not self._quiet:
            self._write(line)

    def _write(self, line: str) -> None:
        self._stream.write(legible(line, getattr(self._stream, "encoding", None)) + "\n")
        self._stream.flush()


def plain_epoch(record: dict[str, Any], epochs: int) -> str:
    """One epoch as a line; what is missing is left out."""
    train, val = record.get("train") or {}, record.get("val") or {}
    rate = record.get("images_per_second")
    parts: Iterable[tuple[str, Callable[[Any], str], Any]] = (
        ("train loss", number, train.get("loss")),
        ("accuracy", percent, train.get("accuracy")),
        ("val loss", number, val.get("loss")),
        ("accuracy", percent, val.get("accuracy")),
        ("F1", percent, val.get("f1_macro")),
        ("", clock, record.get("seconds")),
        ("", lambda value: f"{count(value)} img/s", rate),
    )
    words = [f"{label} {show(value)}".strip() for label, show, value in parts if value is not None]
    head = f"epoch {record.get('epoch', 0):>{len(str(epochs))}}/{epochs}"
    return "  ".join([head, *words, *(["best"] if record.get("best") else [])])


def final_lines(result: reading.Result) -> list[str]:
    """The end of a run: the figures first, in one line; then the verdict, where it lies, what to type next."""
    verdict = diagnose(result)
    lines = [f"{clean(result.get('run') or 'run')}: {', '.join(_figures(result))}"]
    lines += [f"verdict: {verdict.headline}", *(f"  {sentence}" for sentence in verdict.evidence)]
    lines += [f"  try: {advice}" for advice in verdict.advice]
    for title, text in result.get("sections") or []:
        lines += [f"{clean(title)}: {clean(line)}" for line in str(text).splitlines()]
    if result.get("dir"):
        lines.append(f"run: {short_path(result['dir'])}")
    return lines + [f"next: {command}" for _, command in next_commands(result)[:1]]


def _figures(result: reading.Result) -> Iterable[str]:
    yield clean(result.get("status") or "scored")
    for split, metrics in (result.get("metrics") or {}).items():
        if metrics:
            drawn = " (of drawings)" if reading.is_drawn(result) else ""
            yield f"{split} {reading.accuracy_name(result)} {percent(metrics.get('accuracy'))}{drawn}"
            yield f"F1 {percent(metrics.get('f1_macro'))}"
    if best := reading.best_epoch(result):
        yield f"best epoch {best} of {len(result.get('epochs') or [])}"
    if (total := (result.get("timing") or {}).get("total_s")) is not None:
        yield duration(total)


def _model(run: Run) -> str:
    parameters = run.model.get("parameters")
    name = clean(run.model.get("id") or component(run.job.get("architecture")))
    return f"{name} ({count(parameters)} parameters)" if parameters else name


def _data(run: Run) -> str:
    spec = run.job.get("dataset")
    sizes = ", ".join(f"{count(split.get('images'))} {name}" for name, split in run.splits.items())
    name = clean(spec.get("name") if isinstance(spec, dict) else spec)
    return f"{name} ({sizes})" if sizes else name


def _device(run: Run) -> str:
    return clean(run.device.get("description") or run.device.get("name") or "an unknown device")
