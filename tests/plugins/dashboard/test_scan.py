"""What is read of a folder of runs, and how little of it again."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from zoo_dashboard import scan
from zoo_dashboard.scan import Runs


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look whenever asked."""
    monkeypatch.setattr(scan, "AGAIN_S", 0.0)


def epoch(number: int, accuracy: float, best: bool = True) -> str:
    val = {"loss": 1.0, "accuracy": accuracy}
    record = {"epoch": number, "train": val, "val": val, "lr": 0.1, "seconds": 2.0, "best": best}
    return json.dumps(record) + "\n"


def append(folder: Path, text: str) -> None:
    with (folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write(text)


def rows(runs: Runs, since: int = 0) -> dict[str, Any]:
    return {row["run"]: row for row in runs.changes(since)["runs"]}


def test_a_run_in_the_list(write_run):
    write_run("a", [0.5, 0.8, 0.7])
    row = rows(Runs(Path("runs")))["a"]
    assert (row["status"], row["epochs"], row["of"], row["architecture"]) == ("completed", 3, 5, "simple_cnn")
    assert row["spark"] == pytest.approx([0.49, 0.79, 0.69])
    assert row["monitor"] == "val/accuracy"


def test_a_job_as_the_zoo_writes_it_is_skimmed(write_run, monkeypatch: pytest.MonkeyPatch):
    folder = write_run("a", [0.5])
    job = {"architecture": {"name": "timm/resnet18", "width": 3}, "dataset": {"root": None, "name": "digits"}}
    job["train"] = {"epochs": 12, "optimizer": {"name": "adam", "monitor": 1}, "monitor": "val/loss"}
    (folder / "job.yaml").write_text(yaml.safe_dump(job, sort_keys=False), "utf-8")
    whole = rows(Runs(Path("runs")))["a"]
    assert [whole[key] for key in ("architecture", "dataset", "of", "monitor")] == [
        "resnet18",
        "digits",
        12,
        "val/loss",
    ]
    with monkeypatch.context() as patch:
        patch.setattr(scan, "_whole_job", None)
        assert rows(Runs(Path("runs")))["a"] == whole
    job["architecture"]["name"] = "it's: 'odd'"
    (folder / "job.yaml").write_text(yaml.safe_dump(job, sort_keys=False), "utf-8")
    assert rows(Runs(Path("runs")))["a"]["architecture"] == "it's: 'odd'"


def test_the_best_is_what_the_run_kept(write_run):
    folder = write_run("a", [0.5])
    append(folder, epoch(2, 0.9, best=True) + epoch(3, 0.95, best=False))
    row = rows(Runs(Path("runs")))["a"]
    assert (row["best"], row["best_epoch"]) == (0.9, 2)


def test_what_a_job_monitors_is_what_is_shown(write_run):
    write_run("a", [0.5, 0.8], train={"monitor": "val/loss"})
    row = rows(Runs(Path("runs")))["a"]
    assert row["spark"] == pytest.approx([1.1, 0.55])
    assert row["of"] is None


def test_only_what_changed_is_told_again(write_run):
    folder = write_run("a", [0.5], status=None)
    write_run("b", [0.6])
    runs = Runs(Path("runs"))
    first = runs.changes()
    assert {row["run"] for row in first["runs"]} == {"a", "b"}
    assert runs.changes(first["revision"])["runs"] == []
    append(folder, epoch(2, 0.7))
    changed = runs.changes(first["revision"])
    assert [(row["run"], row["epochs"], row["best"]) for row in changed["runs"]] == [("a", 2, 0.7)]
    assert runs.changes(changed["revision"])["runs"] == []


def test_half_a_line_is_read_when_it_is_whole(write_run):
    folder = write_run("a", [0.5], status=None)
    runs, text = Runs(Path("runs")), epoch(2, 0.7)
    append(folder, text[:20])
    assert rows(runs)["a"]["epochs"] == 1
    append(folder, text[20:])
    assert rows(runs)["a"]["epochs"] == 2


def test_a_run_that_ends_and_goes_on(write_run):
    folder = write_run("a", [0.5], status=None)
    runs = Runs(Path("runs"))
    assert rows(runs)["a"]["status"] == "running"
    (folder / "result.json").write_text('{"schema": 1, "status": "interrupted"}', "utf-8")
    (folder / ".lock").unlink()
    assert rows(runs)["a"]["status"] == "interrupted"
    time.sleep(0.02)
    (folder / ".lock").touch()
    assert rows(runs)["a"]["status"] == "running"
    (folder / ".lock").unlink()
    assert rows(runs)["a"]["status"] == "interrupted"


def test_a_resumed_run_may_lose_an_epoch(write_run):
    folder = write_run("a", [0.5, 0.6, 0.7], status=None)
    runs = Runs(Path("runs"))
    assert rows(runs)["a"]["epochs"] == 3
    (folder / "new").write_text(epoch(1, 0.5) + epoch(2, 0.6), "utf-8")
    (folder / "new").replace(folder / "metrics.jsonl")
    assert rows(runs)["a"]["epochs"] == 2


def test_one_that_was_killed_and_one_that_is_silent(write_run):
    (write_run("killed", [0.5], status=None) / ".lock").unlink()
    write_run("silent", [0.5], status=None)
    later = Runs(Path("runs"), clock=lambda: time.time() + 3600)
    assert {name: row["status"] for name, row in rows(later).items()} == {"killed": "not ended", "silent": "silent"}
    assert rows(Runs(Path("runs")))["silent"]["status"] == "running"


def test_a_run_that_is_removed_is_told_to_be_gone(write_run):
    folder = write_run("a", [0.5])
    runs = Runs(Path("runs"))
    revision = runs.changes()["revision"]
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    found = runs.changes(revision)
    assert found["gone"] == ["a"]
    assert runs.run("a") is None


def test_trials_of_a_sweep_are_runs(write_run):
    write_run("s/trial-0001", [0.5])
    Path("runs/s/sweep.yaml").touch()
    write_run("other/inner", [0.5])
    assert set(rows(Runs(Path("runs")))) == {"s/trial-0001"}


def test_runs_of_one_command_are_a_group(write_run):
    for name in ("sweep/trial-0001", "which/simple_cnn", "again-seed0", "again-seed1", "other-seed0", "alone"):
        write_run(name, [0.5])
    Path("runs/again").mkdir()
    for mark in ("sweep/sweep.yaml", "which/architectures.json", "again/repeated.yaml", "sweep/report.html"):
        (Path("runs") / mark).touch()
    runs = Runs(Path("runs"))
    groups = {group["group"]: (group["kind"], group["report"]) for group in runs.changes()["groups"]}
    assert groups == {"sweep": ("sweep", True), "which": ("comparison", False), "again": ("repeats", False)}
    assert {name: row["group"] for name, row in rows(runs).items()} == {
        "sweep/trial-0001": "sweep",
        "which/simple_cnn": "which",
        "again-seed0": "again",
        "again-seed1": "again",
        "other-seed0": None,
        "alone": None,
    }


def test_a_run_whose_group_comes_later_is_sent_again(write_run):
    write_run("again-fold1", [0.5])
    runs = Runs(Path("runs"))
    revision = runs.changes()["revision"]
    Path("runs/again").mkdir()
    Path("runs/again/repeated.yaml").touch()
    assert [row["group"] for row in runs.changes(revision)["runs"]] == ["again"]


def test_what_remains_of_a_running_run(write_run):
    write_run("live", [0.5, 0.6], status=None)
    write_run("done", [0.5, 0.6])
    write_run("begun", [], status=None)
    write_run("endless", [0.5], status=None, train={"monitor": "val/accuracy"})
    found = {name: row["remaining"] for name, row in rows(Runs(Path("runs"))).items()}
    assert found == {"live": 6.0, "done": None, "begun": None, "endless": None}  # three epochs of 2 s


def test_a_report_is_a_file_of_a_run_in_the_list(write_run, tmp_path: Path):
    folder = write_run("a", [0.5])
    (tmp_path / "secret").write_text("hidden-word", "utf-8")
    runs = Runs(Path("runs"))
    assert (rows(runs)["a"]["report"], runs.report("a")) == (False, None)
    (folder / "report.html").write_text("<h1>a</h1>", "utf-8")
    assert (rows(runs)["a"]["report"], runs.report("a")) == (True, b"<h1>a</h1>")
    (folder / "report.html").unlink()
    (folder / "report.html").symlink_to(tmp_path / "secret")
    assert (rows(runs)["a"]["report"], runs.report("a")) == (False, None)
    for name in ("../a", "", "a/", ".", "/etc"):
        assert runs.report(name) is None


def test_a_report_that_is_too_long_is_not_read(write_run, monkeypatch: pytest.MonkeyPatch):
    from zoo_dashboard import reports

    (write_run("a", [0.5]) / "report.html").write_text("long", "utf-8")
    monkeypatch.setattr(reports, "LONGEST", 3)
    assert Runs(Path("runs")).report("a") is None


def test_one_run_with_what_is_new_of_it(write_run):
    write_run("a", [0.5, 0.6, 0.7])
    found = Runs(Path("runs")).run("a", after=1)
    assert [e["epoch"] for e in found["epochs_after"]] == [2, 3]
    assert found["epochs_after"][1]["val_accuracy"] == pytest.approx(0.69)
    assert ["architecture.name", "simple_cnn"] in found["job"]
    assert found["dir"] == "runs/a"


@pytest.mark.parametrize("name", ["../a", "..", "", "/etc", "a/../a", "a/", "./a", "a\x00"])
def test_a_name_is_looked_up_and_never_a_path(write_run, name: str):
    write_run("a", [0.5])
    assert Runs(Path("runs")).run(name) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]\n",
        "null\n",
        '{"epoch": "1"}\n',
        '{"epoch": 1, "val": 3}\n',
        '{"epoch": 1, "val": {"accuracy": NaN}}\n',
        "[" * 100_000 + "\n",
    ],
)
def test_damaged_files_hide_nobody_else(write_run, text: str):
    folder = write_run("a", [0.5])
    write_run("b", [0.5])
    (folder / "metrics.jsonl").write_text(text, "utf-8")
    (folder / "job.yaml").write_text("a: [", "utf-8")
    (folder / "result.json").write_text("nothing", "utf-8")
    runs = Runs(Path("runs"))
    assert rows(runs)["a"]["status"] == "damaged"
    assert rows(runs)["b"]["epochs"] == 1
    json.dumps(runs.run("a"), allow_nan=False)
    json.dumps(runs.changes(), allow_nan=False)


