"""The result as a typed document: read from any version, given back as it was, and a clear word for a damaged one."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import RequestError
from zoo.runner.measurements import BestEpoch, EpochRecord
from zoo.runner.run_result import RunResult, damage_reported, read_epochs, read_result

OLDER = sorted((Path(__file__).parents[1] / "older").rglob("result.json"))


def written(folder: Path, content: Any) -> Path:
    (folder / "result.json").write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return folder


@pytest.mark.parametrize("file", OLDER, ids=lambda path: "/".join(path.parts[-3:-1]))
def test_a_result_of_an_older_version_is_given_back_to_the_letter(file: Path):
    before = file.read_text("utf-8")
    assert json.dumps(read_result(file.parent).document(), indent=2, ensure_ascii=False) + "\n" == before


def test_known_entries_are_attributes_and_unknown_ones_are_kept(tmp_path: Path):
    document = {
        "status": "completed",
        "metrics": {"val": {"accuracy": 1, "top_5": 0.5}},
        "epochs": [{"epoch": 1, "val": {"accuracy": 0.5}, "energy_j": 3}],
        "of_a_newer_zoo": {"a": [1]},
    }
    result = read_result(written(tmp_path, document))
    assert result.metrics_of("val").accuracy == 1
    assert result.metrics_of("val").numbers == {"accuracy": 1, "top_5": 0.5}
    assert result["of_a_newer_zoo"] == {"a": [1]}
    assert result["metrics"]["val"]["top_5"] == 0.5
    assert result.document() == document


def test_an_empty_result_has_empty_parts():
    result = RunResult.read({})
    assert result.metrics_of("val").accuracy is None
    assert result.metrics_of(None).per_class == {}
    assert result.images_of("train").skipped == []
    assert (result.best_epoch, result.job.train.epochs, result.job.loss.short_name) == (None, None, "")
    assert result.document() == {}


def test_null_stands_for_an_empty_part():
    result = RunResult.read({"metrics": None, "splits": {"val": None}, "job": {"train": None}, "best": None})
    assert (result.metrics, result.splits, result.job.train.lr, result.best) == ({}, {}, None, None)


def test_an_observer_of_before_reads_a_record_as_a_mapping():
    record = EpochRecord.read({"epoch": 1, "val": {"accuracy": 0.5}, "mine": 3})
    assert (record.get("epoch"), record.get("mine"), record.get("lr", 7)) == (1, 3, 7)
    assert "val" in record
    assert [key for key, _ in record.items()] == ["epoch", "val", "mine"]
    assert record["val"].get("accuracy") == 0.5


def test_a_changed_copy_keeps_the_order_of_entries():
    before = RunResult.read({"run": "a", "status": "running", "of_a_plugin": 1})
    after = before.changed(status="completed", sections=[["title", "text"]])
    assert list(after.document()) == ["run", "status", "of_a_plugin", "sections"]
    assert (before.status, after.status) == ("running", "completed")


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda result: pickle.loads(pickle.dumps(result))])
def test_a_copy_has_the_same_document(copied: Callable[[RunResult], RunResult]):
    """Processes of one run send each other records."""
    document = {"run": "a", "trial": {"how": "measured", "candidates": [{"precision": "bf16"}]}, "of_a_plugin": [1]}
    assert copied(RunResult.read(document)).document() == document


def test_the_epochs_of_a_run_that_goes_on_are_read(tmp_path: Path):
    lines = [{"epoch": 1, "val": {"accuracy": 0.5}}, {"epoch": 2, "val": {"accuracy": None}, "best": True}]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    first, second = read_epochs(tmp_path)
    assert (first.epoch, first.val.accuracy, first.best) == (1, 0.5, False)
    assert (second.epoch, second.val.accuracy, second.best) == (2, None, True)


def test_a_value_that_is_no_number_is_read_back_as_nan():
    best = BestEpoch.read({"epoch": 1, "metric": "val/accuracy", "value": None})
    assert best.value != best.value


@pytest.mark.parametrize(
    ("monitor", "value"),
    [("val/accuracy", 0.5), ("train/loss", 1.5), ("val/top_5", 0.75), ("val/matrix", None), ("test/loss", None)],
)
def test_the_monitored_value_of_an_epoch(monitor: str, value: float | None):
    scores = {"accuracy": 0.5, "top_5": 0.75, "matrix": [[1]]}
    record = EpochRecord.read({"epoch": 1, "train": {"loss": 1.5}, "val": scores})
    assert record.monitored(monitor) == value


@pytest.mark.parametrize("text", ["{", "[]", "", '"a"', "[" * 100_000])
def test_what_is_no_document_is_damaged(tmp_path: Path, text: str):
    with pytest.raises(RequestError, match=r"result\.json is damaged"):
        read_result(written(tmp_path, text))


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"metrics": {"val": {"accuracy": "high"}}}, "metrics.val.accuracy"),
        ({"epochs": {"1": {}}}, "epochs"),
        ({"best": {"metric": "val/accuracy"}}, "best.epoch"),
        ({"job": {"train": [1]}}, "job.train"),
    ],
)
def test_a_value_of_another_type_is_named(tmp_path: Path, document: dict[str, Any], where: str):
    with pytest.raises(
        RequestError, match=rf"damaged, or from an incompatible zoo \(ValueError: {where}.*zoo evaluate"
    ):
        read_result(written(tmp_path, document))


def test_a_run_that_has_not_ended_has_no_result(tmp_path: Path):
    with pytest.raises(RequestError, match=r"has no result\.json: the run has not finished.*zoo run --resume"):
        read_result(tmp_path)


def test_errors_of_a_report_are_reported_as_damage(tmp_path: Path):
    with pytest.raises(RequestError, match=r"damaged.*KeyError"), damage_reported(tmp_path):
        {}["classes"]
    with pytest.raises(KeyboardInterrupt), damage_reported(tmp_path):
        raise KeyboardInterrupt
