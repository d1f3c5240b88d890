"""Runs of values and of ranks: the merged model answers the mean, in the unit of the data."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from zoo import load
from zoo.api.models import load_model, read_card
from zoo.engine.task import task_of_card
from zoo.engine.value_intervals import calibrate_values
from zoo.host.loader import open_registry
from zoo.runner.predictions import Predictions, read_predictions
from zoo_merge import judging

from .conftest import TINY

TWO = ("--set", "dataset.value_columns=[light,warm]")
LEVELS = "loss.quantiles=[0.1,0.5,0.9]"


def write_measured(folder: Path) -> Path:
    """A CSV file of noisy pictures with their light (in thousands), warmth (about 0) and stage, and fixed splits."""
    rng = np.random.default_rng(5)
    folder.mkdir()
    with (folder / "measured.csv").open("w") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "light", "warm", "stage", "split"])
        for i in range(110):
            light, warm = rng.uniform(0, 3000), rng.uniform(-1, 1)
            colour = np.array((90 + 60 * warm, 90, 90 - 60 * warm)) + light / 40
            pixels = np.clip(colour + rng.integers(-20, 20, (12, 12, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{i:03}.png")
            split = "val" if i >= 70 else "train"
            rows.writerow(
                [f"{i:03}.png", 0.0 if i == 1 else round(light, 1), round(warm, 3), int(light // 1000), split]
            )
    return folder / "measured.csv"


@pytest.fixture(scope="session")
def valued(session_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``runs`` of values, quantiles and ranks."""
    from zoo.__main__ import main

    home = tmp_path_factory.mktemp("valued")
    table = write_measured(home / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(session_cache))
        patch.setenv("ZOO_OFFLINE", "1")
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        patch.chdir(home)

        def run(name: str, *more: str) -> None:
            assert main(["run", "simple_cnn", str(table), *TINY, "--epochs", "2", "--name", name, *more]) == 0

        run("v1", *TWO)
        run("v2", *TWO, "--seed", "1")
        run("turned", "--set", "dataset.value_columns=[warm,light]", "--seed", "2", "--set", "loss=l1")
        run("w1", *TWO, "--seed", "3", "--weights", "runs/v1")
        run("w2", *TWO, "--seed", "4", "--weights", "runs/v1")
        run("q1", *TWO, "--set", "loss=quantile")
        run("q2", "--set", "dataset.value_columns=[warm,light]", "--set", "loss=quantile", "--seed", "1")
        run("q3", *TWO, "--set", "loss=quantile", "--set", LEVELS)
        unsplit = ("--set", "dataset.split_column=none_such", "--set", "dataset.label_column=light")
        run("folds", *unsplit, "--folds", "2")
        run("qfolds", *unsplit, "--folds", "2", "--set", "loss=quantile")
        run("seeds", *unsplit, "--seeds", "2", "--set", "data.val_fraction=0.5")
        stages = ("--set", "dataset.label_column=stage", "--task", "ordinal")
        for loss in ("corn", "cumulative"):
            run(f"{loss}1", *stages, "--set", f"loss={loss}")
            run(f"{loss}2", *stages, "--set", f"loss={loss}", "--seed", "1")
    return home


@pytest.fixture
def runs(valued: Path) -> Path:
    """A copy of the trained runs in the working folder."""
    shutil.copytree(valued / "runs", "runs")
    return Path("runs")


def stored(run: str, split: str = "val") -> Predictions:
    return read_predictions(Path("runs") / run, split)


def card(run: str) -> dict[str, Any]:
    return read_card(Path("runs") / run / "model")


