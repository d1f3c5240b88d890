"""What zoo merge refuses, and what it leaves on the disk when it ends early."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zoo_merge import judging, merging


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("a", "--as", "ensemble"), ("two or more runs", "only runs/a")),
        (("a", "a", "--as", "ensemble"), ("given twice",)),
        (("a", "nobody", "--as", "ensemble"), ("no run 'nobody'",)),
        (("a", "b", "--as", "ensemblee"), ("ensemblee", "Did you mean 'ensemble'")),
        (("a", "m1", "--as", "ensemble"), ("single-label", "multi-label")),
        (("a", "two-fold1", "--as", "ensemble"), ("different datasets", "new to both")),
        (("a", "b", "--as", "ensemble", "--name", "b"), ("one of the runs to merge",)),
        (("a", "b", "--as", "ensemble", "--name", "c"), ("exists", "--overwrite")),
        (("a", "b", "--as", "ensemble", "--name", "b/c"), ("not a valid name",)),
        (("a", "runs/a/model/model.safetensors", "--as", "ensemble"), ("is a file, not a run",)),
    ],
)
def test_runs_that_do_not_fit_are_refused(refused, runs, words, wanted):
    error = refused("merge", *words)
    for word in wanted:
        assert word in error


def change(run: str, file: str, **values: object) -> None:
    path = Path("runs") / run / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_other_classes_are_refused(refused, runs):
    change("b", "model/zoo.json", classes=["blue", "green", "yellow"])
    error = refused("merge", "a", "b", "--as", "ensemble")
    assert "different classes" in error
    assert "red" in error


@pytest.mark.parametrize(("name", "value"), [("image_size", 16), ("resize", "crop"), ("interpolation", "nearest")])
def test_other_images_are_refused(refused, runs, name, value):
    card = json.loads(Path("runs/b/model/zoo.json").read_text())
    change("b", "model/zoo.json", preprocessing={**card["preprocessing"], name: value})
    error = refused("merge", "a", "b", "--as", "ensemble")
    assert f"{name} is" in error
    assert "mean and std may differ" in error


def test_an_unfinished_run_is_refused(refused, runs):
    change("b", "result.json", status="interrupted")
    assert "has not finished" in refused("merge", "a", "b", "--as", "ensemble")


def test_a_network_from_python_is_refused(refused, runs):
    card = json.loads(Path("runs/b/model/zoo.json").read_text())
    change("b", "model/zoo.json", architecture={**card["architecture"], "id": "python/Net"})
    assert "passed from Python" in refused("merge", "a", "b", "--as", "ensemble")


def test_an_imported_model_is_refused(refused, runs):
    Path("runs/b/job.yaml").rename("runs/b/import.json")
    error = refused("merge", "a", "b", "--as", "ensemble")
    assert "was imported" in error
    assert "unknown" in error


def test_other_labels_of_an_image_are_refused(refused, runs):
    import numpy as np

    path = Path("runs/b/predictions_val.npz")
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["targets"] = (arrays["targets"] + 1) % 3
    np.savez(path, **arrays)
    assert "different labels for 36 images" in refused("merge", "a", "b", "--as", "ensemble")


def test_a_model_that_is_worse_is_not_kept_unless_forced(zoo, runs):
    """Here a network that has learned is averaged with one that has learned the labels of other classes."""
    import torch
    from safetensors.torch import load_file, save_file

    path = Path("runs/b/model/model.safetensors")
    weights = load_file(path)
    for name in list(weights):  # a confident network that always gives the first class
        if name.endswith("bias") and weights[name].shape == (3,):
            weights[name] = torch.tensor([80.0, 0.0, 0.0])
    save_file(weights, path, metadata={"format": "pt"})
    code, _, error = zoo("merge", "c", "b", "--as", "ensemble", "--name", "e")
    assert code == 1
    assert not list(Path("runs").glob("*e.*"))
    assert not Path("runs/e").exists()
    for word in ("was not kept", "significantly worse than c", "McNemar p =", "--force"):
        assert word in error
    code, _, _ = zoo("merge", "c", "b", "--as", "ensemble", "--name", "e", "--force")
    assert code == 0
    notices = json.loads(Path("runs/e/result.json").read_text())["notices"]
    assert any(text.endswith("worse.") for text in notices)


def test_overwriting_replaces_a_run_and_nothing_else(zoo, refused, runs):
    assert zoo("merge", "a", "c", "--as", "ensemble", "--name", "b", "--overwrite", "--force")[0] == 0
    assert json.loads(Path("runs/b/result.json").read_text())["model"]["id"] == "merge/ensemble"
    Path("runs/mine").mkdir()
    Path("runs/mine/notes.txt").write_text("mine")
    error = refused("merge", "a", "c", "--as", "ensemble", "--name", "mine", "--overwrite", "--force")
    assert "not the folder of a run" in error


def test_the_json_is_the_result_with_the_paired_test(zoo, runs):
    code, out, _ = zoo("merge", "a", "b", "--as", "ensemble", "--name", "e", "--force", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["run"] == "e"
    assert found["paired_test"]["split"] == "test"
    assert found["paired_test"]["best"] in ("a", "b")


def test_an_error_midway_leaves_nothing(zoo, runs, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(merging, "write_report", full)
    before = sorted(Path("runs").iterdir())
    with pytest.raises(OSError, match="No space"):
        merging.merge_runs(["a", "b"], merging.MergeOptions("ensemble", force=True), _registry())
    assert sorted(Path("runs").iterdir()) == before


def _registry():
    from zoo.host.loader import open_registry

    return open_registry()


@pytest.mark.slow
def test_a_killed_merge_leaves_no_run_and_the_next_one_clears_up(zoo, runs, tmp_path):
    script = tmp_path / "killed.py"
    script.write_text(
        "import sys, time\n"
        "from zoo_merge import merging\n"
        "def wait(*_):\n    print('here', flush=True)\n    time.sleep(60)\n"
        "merging.write_report = wait\n"
        "from zoo.__main__ import main\n"
        "main(['merge', 'a', 'b', '--as', 'ensemble', '--name', 'e', '--force'])\n"
    )
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not Path("runs/e").exists()
    assert len(list(Path("runs").glob(".e.merging.*"))) == 1
    time.sleep(0.1)
    assert zoo("merge", "a", "b", "--as", "ensemble", "--name", "e", "--force")[0] == 0
    assert not list(Path("runs").glob(".e.merging.*"))


def test_the_best_single_run_is_that_of_the_same_images(runs):
    import numpy as np

    from zoo.runner.predictions import Predictions

    names, targets = [str(i) for i in range(40)], np.zeros(40, np.int64)

    def said(right: int) -> Predictions:
        predicted = np.where(np.arange(40) < right, 0, 1)
        return Predictions(names, ["x", "y"], targets, predicted, np.zeros((40, 2), np.float32))

    found = judging._judged("single-label", "val", {"a": said(20), "b": said(30)}, said(40))
    assert (found.best, found.merged_score, found.best_score) == ("b", 1.0, 0.75)
    assert found.better
    assert not found.worse
    assert "+25.0 points" in found.sentence("soup")
