"""Whole runs with trackers; the logs are read back with the libraries' own readers."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

Zoo = Callable[..., tuple[int, str, str]]
DIGITS = ("run", "simple_cnn", "digits", "--epochs", "2", "--set", "architecture.channels=[8]", "--name", "r")
MLFLOW = all(find_spec(m) for m in ("mlflow", "sqlalchemy", "alembic"))


def events(folder: Path) -> Any:
    """A run's TensorBoard logs, whole."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder / "tensorboard"), {"scalars": 0, "images": 0, "tensors": 0})
    accumulator.Reload()
    return accumulator


def session_end(accumulator: Any) -> int:
    """How a run ended on the HParams page: 1 well, 2 with an error."""
    from tensorboard.plugins.hparams import metadata

    content = accumulator.PluginTagToContent("hparams")[metadata.SESSION_END_INFO_TAG]
    return int(metadata.parse_session_end_info_plugin_data(content).status)


def text(accumulator: Any, name: str) -> str:
    (event,) = accumulator.Tensors(f"{name}/text_summary")
    return str(event.tensor_proto.string_val[0].decode())


def a_run(folder: Path) -> SimpleNamespace:
    """A run as trackers receive it."""
    job = {"dataset": {"name": "some/d"}, "train": {"epochs": 2}}
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"job": job, "model": {}, "splits": {}, "classes": ["a", "b"], "notices": ["drawn"]}
    return SimpleNamespace(name=folder.name, dir=folder, **parts)


def epoch(number: int) -> dict[str, Any]:
    return {"epoch": number, "train": {"loss": 1.0 / number}, "val": {}}


RESULT = {"status": "completed", "metrics": {"val": {"accuracy": 0.5}}, "classes": ["a", "b"], "epochs": [1, 2]}


@pytest.fixture
def tensorboard_run(zoo: Zoo, read_result) -> SimpleNamespace:
    pytest.importorskip("tensorboard")
    assert zoo(*DIGITS, "-q", "--track", "tensorboard")[0] == 0
    return SimpleNamespace(folder=Path("runs/r"), result=read_result("runs/r"))


def test_tensorboard_has_numbers_pictures_texts_and_parameters(tensorboard_run, zoo: Zoo):
    from PIL import Image
    from tensorboard.plugins.hparams import metadata

    logs, result = events(tensorboard_run.folder), tensorboard_run.result
    for record in result["epochs"]:
        expected = {f"{split}/{name}": value for split in ("train", "val") for name, value in record[split].items()}
        expected |= {"lr": record["lr"], "images_per_second": record["images_per_second"]}
        for name, value in expected.items():
            (event,) = (e for e in logs.Scalars(name) if e.step == record["epoch"])
            assert event.value == pytest.approx(value, rel=1e-5)
    (final,) = logs.Scalars("final/val/accuracy")
    assert final.value == pytest.approx(result["metrics"]["val"]["accuracy"])
    (picture,) = logs.Images("confusion_matrix/val")
    image = Image.open(io.BytesIO(picture.encoded_image_string))
    assert len(image.convert("RGB").getcolors(1 << 20)) > 20, "it is not blank"
    assert "| train.epochs | 2 |" in text(logs, "job")
    assert json.loads(text(logs, "result"))["run"] == "r"
    content = logs.PluginTagToContent("hparams")
    started = metadata.parse_session_start_info_plugin_data(content[metadata.SESSION_START_INFO_TAG])
    assert started.hparams["train.epochs"].number_value == 2
    assert session_end(logs) == 1, "success"
    ((title, words),) = result["sections"]
    assert title == "Tracking"
    assert "tensorboard --logdir runs" in words
    assert "tensorboard --logdir runs" in (tensorboard_run.folder / "report.html").read_text()
    assert "  tensorboard --logdir runs\n" in zoo("tracking")[1]


def test_tensorboard_continues_a_resumed_run_and_hides_repeated_steps(tmp_path: Path):
    pytest.importorskip("tensorboard")
    from zoo_track.to_tensorboard import TensorBoard

    run, first = a_run(tmp_path / "r"), TensorBoard(tmp_path / "r")
    first.started(run)
    first.epoch(epoch(1))
    first.epoch(epoch(2))
    first.failed(run, KeyboardInterrupt())
    (tmp_path / "r" / "metrics.jsonl").write_text("{}\n")  # the checkpoint is of the first epoch
    second = TensorBoard(tmp_path / "r")
    second.started(run)
    second.epoch({**epoch(2), "train": {"loss": 7.0}})
    second.ended(run, RESULT, {})
    logs = events(tmp_path / "r")
    assert [(e.step, e.value) for e in logs.Scalars("train/loss")] == [(1, 1.0), (2, 7.0)]
    assert session_end(logs) == 1


def test_a_failed_run_is_failed_in_tensorboard_too(tmp_path: Path):
    pytest.importorskip("tensorboard")
    from zoo_track.to_tensorboard import TensorBoard

    run, tracker = a_run(tmp_path / "r"), TensorBoard(tmp_path / "r")
    tracker.started(run)
    tracker.epoch(epoch(1))
    tracker.failed(run, ValueError("a loss that is not finite"))
    logs = events(tmp_path / "r")
    assert text(logs, "failed") == "ValueError: a loss that is not finite"
    assert text(logs, "notices") == "drawn"
    assert session_end(logs) == 2, "failure"