def rewrite(run: str, **values: object) -> None:
    path = Path("runs") / run / "model" / "zoo.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_the_ensemble_answers_the_mean_of_each_value_by_its_name(zoo, runs, valued):
    code, out, error = zoo("merge", "v1", "v2", "turned", "--as", "ensemble", "--name", "e", "--force")
    assert code == 0, error
    assert "The values of these runs are averaged:\nv1: simple/simple_cnn, val MAE " in out
    assert "On 40 val images that no run was trained on: ensemble MAE " in out
    assert "Wilcoxon signed-rank p = " in out
    assert "accuracy" not in out
    each = [stored("v1"), stored("v2"), stored("turned")]
    assert each[2].classes == ["warm", "light"]
    mean = (each[0].logits + each[1].logits + each[2].logits[:, ::-1]) / 3
    assert np.abs((stored("e").logits - mean) / mean.std(axis=0)).max() < 1e-4
    assert (stored("e").classes, card("e")["outputs"]) == (["light", "warm"], card("v1")["outputs"])
    errors = np.sort(np.abs(mean - each[0].targets), axis=0)
    assert np.allclose(card("e")["intervals"]["scores"], errors.T, rtol=1e-3, atol=1e-3)
    picture = next((valued / "data").glob("*.png"))
    [said] = json.loads(zoo("predict", "e", picture, "--json")[1])["predictions"]
    [one], [two], [three] = (load(runs / name).predict(picture) for name in ("v1", "v2", "turned"))
    for name in ("light", "warm"):
        assert said["values"][name] == pytest.approx(
            np.mean([each["values"][name] for each in (one, two, three)]), 1e-3
        )
    assert zoo("evaluate", "e", "--coverage", "0.9")[0] == 0
    assert zoo("runs", "compare", "e", "v1")[0] == 0


def test_folds_have_scales_of_their_own_and_one_unit(zoo, runs, valued, read_result):
    assert card("folds-fold1")["outputs"] != card("folds-fold2")["outputs"]
    code, out, error = zoo("merge", "folds", "--as", "ensemble")
    assert code == 0, error
    found, folds = stored("folds-ensemble"), [stored("folds-fold1"), stored("folds-fold2")]
    own = {name: value for fold in folds for name, value in zip(fold.names, fold.logits[:, 0], strict=True)}
    assert len(own) == 110
    assert np.allclose(found.logits[:, 0], [own[name] for name in found.names], rtol=1e-4, atol=0.1)
    errors = np.sort(np.abs(found.logits - found.targets)[:, 0])
    assert card("folds-ensemble")["intervals"]["images"] == 110
    assert np.allclose(card("folds-ensemble")["intervals"]["scores"][0], errors, rtol=1e-3, atol=0.1)
    result = read_result("runs/folds-ensemble")
    assert result["metrics"]["val"]["mae"] == pytest.approx(errors.mean(), rel=1e-4)
    assert (result["task"], result["splits"]["val"]) == ("regression", {**result["splits"]["val"], "images": 110})
    assert "no paired test" in out
    for picture in sorted((valued / "data").glob("*.png"))[:3]:
        each = [load(runs / name).predict(picture)[0]["value"] for name in ("folds-fold1", "folds-fold2")]
        assert load(runs / "folds-ensemble").predict(picture)[0]["value"] == pytest.approx(np.mean(each), rel=1e-3)


def test_labels_that_differ_by_rounding_alone_are_the_same(zoo, refused, runs):
    """Each run standardises by its own training images, so a value of 0 returns as some hundred-thousandth."""
    one, two = stored("seeds-seed0"), stored("seeds-seed1")
    labels = dict(zip(one.names, one.targets[:, 0], strict=True))
    both = [(labels[name], value) for name, value in zip(two.names, two.targets[:, 0], strict=True) if name in labels]
    assert any(mine != theirs for mine, theirs in both)
    code, _, error = zoo("merge", "seeds", "--as", "ensemble", "--force")
    assert code == 0, error
    path = runs / "seeds-seed1" / "predictions_val.npz"
    with np.load(path) as kept:
        arrays = {**kept, "targets": kept["targets"] + 5}
    np.savez(path, **arrays)
    assert "different labels" in refused("merge", "seeds", "--as", "ensemble", "--name", "x")