def test_a_folder_that_is_not_there_yet():
    found = Runs(Path("nowhere")).changes()
    assert found == {"revision": 0, "folder": "nowhere", "runs": [], "gone": [], "groups": []}


@pytest.mark.slow
def test_of_thousands_nothing_is_read_again(write_run, monkeypatch: pytest.MonkeyPatch):
    for i in range(1500):
        write_run(f"run-{i}", [0.5, 0.6])
    runs = Runs(Path("runs"))
    revision = runs.changes()["revision"]
    opened: list[object] = []
    whole = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *a, **k: opened.append(self) or whole(self, *a, **k))
    started = time.perf_counter()
    assert runs.changes(revision)["runs"] == []
    assert opened == []
    assert time.perf_counter() - started < 1.0
    os.utime("runs/run-7", ns=(1, 1))
    assert [row["run"] for row in runs.changes(revision)["runs"]] == ["run-7"]
    assert {Path(path).parent.name for path in map(str, opened)} == {"run-7"}


def test_the_epochs_of_a_regression_have_its_error(write_run):
    folder = write_run("a", [], train={"epochs": 5, "monitor": "val/mae"})
    lines = [
        {"epoch": i, "train": {"loss": 1.0, "mae": 3.0}, "val": {"loss": 1.0, "mae": 4.0 / i}, "best": True}
        for i in (1, 2)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    runs = Runs(Path("runs"))
    found = runs.run("a")
    assert [(e["train_mae"], e["val_mae"], e["val_accuracy"]) for e in found["epochs_after"]] == [
        (3, 4, None),
        (3, 2, None),
    ]
    assert (found["best"], found["monitor"]) == (2.0, "val/mae")
    write_run("b", [0.5])
    assert "val_mae" not in Runs(Path("runs")).run("b")["epochs_after"][0]
