"""A figure of a merged model is never of images that it was trained on without saying so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from zoo.runner.predictions import read_predictions
from zoo_merge import soup
from zoo_merge.held_out import read_held_out
from zoo_merge.members import read_members

from .conftest import TINY


def test_each_image_is_predicted_by_the_folds_that_were_not_trained_on_it(zoo, runs, read_result):
    code, out, _ = zoo("merge", "whole", "--as", "ensemble")
    assert code == 0
    both = read_predictions(Path("runs/whole-ensemble"), "val")
    assert len(both.names) == 60
    place = {name: row for row, name in enumerate(both.names)}
    for fold in (1, 2, 3):
        own = read_predictions(Path(f"runs/whole-fold{fold}"), "val")
        rows = [place[name] for name in own.names]
        assert np.allclose(both.part(np.array(rows)).logits.argmax(axis=1), own.predicted)
    summary = json.loads(Path("runs/whole/summary.json").read_text())
    result = read_result("runs/whole-ensemble")
    assert result["metrics"]["val"]["accuracy"] == summary["out_of_fold"]["accuracy"]
    text = " ".join(result["notices"])
    for word in ("out of fold", "1 of 3 on average", "no paired test"):
        assert word in text
    assert "no paired test" in out


def test_seeds_that_held_out_different_images_are_averaged_where_they_may_be(runs):
    members = read_members(["seeds"], runs)
    held = read_held_out(members)
    assert not held.same
    assert 0 < len(held.common) < len(held.names)
    found = held.averaged(held.logits(members), "softmax", members[0].card)
    place = {name: row for row, name in enumerate(held.names)}
    parts = [held.own[member.name] for member in members]
    name = held.common[0]
    softmax = found.logits[place[name]].double().numpy()
    softmax = np.exp(softmax) / np.exp(softmax).sum()
    mean = np.mean([part.probabilities[part.names.index(name)] for part in parts], axis=0)
    assert np.allclose(softmax, mean, atol=1e-5)


def test_evaluating_it_on_images_of_its_training_says_so(zoo, refused, runs):
    assert zoo("merge", "whole", "--as", "ensemble")[0] == 0
    code, out, _ = zoo("evaluate", "whole-ensemble", "--json")
    assert code == 0
    assert any("was trained on these val images" in text for text in json.loads(out)["notices"])
    error = refused("evaluate", "whole-ensemble", "--split", "val", "--keep")
    assert "were not saved" in error


def test_a_val_split_that_folds_left_unused_tests_the_merged_model(zoo, runs, read_result):
    code, out, _ = zoo("merge", "two", "--as", "ensemble", "--force")
    assert code == 0
    assert "On 36 unused val images that no run was trained on" in out


def test_an_ensemble_of_folds_is_not_merged_again(zoo, refused, runs):
    """Its predictions for val are out of fold, but the model itself was trained on all of these images."""
    assert zoo("merge", "whole", "--as", "ensemble")[0] == 0
    error = refused("merge", "whole-ensemble", "whole-fold1", "--as", "ensemble")
    assert "merged of runs with different validation images" in error
    assert "whole-fold1, whole-fold2" in error


@pytest.mark.slow
def test_a_soup_of_seeds_is_measured_where_all_held_out(zoo, runs, trained, read_result, monkeypatch):
    monkeypatch.setattr(soup, "FEWEST", 5)
    words = ("--seeds", "2", "--set", "data.val_fraction=0.5", "--weights", "runs/a", "--name", "t")
    assert zoo("run", "simple_cnn", str(trained / "whole"), *TINY, *words)[0] == 0
    common = read_held_out(read_members(["t"], Path("runs"))).common
    assert zoo("merge", "t", "--as", "soup", "--force")[0] == 0
    result = read_result("runs/t-soup")
    assert result["splits"]["val"]["images"] == len(common)
    assert read_predictions(Path("runs/t-soup"), "val").names == common
    assert any(f"the {len(common)} images that all of them held out" in text for text in result["notices"])
    assert "trained on these val images" in zoo("evaluate", "t-soup", "--json")[1]


def test_folds_and_other_runs_are_not_mixed(refused, runs):
    assert "trained on folds" in refused("merge", "whole-fold1", "seeds-seed0", "--as", "ensemble")
