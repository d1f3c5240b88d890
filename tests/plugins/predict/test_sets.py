"""``--coverage``: the set of classes of a prediction, in each output, and refusals in plain words."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo as python
from zoo.engine.conformal import prediction_sets
from zoo.errors import RequestError
from zoo.model.conformal_scores import scores_of
from zoo.runner.predictions import read_predictions


@pytest.fixture(scope="module")
def trained(session_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of simple_cnn on digits, one epoch, which is often unsure."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(session_cache))
        patch.setenv("ZOO_OFFLINE", "1")
        patch.chdir(tmp_path_factory.mktemp("sets"))
        result = python.run("simple_cnn", "digits", epochs=1, set={"architecture.channels": [8]}, name="digits")
        return Path(result.dir).resolve()


@pytest.fixture
def run(trained: Path) -> Path:
    return Path(shutil.copytree(trained, "mine"))


@pytest.fixture
def album() -> Path:
    """Thirty pictures of the validation images' size."""
    from sklearn.datasets import load_digits

    folder = Path("album")
    folder.mkdir()
    for number, each in enumerate(load_digits().images[:30]):
        Image.fromarray((each * 255 / 16).astype(np.uint8)).save(folder / f"{number:02}.png")
    return folder


def card_without(run: Path, *names: str) -> None:
    card = json.loads((run / "model/zoo.json").read_text())
    (run / "model/zoo.json").write_text(json.dumps({key: each for key, each in card.items() if key not in names}))


def test_a_run_keeps_scores_that_promise_what_its_predictions_show(run):
    kept, scores = read_predictions(run, "val"), scores_of(python.load(run).card, 0.5)
    sets = prediction_sets(kept.probabilities, scores.quantile(0.9))
    assert scores.images == len(kept.targets)
    assert sets[np.arange(len(sets)), kept.targets].mean() >= 0.9


def test_a_higher_coverage_has_larger_sets_that_contain_the_smaller(run, album):
    files = sorted(album.iterdir())
    classifier = python.load(run)
    low, high = (classifier.predict(files, coverage=coverage) for coverage in (0.8, 0.99))
    assert all(set(one["set"]) <= set(two["set"]) for one, two in zip(low, high, strict=True))
    assert sum(len(each["set"]) for each in low) < sum(len(each["set"]) for each in high)
    assert all(each["set"][0] == each["label"] for each in high)
    assert "set" not in classifier.predict(files[0])[0]
    assert python.load(run, coverage=0.99).predict(files) == high


def test_every_output_has_the_sets(zoo, run, album):
    wanted = [each["set"] for each in python.load(run, coverage=0.95).predict(sorted(album.iterdir()))]
    how = ("predict", run, album, "--coverage", "0.95")
    assert [each["set"] for each in json.loads(zoo(*how, "--json")[1])["predictions"]] == wanted
    printed = list(csv.DictReader(zoo(*how, "--csv")[1].splitlines()))
    assert [each["set"].split(";") for each in printed] == wanted
    assert zoo(*how, "--out", "rows.csv")[0] == 0
    assert [each["set"].split(";") for each in csv.DictReader(Path("rows.csv").read_text().splitlines())] == wanted
    table = zoo(*how)[1]
    assert "set" in table.splitlines()[0]
    assert "second" not in table.splitlines()[0]
    code, _, err = zoo("predict", run, album, "--coverage", "0.9", "--out", "rows.csv", "--resume")
    assert (code, "--coverage 0.95, not --coverage 0.9" in err) == (2, True), err


def test_parquet_has_a_list_of_classes(zoo, run, album):
    parquet = pytest.importorskip("pyarrow.parquet")
    assert zoo("predict", run, album, "--coverage", "0.95", "--out", "rows")[0] == 0
    found = parquet.read_table("rows").column("set").to_pylist()
    assert found == [each["set"] for each in python.load(run, coverage=0.95).predict(sorted(album.iterdir()))]


def test_what_can_not_be_promised_is_refused(zoo, run, album):
    code, _, err = zoo("predict", run, album, "--coverage", "0.999")
    assert code == 2
    assert "needs at least 999 calibration images, and there are 360" in err
    with pytest.raises(RequestError, match="views of the calibration"):
        python.load(run).predict(sorted(album.iterdir()), coverage=0.9, tta="flip")
    card_without(run, "conformal")
    code, _, err = zoo("predict", run, album, "--coverage", "0.9")
    assert code == 2
    assert "zoo evaluate RUN --split val --coverage 0.9 --keep" in err


def test_evaluate_adds_the_scores_to_an_older_run(zoo, run):
    before = scores_of(python.load(run).card, 0.5)
    card_without(run, "conformal")
    code, out, err = zoo("evaluate", run, "--split", "val", "--coverage", "0.9", "--keep", "--json")
    assert code == 0, err
    found = json.loads(out)["metrics"]["val"]["conformal"]
    assert (found["promised"], found["images"], found["how"]) == (0.9, 360, "cross-fitted")
    assert found["interval"][0] <= 0.9 <= found["interval"][1] or found["covered"] > 0.9
    assert set(found["per_class"]) == set("0123456789")
    after = scores_of(python.load(run).card, 0.5)
    assert after.scores == pytest.approx(before.scores, abs=1e-5)


def test_evaluate_prints_the_rates_with_their_intervals(zoo, run):
    code, out, _ = zoo("evaluate", run, "--coverage", "0.9")
    assert code == 0
    assert "Sets of classes" in out
    assert "The promised 90.0% is kept" in out
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "Sets of classes" not in zoo("evaluate", run)[1]
