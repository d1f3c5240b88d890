"""The report without a terminal."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import pytest

from zoo.reports.choose import make_observer
from zoo.reports.plain import PlainObserver
from zoo.runner.measurements import EpochRecord
from zoo.runner.observer import Observer
from zoo.runner.record import Run
from zoo.runner.run_result import RunResult

Document = dict[str, Any]


class Totals:
    loss, accuracy = 0.5, 0.75


def play(observer: Observer, run: Run, result: Document) -> None:
    """What a runner would tell."""
    for done in range(0, 2001, 100):
        observer.preparing("decoding train images", done, 2000)
    observer.started(run)
    for record in result["epochs"]:
        observer.epoch_started(record["epoch"], 60, 2000)
        observer.step(2000, Totals())
        observer.epoch_ended(EpochRecord.read(record))
    observer.ended(run, RunResult.read(result))
    observer.close()


def test_a_line_an_epoch_and_the_end(run: Run, two_classes: Document) -> None:
    out = io.StringIO()
    play(PlainObserver(out), run, two_classes)
    lines = out.getvalue().splitlines()
    epochs = [line for line in lines if line.startswith("epoch ")]
    assert len(epochs) == 60
    assert epochs[56].startswith("epoch 57/60  train loss 0.")
    assert "accuracy 91.3%" in epochs[56]
    assert epochs[56].endswith("best")
    assert sum("decoding" in line for line in lines) == 1
    assert any("completed, val accuracy 91.3%" in line for line in lines)
    assert lines[-1] == "next: zoo predict runs/simple_cnn-cats_dogs-1 photo.jpg"


def test_quiet_is_one_line(run: Run, two_classes: Document) -> None:
    out = io.StringIO()
    two_classes["notices"] = ["These are drawn cats and dogs."]
    play(PlainObserver(out, quiet=True), run, two_classes)
    (line,) = out.getvalue().splitlines()
    assert "val accuracy 91.3% (of drawings)" in line


def test_intervals_and_calibration_on_request(run: Run, two_classes: Document) -> None:
    two_classes["metrics"]["val"]["intervals"] = {"f1_macro": [0.89, 0.93]}
    short, long = io.StringIO(), io.StringIO()
    play(PlainObserver(short), run, two_classes)
    play(PlainObserver(long, verbose=True), run, two_classes)
    (more,) = set(long.getvalue().splitlines()) - set(short.getvalue().splitlines())
    assert more == "val, 95% intervals: F1 macro 89.0–93.0%"


def test_notices_are_told_once(run: Run, two_classes: Document) -> None:
    out = io.StringIO()
    run.notices = two_classes["notices"] = ["3 images were skipped"]
    play(PlainObserver(out), run, two_classes)
    assert out.getvalue().count("NOTICE: 3 images were skipped") == 1


def test_a_run_without_metrics(run: Run, cut_short: Document) -> None:
    out = io.StringIO()
    PlainObserver(out).ended(run, RunResult.read(cut_short))
    assert "interrupted" in out.getvalue()
    assert "zoo run --resume" in out.getvalue()


def test_a_failure_says_where_and_an_interrupt_leaves_it_to_the_command(run: Run) -> None:
    out = io.StringIO()
    observer = PlainObserver(out)
    observer.epoch_started(1, 5, 10)
    observer.failed(run, KeyboardInterrupt())
    observer.failed(None, ValueError("no"))
    assert out.getvalue() == ""
    observer.failed(run, ValueError("no"))
    assert out.getvalue() == "failed after 0 of 5 epochs, runs/simple_cnn-cats_dogs-1\n"


def test_a_stream_that_knows_only_ascii(run: Run, two_classes: Document) -> None:
    raw = io.BytesIO()
    two_classes["notices"] = ["Größe… 猫 \x1b[31m"]
    stream = io.TextIOWrapper(raw, encoding="ascii")
    play(PlainObserver(stream), run, two_classes)
    assert b"Gr??e~ ?? ?[31m" in raw.getvalue()


def test_json_goes_to_stderr_and_pipes_get_plain_lines() -> None:
    out, err = io.StringIO(), io.StringIO()
    observer = make_observer(json=True, stdout=out, stderr=err)
    observer.notice("hello")
    assert (out.getvalue(), err.getvalue()) == ("", "NOTICE: hello\n")
    make_observer(stdout=out, stderr=err).notice("hello")
    assert out.getvalue() == "NOTICE: hello\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_the_console(monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo.reports.console import ConsoleObserver

    monkeypatch.setenv("TERM", "xterm-256color")
    assert isinstance(make_observer(stdout=Terminal()), ConsoleObserver)
    assert isinstance(make_observer(quiet=True, stdout=Terminal()), PlainObserver)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(make_observer(stdout=Terminal()), PlainObserver)


def test_neither_rich_nor_torch_is_imported() -> None:
    code = (
        "import sys, zoo.reports.choose, zoo.reports.verdict, zoo.runner.observer\n"
        "print(sorted({'rich', 'torch', 'numpy', 'matplotlib', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
