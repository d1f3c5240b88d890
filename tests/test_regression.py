"""Regression and ordinal runs, from the data to the answers."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from zoo.api import load, run
from zoo.errors import Interrupted, RequestError
from zoo.runner.observer import Observer, RunningTotals
from zoo.runner.predictions import read_predictions

Zoo = Callable[..., tuple[int, str, str]]
TINY = (
    *("--recipe", "none", "--image-size", "16", "--batch-size", "16", "--lr", "0.02", "--device", "cpu"),
    *("--set", "architecture={channels: [8], batch_norm: true, global_pool: avg, dropout: 0.0}"),
)
SMALL = {"channels": [8], "batch_norm": True, "global_pool": "avg", "dropout": 0.0}


@pytest.fixture(scope="module")
def shades(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 96 pictures with two brightnesses each, in tables with different columns."""
    root = tmp_path_factory.mktemp("shades")
    made = np.random.default_rng(0)
    rows = []
    for i in range(96):
        left, right = made.uniform(20, 235, 2).round(1)
        pixels = np.empty((16, 16, 3))
        pixels[:, :8], pixels[:, 8:] = left, right
        noisy = np.clip(pixels + made.normal(0, 4, pixels.shape), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(root / f"{i:02}.png")
        level = int((left + right) / 2 // 64)
        rows.append([f"{i:02}.png", (left + right) / 200, left, right, level, f"film {i % 12}"])
    table(root / "one.csv", ["path", "label"], [row[:2] for row in rows])
    table(root / "two.csv", ["path", "left", "right"], [[row[0], *row[2:4]] for row in rows])
    table(root / "levels.csv", ["path", "label"], [[row[0], row[4]] for row in rows])
    table(root / "films.csv", ["path", "label", "group"], [[row[0], row[1], row[5]] for row in rows])
    return root


class Stop(Observer):
    """Interrupts a run in its second epoch."""

    def step(self, seen: int, totals: RunningTotals) -> None:
        self.steps = getattr(self, "steps", 0) + 1
        if self.steps == 8:
            raise KeyboardInterrupt


def table(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture
def trained(zoo: Zoo, read_result: Callable[..., Any], shades: Path) -> Callable[..., dict[str, Any]]:
    """Function that trains a tiny network on a table, and returns the result."""

    def train(name: str, *words: str, data: str = "one.csv", epochs: int = 3) -> dict[str, Any]:
        typed = ("run", "simple_cnn", shades / data, *TINY, "--epochs", epochs, "--name", name, "--quiet", *words)
        code, _, err = zoo(*typed)
        assert code == 0, err
        return read_result(f"runs/{name}")

    return train


def test_a_column_of_decimal_numbers_is_learned_and_answered_in_its_unit(zoo, trained, shades: Path):
    result = trained("one", epochs=8)
    val = result["metrics"]["val"]
    assert result["task"] == "regression"
    assert result["classes"] == ["label"]
    assert val["mae"] < val["baseline"]["mae"] / 2
    assert val["intervals"]["mae"][0] < val["mae"] < val["intervals"]["mae"][1]
    with (shades / "one.csv").open() as file:
        known = {row["path"]: float(row["label"]) for row in csv.DictReader(file)}
    classifier = load("runs/one")
    answers = classifier.predict([shades / name for name in known])
    errors = [abs(answer["value"] - value) for answer, value in zip(answers, known.values(), strict=True)]
    assert np.mean(errors) < val["baseline"]["mae"] / 2
    kept = read_predictions(Path("runs/one"), "val")
    assert kept.errors.mean() == pytest.approx(val["mae"], rel=1e-4)
    targets = [known[Path(name).name] for name in kept.names]
    assert kept.targets[:, 0] == pytest.approx(targets, rel=1e-6)
    code, out, err = zoo("evaluate", "one", "--json")
    assert code == 0, err
    again = json.loads(out)["metrics"]["val"]
    assert {name: again[name] for name in ("mae", "r2", "spearman")} == pytest.approx(
        {name: val[name] for name in ("mae", "r2", "spearman")}, rel=1e-4
    )


def test_a_resumed_run_has_the_same_weights(zoo, trained, shades: Path):
    trained("whole", "--set", "augment=[mixup]")
    settings = {"architecture": {"name": "simple_cnn", **SMALL}, "augment": ["mixup"]}
    how = {"image_size": 16, "batch_size": 16, "lr": 0.02, "device": "cpu", "epochs": 3, "recipe": "none"}
    with pytest.raises(Interrupted):
        run("simple_cnn", shades / "one.csv", set=settings, name="cut", observer=Stop(), **how)
    code, _, err = zoo("run", "--resume", "runs/cut", "--quiet")
    assert code == 0, err
    files = [Path("runs") / name / "model" / "model.safetensors" for name in ("whole", "cut")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_two_values_have_a_scale_and_an_output_each(trained, shades: Path):
    result = trained("two", "--set", "dataset.value_columns=[left, right]", data="two.csv", epochs=4)
    assert result["classes"] == ["left", "right"]
    assert result["metrics"]["val"]["per_output"].keys() == {"left", "right"}
    values = load("runs/two").predict([shades / "00.png", shades / "01.png", shades / "02.png"])
    for name in ("left", "right"):
        assert len({answer["values"][name] for answer in values}) == 3, "no output is constant"


def test_quantiles_bound_the_value(trained, shades: Path):
    trained("spread", "--set", "loss=quantile", epochs=6)
    card = json.loads(Path("runs/spread/model/zoo.json").read_text())
    assert card["outputs"]["link"] == {"kind": "quantiles", "levels": [0.05, 0.5, 0.95]}
    classifier = load("runs/spread")
    assert classifier.model(torch.zeros(1, 3, 16, 16)).shape == (1, 3)
    assert classifier.logits([np.zeros((16, 16, 3), np.uint8)]).shape == (1, 1)


def test_folders_that_are_called_by_numbers_are_values_on_request(zoo, read_result, tmp_path: Path):
    for number in (10, 20, 40):
        (tmp_path / "ages" / str(number)).mkdir(parents=True)
        for i in range(8):
            Image.new("RGB", (16, 16), (5 * number,) * 3).save(tmp_path / "ages" / str(number) / f"{i}.png")
    typed = ("run", "simple_cnn", tmp_path / "ages", *TINY, "--epochs", "2", "--name", "ages", "--quiet")
    code, _, err = zoo(*typed, "--task", "regression")
    assert code == 0, err
    result = read_result("runs/ages")
    assert result["classes"] == ["value"]
    assert set(read_predictions(Path("runs/ages"), "val").targets[:, 0].tolist()) <= {10.0, 20.0, 40.0}


def test_folders_that_are_no_numbers_are_refused(refused, make_folder):
    root = make_folder({"12": 4, "old": 4})
    err = refused("run", "simple_cnn", root, *TINY, "--task", "regression")
    assert "'old' is none" in err
    assert "--task regression" in err


@pytest.mark.parametrize("loss", ["corn", "ordinal", "cross_entropy"])
def test_levels_are_learned_in_their_order(trained, loss: str):
    result = trained(f"levels-{loss}", "--task", "ordinal", "--set", f"loss={loss}", data="levels.csv", epochs=12)
    val = result["metrics"]["val"]
    assert result["task"] == "ordinal"
    assert result["classes"] == ["0", "1", "2", "3"]
    assert val["mae_ranks"] < val["baseline"]["mae_ranks"]
    assert val["intervals"].keys() >= {"accuracy", "mae_ranks", "qwk"}
    assert result["best"]["metric"] == "val/mae_ranks"
    kept = read_predictions(Path(f"runs/levels-{loss}"), "val")
    assert kept.probabilities.sum(axis=1) == pytest.approx(1)


def test_the_order_of_levels_is_that_of_their_numbers(zoo, read_result, tmp_path: Path):
    for name in ("2 to 5", "10 and more", "0"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(6):
            Image.new("L", (16, 16), hash(name) % 256).save(tmp_path / "data" / name / f"{i}.png")
    typed = ("run", "simple_cnn", tmp_path / "data", *TINY, "--epochs", "1", "--name", "ranks", "--quiet")
    assert zoo(*typed, "--task", "ordinal")[0] == 0
    assert read_result("runs/ranks")["classes"] == ["0", "2 to 5", "10 and more"]


def test_levels_without_numbers_are_refused(refused, make_folder):
    err = refused("run", "simple_cnn", make_folder({"low": 4, "high": 4}), *TINY, "--task", "ordinal")
    assert "begin with different numbers" in err


@pytest.mark.slow
def test_groups_stay_together_in_folds_of_values(zoo, shades: Path):
    typed = ("run", "simple_cnn", shades / "films.csv", *TINY, "--epochs", "1", "--folds", "3", "--name", "films")
    code, _, err = zoo(*typed, "--quiet")
    assert code == 0, err
    with (shades / "films.csv").open() as file:
        film = {row["path"]: row["group"] for row in csv.DictReader(file)}
    folds = [read_predictions(path.parent, "val").names for path in sorted(Path("runs").glob("films*/**/job.yaml"))]
    assert sum(map(len, folds)) == 96
    seen = [{film[Path(name).name] for name in names} for names in folds]
    assert sum(map(len, seen)) == len(set().union(*seen)) == 12


def test_a_teacher_gives_values_in_another_scale(trained):
    trained("teacher", epochs=6)
    learner = trained("learner", "--teacher", "runs/teacher", "--set", "train.distill_weight=1.0", epochs=6)
    val = learner["metrics"]["val"]
    assert val["mae"] < val["baseline"]["mae"]


def test_a_teacher_is_refused_for_outputs_of_another_meaning(trained, refused, shades: Path):
    trained("teacher", epochs=1)
    typed = ("run", "simple_cnn", shades / "one.csv", *TINY, "--set", "loss=quantile", "--teacher", "runs/teacher")
    assert "can't be compared with a teacher's" in refused(*typed)


def test_a_frozen_backbone_trains_its_head_on_values(trained):
    trained("base", epochs=4)
    result = trained("head", "--weights", "runs/base", "--freeze", "backbone", epochs=4)
    assert result["model"]["features"]
    assert result["metrics"]["val"]["mae"] < result["metrics"]["val"]["baseline"]["mae"]


def test_views_and_pieces_change_nothing_but_rounding(trained):
    cut_in_three = ("--set", "train.accumulate=3")
    plain = trained("plain", "--precision", "fp32", "--set", "architecture.batch_norm=false")
    cut = trained("pieces", "--precision", "fp32", "--set", "architecture.batch_norm=false", *cut_in_three)
    assert cut["metrics"]["val"]["mae"] == pytest.approx(plain["metrics"]["val"]["mae"], rel=1e-3)
    seen = trained("views", "--set", "architecture.batch_norm=false", "--tta", "flip")
    assert seen["metrics"]["val"]["mae"] < seen["metrics"]["val"]["baseline"]["mae"]


def test_two_regressions_are_compared_by_their_absolute_errors(zoo, trained):
    trained("poor", epochs=1)
    trained("good", epochs=8)
    code, out, err = zoo("runs", "compare", "poor", "good", "--json")
    assert code == 0, err
    (row,) = json.loads(out)["comparisons"]
    assert row["metrics"].keys() == {"mae", "rmse", "r2", "spearman"}
    assert row["metrics"]["mae"]["test"] == "Wilcoxon signed-rank"
    assert row["metrics"]["mae"]["difference"] < 0
    assert "mean absolute error" in row["verdict"]


def test_intervals_contain_the_value_as_often_as_promised(zoo, trained, shades: Path):
    trained("intervals", "--set", "data.val_fraction=0.5", epochs=4)
    code, out, err = zoo("evaluate", "intervals", "--coverage", "0.8", "--json")
    assert code == 0, err
    found = json.loads(out)["metrics"]["val"]["conformal"]
    assert found["how"] == "cross-fitted"
    low, high = found["interval"]
    assert low < 0.8 < high
    answer = load("runs/intervals").predict(shades / "00.png")[0]
    assert answer["coverage"] == 0.9
    assert answer["interval"][0] < answer["value"] < answer["interval"][1]
    narrow = load("runs/intervals", coverage=0.5).predict(shades / "00.png")[0]["interval"]
    assert answer["interval"][0] < narrow[0] < narrow[1] < answer["interval"][1]


def test_a_coverage_without_enough_images_is_refused(trained, refused):
    trained("few", epochs=1)
    assert "needs at least 999 calibration images" in refused("evaluate", "few", "--coverage", "0.999")


def test_a_dataset_declares_its_ranks(zoo):
    from zoo.api import run

    class Levels:
        task, classes = "ordinal", ("3 high", "1 low", "2 middle")

        def __len__(self) -> int:
            return 24

        def __getitem__(self, index: int) -> tuple[Any, int]:
            return Image.new("RGB", (16, 16), (80 * (index % 3),) * 3), index % 3

    how = {"image_size": 16, "batch_size": 8, "epochs": 1, "device": "cpu", "recipe": "none"}
    result = run("simple_cnn", Levels(), set={"architecture": {"name": "simple_cnn", **SMALL}}, name="ranks", **how)
    assert result["classes"] == ["1 low", "2 middle", "3 high"]
    assert result["task"] == "ordinal"


def test_many_whole_numbers_bring_a_notice(zoo, read_result, shades: Path, tmp_path: Path):
    with (shades / "one.csv").open() as file:
        rows = [[shades / row["path"], int(100 * float(row["label"])) // 4] for row in csv.DictReader(file)]
    table(tmp_path / "amounts.csv", ["path", "label"], [row for row in rows for _ in range(2)])
    typed = ("run", "simple_cnn", tmp_path / "amounts.csv", *TINY, "--epochs", "1", "--name", "amounts", "--quiet")
    assert zoo(*typed)[0] == 0
    (notice,) = [text for text in read_result("runs/amounts")["notices"] if "whole numbers" in text]
    assert "--task regression" in notice


def test_more_folds_than_a_tenth_of_the_images_divide_values_too():
    from zoo.data.splits import hold_out_fold
    from zoo.errors import DataError

    labels = np.random.default_rng(0).normal(size=(60, 1))
    held = [hold_out_fold(labels, 20, fold, 0, ["age"])[1] for fold in range(1, 21)]
    assert sorted(np.concatenate(held)) == list(range(60))
    assert {len(each) for each in held} == {3}
    with pytest.raises(DataError, match="70 folds need at least 70 training images"):
        hold_out_fold(labels, 70, 1, 0, ["age"])


def test_a_coverage_with_other_views_is_refused(trained, shades: Path):
    trained("straight", "--set", "data.val_fraction=0.5", epochs=1)
    classifier = load("runs/straight")
    assert "interval" not in classifier.predict(shades / "00.png", tta="flip")[0]
    with pytest.raises(RequestError, match="A coverage holds for the views of the calibration, 'none'"):
        classifier.predict(shades / "00.png", tta="flip", coverage=0.8)


def test_a_coverage_is_verified_and_saved_for_the_views_of_the_calibration_alone(zoo, trained, refused, shades: Path):
    trained("straight", "--set", "data.val_fraction=0.5", epochs=1)
    card = Path("runs/straight/model/zoo.json")
    kept = card.read_text()
    for words in ((shades / "one.csv",), ("--split", "train"), ("--keep",)):
        err = refused("evaluate", "straight", *words, "--coverage", "0.8", "--tta", "flip")
        assert "A coverage holds for the views of the calibration, 'none'. Type: --tta none" in err
    assert card.read_text() == kept
    assert zoo("evaluate", "straight", "--coverage", "0.8", "--tta", "flip")[0] == 0
    assert zoo("evaluate", "straight", shades / "one.csv", "--coverage", "0.8")[0] == 0
