"""``Classifier``: answers from logits, and embeddings beside them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from zoo.api import load
from zoo.errors import RequestError
from zoo.model.classifier import Classifier, NoAnswer


@pytest.fixture(scope="module")
def model(colours_run: Path) -> Classifier:
    return load(colours_run)


@pytest.fixture(scope="module")
def pixels(model: Classifier, colours: Path) -> list:
    return [model.pixels(colours / name / "00.png") for name in ("red", "green", "blue")]


def test_logits_and_embeddings_of_one_pass(model, pixels):
    logits, embeddings = model.embed(pixels)
    assert torch.equal(logits, model.logits(pixels))
    assert embeddings.shape[0] == 3
    assert embeddings.dtype == torch.float32
    again = model.embed(pixels[::-1])[1]
    assert torch.allclose(again.flip(0), embeddings, atol=1e-5)


def test_embeddings_of_several_views_are_their_mean(model, pixels):
    mirrored = [image[:, ::-1].copy() for image in pixels]
    mean = (model.embed(pixels)[1] + model.embed(mirrored)[1]) / 2
    assert torch.allclose(model.embed(pixels, "flip")[1], mean, atol=1e-5)


def test_embeddings_after_the_norms_are_folded(colours_run, pixels):
    model = load(colours_run)
    before = model.embed(pixels)[1]
    model.settle()
    assert torch.allclose(model.embed(pixels)[1], before, rtol=1e-3, atol=1e-3)


def test_a_network_without_a_head_is_refused(colours_run, pixels):
    model = load(colours_run)
    model.model = torch.nn.Flatten()
    with pytest.raises(RequestError, match="gives no embeddings"):
        model.embed(pixels)


def test_answers_of_logits_are_the_answers(model, pixels):
    assert model.answers_of(model.logits(pixels), 2) == model.answers(pixels, 2)


def test_an_image_without_an_answer_leaves_the_others(model, pixels, monkeypatch):
    logits = model.logits(pixels).clone()
    logits[1, 0] = float("nan")
    first, none, last = model.answers_of(logits)
    assert none is None
    assert (first["label"], last["label"]) == ("red", "blue")
    monkeypatch.setattr(model, "_outputs", lambda *given: logits)
    with pytest.raises(NoAnswer) as raised:
        model.answers(pixels)
    assert raised.value.index == 1
