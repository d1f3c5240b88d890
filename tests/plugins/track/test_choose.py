"""Trackers are chosen by option, variable and job, and refused before training."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.storage.safe_yaml import read_mapping

Zoo = Callable[..., tuple[int, str, str]]
DIGITS = ("run", "simple_cnn", "digits", "--epochs", "1", "--set", "architecture.channels=[8]", "--name", "r", "-q")


def events(path: str | Path = "runs/r/tracking.jsonl") -> list[str]:
    return [json.loads(line)["event"] for line in Path(path).read_text("utf-8").splitlines()]


def test_trackers_are_listed_and_described_without_their_libraries(zoo: Zoo):
    code, out, _ = zoo("list", "trackers", "--json")
    assert code == 0
    ids = ["track/json_lines", "track/mlflow", "track/tensorboard", "track/trackio", "track/wandb"]
    assert [row["id"] for row in json.loads(out)] == ids
    assert "--track NAME" in zoo("run", "--help")[1]
    out = " ".join(zoo("info", "json_lines")[1].split())
    assert "path" in out
    assert "folder" not in out.partition("Parameters")[2].partition(" path ")[0]


def test_listing_imports_no_tracking_library_and_no_tracker():
    code = (
        "import sys; from zoo.__main__ import main; main(['list', 'trackers', '--json']); heavy = {'torch', 'numpy', "
        "'matplotlib', 'tensorboard', 'mlflow', 'wandb', 'trackio', 'zoo_track.tracking'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_json_lines_has_every_event_and_what_callbacks_log(zoo: Zoo, read_result):
    assert zoo(*DIGITS, "--track", "json_lines", "--set", "callbacks=gradient_norm")[0] == 0
    started, epoch, ended = (json.loads(line) for line in Path("runs/r/tracking.jsonl").read_text().splitlines())
    assert (started["event"], started["run"]) == ("started", "r")
    assert started["parameters"]["architecture.channels"] == "[8]"
    assert epoch["event"] == "epoch"
    assert epoch["logged"]["gradient_norm"] > 0
    result = read_result("runs/r")
    assert epoch["train"] == result["epochs"][0]["train"]
    assert ended["metrics"]["final/val/accuracy"] == result["metrics"]["val"]["accuracy"]
    assert result["sections"] == [["Tracking", "JSON lines: runs/r/tracking.jsonl"]]
    assert result["provenance"]["trackers.0"]["id"] == "track/json_lines"
    assert read_mapping(Path("runs/r/job.yaml"))["trackers"] == [{"name": "track/json_lines", "path": None}]


@pytest.mark.slow
def test_json_lines_of_several_runs_in_one_file(zoo: Zoo, tmp_path: Path):
    path = tmp_path / "all" / "runs.jsonl"
    for name in ("a", "b"):
        tracker = f"trackers=[{{name: json_lines, path: {path}}}]"
        assert zoo(*DIGITS[:-3], "--name", name, "-q", "--set", tracker)[0] == 0
    assert events(path) == ["started", "epoch", "ended"] * 2


@pytest.mark.slow
@pytest.mark.parametrize("words", ["json_lines tensorboard", "json_lines,tensorboard"])
def test_the_variable_sets_the_option_for_every_run(zoo: Zoo, monkeypatch: pytest.MonkeyPatch, words: str):
    monkeypatch.setenv("ZOO_TRACK", words)
    code, out, err = zoo(*DIGITS, "--dry-run")
    assert code == 0, err
    assert out.count("json_lines") == 1
    assert "tensorboard" in out
    assert "tensorboard" not in zoo(*DIGITS, "--dry-run", "--track", "json_lines")[1], "the option overrides it"
    monkeypatch.setenv("ZOO_TRACK", "jsonlines")
    code, _, err = zoo(*DIGITS)
    assert code == 2
    assert "Unknown tracker 'jsonlines'. Did you mean 'json_lines'?" in " ".join(err.split())


@pytest.mark.slow
def test_a_resumed_run_keeps_its_trackers_whatever_the_variable_says(zoo: Zoo, monkeypatch: pytest.MonkeyPatch):
    assert zoo(*DIGITS)[0] == 0
    monkeypatch.setenv("ZOO_TRACK", "json_lines")
    code, _, err = zoo("run", "--resume", "runs/r")
    assert code == 0, err
    assert not Path("runs/r/tracking.jsonl").exists()
    named = (*DIGITS[:-2], "other", "-q")
    assert zoo(*named)[0] == 0
    assert zoo(*named, "--resume")[0] == 0, "the same command, whose job has the variable's trackers"
    assert events("runs/other/tracking.jsonl")[:3] == ["started", "epoch", "ended"]


@pytest.mark.slow
def test_python_takes_trackers_by_name_and_by_class():
    import zoo
    from zoo.registry import kinds
    from zoo_track.tracking import RunTracker

    seen = []

    class Mine(RunTracker):
        def __init__(self, folder: Path):
            self.folder = folder

        def epoch(self, record):
            seen.append((self.folder.name, record["epoch"]))

    kinds.keep_only()  # as in a new process
    small = {"architecture.channels": [8]}
    zoo.run("simple_cnn", "digits", epochs=1, set=small, name="a", track="json_lines")
    assert events("runs/a/tracking.jsonl") == ["started", "epoch", "ended"]
    zoo.run("simple_cnn", "digits", epochs=1, set=small, name="b", trackers=["json_lines", Mine])
    assert events("runs/b/tracking.jsonl") == ["started", "epoch", "ended"]
    assert seen == [("b", 1)]


def test_a_job_without_trackers_is_not_logged(zoo: Zoo, monkeypatch: pytest.MonkeyPatch, read_result):
    monkeypatch.setenv("ZOO_TRACKING", "tensorboard")
    assert zoo(*DIGITS)[0] == 0
    assert read_result("runs/r")["sections"] == []
    assert not Path("runs/r/tensorboard").exists()


@pytest.mark.parametrize(
    ("tracker", "package"),
    [
        ("tensorboard", "tensorboard"),
        ("mlflow", "mlflow"),
        ("wandb", "wandb"),
        ("trackio", "trackio"),
    ],
)
def test_a_missing_library_is_told_before_training(without, refused: Callable[..., str], tracker: str, package: str):
    without(package)
    said = " ".join(refused(*DIGITS, "--track", tracker).split())
    assert f"tracker '{tracker}' needs the package {package}, which is not installed" in said
    assert f"pip install 'visionzoo[{tracker}]'" in said


def test_mlflow_needs_a_database_only_without_a_server(without, stand_in, tmp_path: Path, monkeypatch):
    from zoo.errors import RequestError
    from zoo_track.to_mlflow import MLflow

    stand_in("mlflow")
    without("sqlalchemy")
    assert MLflow(tmp_path, uri="http://localhost:5000").uri == "http://localhost:5000"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://tracking.example")
    assert MLflow(tmp_path).uri == "https://tracking.example"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///a.db")
    with pytest.raises(RequestError, match="sqlalchemy"):
        MLflow(tmp_path)


def test_the_command_lists_runs_with_logs(zoo: Zoo, tmp_path: Path):
    code, _, err = zoo("tracking", tmp_path / "nowhere")
    assert code == 2
    assert "zoo tracking FOLDER" in err
    code, out, _ = zoo("tracking", tmp_path)
    assert code == 0
    assert "--track tensorboard" in out
    assert zoo(*DIGITS, "--track", "json_lines")[0] == 0
    code, out, _ = zoo("tracking")
    lines = ["runs: 1 of 1 runs have logs", "  r  JSON lines", "To view them:", "  cat runs/r/tracking.jsonl"]
    assert out.splitlines() == lines
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "job.yaml").write_text("")
    (tmp_path / "old" / "tracking.json").write_text('{"mlflow": {"uri": "http://a.b:5000", "run_id": "1"}}')
    out = zoo("tracking", tmp_path)[1]
    assert "  old  MLflow" in out.splitlines()
    assert "  http://a.b:5000" in out.splitlines(), "runs of zoo-tracking 0.1"
