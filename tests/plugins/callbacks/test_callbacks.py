"""The callbacks of the zoo, named in jobs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file

Zoo = Callable[..., tuple[int, str, str]]
DIGITS = ("run", "simple_cnn", "digits", "--epochs", "3", "--image-size", "8", "--name", "r", "-q")


def test_stop_at_a_value(zoo: Zoo, read_result):
    assert zoo(*DIGITS, "--set", "callbacks=[{name: stop_at, value: 0.2}]")[0] == 0
    result = read_result("runs/r")
    assert (result["status"], result["stop_reason"]) == ("stopped", "val/accuracy reached 0.2")
    assert len(result["epochs"]) == 1


def test_stop_at_a_loss(zoo: Zoo, read_result):
    assert zoo(*DIGITS, "--set", "callbacks=[{name: stop_at, metric: val/loss, value: 9, below: true}]")[0] == 0
    assert read_result("runs/r")["stop_reason"] == "val/loss reached 9"


@pytest.mark.parametrize(
    ("callback", "problem"),
    [
        ("{name: stop_at}", "callbacks.stop_at.value is required"),
        ("{name: stop_at, value: high}", "callbacks.stop_at.value must be float"),
        ("{name: stop_at, value: 1, metric: accuracy}", "is not of the form val/NAME"),
        ("{name: keep_weights, every: 0}", "every must be at least 1"),
        ("{name: keep_weights, folder: here}", "callbacks.keep_weights has no parameter 'folder'"),
        ("stop_ad", "Unknown callback 'stop_ad'. Did you mean 'stop_at'?"),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_is_written(zoo: Zoo, callback: str, problem: str):
    code, _, err = zoo(*DIGITS, "--set", f"callbacks=[{callback}]")
    assert code == 2
    assert problem in " ".join(err.split())
    assert not Path("runs/r").exists()


def test_gradient_norms_and_weights_are_kept(zoo: Zoo):
    assert zoo(*DIGITS, "--set", "callbacks=[gradient_norm, {name: keep_weights, every: 2}]")[0] == 0
    lines = [json.loads(line) for line in Path("runs/r/metrics.jsonl").read_text("utf-8").splitlines()]
    assert all(line["logged"]["gradient_norm"] > 0 for line in lines)
    (kept,) = Path("runs/r/snapshots").iterdir()
    assert kept.name == "epoch_0002.safetensors"
    assert load_file(kept).keys() == load_file("runs/r/model/model.safetensors").keys()


def test_the_report_of_a_run_names_its_callbacks(zoo: Zoo, read_result):
    assert zoo(*DIGITS, "--set", "callbacks=gradient_norm")[0] == 0
    assert read_result("runs/r")["provenance"]["callbacks.0"]["id"] == "callbacks/gradient_norm"
    assert "gradient_norm" in zoo("run", "simple_cnn", "digits", "--set", "callbacks=gradient_norm", "--dry-run")[1]


def test_an_error_is_reached_from_above():
    from zoo.runner.measurements import EpochRecord
    from zoo_callbacks.callbacks import StopAt

    epoch = EpochRecord.read({"epoch": 1, "val": {"loss": 1.0, "mae": 2.0}})
    assert StopAt(2.5, "val/mae").epoch_end(None, epoch) == "val/mae reached 2.5"
    assert StopAt(1.5, "val/mae").epoch_end(None, epoch) is None
    assert StopAt(1.5, "val/mae", below=False).epoch_end(None, epoch) == "val/mae reached 1.5"
    with pytest.raises(ValueError, match="val/accuracy is not one number of an epoch; a regression has val/mae"):
        StopAt(0.9).epoch_end(None, epoch)
