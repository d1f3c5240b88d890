"""The drawn cats and dogs: the same every time, never the same twice, and about cats and dogs."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from zoo.errors import DataError
from zoo_images.art.pen import Pen, mirrored, mix, oval, smooth
from zoo_images.drawings import DrawnPets, draw


def digest(image: Image.Image) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()


def test_a_drawing_is_an_rgb_image_of_many_colours() -> None:
    image = draw("cat", 0, 0)
    assert (image.size, image.mode) == ((160, 160), "RGB")
    assert np.asarray(image).std() > 10


def test_the_same_arguments_give_the_same_bytes_in_any_process() -> None:
    code = (
        "import hashlib; from zoo_images.drawings import draw\n"
        "print(hashlib.sha256(draw('dog', 1, 7).tobytes()).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest(draw("dog", 1, 7)) == digest(draw("dog", 1, 7))


def test_no_drawing_occurs_twice_nor_in_both_splits() -> None:
    train, val = DrawnPets("train", 80), DrawnPets("val", 80)
    seen = {digest(data[i][0]) for data in (train, val) for i in range(len(data))}
    assert len(seen) == 80 + 20


@pytest.mark.parametrize("count", [8, 25, 600])
def test_classes_are_balanced_and_val_is_a_quarter(count: int) -> None:
    train, val = DrawnPets("train", count), DrawnPets("val", count)
    assert (len(train), len(val)) == (count, count // 4)
    for data in (train, val):
        assert data.classes == ["cats", "dogs"]
        assert 0 <= data.targets.count(0) - data.targets.count(1) <= 1


def test_map_style_object() -> None:
    data = pickle.loads(pickle.dumps(DrawnPets("train", 8)))
    assert [label for _, label in (data[i] for i in range(len(data)))] == data.targets
    assert digest(data[-1][0]) == digest(data[7][0]) == digest(draw("dog", 0, 7))
    assert data.name_of(7) == "drawn/train/00007 (dogs)"
    assert "drawings" in data.source
    with pytest.raises(IndexError):
        data[8]


def test_errors() -> None:
    with pytest.raises(DataError, match="no split 'test'"):
        DrawnPets("test")
    with pytest.raises(ValueError, match="at least 8, not 7"):
        DrawnPets("train", 7)


def test_colour_alone_does_not_tell_cats_from_dogs() -> None:
    """A network must look at shapes: the mean colour of the picture is no better than a guess."""
    from sklearn.linear_model import LogisticRegression

    data = DrawnPets("train", 240)
    means = np.stack([np.asarray(data[i][0]).mean(axis=(0, 1)) for i in range(len(data))])
    model = LogisticRegression().fit(means[:160], data.targets[:160])
    assert model.score(means[160:], data.targets[160:]) < 0.68


def test_pen_maps_its_own_coordinates() -> None:
    image = Image.new("RGB", (40, 40))
    pen = Pen(image, np.diag((10.0, 10.0)), np.array((20.0, 20.0)), edge=(0, 255, 0))
    pen.moved(1.0, 0.0, scale=0.5).oval(0, 0, 1, 1, (255, 0, 0))
    assert image.getpixel((30, 20)) == (255, 0, 0)
    assert image.getpixel((22, 20)) == (0, 0, 0)
    assert image.getbbox() == pytest.approx((25, 15, 36, 26), abs=1)


def test_pen_lines_taper_and_have_edges() -> None:
    image = Image.new("RGB", (100, 100))
    pen = Pen(image, np.diag((10.0, 10.0)), np.array((0.0, 50.0)), edge=(0, 255, 0))
    pen.line(((2, 0), (8, 0)), 3.0, (255, 0, 0), edge=0.5, tip=0.2)
    red = (np.asarray(image) == (255, 0, 0)).all(axis=2).sum(axis=0)
    assert red[25] == pytest.approx(29, abs=2)
    assert red[75] == pytest.approx(10, abs=3)
    assert image.getpixel((25, 50 - 18)) == (0, 255, 0)


def test_smoothing_keeps_a_shape_inside_its_corners() -> None:
    square = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    rounded = smooth(square)
    assert rounded.shape == (32, 2)
    assert np.abs(rounded).max() <= 1
    assert np.hypot(*rounded.T).max() < 1.2
    opened = smooth(((0, 0), (1, 1), (2, 0)), closed=False)
    assert opened[0].tolist() == [0, 0]
    assert opened[-1].tolist() == [2, 0]


def test_shapes_and_colours() -> None:
    assert mirrored(((0, -1), (1, 0), (0, 1))) == [(0, -1), (1, 0), (0, 1), (-1, 0)]
    assert np.allclose(((oval(3, 4, 2, 1) - (3, 4)) / (2, 1) ** np.ones(2)) ** 2 @ np.ones(2), 1)
    assert mix((0, 100, 200), (100, 100, 0), 0.25) == (25, 100, 150)
