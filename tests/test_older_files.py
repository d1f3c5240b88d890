"""Files that an earlier version wrote are read, evaluated, resumed and predicted with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Typed = Callable[..., tuple[int, str, str]]

VERSIONS = sorted(path for path in (Path(__file__).parent / "older").iterdir() if path.is_dir())
WRITTEN_IN = "/home/ana"
RUNS = ("done", "colours", "twice-seed0", "twice-seed1", "sweep/trial-0001", "sweep/trial-0002")


@pytest.fixture(params=VERSIONS, ids=lambda path: path.name)
def older(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a version's files, in a folder of its own, which is the working folder."""
    work = tmp_path / "older"
    shutil.copytree(request.param, work)
    for file in work.rglob("*"):
        if file.suffix in {".json", ".jsonl", ".yaml"}:
            file.write_text(file.read_text("utf-8").replace(WRITTEN_IN, str(work)), "utf-8")
    monkeypatch.chdir(work)
    monkeypatch.setenv("ZOO_CACHE", str(work / "cache"))
    return work


def typed(zoo: Typed, *words: object) -> str:
    code, out, err = zoo(*words)
    assert code == 0, err
    return out


def result_of(run: str) -> dict[str, Any]:
    return json.loads((Path("runs") / run / "result.json").read_text("utf-8"))


def answer_of(zoo: Typed, model: str, picture: str) -> dict[str, Any]:
    return json.loads(typed(zoo, "predict", model, picture, "--json"))["predictions"][0]


def test_every_run_is_listed_and_shown(older: Path, zoo: Typed):
    rows = {row["run"]: row for row in json.loads(typed(zoo, "runs", "list", "--json"))}
    assert {"done", "colours", "twice-seed0", "interrupted"} <= set(rows)
    assert rows["interrupted"]["status"] == "interrupted"
    for run in (*RUNS, "interrupted"):
        assert typed(zoo, "runs", "show", f"runs/{run}")
    assert "done" in typed(zoo, "runs", "compare", "done", "twice-seed0")


@pytest.mark.parametrize("run", RUNS)
def test_an_evaluation_gives_the_recorded_numbers(older: Path, zoo: Typed, run: str):
    recorded = result_of(run)["metrics"]["val"]
    again = json.loads(typed(zoo, "evaluate", f"runs/{run}", "--json"))["metrics"]["val"]
    assert again["accuracy"] == recorded["accuracy"]
    assert again["loss"] == pytest.approx(recorded["loss"], rel=1e-4)


def test_an_interrupted_run_goes_on_where_it_stopped(older: Path, zoo: Typed):
    before = [json.loads(line) for line in (older / "runs/interrupted/metrics.jsonl").read_text().splitlines()]
    typed(zoo, "run", "--resume", "interrupted", "--quiet")
    result = result_of("interrupted")
    assert (result["status"], len(result["epochs"])) == ("completed", 6)
    assert [epoch["train"]["loss"] for epoch in result["epochs"][:2]] == [line["train"]["loss"] for line in before]


def test_a_resumed_run_records_full_ids_and_is_resumed_again(older: Path, zoo: Typed):
    job = Path("runs/interrupted/job.yaml")
    assert "name: simple_cnn" in job.read_text("utf-8")
    typed(zoo, "run", "--resume", "interrupted", "--quiet")
    assert "name: simple/simple_cnn" in job.read_text("utf-8")
    typed(zoo, "run", "--resume", "interrupted", "--epochs", "7", "--quiet")
    result = result_of("interrupted")
    assert (len(result["epochs"]), result["job"]["architecture"]["name"]) == (7, "simple_cnn")


@pytest.mark.parametrize("model", ["runs/done", "runs/interrupted", "runs/done/model"])
def test_a_bundle_predicts(older: Path, zoo: Typed, model: str):
    assert answer_of(zoo, model, "colours/val/red/0.png")["label"] in result_of("done")["classes"]


@pytest.mark.parametrize("kind", ["onnx", "pt2", "torchscript", "safetensors"])
def test_an_exported_model_answers_as_its_run(older: Path, zoo: Typed, kind: str):
    pytest.importorskip("onnxruntime") if kind == "onnx" else None
    picture = "colours/val/blue/1.png"
    exported, run = (answer_of(zoo, model, picture) for model in (f"exported/digits.{kind}", "done"))
    assert exported["label"] == run["label"]
    assert exported["confidence"] == pytest.approx(run["confidence"], abs=1e-4)


@pytest.mark.parametrize(
    "job", ["jobs/short.yaml", "jobs/resolved.yaml", "runs/done/job.yaml", "runs/colours/job.yaml"]
)
def test_a_job_file_runs(older: Path, zoo: Typed, job: str):
    typed(zoo, "run", job, "--name", "again", "--quiet")
    assert result_of("again")["status"] == "completed"


def test_the_job_of_a_run_gives_its_numbers_again(older: Path, zoo: Typed):
    typed(zoo, "run", "runs/done/job.yaml", "--name", "again", "--quiet")
    assert result_of("again")["metrics"]["val"]["accuracy"] == pytest.approx(
        result_of("done")["metrics"]["val"]["accuracy"], abs=0.02
    )


def test_decoded_pictures_are_found_in_the_cache(older: Path, zoo: Typed):
    stores = older / "cache" / "stores"
    before = sorted(stores.iterdir())
    typed(zoo, "evaluate", "colours")
    assert sorted(stores.iterdir()) == before
    assert "stores" in typed(zoo, "cache", "list")


def test_a_summary_of_seeds_is_kept_and_gets_another_seed(older: Path, zoo: Typed):
    out = typed(zoo, "run", "--resume", "twice")
    assert out.count("kept as it was") == 2


def test_a_sweep_gets_more_trials(older: Path, zoo: Typed):
    pytest.importorskip("optuna")
    typed(zoo, "sweep", "--resume", "sweep", "--trials", "3")
    assert len(json.loads((older / "runs/sweep/sweep.json").read_text("utf-8"))["trials"]) == 3
    assert (older / "runs/sweep/trial-0003/result.json").is_file()


def test_a_shared_model_is_pulled_and_predicts(older: Path, zoo: Typed):
    typed(zoo, "models", "pull", "shared.zip", "--name", "pulled")
    assert answer_of(zoo, "models/pulled", "colours/val/red/0.png")["label"]