def levels_of(run: str, images: torch.Tensor, names: list[str]) -> torch.Tensor:
    """Quantiles (N, K, Q) of a run in the unit of the data, its values in this order."""
    network, own = load_model(Path("runs") / run / "model", open_registry())
    outputs = network(images).detach().reshape(len(images), len(names), -1)
    std, mean = (torch.tensor(own["outputs"][name])[:, None] for name in ("std", "mean"))
    return (outputs * std + mean)[:, [own["classes"].index(name) for name in names]]


@pytest.mark.parametrize("names", [("q1", "q2"), ("qfolds",)])
def test_quantiles_are_averaged_level_by_level(zoo, runs, names):
    code, _, error = zoo("merge", *names, "--as", "ensemble", "--name", "e", "--force")
    assert code == 0, error
    merged, kept = load_model(runs / "e" / "model", open_registry())
    images, task = torch.rand(5, 3, 12, 12, generator=torch.Generator().manual_seed(0)), task_of_card(kept)
    singles = ("qfolds-fold1", "qfolds-fold2") if names == ("qfolds",) else names
    each = [levels_of(name, images, kept["classes"]) for name in singles]
    found, scale = levels_of("e", images, kept["classes"]), torch.tensor(kept["outputs"]["std"])[:, None]
    assert ((found - torch.stack(each).mean(dim=0)) / scale).abs().max() < 1e-4
    assert torch.allclose(task.read(merged(images)), found[:, :, 1], rtol=1e-4)
    assert (kept["intervals"]["kind"], kept["intervals"]["images"]) == (
        "quantiles",
        110 if names[0] == "qfolds" else 40,
    )
    found, scores = stored("e"), kept["intervals"]["scores"][0]
    errors = np.sort(np.abs(found.logits - found.targets)[:, 0])
    assert scores[0] < 0, "values between their quantiles"
    assert scores[-1] < errors[-1]
    assert zoo("evaluate", "e", "--split", "val", "--coverage", "0.9")[0] == 0


def test_intervals_of_quantiles_are_those_of_the_merged_network(zoo, runs, monkeypatch):
    """Calibrated on the runs' predictions, they are the same as on those of the network itself."""
    assert zoo("merge", "q1", "q2", "--as", "ensemble", "--name", "e", "--force")[0] == 0
    assert_calibrated_on_its_own_answers("e", zoo, monkeypatch)


def assert_calibrated_on_its_own_answers(run, zoo, monkeypatch):
    from zoo.evaluation import coverage

    before, own = card(run)["intervals"], []
    calibrate = coverage.calibrate_values
    monkeypatch.setattr(coverage, "calibrate_values", lambda *given: own.append(calibrate(*given)) or own[-1])
    assert zoo("evaluate", run, "--split", "val", "--coverage", "0.9", "--keep")[0] == 0
    assert before["kind"] == "quantiles"
    assert np.allclose(before["scores"], own[0].scores, rtol=1e-3, atol=0.05)
    assert calibrate is calibrate_values


@pytest.mark.parametrize(
    ("others", "words"),
    [
        (("q1", "q3"), ("quantiles 0.05, 0.5, 0.95 of q1", "0.1, 0.5, 0.9 of q3", "same loss")),
        (("v1", "q1"), ("the values of v1", "quantiles", "same loss")),
        (("corn1", "cumulative1"), ("ranks (corn) of corn1", "(cumulative) of cumulative1", "same loss")),
    ],
)
def test_outputs_without_a_mean_are_refused(refused, runs, others, words):
    error = refused("merge", *others, "--as", "ensemble")
    for word in words:
        assert word in error


def test_other_values_are_refused(refused, runs):
    rewrite("v2", classes=["light", "speed"])
    error = refused("merge", "v1", "v2", "--as", "ensemble")
    assert "different values: only v2 has speed" in error or "different values: only v1 has warm" in error


