"""Images from Python: every form gives the prediction of the same file, and what is no image is named."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from zoo.api import load
from zoo.data.decode import Shape
from zoo.errors import BadImage, RequestError
from zoo.model.classifier import Classifier
from zoo.model.inputs import opened_input


@pytest.fixture(scope="module")
def model(colours_run: Path) -> Classifier:
    return load(colours_run)


@pytest.fixture(scope="module")
def red(colours: Path) -> Path:
    return colours / "red" / "00.png"


@pytest.fixture(scope="module")
def pixels(red: Path) -> np.ndarray:
    """uint8 (H, W, 3), 20 by 18, so that no axis is taken for another."""
    return np.array(Image.open(red))[:, :18]


def chw(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(pixels, 2, 0))


def encoded(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


FORMS = {
    "PIL": Image.fromarray,
    "HWC uint8": lambda p: p,
    "CHW uint8": chw,
    "HWC int64": lambda p: p.astype(np.int64),
    "HWC float32 in 0..1": lambda p: (p / 255).astype(np.float32),
    "CHW tensor": lambda p: torch.from_numpy(chw(p)),
    "CHW float tensor": lambda p: torch.from_numpy(chw(p)) / 255,
    "CHW tensor with a gradient": lambda p: (torch.from_numpy(chw(p)) / 255).requires_grad_(),
    "HWC tensor": torch.from_numpy,
    "RGBA": lambda p: np.dstack([p, np.full(p.shape[:2], 255, np.uint8)]),
    "bytes": encoded,
    "a row": lambda p: {"image": Image.fromarray(p), "label": 2},
    "a row that is not decoded": lambda p: {"img": {"bytes": encoded(p), "path": None}},
    "an image that is not decoded": lambda p: {"bytes": encoded(p), "path": "photos/1.png"},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_each_form_is_the_same_picture(model: Classifier, pixels: np.ndarray, form: Any):
    expected = model.predict(Image.fromarray(pixels))
    (found,) = model.predict(form(pixels))
    assert found["label"] == "red"
    assert found["confidence"] == pytest.approx(expected[0]["confidence"], abs=1e-5)


def test_a_bfloat16_tensor_is_the_same_picture_but_for_rounding(model: Classifier, pixels: np.ndarray):
    (found,) = model.predict((torch.from_numpy(chw(pixels)) / 255).bfloat16())
    assert found["label"] == "red"


class Rows:
    """What a Hugging Face dataset is to a loop: rows that are dictionaries."""

    def __init__(self, images: list[Any]):
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return ({"image": image, "label": 0} for image in self.images)


def test_many_in_every_form(model: Classifier, red: Path, colours: Path, pixels: np.ndarray):
    blue = np.array(Image.open(colours / "blue" / "00.png"))[:, :18]
    batch = np.stack([pixels, blue])
    pair = [Image.fromarray(pixels), Image.fromarray(blue)]
    many = [
        [red, str(colours / "blue" / "00.png")],
        (path for path in (red, colours / "blue" / "00.png")),
        pair,
        batch,
        np.moveaxis(batch, 3, 1),
        torch.from_numpy(np.moveaxis(batch, 3, 1).copy()),
        Rows(pair),
        {"image": pair, "label": [2, 0]},
        [batch[:1], pair[1]],
    ]
    for images in many:
        assert [found["label"] for found in model.predict(images)] == ["red", "blue"]
    assert model.predict([]) == []


def test_paths_are_kept(model: Classifier, red: Path, pixels: np.ndarray):
    rows = model.predict([red, pixels, {"bytes": encoded(pixels), "path": "photos/1.png"}])
    assert [row["path"] for row in rows] == [str(red), None, "photos/1.png"]


def test_transparency_is_white(model: Classifier, pixels: np.ndarray):
    clear = np.dstack([pixels, np.zeros(pixels.shape[:2], np.uint8)])
    assert (model.pixels(clear) == 255).all()
    assert (model.pixels(np.moveaxis(clear, 2, 0)) == 255).all()


def test_grey_arrays(digits_run: Path):
    model = load(digits_run)
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(model.pixels(grey), grey[..., None])
    for form in (grey[None], grey[..., None]):
        assert np.array_equal(model.pixels(form), grey[..., None])


def test_which_axis_the_channels_are():
    for shape, in_chans, wanted in (
        ((3, 20, 18), 3, (3, 20, 18)),
        ((20, 18, 3), 3, (3, 20, 18)),
        ((64, 32, 32), 64, (64, 32, 32)),  # more channels than rows
        ((32, 32, 64), 64, (64, 32, 32)),
        ((1, 20, 18), 3, (1, 20, 18)),
        ((20, 18, 1), 3, (1, 20, 18)),
        ((3, 3, 3), 3, (3, 3, 3)),
    ):
        assert opened_input(np.zeros(shape, np.uint8), Shape(8, in_chans)).shape == wanted


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (7, "not int 7"),
        ([1.5, 2.5], "not float 1.5"),
        (None, "not NoneType None"),
        (
            {"label": 3, "text": "a cat"},
            "'image' or 'img'; not a dict with the keys 'label', 'text'. Give the image",
        ),
        ({"bytes": None, "path": None}, "not NoneType None"),
        (np.full((20, 20, 3), -1.5, np.float32), r"not float32 ndarray \(20, 20, 3\) of -1.5..-1.5"),
        (torch.full((3, 20, 20), 2.0), r"not float32 Tensor \(3, 20, 20\) of 2..2"),
        (np.full((20, 20), 70_000), r"int64 ndarray \(20, 20\) of 70000..70000"),
        (np.full((20, 20, 3), np.nan), "of nan..nan"),
        (np.array([["a", "b"]]), r"<U1 ndarray \(1, 2\)"),
        (np.zeros((0, 4, 3), np.uint8), r"uint8 ndarray \(0, 4, 3\)"),
    ],
)
def test_what_is_no_image_is_named(model: Classifier, given: Any, words: str):
    with pytest.raises(RequestError, match=words):
        model.predict(given)


def test_a_bad_one_among_many_is_named(model: Classifier, pixels: np.ndarray):
    with pytest.raises(BadImage, match=r"^image 1 \(of 0 to 2\): not a readable image"):
        model.predict([pixels, b"text", pixels])
    with pytest.raises(BadImage, match=r"^the image: has 6 channels, but the model takes 3"):
        model.predict(np.zeros((20, 20, 6), np.uint8))


def test_the_representation_says_what_one_has(model: Classifier, colours_run: Path, digits_run: Path):
    assert repr(model) == (
        "Classifier(simple/simple_cnn, 3 classes: blue, green, red; 3×16×16 input, val accuracy 100.0%, on cpu)"
    )
    assert "10 classes: 0, 1, 2, …, 9; 1×16×16 input, val accuracy" in repr(load(digits_run))


def test_the_representation_of_a_bundle_without_a_run(tmp_path: Path, colours_run: Path):
    import shutil

    shutil.copytree(colours_run / "model", tmp_path / "model")
    assert "accuracy" not in repr(load(tmp_path / "model"))
    (tmp_path / "result.json").write_text("{")
    assert "accuracy" not in repr(load(tmp_path / "model"))
