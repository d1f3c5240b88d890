"""Whole runs of the zoo, watched by the installed plugin; the logs are read back with the trackers' own readers."""

from __future__ import annotations

import html
import io
import json
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

HAVE = {
    "tensorboard": find_spec("tensorboard") is not None,
    "mlflow": all(find_spec(m) for m in ("mlflow", "sqlalchemy", "alembic")),
}
tensorboard = pytest.mark.skipif(not HAVE["tensorboard"], reason="tensorboard is not installed")
mlflow = pytest.mark.skipif(not HAVE["mlflow"], reason="mlflow-skinny, sqlalchemy or alembic is not installed")
either = pytest.mark.skipif(not any(HAVE.values()), reason="neither tensorboard nor mlflow is installed")
EPOCHS = 25


@pytest.fixture(scope="module")
def tracked(world) -> SimpleNamespace:
    """A run with every tracker that there is."""
    done, result = world.train("tracked")
    return SimpleNamespace(said=done.stderr, result=result, folder=world.work / "runs" / "tracked")


@pytest.fixture(scope="module")
def interrupted(world) -> SimpleNamespace:
    """A run that got Ctrl-C after its first epochs, and what its logs held then; it was resumed afterwards."""
    folder = world.work / "runs" / "interrupted"
    command = world.command(*world.job("interrupted", EPOCHS))
    with subprocess.Popen(**command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        metrics, until = folder / "metrics.jsonl", time.monotonic() + 120
        while not (metrics.is_file() and len(metrics.read_text().splitlines()) >= 2):
            assert process.poll() is None, process.stdout.read()
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=120)[0]
    then = SimpleNamespace(code=process.returncode, said=said, epochs=len(metrics.read_text().splitlines()))
    then.scalars = events(folder).Scalars("val/loss") if HAVE["tensorboard"] else []
    then.run = mlflow_run(world.work / "runs", "interrupted") if HAVE["mlflow"] else None
    then.resumed = world.type("-m", "zoo", "run", "--resume", "runs/interrupted", "--json")
    then.folder = folder
    return then


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


def mlflow_client(runs: Path) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{runs / '.mlflow' / 'mlflow.db'}")


def mlflow_run(runs: Path, name: str) -> Any:
    """The only run of that name in the experiment 'digits'."""
    client = mlflow_client(runs)
    experiment = client.get_experiment_by_name("digits")
    (run,) = client.search_runs([experiment.experiment_id], f"attributes.run_name = '{name}'")
    return run


def text(accumulator: Any, name: str) -> str:
    (event,) = accumulator.Tensors(f"{name}/text_summary")
    return str(event.tensor_proto.string_val[0].decode())


def test_it_is_a_plugin_like_any_other_and_listing_loads_no_library(world):
    code = """
import json, sys
from zoo.__main__ import main
main(["plugins", "list", "--json"])
heavy = {"torch", "numpy", "matplotlib", "tensorboard", "mlflow", "zoo_tracking.watch"} & set(sys.modules)
print(json.dumps(sorted(heavy)), file=sys.stderr)
"""
    done = world.type("-c", code)
    (row,) = (row for row in json.loads(done.stdout) if row["name"] == "tracking")
    assert (row["distribution"], row["version"], row["state"]) == ("zoo-tracking", "0.1.0", "enabled")
    assert json.loads(done.stderr.splitlines()[-1]) == []


@tensorboard
def test_tensorboard_has_every_epochs_numbers(tracked):
    logs = events(tracked.folder)
    for record in tracked.result["epochs"]:
        step = record["epoch"]
        expected = {f"{split}/{name}": value for split in ("train", "val") for name, value in record[split].items()}
        expected |= {"lr": record["lr"], "images_per_second": record["images_per_second"]}
        for name, value in expected.items():
            (event,) = (e for e in logs.Scalars(name) if e.step == step)
            assert event.value == pytest.approx(value, rel=1e-5)
    assert [e.step for e in logs.Scalars("val/loss")] == [1, 2]
    (final,) = logs.Scalars("final/val/accuracy")
    assert final.value == pytest.approx(tracked.result["metrics"]["val"]["accuracy"])


