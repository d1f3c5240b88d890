"""A distilled network is trained with the ensemble as its teacher, and its folder has both."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.storage.safe_yaml import read_mapping

pytestmark = pytest.mark.slow


def test_one_network_learns_from_the_ensemble(zoo, runs, read_result):
    code, out, error = zoo("merge", "a", "c", "--as", "distilled", "--name", "d", "--set", "weight=0.8", "--force")
    assert code == 0, error
    assert "epoch 1/1: val accuracy" in error
    assert "with the ensemble of these runs as its teacher" in out
    job = read_mapping(Path("runs/d/job.yaml"))
    assert job["teacher"] == "runs/d/teacher"
    assert job["train"]["distill_weight"] == 0.8
    assert job["architecture"]["name"] == "simple/simple_cnn"
    result = read_result("runs/d")
    assert result["dir"] == "runs/d"
    assert result["model"]["teacher"]["bundle"] == "runs/d/teacher"
    assert result["provenance"]["merged.1"]["id"] == "c"
    texts = [
        path.read_text("utf-8") for path in Path("runs/d").rglob("*") if path.suffix in (".json", ".yaml", ".html")
    ]
    assert not any(".merging." in text for text in texts)
    assert zoo("run", "runs/d/job.yaml", "--name", "again", "--quiet")[0] == 0
    assert read_result("runs/again")["metrics"]["val"]["accuracy"] == result["metrics"]["val"]["accuracy"]


def test_epochs_are_those_asked_for(zoo, runs, read_result):
    assert zoo("merge", "a", "c", "--as", "distilled", "--set", "epochs=2", "--force")[0] == 0
    assert len(read_result("runs/a-distilled")["epochs"]) == 2


@pytest.mark.parametrize(("parameter", "word"), [("weight=2", "distill_weight"), ("epochs=many", "epochs")])
def test_a_wrong_parameter_is_refused(refused, runs, parameter, word):
    assert word in refused("merge", "a", "c", "--as", "distilled", "--set", parameter)


def test_an_interrupted_distillation_leaves_nothing(zoo, runs, monkeypatch):
    from zoo.errors import Interrupted
    from zoo_merge import distilled

    def interrupted(*_: object) -> None:
        raise Interrupted("Interrupted")

    monkeypatch.setattr(distilled, "run_job", interrupted)
    before = sorted(Path("runs").iterdir())
    code, _, error = zoo("merge", "a", "c", "--as", "distilled")
    assert code == 130
    assert "--teacher ENSEMBLE" in error
    assert sorted(Path("runs").iterdir()) == before


def test_a_teacher_of_folds_has_seen_the_validation_images(zoo, runs, read_result):
    assert zoo("merge", "whole", "--as", "distilled", "--force")[0] == 0
    assert any("slightly too good" in text for text in read_result("runs/whole-distilled")["notices"])
