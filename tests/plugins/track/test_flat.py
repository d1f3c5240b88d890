"""Jobs, epochs and results as flat names and values; what is remembered of a run."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from zoo_track.flat import epoch_numbers, final_numbers, parameters, table
from zoo_track.memory import read, remember, without_secrets


def test_a_job_is_flat_and_what_is_not_set_is_left_out():
    job = {"loss": {"name": "focal", "gamma": 2.0, "alpha": None}, "augment": [{"name": "flip"}], "seed": 0}
    run = SimpleNamespace(job=job, model={"parameters": 7}, splits={"val": {"images": 3}}, classes=["a", "b"])
    assert parameters(run) == {
        "loss.name": "focal",
        "loss.gamma": 2.0,
        "augment": '[{"name": "flip"}]',
        "seed": 0,
        "model.parameters": 7,
        "splits.val.images": 3,
        "classes": 2,
    }


def test_every_number_of_an_epoch_and_nothing_else():
    record = {"epoch": 3, "train": {"loss": 1}, "val": {"accuracy": 0.5, "words": "no"}, "lr": 0.1, "best": True}
    assert epoch_numbers(record) == {"train/loss": 1.0, "val/accuracy": 0.5, "lr": 0.1}
    logged = {**record, "logged": {"gradient_norm": 2}}
    assert epoch_numbers(logged) == {"train/loss": 1.0, "val/accuracy": 0.5, "lr": 0.1, "logged/gradient_norm": 2.0}


def test_final_numbers_are_those_of_every_split():
    metrics = {"val": {"accuracy": 0.5, "per_class": {}, "confusion_matrix": [[1]]}, "test": {"loss": 2.0}}
    assert final_numbers({"metrics": metrics}) == {"final/val/accuracy": 0.5, "final/test/loss": 2.0}


def test_a_table_is_not_broken_by_what_is_in_it():
    assert table({"a|b": "one\ntwo", "c": 0.123456789}).splitlines()[2:] == ["| a\\|b | one two |", "| c | 0.123457 |"]


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://me:secret@tracking.example:5000/team?token=secret", "https://tracking.example:5000/team"),
        ("postgresql://me:p@ss@db/mlflow", "postgresql://db/mlflow"),
        ("sqlite:////home/me/runs/.mlflow/mlflow.db", "sqlite:////home/me/runs/.mlflow/mlflow.db"),
        ("databricks", "databricks"),
        ("http://[", "http://["),
    ],
)
def test_no_secret_is_written_down(uri, shown):
    assert without_secrets(uri) == shown


def test_memory_keeps_one_tracker_beside_the_other(tmp_path):
    assert read(tmp_path) == {}
    remember(tmp_path, "mlflow", {"run_id": "1"})
    remember(tmp_path, "other", {"x": 2})
    assert read(tmp_path) == {"mlflow": {"run_id": "1"}, "other": {"x": 2}}
    assert [p.name for p in tmp_path.iterdir()] == ["tracking.json"]
    (tmp_path / "tracking.json").write_text("[broken")
    assert read(tmp_path) == {}


def test_the_outputs_of_a_regression_are_values_not_classes():
    run = SimpleNamespace(job={}, model={}, splits={}, classes=["age"], task="regression")
    assert parameters(run) == {"values": 1}
    assert final_numbers({"metrics": {"val": {"mae": 2.5, "per_output": {}}}}) == {"final/val/mae": 2.5}