@tensorboard
def test_tensorboard_has_the_picture_the_texts_and_the_parameters(tracked):
    from PIL import Image
    from tensorboard.plugins.hparams import metadata

    logs = events(tracked.folder)
    (picture,) = logs.Images("confusion_matrix/val")
    image = Image.open(io.BytesIO(picture.encoded_image_string))
    assert image.size == (picture.width, picture.height)
    assert min(image.size) > 400
    assert len(image.convert("RGB").getcolors(1 << 20)) > 20, "it is not blank"
    assert "| train.epochs | 2 |" in text(logs, "job")
    assert "report.html" in text(logs, "report")
    assert json.loads(text(logs, "result"))["run"] == "tracked"
    content = logs.PluginTagToContent("hparams")
    started = metadata.parse_session_start_info_plugin_data(content[metadata.SESSION_START_INFO_TAG])
    assert started.hparams["train.epochs"].number_value == 2
    assert started.hparams["loss.name"].string_value == "cross_entropy"
    assert started.hparams["architecture.padding"].bool_value is True
    assert session_end(logs) == 1, "success"


@mlflow
def test_mlflow_has_the_parameters_the_numbers_and_the_files(world, tracked, tmp_path):
    run, client = mlflow_run(world.work / "runs", "tracked"), mlflow_client(world.work / "runs")
    assert run.info.status == "FINISHED"
    assert run.data.params["train.epochs"] == "2"
    assert run.data.params["architecture.channels"] == "[8]"
    assert run.data.metrics["final/val/accuracy"] == pytest.approx(tracked.result["metrics"]["val"]["accuracy"])
    history = client.get_metric_history(run.info.run_id, "train/loss")
    losses = [(record["epoch"], pytest.approx(record["train"]["loss"])) for record in tracked.result["epochs"]]
    assert [(m.step, m.value) for m in history] == losses
    files = {a.path for a in client.list_artifacts(run.info.run_id)}
    assert files == {"job.yaml", "result.json", "report.html", "confusion_matrix_val.png"}
    copy = Path(client.download_artifacts(run.info.run_id, "result.json", str(tmp_path)))
    assert copy.read_bytes() == (tracked.folder / "result.json").read_bytes()
    assert not (world.work / "mlruns").exists(), "all of it lies beside the runs"


@either
def test_the_report_and_the_command_say_where_the_logs_are(world, tracked):
    ((title, words),) = tracked.result["sections"]
    assert title == "Tracking"
    assert words in html.unescape((tracked.folder / "report.html").read_text())
    listed = world.type("-m", "zoo", "tracking")
    assert listed.returncode == 0
    assert "tracked" in listed.stdout
    if HAVE["tensorboard"]:
        assert "tensorboard --logdir runs" in words
        assert "  tensorboard --logdir runs\n" in listed.stdout
    if HAVE["mlflow"]:
        view = f"mlflow ui --backend-store-uri sqlite:///{world.work}/runs/.mlflow/mlflow.db"
        assert view in words
        assert f"  {view}\n" in listed.stdout
    assert "zoo-tracking:" not in tracked.said, "what goes well is not told"


@either
def test_ctrl_c_closes_the_logs_and_the_run_stays_resumable(interrupted):
    assert interrupted.code == 130, interrupted.said
    assert "Resume with: zoo run --resume" in interrupted.said
    assert "Traceback" not in interrupted.said
    assert 2 <= interrupted.epochs < EPOCHS
    steps = list(range(1, interrupted.epochs + 1))
    if HAVE["tensorboard"]:
        assert [e.step for e in interrupted.scalars] in (steps, steps[:-1])
    if HAVE["mlflow"]:
        assert interrupted.run.info.status == "KILLED"
        assert interrupted.run.data.tags["zoo.status"] == "interrupted"


@either
def test_a_resumed_run_goes_on_in_the_same_logs(world, interrupted):
    assert interrupted.resumed.returncode == 0, interrupted.resumed.stderr
    every = set(range(1, EPOCHS + 1))
    if HAVE["tensorboard"]:
        steps = [e.step for e in events(interrupted.folder).Scalars("val/loss")]
        assert len(steps) == len(set(steps))
        assert set(steps) >= every - {interrupted.epochs}
        assert session_end(events(interrupted.folder)) == 1, "it ended well after all"
    if HAVE["mlflow"]:
        run = mlflow_run(world.work / "runs", "interrupted")
        assert run.info.run_id == interrupted.run.info.run_id
        assert run.info.status == "FINISHED"
        history = mlflow_client(world.work / "runs").get_metric_history(run.info.run_id, "val/loss")
        assert {m.step for m in history} >= every - {interrupted.epochs}