def test_an_interrupted_run_continues_its_logs(zoo: Zoo, make_plugin: Callable[..., Path]):
    source = (
        "from zoo.api.running import Callback\nfrom zoo.plugin import TrainingCallback, hookimpl\n\n"
        "class Stop(Callback):\n"
        "    def __init__(self, folder):\n        self.folder = folder\n"
        "    def epoch_start(self, state):\n"
        "        if state.epoch == 2 and not (self.folder / 'stopped').exists():\n"
        "            (self.folder / 'stopped').touch()\n            raise KeyboardInterrupt\n\n"
        "@hookimpl\ndef zoo_callbacks():\n    return [TrainingCallback('stop', 'zoo_stop:Stop')]\n"
    )
    make_plugin("stop", source)
    code, _, err = zoo(*DIGITS, "--track", "json_lines", "--set", "callbacks=stop")
    assert code == 130, err
    assert zoo("run", "--resume", "runs/r", "-q")[0] == 0
    lines = [json.loads(line) for line in Path("runs/r/tracking.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["started", "epoch", "interrupted", "started", "epoch", "ended"]
    assert [line["epoch"] for line in lines if line["event"] == "epoch"] == [1, 2]


BROKEN = """
from zoo.plugin import hookimpl
from zoo_track import Tracker

@hookimpl
def zoo_components():
    return [Tracker("full", "zoo_full:Full", summary="Fails")]

def Full(folder, at: str = "epoch"):
    from zoo_track.tracking import RunTracker

    class FullDisk(RunTracker):
        title = "Disk"
        def __getattribute__(self, name):
            if name == at:
                raise OSError("no space at https://me:secret@disk.example left")
            return super().__getattribute__(name)

    return FullDisk()
"""


@pytest.mark.parametrize("at", ["started", "epoch", "ended"])
def test_a_tracker_that_fails_is_disabled_and_the_run_continues(zoo: Zoo, make_plugin, read_result, at: str):
    make_plugin("full", BROKEN)
    code, out, err = zoo(*DIGITS, "--set", f"trackers=[{{name: full, at: {at}}}, json_lines]")
    assert code == 0, err
    told = " ".join((out + err).split())
    assert told.count("Disk is disabled for the rest of this run: OSError: no space at https://disk.example left") >= 1
    assert "secret" not in told
    assert read_result("runs/r")["status"] == "completed"
    assert [json.loads(line)["event"] for line in Path("runs/r/tracking.jsonl").read_text().splitlines()] == [
        *("started", "epoch", "epoch", "ended")
    ]


def test_weights_and_biases_receives_the_run_and_continues_it(stand_in, tmp_path: Path, monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    from zoo_track.confusion import confusion_png
    from zoo_track.to_wandb import WeightsAndBiases

    runs, run = stand_in("wandb"), a_run(tmp_path / "r")
    tracker = WeightsAndBiases(tmp_path / "r", entity="team")
    tracker.started(run)
    tracker.epoch({**epoch(1), "logged": {"norm": 2.0}})
    tracker.failed(run, KeyboardInterrupt())
    (first,) = runs
    asked = {name: first.asked[name] for name in ("project", "entity", "name", "mode", "dir", "resume")}
    expected = {"project": "d", "entity": "team", "name": "r", "mode": "offline"}
    assert asked == {**expected, "dir": str(tmp_path / "r"), "resume": None}
    assert first.asked["config"]["train.epochs"] == 2
    assert first.logs == [(1, {"train/loss": 1.0, "logged/norm": 2.0})]
    assert first.ended == [1]
    resumed = WeightsAndBiases(tmp_path / "r")
    resumed.started(run)
    resumed.ended(run, RESULT, {"val": confusion_png([[3, 1], [0, 4]], ["a", "b"], "val images")})
    assert (runs[1].asked["id"], runs[1].asked["resume"]) == ("one", "allow")
    assert "confusion_matrix/val" in runs[1].logs[-1][1]
    assert runs[1].summary == {"final/val/accuracy": 0.5, "status": "completed"}
    assert runs[1].ended == [0]
    assert "wandb sync" in resumed.where()


def test_weights_and_biases_respects_its_variable(stand_in, tmp_path: Path, monkeypatch):
    from zoo_track.to_wandb import WeightsAndBiases

    runs = stand_in("wandb")
    monkeypatch.setenv("WANDB_MODE", "online")
    tracker = WeightsAndBiases(tmp_path / "r")
    tracker.started(a_run(tmp_path / "r"))
    assert runs[0].asked["mode"] == "online"
    assert tracker.where() == "Weights & Biases: https://a.b/one"
    assert WeightsAndBiases(tmp_path / "r", mode="offline").mode == "offline", "the parameter overrides it"


def test_trackio_receives_the_run_and_continues_it(stand_in, tmp_path: Path):
    from zoo_track.to_trackio import Trackio

    runs, run = stand_in("trackio"), a_run(tmp_path / "r")
    for _ in range(2):
        tracker = Trackio(tmp_path / "r", project="mine")
        tracker.started(run)
        tracker.epoch(epoch(1))
        tracker.ended(run, RESULT, {})
    assert [r.asked["resume"] for r in runs] == ["never", "allow"]
    assert (runs[0].asked["project"], runs[0].asked["name"], runs[0].asked["space_id"]) == ("mine", "r", None)
    assert runs[0].logs == [(1, {"train/loss": 1.0}), (2, {"final/val/accuracy": 0.5})]
    assert runs[0].ended == [None]
    assert "trackio show --project mine" in tracker.where()


@pytest.mark.slow
def test_weights_and_biases_offline(zoo: Zoo, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    code, out, err = zoo(*DIGITS, "--json", "--track", "wandb")
    assert code == 0, err
    assert json.loads(out)["sections"][0][1].splitlines()[0] == "Weights & Biases: runs/r/wandb"
    (file,) = Path("runs/r/wandb").glob("offline-run-*/*.wandb")
    assert b"final/val/accuracy" in file.read_bytes()


@pytest.mark.slow
def test_trackio_has_the_numbers(zoo: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    pytest.importorskip("trackio")
    code, out, err = zoo(*DIGITS, "--json", "--track", "trackio")
    assert code == 0, err
    assert "trackio show --project digits" in json.loads(out)["sections"][0][1]


@pytest.mark.slow
@pytest.mark.skipif(not MLFLOW, reason="mlflow-skinny, sqlalchemy or alembic is not installed")
def test_mlflow_has_the_parameters_the_numbers_and_the_files(zoo: Zoo, read_result, monkeypatch: pytest.MonkeyPatch):
    from mlflow import MlflowClient

    from zoo_track import tracking

    monkeypatch.setattr(tracking, "PATIENCE_S", 200.0)  # to import it takes longer on a busy machine
    assert zoo(*DIGITS, "-q", "--track", "mlflow")[0] == 0
    client, result = MlflowClient(tracking_uri="sqlite:///runs/.mlflow/mlflow.db"), read_result("runs/r")
    experiment = client.get_experiment_by_name("digits")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["architecture.channels"] == "[8]"
    assert run.data.metrics["final/val/accuracy"] == pytest.approx(result["metrics"]["val"]["accuracy"])
    history = client.get_metric_history(run.info.run_id, "train/loss")
    losses = [(record["epoch"], pytest.approx(record["train"]["loss"])) for record in result["epochs"]]
    assert [(m.step, m.value) for m in history] == losses
    files = {a.path for a in client.list_artifacts(run.info.run_id)}
    assert files == {"job.yaml", "result.json", "report.html", "confusion_matrix_val.png"}
    assert "mlflow ui --backend-store-uri" in result["sections"][0][1]


@pytest.mark.slow
@pytest.mark.skipif(not MLFLOW, reason="mlflow-skinny, sqlalchemy or alembic is not installed")
def test_mlflow_continues_a_resumed_run_and_records_a_failure(tmp_path: Path):
    from zoo_track.to_mlflow import MLflow

    run = a_run(tmp_path / "runs" / "r")
    ids = []
    for error, status in ((KeyboardInterrupt(), "KILLED"), (ValueError("a loss"), "FAILED")):
        tracker = MLflow(tmp_path / "runs" / "r")
        tracker.started(run)
        tracker.epoch(epoch(1))
        tracker.failed(run, error)
        ids.append(tracker.run_id)
        assert tracker.client.get_run(tracker.run_id).info.status == status
    assert ids[0] == ids[1]
    assert tracker.client.get_run(ids[0]).data.tags["zoo.error"] == "ValueError: a loss"


def test_all_checks_of_the_trackers_pass():
    from zoo.testing import checks, run_checks

    report = run_checks([check for check in checks("track") if check.kind == "tracker"])
    assert [o for o in report.outcomes if o.outcome == "failed"] == []
    passed = {(o.check.component, o.check.name) for o in report.outcomes if o.outcome == "passed"}
    for name in ("can be created", "derived from RunTracker", "events of a run", "failure of a run"):
        assert ("track/json_lines", name) in passed


def test_a_tracker_that_breaks_its_contract_fails_the_checks(make_plugin):
    from zoo.testing import checks, run_checks

    make_plugin(
        "bad",
        "from pathlib import Path\nfrom zoo.plugin import hookimpl\nfrom zoo_track import Tracker\n\n"
        "@hookimpl\ndef zoo_components():\n    return [Tracker('early', 'zoo_bad:Early', summary='Early')]\n\n"
        "class Early:\n    def __init__(self, folder: Path):\n        (folder / 'log').touch()\n",
    )
    report = run_checks([check for check in checks("bad") if check.kind == "tracker"])
    failed = {o.check.name for o in report.outcomes if o.outcome == "failed"}
    assert {"derived from RunTracker", "nothing written before the run"} <= failed