def test_the_scores_of_one_run_are_not_those_of_the_merged_one(zoo, runs):
    """With fewer than 20 validation images nothing is calibrated, and nothing is left of the first run's either."""
    for run in ("v1", "v2"):
        kept = stored(run)
        rows = np.arange(12)
        arrays = {name: getattr(kept, name)[rows] for name in ("targets", "logits")}
        about = {"names": kept.names[:12], "classes": kept.classes, "temperature": 1.0}
        encoded = np.frombuffer(json.dumps(about).encode("ascii"), np.uint8)
        np.savez(runs / run / "predictions_val.npz", about=encoded, **arrays)
    assert zoo("merge", "v1", "v2", "--as", "ensemble", "--name", "e", "--force")[0] == 0
    assert "intervals" not in card("e")


def said(error: float, names: list[str]) -> Predictions:
    targets = np.linspace(0, 100, len(names), dtype=np.float32)[:, None]
    values = targets + error * np.resize([1, -0.9], len(names))[:, None].astype(np.float32)
    return Predictions(names, ["age"], targets, values, values)


def test_the_best_single_run_is_that_of_the_lowest_error():
    names = [str(i) for i in range(60)]
    found = judging._judged("regression", "val", {"a": said(8, names), "b": said(4, names)}, said(2, names))
    assert (found.best, found.better, found.worse) == ("b", True, False)
    assert found.merged_score == pytest.approx(1.9, abs=1e-4)
    sentence = found.sentence("ensemble")
    for word in ("ensemble MAE 1.9, the best single run (b) 3.8", "Difference -1.9, 95% interval -1.", "signed-rank"):
        assert word in sentence
    worse = judging._judged("regression", "val", {"a": said(8, names), "b": said(4, names)}, said(9, names))
    assert (worse.best, worse.better, worse.worse) == ("b", False, True)
    assert "Difference +4.75" in worse.sentence("ensemble")


def test_a_model_with_larger_errors_is_not_kept(zoo, runs):
    """Here a network is averaged with one that answers far too large values."""
    outputs = card("v2")["outputs"]
    rewrite("v2", outputs={**outputs, "mean": [20_000.0, 30.0]})
    code, _, error = zoo("merge", "v1", "v2", "--as", "ensemble", "--name", "e")
    assert code == 1
    assert not Path("runs/e").exists()
    for word in ("was not kept", "significantly worse than v", "ensemble MAE", "signed-rank p =", "--force"):
        assert word in error


def test_a_soup_is_chosen_by_the_lowest_error(zoo, runs):
    code, out, error = zoo("merge", "w1", "w2", "--as", "soup", "--name", "s", "--force")
    assert code == 0, error
    best = min(("w1", "w2"), key=lambda run: stored(run).errors.mean())
    assert f"{best} alone: MAE {stored(best).errors.mean():.4g}" in out
    assert stored("s").errors.mean() <= stored(best).errors.mean() + 1e-3
    assert card("s")["outputs"] == card("w1")["outputs"]
    assert card("s")["intervals"]["images"] == 40


def test_a_soup_of_values_on_several_scales_is_refused(refused, runs):
    error = refused("merge", "folds", "--as", "soup", "--force")
    for word in ("different training images", "one scale", "--as ensemble"):
        assert word in error


def test_a_soup_of_quantiles_is_chosen_by_their_medians(zoo, runs, monkeypatch):
    shutil.copytree("runs/q1", "runs/copy")
    code, out, error = zoo("merge", "q1", "copy", "--as", "soup", "--name", "s", "--force")
    assert code == 0, error
    assert f"q1 alone: MAE {stored('q1').errors.mean():.4g}" in out
    assert_calibrated_on_its_own_answers("s", zoo, monkeypatch)


