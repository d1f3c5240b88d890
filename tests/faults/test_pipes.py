"""A pipe that nobody writes to, where a file of a run should be: whatever reads runs says so, and waits for nobody."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import ZooError
from zoo_dashboard.scan import Runs

FILES = {
    "job": "job.yaml",
    "result": "result.json",
    "metrics": "metrics.jsonl",
    "card": "model/zoo.json",
    "weights": "model/model.safetensors",
    "index": "checkpoints/index.json",
    "predictions": "predictions_val.npz",
    "pictures": "pictures/index.json",
}
EPOCH = {"epoch": 1, "train": {}, "val": {"accuracy": 0.5}, "seconds": 1.0, "best": True}


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Fail a block that takes longer: what waits for a pipe waits for ever."""

    def late(*_: object) -> None:
        pytest.fail(f"it did not finish in {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def piped() -> Path:
    """A folder of runs: ``whole``, and one for each of ``FILES`` with a pipe in that file's place."""
    for name in ("whole", *FILES):
        folder = Path("runs") / name
        folder.mkdir(parents=True)
        (folder / "job.yaml").write_text("architecture: {name: simple_cnn}\ndataset: {name: digits}\n")
        (folder / "result.json").write_text(json.dumps({"schema": 1, "status": "completed"}))
        (folder / "metrics.jsonl").write_text(json.dumps(EPOCH) + "\n")
        if name in FILES:
            path = folder / FILES[name]
            path.unlink(missing_ok=True)
            path.parent.mkdir(exist_ok=True)
            os.mkfifo(path)
    os.mkfifo("runs/pipe")
    return Path("runs")


def test_the_dashboard_shows_the_other_runs(piped: Path):
    with within(60):
        rows = {row["run"]: row for row in Runs(piped).changes()["runs"]}
        epochs = {name: len(Runs(piped).run(name)["epochs_after"]) for name in rows}
    assert (rows["whole"]["status"], epochs["whole"]) == ("completed", 1)
    assert rows.keys() == {"whole", *FILES} - {"job"}
    assert (rows["result"]["status"], epochs["metrics"]) == ("not ended", 0)


def test_the_list_shows_the_other_runs(piped: Path, zoo):
    with within(60):
        code, out, err = zoo("runs", "list", "--json")
    assert (code, err) == (0, "")
    rows = {row["run"]: row for row in json.loads(out)}
    assert rows["whole"]["status"] == "completed"
    assert rows.keys() >= {"whole", *FILES} - {"job"}
    assert rows["result"]["status"] == "not ended"


def test_a_command_names_the_file(piped: Path, zoo):
    with within(60):
        code, _, err = zoo("runs", "show", "result")
    assert code == 2
    assert "result.json" in err
    assert "defect" not in err


def card(run: Path) -> Any:
    from zoo.model.bundle import read_card

    return read_card(run / "model")


def weights(run: Path) -> Any:
    from torch import nn

    from zoo.model.bundle import read_weights

    return read_weights(run / "model", nn.Linear(1, 1))


def predictions(run: Path) -> Any:
    from zoo.runner.predictions import read_predictions

    return read_predictions(run, "val")


@pytest.mark.parametrize("read", [card, weights, predictions])
def test_a_file_is_told_to_be_damaged(read: Callable[[Path], Any], piped: Path):
    name = read.__name__
    with within(60), pytest.raises(ZooError, match=name if name == "predictions" else Path(FILES[name]).name):
        read(piped / name)


def test_what_is_left_out_where_it_cannot_be_read(piped: Path):
    from zoo.reports.html import read_pictures
    from zoo.runner.checkpoint import _index
    from zoo.runner.repeats import ended_result

    with within(60):
        assert read_pictures(piped / "pictures" / "pictures") == {}
        assert _index(piped / "index" / "checkpoints") == {}
        assert ended_result(piped / "result") is None
