"""Samples of a run: its worst mistakes, as its folder keeps them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from zoo_serve.samples import samples_of


@pytest.fixture
def pictures() -> Path:
    """The pictures of the run ``first``."""
    folder = Path("runs/first/pictures")
    folder.mkdir(parents=True)
    Path("runs/first/job.yaml").touch()
    Image.new("RGB", (8, 8)).save(folder / "mistake-01.jpg")
    return folder


def write(folder: Path, *mistakes: Any) -> None:
    (folder / "index.json").write_text(json.dumps({"mistakes": mistakes, "augmented": []}), "utf-8")


def test_a_sample_is_a_picture_and_its_class(pictures: Path):
    write(pictures, {"name": "/secret/cat.jpg", "true": "cats", "predicted": "dogs", "file": "mistake-01.jpg"})
    for run in ("first", "runs/first"):
        (found,) = samples_of(run)
        assert found["label"] == "cats"
        kind, _, content = found["image"].partition(",")
        assert kind == "data:image/jpeg;base64"
        assert base64.b64decode(content) == (pictures / "mistake-01.jpg").read_bytes()
        assert "secret" not in json.dumps(found)


def test_several_labels_are_one_word_and_there_are_six_at_most(pictures: Path):
    write(pictures, *[{"true": ["cat", "dog"], "file": "mistake-01.jpg"}] * 9)
    assert [each["label"] for each in samples_of("first")] == ["cat, dog"] * 6


def test_only_pictures_in_the_folder_are_read(pictures: Path):
    Path("runs/first/pictures/notes.txt").write_text("hidden-word", "utf-8")
    Path("secret.jpg").write_bytes(b"\xff\xd8\xffhidden-word")
    write(pictures, {"true": "cats", "file": "notes.txt"})
    assert samples_of("first") == []
    write(pictures, {"true": "cats", "file": "../../../secret.jpg"})
    assert samples_of("first") == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"mistakes": 3}', '{"mistakes": [3]}', '{"mistakes": [{}]}'])
def test_a_damaged_list_gives_none(pictures: Path, text: str):
    (pictures / "index.json").write_text(text, "utf-8")
    assert samples_of("first") == []


@pytest.mark.parametrize("word", ["nothing", "hf:owner/name", "model.onnx"])
def test_what_is_no_run_has_none(word: str):
    Path("model.onnx").touch()
    assert samples_of(word) == []
