"""A run's answers to each image: as they were, without pickle, and a clear word for a file that is damaged."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from zoo.errors import RequestError
from zoo.runner import predictions
from zoo.runner.predictions import (
    forget_predictions,
    predictions_file,
    read_predictions,
    relative_names,
    split_of,
    write_predictions,
)

NAMES = ["pets/cat é.jpg", "pets/dog.jpg", "elsewhere/cat.jpg"]
LOGITS = torch.tensor([[2.0, 1.0], [0.5, 3.0], [-1.0, 1.0]])


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    write_predictions(
        tmp_path, "val", relative_names(NAMES, "pets/"), ["cat", "dog"], LOGITS, torch.tensor([0, 1, 0]), 2.0
    )
    return tmp_path


def test_they_come_back_as_they_were(kept: Path):
    found = read_predictions(kept, "val")
    assert found.names == ["cat é.jpg", "dog.jpg", "elsewhere/cat.jpg"]
    assert found.classes == ["cat", "dog"]
    assert found.targets.tolist() == [0, 1, 0]
    assert found.predicted.tolist() == [0, 1, 1]
    assert found.right.tolist() == [True, True, False]
    assert found.probabilities == pytest.approx((LOGITS / 2).softmax(dim=1).numpy())
    assert [path.name for path in kept.iterdir()] == ["predictions_val.npz"]


def test_no_pickle_is_in_it(kept: Path):
    with np.load(predictions_file(kept, "val"), allow_pickle=False) as stored:
        assert all(stored[name].dtype != object for name in stored.files)


def test_the_same_answers_are_the_same_bytes(kept: Path, tmp_path_factory: pytest.TempPathFactory):
    other = tmp_path_factory.mktemp("other")
    write_predictions(other, "val", relative_names(NAMES, "pets"), ["cat", "dog"], LOGITS, torch.tensor([0, 1, 0]), 2.0)
    assert predictions_file(other, "val").read_bytes() == predictions_file(kept, "val").read_bytes()


def test_several_labels(tmp_path: Path):
    targets = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    write_predictions(tmp_path, "test", NAMES, ["cat", "dog"], LOGITS, targets)
    found = read_predictions(tmp_path, "test")
    assert found.multilabel
    assert found.predicted.tolist() == [[True, True], [True, True], [False, True]]
    assert found.right.tolist() == [False, True, True]
    assert found.probabilities == pytest.approx(LOGITS.sigmoid().numpy())


def test_of_very_many_half_the_digits_are_kept_and_every_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(predictions, "EXACT", 3)
    close = torch.tensor([[1.0, 1.0 + 1e-6], [1e6, -1e6]])
    write_predictions(tmp_path, "val", NAMES[:2], ["cat", "dog"], close, torch.tensor([1, 0]))
    found = read_predictions(tmp_path, "val")
    assert found.predicted.tolist() == [1, 0]
    assert np.isfinite(found.logits).all()
    assert np.isfinite(found.probabilities).all()


def test_names_may_have_bytes_that_are_not_utf_8(tmp_path: Path):
    write_predictions(tmp_path, "val", ["caf\udce9.jpg"], ["a", "b"], LOGITS[:1], torch.tensor([0]))
    assert read_predictions(tmp_path, "val").names == ["caf\udce9.jpg"]


def test_the_test_split_comes_first_where_it_was_kept(kept: Path):
    assert split_of(kept, None) == "val"
    write_predictions(kept, "test", NAMES, ["cat", "dog"], LOGITS, torch.tensor([0, 1, 0]))
    assert split_of(kept, None) == "test"
    assert split_of(kept, "val") == "val"


def test_those_of_a_model_that_is_trained_further_are_forgotten(kept: Path):
    (kept / "result.json").write_text("{}")
    forget_predictions(kept)
    assert [path.name for path in kept.iterdir()] == ["result.json"]


def test_a_run_without_them_says_how_to_make_them(tmp_path: Path):
    with pytest.raises(RequestError, match=r"zoo evaluate .* --split val --keep"):
        read_predictions(tmp_path, "val")


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "other names", "object"])
def test_a_damaged_file_is_said_to_be_one(kept: Path, damage: str):
    path = predictions_file(kept, "val")
    if damage == "other names":
        with np.load(path) as stored:
            arrays = dict(stored)
        np.savez(path, **{**arrays, "logits": arrays["logits"][:2]})
    elif damage == "object":
        np.savez(path, about=np.array([{}], dtype=object))
    else:
        content = path.read_bytes()
        path.write_bytes({"cut": content[:100], "text": b"not a zip", "empty": b""}[damage])
        assert damage != "cut" or not zipfile.is_zipfile(path)
    with pytest.raises(RequestError, match="damaged"):
        read_predictions(kept, "val")
