"""``zoo compare-architectures``: what it prints, what it leaves, what it refuses."""

from __future__ import annotations

import io
import json
import signal
from pathlib import Path

import pytest
from rich.console import Console

from zoo.__main__ import main
from zoo_search.architectures_console import render_which

WORDS = ("compare-architectures", "digits", "--image-size", "8", "--batch-size", "128", "--epochs", "2")


@pytest.mark.slow
def test_two_networks_are_compared(zoo, read_result):
    code, out, err = zoo(*WORDS, "--budget", "40s", "--name", "c")
    assert (code, err) == (0, "")
    found = json.loads(Path("runs/c/architectures.json").read_text("utf-8"))
    assert [row["architecture"] for row in found["rows"]] == ["simple/simple_cnn", "simple/simple_rnn"]
    measured = [row for row in found["rows"] if row["status"] == "measured"]
    assert measured
    for row in measured:
        result = read_result(Path("runs/c") / row["run"])
        assert result["metrics"]["val"]["accuracy"] == row["val_accuracy"]
        assert result["model"]["parameters"] == row["parameters"]
        assert result["job"]["train"]["image_size"] == 8
        assert row["model_bytes"] > row["parameters"]
    assert any(row["pareto"] for row in measured)
    assert "page: runs/c/report.html" in out
    assert Path("runs/c/report.html").is_file()
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(render_which(found))
    printed = console.export_text()
    assert max(map(len, printed.splitlines())) <= 80
    assert f"{100 * measured[0]['val_accuracy']:.1f}%" in printed


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_measured(zoo, monkeypatch: pytest.MonkeyPatch):
    from zoo.runner.training import Training

    whole = Training.epochs

    def epochs(self, *args):
        if self.job.architecture.name.endswith("simple_rnn"):
            signal.raise_signal(signal.SIGINT)
        return whole(self, *args)

    monkeypatch.setattr(Training, "epochs", epochs)
    words = ("--architectures", "simple_cnn,simple_rnn", "--budget", "1m", "--name", "c")
    code, out, _ = zoo(*WORDS, *words)
    assert code == 130
    found = json.loads(Path("runs/c/architectures.json").read_text("utf-8"))
    assert [row["status"] for row in found["rows"]] == ["measured", "not begun"]
    assert "simple_rnn: not begun: interrupted" in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--budget", "soon"), "is not a duration such as 90s, 10m or 1h"),
        (("--budget", "0s"), "is not a duration"),
        ((), "Missing option '--budget'"),
        (("--budget", "1m", "--architectures", "simple_cnm"), "Did you mean 'simple_cnn'"),
        (("--budget", "1m", "--architectures", "a", "--search", "b"), "--architectures and --search can't be combined"),
        (("--budget", "1m", "--search", "nothing-has-this"), "No architecture has 'nothing-has-this' in its name"),
        (("--budget", "10m", "--search", "resnet"), "architectures are too many"),
        (("--budget", "1s", "--architectures", "simple_cnn,simple_rnn"), "less than a second for each"),
        (("--budget", "1m", "--lr", "auto"), "give --batch-size and --lr as numbers"),
        (("--budget", "1m", "--set", "train.lrr=1"), "unknown key 'train.lrr'"),
    ],
)
def test_a_wrong_request_begins_nothing(words, told, zoo):
    code, _, err = zoo("compare-architectures", "digits", *words)
    assert code == 2
    assert told in err
    assert not Path("runs").exists()


def test_an_unknown_dataset_is_told(zoo):
    code, _, err = zoo("compare-architectures", "digitz", "--budget", "1m")
    assert code == 2
    assert "Did you mean 'digits'" in err


@pytest.mark.slow
def test_json_is_alone_on_stdout(monkeypatch: pytest.MonkeyPatch, capfd):
    assert main([*WORDS, "--architectures", "simple_rnn", "--budget", "30s", "--name", "c", "--json"]) == 0
    out, _ = capfd.readouterr()
    assert json.loads(out) == json.loads(Path("runs/c/architectures.json").read_text("utf-8"))