@pytest.mark.parametrize("loss", ["corn", "cumulative"])
def test_ranks_have_the_mean_probability(zoo, runs, loss):
    code, _, error = zoo("merge", f"{loss}1", f"{loss}2", "--as", "ensemble", "--name", "e", "--force")
    assert code == 0, error
    mean = (stored(f"{loss}1").probabilities + stored(f"{loss}2").probabilities) / 2
    logits = stored("e").logits.astype(float)
    assert np.allclose(np.exp(logits), mean, atol=1e-4)
    assert card("e")["outputs"]["link"]["kind"] == loss
    assert zoo("evaluate", "e", "--json")[0] == 0


def test_ranks_of_several_orders_are_refused(refused, runs):
    rewrite("corn2", classes=card("corn1")["classes"][::-1])
    assert "different orders" in refused("merge", "corn1", "corn2", "--as", "ensemble")


@pytest.mark.parametrize("run", ["q1", "corn1"])
def test_outputs_that_no_teacher_has_are_not_distilled(refused, runs, run):
    shutil.copytree(f"runs/{run}", "runs/copy")
    error = refused("merge", run, "copy", "--as", "distilled")
    for word in ("can't be compared with a teacher's", "--as ensemble", "--set loss=mse"):
        assert word in error


def test_a_distillation_that_can_not_work_is_refused_before_training(refused, valued):
    words = ("--set", "loss=quantile", "--seeds", "2", "--merge", "distilled")
    error = refused("run", "simple_cnn", valued / "data" / "measured.csv", *TINY, *TWO, "--name", "x", *words)
    assert "--merge ensemble" in error


@pytest.mark.slow
def test_one_network_learns_the_mean_of_values(zoo, runs, read_result):
    code, out, error = zoo("merge", "v1", "v2", "--as", "distilled", "--name", "d", "--force")
    assert code == 0, error
    assert "epoch 2/2: val MAE " in error
    assert "ensemble of these runs as its teacher" in out
    assert read_result("runs/d")["model"]["teacher"]["architecture"] == "merge/ensemble"


@pytest.mark.slow
def test_folds_are_merged_as_soon_as_they_are_trained(zoo, valued):
    table = valued / "data" / "measured.csv"
    words = ("--set", "dataset.label_column=light", "--task", "regression", "--folds", "2", "--merge", "ensemble")
    code, _, error = zoo("run", "simple_cnn", table, *TINY, "--epochs", "3", "--name", "f", *words)
    assert code == 0, error
    notices = " ".join(json.loads(Path("runs/f/summary.json").read_text())["notices"])
    assert "40 unused val images" in notices
    assert "MAE" in notices


@pytest.mark.slow
@pytest.mark.parametrize("names", [("v1", "turned"), ("q1", "q2"), ("folds",), ("corn1", "corn2")])
def test_it_is_exported_with_the_same_values(zoo, runs, names):
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    assert zoo("merge", *names, "--as", "ensemble", "--name", "e", "--force")[0] == 0
    code, out, error = zoo("export", "e", "--format", "onnx")
    assert code == 0, error
    assert "compared with the run" in out
    own, file = (
        json.loads(zoo("evaluate", each, "--json")[1])["metrics"]["val"] for each in ("e", "runs/e/model.onnx")
    )
    key = "mae" if "mae" in own else "accuracy"
    assert file[key] == pytest.approx(own[key], rel=0.02)


@pytest.mark.parametrize("loss", ["mse", "quantile"])
def test_an_ensemble_that_is_trained_as_a_whole_gives_the_mean_of_its_outputs(zoo, valued, loss):
    member = "{architecture: simple_cnn, params: {channels: [4]}}"
    words = ("--set", f"architecture.members=[{member}, {member}]", "--set", f"loss={loss}", "--name", "t")
    code, _, error = zoo("run", "ensemble", valued / "data" / "measured.csv", *TINY[:-2], *TWO, *words)
    assert code == 0, error
    model, _ = load_model(Path("runs/t/model"), open_registry())
    images = torch.rand(4, 3, 12, 12)
    mean = (model.members[0](images) + model.members[1](images)) / 2
    assert torch.allclose(model(images), mean, atol=1e-5)
