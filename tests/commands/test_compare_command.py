"""``zoo runs compare``, on runs that were really trained; the leaderboard."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from pathlib import Path

import pytest


@pytest.fixture
def runs(digits_run: Path):
    """A run, and a copy of it as another seed's would lie there, older by days."""
    for name in ("one", "two"):
        shutil.copytree(digits_run, Path("runs") / name)
    os.utime(Path("runs") / "two" / "job.yaml", (1_700_000_000, 1_700_000_000))


@pytest.mark.usefixtures("runs")
def test_a_run_and_its_copy_differ_in_nothing(zoo):
    code, out, err = zoo("runs", "compare", "one", "two")
    assert (code, err) == (0, "")
    assert out.count("no significant difference") >= 4
    assert "differs" not in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.usefixtures("runs")
def test_json_and_page(zoo):
    found = json.loads(zoo("runs", "compare", "one", "two", "--json", "--html", "page.html")[1])
    assert (found["split"], found["images"]) == ("val", 360)
    (row,) = found["comparisons"]
    assert row["metrics"]["accuracy"]["test"] == "exact McNemar"
    assert row["metrics"]["accuracy"]["p"] == 1
    result = json.loads(Path("runs/one/result.json").read_text())
    numbers = found["runs"][0]["metrics"]
    assert numbers["accuracy"] == pytest.approx(result["metrics"]["val"]["accuracy"])
    assert numbers["f1_macro"] == pytest.approx(result["metrics"]["val"]["f1_macro"])
    assert "two" in Path("page.html").read_text()


def test_runs_on_other_images_are_refused(refused, digits_run, colours_run):
    assert "different classes" in refused("runs", "compare", digits_run, colours_run)


@pytest.mark.usefixtures("runs")
def test_one_run_or_one_that_is_not_there(refused):
    assert "two or more" in refused("runs", "compare", "one")
    assert "Did you mean 'one'" in refused("runs", "compare", "one", "onee")
    assert "with itself" in refused("runs", "compare", "one", "one")
    Path("runs/two/predictions_val.npz").unlink()
    assert "zoo evaluate runs/two --split val --keep" in refused("runs", "compare", "one", "two")


@pytest.mark.usefixtures("runs")
def test_evaluate_makes_what_an_older_run_lacks(zoo):
    kept = Path("runs/two/predictions_val.npz")
    before = kept.read_bytes()
    kept.unlink()
    assert zoo("evaluate", "two", "--split", "val", "--keep", "--json")[0] == 0
    assert kept.stat().st_size == pytest.approx(len(before), rel=0.05)
    assert zoo("runs", "compare", "one", "two")[0] == 0


def test_answers_to_other_images_are_not_kept(refused, digits_run, colours):
    assert "--keep" in refused("evaluate", digits_run, colours, "--keep")


# -- numbers with their uncertainty -----------------------------------------------------------------------


def test_a_run_and_its_evaluation_say_the_same(zoo, digits_run, read_result):
    val = read_result(digits_run)["metrics"]["val"]
    again = json.loads(zoo("evaluate", digits_run, "--split", "val", "--json")[1])["metrics"]["val"]
    for name, ends in val["intervals"].items():
        assert again["intervals"][name] == pytest.approx(ends, rel=1e-3)
        assert ends[0] <= val[name] <= ends[1]
    assert again["baseline"] == val["baseline"]
    assert again["calibration"]["scaled"]["how"] == "cross-fitted"
    assert again["calibration"]["ece"] == pytest.approx(val["calibration"]["ece"], abs=1e-4)
    card = json.loads((digits_run / "model" / "zoo.json").read_text())
    assert card["temperature"] == val["calibration"]["temperature"]


def test_predict_is_as_sure_as_the_temperature_leaves_it(digits_run):
    import numpy as np
    import torch

    import zoo as library

    classifier = library.load(digits_run, device="cpu")
    pixels = list(np.random.default_rng(0).integers(0, 255, (20, 16, 16, 1), dtype=np.uint8))
    logits = classifier.logits(pixels)
    assert classifier.temperature != 1.0
    assert torch.equal(classifier.probabilities(pixels), (logits / classifier.temperature).softmax(dim=1))
    named = classifier.predict([np.moveaxis(p, -1, 0) for p in pixels])
    assert [p["label"] for p in named] == [classifier.classes[i] for i in logits.argmax(dim=1).tolist()]
    assert all(isinstance(p["familiar"], bool) for p in named)


# -- the leaderboard --------------------------------------------------------------------------------------


@pytest.fixture
def board(runs, colours_run):
    """Three runs: two equal ones on digits, one of which is made worse, and one on a folder."""
    shutil.copytree(colours_run, "runs/three")
    path = Path("runs/two/result.json")
    result = json.loads(path.read_text())
    result["metrics"]["val"].update(accuracy=0.1, loss=9.0)
    path.write_text(json.dumps(result))


@pytest.mark.usefixtures("board")
def test_the_best_comes_first(zoo):
    def names(*words: str) -> list[str]:
        return [row["run"] for row in json.loads(zoo("runs", "list", "--json", *words)[1])]

    assert names("--sort", "val/accuracy") == ["three", "one", "two"]
    assert names("--sort", "val/loss")[-1] == "two", "of a loss the lowest is the best"
    assert names("--sort", "val/accuracy", "--reverse") == ["two", "one", "three"]
    assert names("--sort", "run") == ["one", "three", "two"]
    assert names("--dataset", "digits", "--sort", "val/accuracy") == ["one", "two"]
    assert names("--dataset", "colours") == ["three"]
    assert names("--since", "7d", "--sort", "run") == ["one", "three"]
    assert names("--since", "2020-01-01", "--sort", "run") == ["one", "three", "two"]
    assert names("--sort", "val/calibration/ece")[-1] == "three", "which has too few images for one"


@pytest.mark.usefixtures("board")
def test_the_table_has_ranks_and_intervals(zoo):
    code, out, _ = zoo("runs", "list", "--sort", "val/accuracy")
    assert code == 0
    assert "val accuracy" in out
    assert "–100.0%" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.usefixtures("board")
def test_csv_has_every_number(zoo):
    rows = list(csv.DictReader(io.StringIO(zoo("runs", "list", "--csv", "--sort", "run")[1])))
    assert [row["run"] for row in rows] == ["one", "three", "two"]
    assert float(rows[2]["val/accuracy"]) == 0.1


@pytest.mark.usefixtures("board")
def test_what_cannot_be_listed_so(refused, zoo):
    error = refused("runs", "list", "--sort", "val/acuracy")
    assert "val/accuracy" in error
    assert "'yesterday' is not a time" in refused("runs", "list", "--since", "yesterday")
    assert "one of --json and --csv" in refused("runs", "list", "--json", "--csv")
    assert "None of the 3 runs" in zoo("runs", "list", "--dataset", "mnist")[1]
