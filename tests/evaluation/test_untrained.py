"""A run of a model that was made without training steps has what a trained one has."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from zoo.data.open import open_training, training_splits
from zoo.errors import TrainingError
from zoo.evaluation.evaluate import evaluate_run
from zoo.evaluation.untrained import UntrainedRun, write_untrained
from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import resolve
from zoo.model.bundle import load_model, read_card
from zoo.runner.build import build_opener
from zoo.runner.predictions import read_predictions
from zoo.runner.run_result import read_result

REGISTRY = open_registry()


@pytest.fixture
def run(digits_run: Path) -> UntrainedRun:
    """The model of a run on digits, as if somebody had made it otherwise."""
    resolved = resolve(make_request({}, file=digits_run / "job.yaml"), REGISTRY)
    model, card = load_model(digits_run / "model", REGISTRY)
    opener, job = build_opener(resolved), resolved.job
    train, classes = open_training(opener)
    splits = training_splits(opener, train, classes, job.data.val_fraction, job.seed)
    pixels = torch.from_numpy(splits["val"].gather(torch.arange(len(splits["val"])).numpy())).permute(0, 3, 1, 2)
    images = (pixels.float() / 255 - torch.tensor(job.data.mean).view(-1, 1, 1)) / torch.tensor(job.data.std).view(
        -1, 1, 1
    )
    with torch.no_grad():
        logits = {"val": model(images)}
    made = {"made": "made by hand", "seconds": 1.5, "notices": ["Look."]}
    return UntrainedRun(resolved, model, card["classes"], splits, logits, **made)


def test_it_is_measured_and_written_as_a_run(run: UntrainedRun, tmp_path: Path):
    home = tmp_path / "home"
    home.mkdir()
    result = write_untrained(run, home, tmp_path / "runs" / "mine")
    assert read_result(home).document() == result.document()
    assert (result.status, result.run, result.dir) == ("completed", "mine", str(tmp_path / "runs" / "mine"))
    assert (result.notices[0], result.model.begins, result.timing.total_s) == ("Look.", "made by hand", 1.5)
    assert (home / "job.yaml").read_text("utf-8").startswith("# made by hand\n")
    again = evaluate_run(home, registry=REGISTRY)
    one_image = 1.01 / len(run.splits["val"])  # of a near tie, computed in other batches
    assert again.metrics_of("val").accuracy == pytest.approx(result.metrics_of("val").accuracy, abs=one_image)
    assert again.metrics_of("val").loss == pytest.approx(result.metrics_of("val").loss, rel=0.02)
    card = read_card(home / "model")
    assert card["temperature"] == result.metrics_of("val").calibration.temperature
    kept = read_predictions(home, "val")
    assert kept.right.mean() == result.metrics_of("val").accuracy
    assert kept.temperature == card["temperature"]


def test_further_entries_are_kept(run: UntrainedRun, tmp_path: Path):
    more = dataclasses.replace(run, card={"made": {"by": "hand"}}, result={"made": {"by": "hand"}})
    result = write_untrained(more, tmp_path, tmp_path)
    assert read_card(tmp_path / "model")["made"] == result.document()["made"] == {"by": "hand"}


def test_logits_that_are_not_finite_are_an_error(run: UntrainedRun, tmp_path: Path):
    run.logits["val"][0, 0] = torch.nan
    with pytest.raises(TrainingError, match="The predictions of 1 of"):
        write_untrained(run, tmp_path, tmp_path)
