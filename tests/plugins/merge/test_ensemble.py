"""An ensemble is a run like any other: evaluated, predicted with, exported and compared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from zoo.api.models import load_model, read_card
from zoo.host.loader import open_registry
from zoo.runner.predictions import read_predictions


def probabilities(run: str, split: str = "test") -> np.ndarray:
    return read_predictions(Path("runs") / run, split).probabilities


def raw(run: str, split: str = "test") -> np.ndarray:
    """Probabilities before temperature scaling."""
    logits = read_predictions(Path("runs") / run, split).logits.astype(float)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_runs_of_several_architectures_and_normalisations_become_one_run(zoo, runs, read_result):
    code, out, _ = zoo("merge", "a", "b", "c", "--as", "ensemble", "--force")
    assert code == 0
    assert "On 42 test images that no run was trained on: ensemble" in out
    assert "run: runs/a-ensemble" in out
    mean = (probabilities("a") + probabilities("b") + probabilities("c")) / 3
    assert np.abs(raw("a-ensemble") - mean).max() < 1e-4
    result = read_result("runs/a-ensemble")
    assert result["status"] == "completed"
    assert set(result["metrics"]) == {"val", "test"}
    assert {result["provenance"][f"merged.{i}"]["id"] for i in range(3)} == {"a", "b", "c"}
    assert all(len(result["provenance"][f"merged.{i}"]["sha256"]) == 64 for i in range(3))
    assert not Path("runs/a-ensemble/model").joinpath("model.pkl").exists()
    assert Path("runs/a-ensemble/report.html").is_file()
    assert not list(Path("runs").glob(".*merging*"))


def test_the_commands_for_runs_work_on_it(zoo, runs):
    assert zoo("merge", "a", "b", "--as", "ensemble", "--name", "e", "--force")[0] == 0
    code, out, _ = zoo("evaluate", "e", "--json")
    assert code == 0
    kept = json.loads(Path("runs/e/result.json").read_text())["metrics"]["test"]["accuracy"]
    assert json.loads(out)["metrics"]["test"]["accuracy"] == pytest.approx(kept)
    picture = next(Path(json.loads(out)["job"]["dataset"]["root"]).glob("test/*/*.png"))
    assert zoo("predict", "e", picture)[0] == 0
    assert zoo("runs", "compare", "e", "a")[0] == 0
    assert "e" in zoo("runs", "list")[1]
    assert "Merged runs (ensemble)" in zoo("runs", "show", "e")[1]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["onnx", "pt2", "torchscript", "safetensors"])
def test_it_is_exported_with_the_same_answers(zoo, runs, form):
    if form == "onnx":
        pytest.importorskip("onnxruntime")
    assert zoo("merge", "a", "b", "--as", "ensemble", "--name", "e", "--force")[0] == 0
    code, out, error = zoo("export", "e", "--format", form)
    assert code == 0, error
    assert "compared with the run" in out


def test_the_order_of_classes_is_that_of_the_first_run(runs, trained):
    """Classes are matched by name: a run whose outputs are in another order counts the same."""
    from zoo_merge.ensemble import ensemble_draft
    from zoo_merge.held_out import read_held_out
    from zoo_merge.members import read_members
    from zoo_merge.mergers import MergePlace

    registry = open_registry()
    members = read_members(["a", "b"], runs)
    turned = {**members[1].card, "classes": members[1].classes[::-1]}
    other = type(members[1])(**{**vars(members[1]), "card": turned})
    draft = ensemble_draft([members[0], other], read_held_out(members), MergePlace(runs, runs, registry))
    assert draft.architecture["params"]["members"][1]["order"] == [2, 1, 0]


def test_several_labels_are_averaged_by_label(zoo, runs):
    assert zoo("merge", "m1", "m2", "--as", "ensemble", "--name", "m", "--force")[0] == 0
    one, two, both = (read_predictions(Path("runs") / name, "val").logits for name in ("m1", "m2", "m"))
    mean = (1 / (1 + np.exp(-one)) + 1 / (1 + np.exp(-two))) / 2
    assert np.abs(1 / (1 + np.exp(-both)) - mean).max() < 1e-4
    assert len(read_card(Path("runs/m/model"))["thresholds"]) == 2


def test_an_ensemble_of_ensembles_can_be_loaded(zoo, runs):
    assert zoo("merge", "a", "b", "--as", "ensemble", "--name", "e", "--force")[0] == 0
    assert zoo("merge", "e", "w1", "--as", "ensemble", "--name", "f", "--force")[0] == 0
    model, _ = load_model(Path("runs/f/model"), open_registry())
    assert len(model.members) == 2


def test_the_job_of_a_fine_tuned_run_can_be_used(zoo, runs):
    """Its frozen layers and its weights are those of one network, and no ensemble has them."""
    path = Path("runs/w1/job.yaml")
    job = yaml.safe_load(path.read_text("utf-8"))
    job["train"].update(freeze="backbone", freeze_epochs=1, head_lr=0.01, layer_decay=0.9)
    path.write_text(yaml.safe_dump(job))
    code, _, error = zoo("merge", "w1", "w2", "--as", "ensemble", "--name", "e", "--force")
    assert code == 0, error
    job = yaml.safe_load(Path("runs/e/job.yaml").read_text("utf-8"))
    assert (job["weights"], job["train"].get("freeze")) == (None, None)
    assert zoo("evaluate", "e", "--json")[0] == 0


def test_resuming_it_does_not_replace_it(zoo, runs, refused):
    assert zoo("merge", "a", "b", "--as", "ensemble", "--name", "e", "--force")[0] == 0
    weights = Path("runs/e/model/model.safetensors").read_bytes()
    assert "nothing to resume" in refused("run", "--resume", "e")
    assert Path("runs/e/model/model.safetensors").read_bytes() == weights
