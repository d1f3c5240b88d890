"""Uploads of HEIC and AVIF: decoded as any other, limited by their header, and named where the package is missing."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from zoo.api import load
from zoo.errors import BadImage
from zoo_serve.images import decoded

FILES = Path(__file__).parents[2] / "data" / "formats"
MANY = 50_000_000


@pytest.mark.parametrize("name", ["red.heic", "deep.heic", "deep.avif"])
def test_heic_and_avif_are_decoded(colours_run: Path, name: str):
    if name.endswith("heic"):
        pytest.importorskip("pi_heif", reason="HEIC is an extra: pip install 'visionzoo[heif]'")
    model = load(colours_run)
    pixels = decoded((name, (FILES / name).read_bytes()), model, MANY)
    assert model.answers([pixels])[0]["label"] == "red"
    with pytest.raises(BadImage, match=f"{name}: has 1,536 pixels; the limit is 1,000"):
        decoded((name, (FILES / name).read_bytes()), model, 1000)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "bmp", "tif", "ppm", "jp2", "ico", "tga"])
def test_every_format_that_is_promised(colours_run: Path, suffix: str):
    file = io.BytesIO()
    Image.new("RGB", (32, 32), (230, 40, 30)).save(file, Image.registered_extensions()[f".{suffix}"])
    model = load(colours_run)
    assert model.answers([decoded((f"a.{suffix}", file.getvalue()), model, MANY)])[0]["label"] == "red"


def test_without_its_package_heic_is_named_with_the_command(colours_run: Path, without_heif: None):
    with pytest.raises(BadImage, match=r"a.heic: HEIC, which pi-heif reads. Type: pip install 'visionzoo\[heif\]'"):
        decoded(("a.heic", (FILES / "red.heic").read_bytes()), load(colours_run), MANY)