def test_with_neither_installed_a_run_is_as_ever_and_a_line_says_how_to_get_one(world):
    done, result = world.train("plain", trackers=False)
    (line,) = (line for line in done.stderr.splitlines() if "zoo-tracking:" in line)
    assert "tracking is off" in line
    assert "pip install 'zoo-tracking[tensorboard]'" in line
    assert result["status"] == "completed"
    assert result["sections"] == []
    assert not (world.work / "runs" / "plain" / "tensorboard").exists()


HOOKS = """
import sys
from pathlib import Path
from types import SimpleNamespace
from zoo_tracking import plugin
folder = Path(sys.argv[1])
folder.mkdir(parents=True)
job = {"dataset": {"name": "d"}}
run = SimpleNamespace(name=folder.name, dir=folder, job=job, model={}, splits={}, classes=[], notices=["drawn"])
plugin.zoo_run_start(run=run)
assert plugin.zoo_epoch_end(run=run, epoch={"epoch": 1, "train": {"loss": 1.0}, "val": {}}) is None
print(list(plugin.zoo_report_sections(run=run, result={})))
plugin.zoo_run_failed(run=run, error=ValueError("a loss that is not finite"))
print(sorted(p.name for p in folder.iterdir()))
"""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("off", []),
        ("tensorboard", ["pip install 'zoo-tracking[tensorboard]'"]),
        ("mlflow,wandb", ["'wandb'; valid are tensorboard, mlflow, off", "pip install 'zoo-tracking[mlflow]'"]),
    ],
)
def test_what_the_variable_says_is_obeyed_or_told(world, tmp_path, words, told):
    done = world.type("-c", HOOKS, tmp_path / "run", trackers=False, ZOO_TRACKING=words)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n[]\n", "no section, and no file"
    lines = done.stderr.splitlines()
    assert len(lines) == len(told)
    assert all(part in line for part, line in zip(told, lines, strict=True))


@tensorboard
def test_a_failed_run_is_failed_in_tensorboard_too(world, tmp_path):
    done = world.type("-c", HOOKS, tmp_path / "run", ZOO_TRACKING="tensorboard")
    assert done.returncode == 0, done.stderr
    logs = events(tmp_path / "run")
    assert [e.step for e in logs.Scalars("train/loss")] == [1]
    assert text(logs, "failed") == "ValueError: a loss that is not finite"
    assert text(logs, "notices") == "drawn"
    assert session_end(logs) == 2, "failure"


@mlflow
def test_runs_that_begin_together_and_fail_are_failed_in_mlflow(world, tmp_path):
    commands = [world.command("-c", HOOKS, tmp_path / name, ZOO_TRACKING="mlflow") for name in ("one", "two")]
    both = [subprocess.Popen(**c, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for c in commands]
    assert [process.communicate(timeout=120)[1] for process in both] == ["", ""], "they make one database together"
    client = mlflow_client(tmp_path)
    runs = client.search_runs([client.get_experiment_by_name("d").experiment_id])
    assert {run.info.run_name for run in runs} == {"one", "two"}
    for run in runs:
        assert run.info.status == "FAILED"
        assert run.data.tags["mlflow.note.content"] == "drawn"
        assert run.data.tags["zoo.error"] == "ValueError: a loss that is not finite"
        assert run.data.metrics == {"train/loss": 1.0}


@mlflow
def test_a_server_that_is_away_is_told_of_once_without_its_password(world, tmp_path):
    away = {"MLFLOW_TRACKING_URI": "http://me:secret@127.0.0.1:9/", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    done = world.type("-c", HOOKS, tmp_path / "run", ZOO_TRACKING="mlflow", **away)
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    assert "zoo-tracking: MLflow is disabled for the rest of this run" in line
    assert "secret" not in line
    assert done.stdout.splitlines()[0] == "[]", "the report names no log that isn't there"


def test_the_command_where_there_are_no_logs(world, tmp_path):
    done = world.type("-m", "zoo", "tracking", tmp_path / "nowhere", trackers=False)
    assert done.returncode == 2
    assert "zoo tracking FOLDER" in done.stderr
    done = world.type("-m", "zoo", "tracking", tmp_path, trackers=False)
    assert done.returncode == 0
    assert "pip install 'zoo-tracking[tensorboard]'" in done.stdout
