"""``zoo runs threshold``, on a run that was really trained."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
import yaml


@pytest.fixture
def runs(digits_run: Path):
    """A run that may be changed."""
    shutil.copytree(digits_run, Path("runs") / "one")


@pytest.mark.usefixtures("runs")
def test_a_threshold_is_chosen_kept_and_gone_by(zoo, digits_run):
    found = json.loads(zoo("runs", "threshold", "one", "--precision", "0.3", "--keep", "--json")[1])
    val = found["splits"]["val"]
    assert val["precision"] >= 0.3 > val["accuracy"], "a run of one epoch, which is hardly trained"
    card = json.loads(Path("runs/one/model/zoo.json").read_text())
    assert card["reject"] == {"below": found["below"], "by": {"precision": 0.3}}
    before = json.loads((digits_run / "model" / "zoo.json").read_text())
    assert {k: v for k, v in card.items() if k != "reject"} == before

    picture = noise_picture()
    (prediction,) = json.loads(zoo("predict", "one", picture, "--json")[1])["predictions"]
    assert prediction["sure"] is (prediction["confidence"] >= found["below"])
    assert prediction["label"] in before["classes"]

    assert zoo("runs", "threshold", "one", "--below", "0", "--keep")[0] == 0
    assert json.loads(Path("runs/one/model/zoo.json").read_text()) == before


def noise_picture() -> Path:
    import numpy as np
    from PIL import Image

    Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 16), dtype=np.uint8)).save("noise.png")
    return Path("noise.png")


def test_not_sure_is_said(zoo, digits_run):
    picture = noise_picture()
    code, out, _ = zoo("predict", digits_run, picture, "--reject-below", "1")
    assert code == 0
    assert "not sure" in out
    assert "perhaps" in out
    rows = list(csv.reader(io.StringIO(zoo("predict", digits_run, picture, "--csv", "--reject-below", "1")[1])))
    assert rows[0] == ["path", "label", "confidence", "sure", "familiar"]
    assert rows[1][3] == "false"
    assert json.loads(zoo("predict", digits_run, picture, "--json", "--reject-below", "0")[1])["predictions"][0]["sure"]


@pytest.mark.usefixtures("runs")
def test_thresholds_by_class_recall_and_costs(zoo):
    for words in (("--recall", "0.1"), ("--precision", "0.3", "--per-class")):
        code, out, err = zoo("runs", "threshold", "one", *words)
        assert (code, err) == (0, "")
        assert max(map(len, out.splitlines())) <= 80
    Path("costs.yaml").write_text(yaml.safe_dump({"not sure": 0.2, "3": {"8": 10}}))
    found = json.loads(zoo("runs", "threshold", "one", "--costs", "costs.yaml", "--json")[1])
    assert len(found["below"]) == 10


@pytest.mark.usefixtures("runs")
def test_what_cannot_be_chosen_is_refused(refused):
    assert "one of --precision" in refused("runs", "threshold", "one")
    assert "one of --precision" in refused("runs", "threshold", "one", "--precision", "0.9", "--recall", "0.9")
    assert "of all images are right" in refused("runs", "threshold", "one", "--recall", "1")
    assert "nowhere.yaml" in refused("runs", "threshold", "one", "--costs", "nowhere.yaml")


def test_a_threshold_of_a_regression_is_refused(zoo):
    import torch

    from zoo.runner.predictions import write_predictions

    folder = Path("runs") / "r"
    folder.mkdir(parents=True)
    (folder / "job.yaml").write_text("{}", "utf-8")
    values = torch.arange(3.0)[:, None]
    write_predictions(folder, "val", ["a", "b", "c"], ["age"], values, values.double())
    status, _, err = zoo("runs", "threshold", "r", "--precision", "0.9")
    assert status
    assert "r is a regression: a value has no confidence" in err
    assert "zoo runs show runs/r" in err
