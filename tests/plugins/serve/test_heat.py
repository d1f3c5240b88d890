"""Heat maps as pictures."""

from __future__ import annotations

import io
import re
from importlib import resources

import numpy as np
from PIL import Image

from zoo_serve.heat import STOPS, heat_picture


def pixels_of(heat: np.ndarray) -> np.ndarray:
    content = heat_picture(heat.astype(np.float32))
    assert content is not None
    return np.asarray(Image.open(io.BytesIO(content)))


def test_the_ends_and_the_middle_have_the_colours_of_the_scale():
    heat = np.repeat([[0.0, 0.5, 1.0]], 3, axis=0)
    found = ["#" + bytes(colour).hex() for colour in pixels_of(heat)[1]]
    assert found == [STOPS[0], STOPS[2], STOPS[-1]]


def test_a_large_map_is_drawn_small_and_an_empty_one_not():
    assert pixels_of(np.linspace(0, 1, 224 * 224).reshape(224, 224)).shape == (64, 64, 3)
    assert heat_picture(np.zeros((8, 8), np.float32)) is None


def test_the_pages_scale_has_the_same_colours():
    look = (resources.files("zoo_serve") / "look.css").read_text("utf-8")
    assert re.search(r"\.scale \{.*linear-gradient\(90deg, (.*?)\)", look)[1].split(", ") == list(STOPS)
