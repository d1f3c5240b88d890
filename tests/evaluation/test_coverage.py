"""``zoo evaluate --coverage``: sets are verified on images that did not calibrate them, or refused in plain words."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zoo.engine.conformal import ConformalScores
from zoo.errors import RequestError
from zoo.evaluation.coverage import coverage_on, save_scores
from zoo.model.bundle import copied_weights, read_card, write_card, write_weights
from zoo.model.conformal_scores import scores_of

CLASSES = ["a", "b", "c"]
CARD = {
    "classes": CLASSES,
    "preprocessing": {"image_size": 8, "in_chans": 1, "resize": "squash", "mean": [0.5], "std": [0.25]},
    "architecture": {"id": "simple/simple_cnn", "params": {}},
}


def drawn(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(count, 3, generator=generator)
    return logits, torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0]


def test_other_images_are_measured_with_the_kept_scores():
    logits, targets = drawn(400)
    scores = ConformalScores.of(logits.softmax(1).numpy(), targets.numpy())
    card = {**CARD, "conformal": vars(scores)}

    found = coverage_on(*drawn(2000, 1), card, 0.9, calibrated_here=False)

    assert found["how"] == "calibrated on val"
    assert abs(found["covered"] - 0.9) < 3 * np.sqrt(0.09 * (1 / 400 + 1 / 2000))


def test_calibration_images_are_measured_half_by_half():
    found = coverage_on(*drawn(1000), CARD, 0.9, calibrated_here=True)

    assert found["how"] == "cross-fitted"
    assert abs(found["covered"] - 0.9) < 3 * np.sqrt(0.09 * 3 / 1000)


def test_the_temperature_of_the_card_is_that_of_the_sets():
    logits, targets = drawn(1000)
    plain = coverage_on(logits, targets, CARD, 0.9, calibrated_here=True)
    hot = coverage_on(logits * 3, targets, {**CARD, "temperature": 3.0}, 0.9, calibrated_here=True)

    assert hot["size"] == plain["size"]


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ({**CARD, "task": "multi-label"}, "multi-label"),
        (CARD, "zoo evaluate mine --split val --coverage 0.95 --keep"),
        ({**CARD, "conformal": {"kind": "lac", "images": 10, "scores": [0.1] * 10}}, "at least 19"),
    ],
)
def test_a_card_without_enough_scores_is_refused(card, words: str):
    with pytest.raises(RequestError) as refused:
        scores_of(card, 0.95, "mine")
    assert words in str(refused.value)


def test_the_scores_of_an_older_run_can_be_added(tmp_path):
    write_weights(tmp_path, copied_weights(torch.nn.Linear(2, 2)))
    write_card(tmp_path, {**CARD, "temperature": 2.0})
    logits, targets = drawn(50)

    save_scores(tmp_path, logits, targets)

    card = read_card(tmp_path)
    assert card["temperature"] == 2.0
    assert scores_of(card, 0.5) == ConformalScores.of((logits.double() / 2).softmax(1).numpy(), targets.numpy())
