"""Images of more than 8 bits are told apart and looked at by the bits that they have."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.api.images import open_image
from zoo_data_check.more_bits import DEEP, keeps_more, viewed
from zoo_data_check.scan import look


def pattern(seed: int) -> np.ndarray:
    """A pattern of 8 bits in the low half of 16."""
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 6), np.uint16)
    return np.kron(blocks, np.ones((8, 8), np.uint16))


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    for number in range(12):
        path = tmp_path / "scans" / "ab"[number % 2] / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pattern(number)).save(path)
    return tmp_path / "scans"


def test_low_bits_are_seen(scans: Path):
    item = open_image(scans / "a" / "00.png")
    assert keeps_more(item)
    values, seen = viewed(item)
    assert values.dtype == np.uint16
    assert (values[..., 0] == pattern(0)).all()
    assert (seen.min(), seen.max()) == (0, 255)
    facts, grey, _ = look(open_image(scans / "a" / "00.png"))
    assert (facts.depth, facts.width, facts.height) == (DEEP, 48, 48)
    assert grey.std() > 30


def test_an_image_of_one_value_and_one_of_8_bits():
    values, seen = viewed(np.full((1, 4, 4), 700, np.uint16))
    assert (values == 700).all()
    assert not seen.any()
    assert not keeps_more(np.zeros((1, 4, 4), np.uint8))


def test_different_low_bits_are_no_duplicates(zoo, scans: Path):
    (scans / "a" / "copy.png").write_bytes((scans / "a" / "00.png").read_bytes())
    code, out, err = zoo("data", "check", scans, "--json")
    assert code in (0, 1), err
    document = json.loads(out)
    found = {each["kind"]: each for each in document["findings"]}
    assert "near_duplicates" not in found
    (same,) = found["exact_duplicates"]["items"]
    assert [Path(each["name"]).name for each in same["items"]] == ["00.png", "copy.png"]
    assert any("13 of 13 images have more than 8 bits" in notice for notice in document["notices"])
