"""``zoo runs``."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest


@pytest.fixture
def runs(digits_run):
    """Two runs in the working folder: an old one that ended, and a newer one that didn't."""
    for name in ("old", "new"):
        shutil.copytree(digits_run, Path("runs") / name)
    (Path("runs") / "new" / "result.json").unlink()
    os.utime(Path("runs") / "old" / "job.yaml", (1_700_000_000, 1_700_000_000))
    os.utime(Path("runs") / "new" / "job.yaml", (1_800_000_000, 1_800_000_000))


def test_list_without_runs_says_how_to_make_one(zoo):
    code, out, _ = zoo("runs", "list")
    assert code == 0
    assert "zoo run simple_cnn digits" in out
    assert json.loads(zoo("runs", "list", "--json")[1]) == []


@pytest.mark.usefixtures("runs")
def test_list_has_the_newest_first(zoo, read_result):
    rows = json.loads(zoo("runs", "list", "--json")[1])
    assert [row["run"] for row in rows] == ["new", "old"]
    assert rows[0]["status"] == "not ended"
    old = rows[1]
    assert (old["status"], old["architecture"], old["dataset"]) == ("completed", "simple_cnn", "digits")
    assert old["val_accuracy"] == read_result("runs/old")["metrics"]["val"]["accuracy"]
    assert (old["best_epoch"], old["epochs"]) == (1, 1)


@pytest.mark.usefixtures("runs")
def test_list_as_a_table(zoo):
    code, out, _ = zoo("runs", "list")
    assert code == 0
    assert out.index("new") < out.index("old")
    assert max(map(len, out.splitlines())) <= 80


def test_list_of_another_folder(zoo, digits_run):
    assert [row["run"] for row in json.loads(zoo("runs", "list", "--out", digits_run.parent, "--json")[1])] == [
        "trained"
    ]


def test_show_is_the_report_again(zoo, digits_run):
    code, out, err = zoo("runs", "show", digits_run)
    assert code == 0
    assert err == ""
    assert "completed" in out
    assert "zoo predict" in out
    assert max(map(len, out.splitlines())) <= 80


def test_show_leaves_intervals_and_calibration_to_an_option(zoo, digits_run):
    assert "95% intervals:" not in zoo("runs", "show", digits_run)[1]
    code, out, _ = zoo("runs", "show", digits_run, "-v")
    assert code == 0
    assert "val, 95% intervals: F1 macro" in out
    assert "expected calibration error" in out


@pytest.mark.usefixtures("runs")
def test_show_json_is_the_result(zoo, read_result):
    assert json.loads(zoo("runs", "show", "old", "--json")[1]) == read_result("runs/old")


@pytest.mark.usefixtures("runs")
def test_show_of_a_run_that_has_not_ended_says_how_to_go_on(refused):
    error = refused("runs", "show", "new")
    assert "the run has not finished" in error
    assert "zoo run --resume" in error


@pytest.mark.usefixtures("runs")
def test_show_of_an_unknown_run(refused):
    error = refused("runs", "show", "odl")
    assert "Did you mean 'old'" in error
    assert "zoo runs list" in error


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_show_of_a_damaged_result(refused, text):
    (Path("runs") / "old" / "result.json").write_text(text)
    assert "result.json is damaged" in refused("runs", "show", "old")


def test_runs_are_ranked_by_the_smallest_error(zoo, regression_result):
    for name, mae in (("worse", 2.0), ("better", 1.0)):
        folder = Path("runs") / name
        folder.mkdir(parents=True)
        (folder / "job.yaml").write_text("{}", "utf-8")
        document = {**regression_result, "run": name, "metrics": {"val": {"mae": mae}}}
        (folder / "result.json").write_text(json.dumps(document), "utf-8")
    rows = json.loads(zoo("runs", "list", "--sort", "val/mae", "--json")[1])
    assert [row["run"] for row in rows] == ["better", "worse"]
    assert "val MAE" in zoo("runs", "list")[1]
