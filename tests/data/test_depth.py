"""Images of more than 8 bits: what decoding drops is said, with numbers, wherever they are used."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from zoo.data.decode import DECODER, to_pixels
from zoo.data.depth import depth_notices, depth_of
from zoo.errors import BadImage


def deep(shape: tuple[int, ...] = (9, 9)) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 65536, shape).astype(np.uint16)


def saved(image: Image.Image, form: str) -> Image.Image:
    written = io.BytesIO()
    image.save(written, form)
    return Image.open(io.BytesIO(written.getvalue()))


def png_of_colours() -> Image.Image:
    """An RGB image of 16 bits, which Pillow reads as one of 8 and can't write."""
    import struct
    import zlib

    def chunk(name: bytes, content: bytes) -> bytes:
        whole = name + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep((9, 9, 3)))
    head = struct.pack(">IIBBBBB", 9, 9, 16, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return Image.open(io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(parts)))


@pytest.mark.parametrize(
    ("image", "depth"),
    [
        (lambda: saved(Image.fromarray(deep()), "PNG"), "16 bits"),
        (lambda: saved(Image.fromarray(deep()), "TIFF"), "16 bits"),
        (lambda: Image.fromarray(deep()), "16 bits"),
        (png_of_colours, "16 bits"),
        (lambda: saved(Image.fromarray(deep().astype(np.int32) * 9), "TIFF"), "32 bits"),
        (lambda: saved(Image.fromarray(deep().astype(np.float32)), "TIFF"), "floats"),
        (lambda: saved(Image.new("RGB", (9, 9)), "PNG"), None),
        (lambda: saved(Image.new("L", (9, 9)), "JPEG"), None),
        (lambda: saved(Image.new("1", (9, 9)), "PNG"), None),
        (lambda: np.zeros((3, 9, 9), np.uint8), None),
        (lambda: torch.zeros(3, 9, 9, dtype=torch.uint8), None),
    ],
)
def test_what_has_more_than_8_bits_is_known_before_it_is_decoded(image: Callable[[], Any], depth: str | None):
    assert depth_of(image()) == depth
    to_pixels(image(), 9, 3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_picture_with_a_value_that_is_not_finite_is_refused(bad: float):
    values = np.ones((9, 9), np.float32)
    values[3, 4] = bad
    with pytest.raises(BadImage, match=r"1 of its 81 values is NaN or infinite"):
        to_pixels(saved(Image.fromarray(values), "TIFF"), 9, 1)


def test_a_store_of_before_is_not_taken_for_one_of_now():
    assert DECODER > 1


def test_a_notice_counts_each_depth():
    notices = depth_notices({"16 bits": 12, "floats": 1}, 45, "train images")
    assert [notice.partition(":")[0] for notice in notices] == [
        "12 of 45 train images have 16 bits per channel",
        "1 of 45 train images has floating-point values",
    ]
    assert "only the high byte" in notices[0]
    assert "divided by its maximum" in notices[1]
    assert depth_notices({}, 45, "train images") == []
