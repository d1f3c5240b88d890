"""Images keep their own values: in every format, in the store, and whatever the first image is."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays
from PIL import Image

from zoo.data.batches import Batches, Normalize
from zoo.data.decode import Shape, full_size, loses_values, open_image, to_pixels
from zoo.data.depth import TEN, WIDER, depth_notices, depth_of
from zoo.data.gpu_cache import Residence
from zoo.data.own_values import as_stored, eight_bits, viewable
from zoo.data.split import Split
from zoo.data.store import decode_split
from zoo.errors import BadImage
from zoo.plugin import PictureValues

CPU = torch.device("cpu")
RNG = np.random.default_rng(0)
GREY16, COLOUR16 = RNG.integers(0, 65536, (9, 7), np.uint16), RNG.integers(0, 65536, (9, 7, 3), np.uint16)


def own(item: Any, size: tuple[int, int] = (9, 7), in_chans: int = 1) -> np.ndarray[Any, Any]:
    """All values of an image, in its size."""
    found = full_size(item, in_chans, "own")
    assert found.shape == (*size, in_chans)
    return found


def png(values: np.ndarray[Any, Any]) -> bytes:
    """A PNG of 16 bits and 1 to 4 channels, which Pillow reads but can't write."""
    import struct
    import zlib

    def chunk(name: bytes, content: bytes) -> bytes:
        whole = name + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    height, width, channels = np.atleast_3d(values).shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiff(values: np.ndarray[Any, Any], **how: Any) -> io.BytesIO:
    import tifffile

    written = io.BytesIO()
    tifffile.imwrite(written, values, **how)
    written.seek(0)
    return written


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_tiff_of_16_bits_keeps_them(order: Any, compression: Any):
    how: dict[str, Any] = {"byteorder": order, "compression": compression}
    assert (own(open_image(tiff(GREY16, **how)))[..., 0] == GREY16).all()
    assert (own(open_image(tiff(COLOUR16, photometric="rgb", **how)), in_chans=3) == COLOUR16).all()


def test_a_png_of_16_bits_keeps_them():
    assert (own(open_image(io.BytesIO(png(GREY16))))[..., 0] == GREY16).all()
    assert (own(open_image(io.BytesIO(png(COLOUR16))), in_chans=3) == COLOUR16).all()
    seen = np.dstack([COLOUR16, np.full((9, 7), 65535, np.uint16)])
    assert (own(open_image(io.BytesIO(png(seen))), in_chans=3) == COLOUR16).all()
    clear = np.dstack([COLOUR16, np.zeros((9, 7), np.uint16)])
    assert (own(open_image(io.BytesIO(png(clear))), in_chans=3) == 65535).all(), "transparent ones are over white"
    with pytest.raises(BadImage, match="16 bits per channel of the form LA;16B, of which only 8 can be read"):
        own(open_image(io.BytesIO(png(COLOUR16[..., :2]))))


@pytest.mark.parametrize("top", [4095, 65535])
def test_a_pgm_keeps_its_own_unit(top: int):
    values = RNG.integers(0, top + 1, (9, 7), np.uint16)
    file = io.BytesIO(b"P5 7 9 %d\n" % top + values.astype(">u2").tobytes())
    assert (own(open_image(file))[..., 0] == values).all()


def test_a_colour_ppm_of_16_bits_is_refused_and_reduced_with_a_notice():
    content = b"P6 7 9 65535\n" + COLOUR16.astype(">u2").tobytes()
    with pytest.raises(BadImage, match="16 bits per channel of the form RGB, of which only 8 can be read"):
        own(open_image(io.BytesIO(content)), in_chans=3)
    assert depth_of(open_image(io.BytesIO(content))) == "16 bits"


def test_small_signed_numbers_are_not_black_in_8_bits():
    assert eight_bits(np.array([[[-5, 0, 127]]], np.int8)).tolist() == [[[0, 0, 255]]]


def test_the_pages_of_a_tiff_are_channels_of_16_bits():
    pages = RNG.integers(0, 65536, (5, 9, 7), np.uint16)
    found = own(open_image(tiff(pages, photometric="minisblack")), in_chans=5)
    assert (found == np.moveaxis(pages, 0, 2)).all()


@pytest.mark.parametrize("turn", [1, 3, 6, 8])
def test_turned_pictures_are_upright(turn: int):
    exif = Image.Exif()
    exif[0x0112] = turn
    written = io.BytesIO()
    Image.fromarray(GREY16).save(written, "PNG", exif=exif)
    image = Image.open(io.BytesIO(written.getvalue()))
    turns = {1: 0, 3: 2, 6: 3, 8: 1}[turn]
    assert (full_size(image, 1, "own")[..., 0] == np.rot90(GREY16, turns)).all()


@given(arrays.arrays(arrays.integer_dtypes() | arrays.unsigned_integer_dtypes() | arrays.floating_dtypes(), (1, 3, 4)))
@settings(max_examples=200, deadline=None)
def test_numbers_are_kept_or_their_loss_is_told(values: np.ndarray[Any, Any]):
    """An invariant of every type: stored are the same numbers, unless float32 rounds one, which is told."""
    if not np.isfinite(values.astype(np.float64)).all():
        with pytest.raises(BadImage, match=r"NaN or infinite"):
            as_stored(values)
        return
    try:
        found = as_stored(values)
    except BadImage:
        assert np.abs(values.astype(np.float64)).max() > np.finfo(np.float32).max
        return
    assert found.dtype in (np.uint8, np.uint16, np.float32)
    same = (found.astype(np.float64) == values.astype(np.float64)).all()
    assert same == (loses_values(values, "own") is None)


def test_8_bits_take_the_path_of_before():
    image, pixels = Image.fromarray(COLOUR16.astype(np.uint8)), COLOUR16.astype(np.uint8)
    for item in (image, np.moveaxis(pixels, 2, 0)):
        kept, reduced = (to_pixels(item, 5, 3, values=values) for values in ("own", "8-bit"))
        assert kept.dtype == np.uint8
        assert (kept == reduced).all()


def test_resizing_keeps_the_type():
    found = to_pixels(GREY16[None], 4, 1, values="own")
    assert (found.dtype, found.shape) == (np.uint16, (4, 4, 1))
    flat = to_pixels(np.full((1, 9, 7), 40_001, np.uint16), 4, 1, "crop", "bicubic", 0.9, "own")
    assert (flat == 40_001).all()
    assert to_pixels(np.full((1, 9, 7), -3.25), 4, 3, values="own").tolist() == np.full((4, 4, 3), -3.25).tolist()


def test_colour_becomes_grey_by_luma_and_grey_colour():
    colour = np.array([10_000, 20_000, 30_000], np.uint16)[:, None, None].repeat(9, 1).repeat(7, 2)
    assert (own(colour) == round(0.299 * 10_000 + 0.587 * 20_000 + 0.114 * 30_000)).all()
    assert (own(GREY16[None], in_chans=3) == GREY16[..., None]).all()


@pytest.mark.parametrize(("name", "save"), [("x.npy", np.save), ("x.npz", np.savez_compressed)])
@pytest.mark.parametrize("dtype", ["bool", "int16", "uint16", "float16", "float64", ">i4"])
def test_numpy_files_of_any_type(tmp_path: Path, name: str, save: Any, dtype: str):
    values = RNG.integers(0, 2, (4, 9, 7)).astype(dtype)
    save(tmp_path / name, values)
    found = own(open_image(tmp_path / name), in_chans=4)
    assert (np.moveaxis(found, 2, 0) == values * (255 if dtype == "bool" else 1)).all(), (
        "true is white, as of 1-bit PNG"
    )


def test_a_numpy_file_that_is_no_image_is_told(tmp_path: Path):
    np.savez(tmp_path / "two.npz", a=GREY16, b=GREY16)
    np.savez(tmp_path / "cut.npz", a=GREY16)
    whole = (tmp_path / "cut.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    for name, reason in (("two.npz", "a .npz of 2 arrays"), ("cut.npz", "NumPy array|damaged .npz")):
        with pytest.raises(BadImage, match=reason):
            to_pixels(tmp_path / name, 8, 1)


def test_a_files_window_is_what_8_bits_show():
    picture = PictureValues(np.array([[[0, 1000, 1500, 2000, 4000]]], np.uint16), (1000, 2000))
    assert eight_bits(picture.values, picture.window).tolist() == [[[0, 0, 128, 255, 255]]]
    assert (to_pixels(picture, 1, 1)[..., 0] >= 0).all()
    assert viewable(picture.values, [1000, 2000]).tolist() == [[[0, 0, 128, 255, 255]]]
    (notice,) = depth_notices({"a window": 2}, 3, "pictures")
    assert notice.startswith("2 of 3 pictures have more than 8 bits and a window in the file")


class Items:
    """A dataset of images in memory, with a content of its own."""

    classes = ("a", "b")

    def __init__(self, items: list[Any], fingerprint: str | None = None):
        self.items = items
        if fingerprint is not None:
            self.fingerprint = fingerprint

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.items[index], index % 2


OWN = Shape(4, 1, values="own")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "stores"


def deep(count: int, dtype: Any = np.uint16) -> list[Any]:
    return [np.full((1, 4, 4), 300 + i).astype(dtype) for i in range(count)]


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_a_store_has_the_type_of_its_images_and_is_mapped(cache: Path, dtype: Any):
    first = decode_split(Items(deep(40, dtype), "x"), OWN, "disk")
    again = decode_split(Items([None] * 40, "x"), OWN, "disk")
    for found in (first, again):
        assert isinstance(found.images, np.memmap)
        assert found.images.dtype == dtype
        assert [float(image[0, 0, 0]) for image in found.images] == list(range(300, 340))
    assert len(list(cache.iterdir())) == len({path.name for path in cache.iterdir()})


@pytest.mark.parametrize("store", ["disk", "stream"])
@pytest.mark.parametrize("fingerprint", ["mixed", None])
def test_one_deep_image_among_others_makes_all_deep(cache: Path, store: str, fingerprint: str | None):
    """Its type is found wherever it is; the values of the others are the same numbers."""
    items = [np.full((1, 4, 4), i, np.uint8) for i in range(40)]
    items[17] = np.full((1, 4, 4), 5000, np.uint16)
    found = decode_split(Items(items, fingerprint), OWN, store)
    assert found.images.dtype == np.uint16
    wanted = [5000 if i == 17 else i for i in range(40)]
    assert found.images[np.arange(40)][:, 0, 0, 0].tolist() == wanted
    items[18] = np.full((1, 4, 4), -1.5)
    found = decode_split(Items(items, fingerprint and "other"), OWN, store)
    assert found.images.dtype == np.float32
    assert found.images[np.array([17, 18])][:, 0, 0, 0].tolist() == [5000, -1.5]


def test_a_store_of_8_bits_serves_both_and_an_earlier_zoos_is_used(cache: Path):
    items = Items([np.full((1, 4, 4), i, np.uint8) for i in range(6)], "bytes")
    decode_split(items, OWN, "disk")
    decode_split(Items([None] * 6, "bytes"), OWN._replace(values="8-bit"), "disk")
    reduced = Items([np.full((1, 4, 4), i, np.uint8) for i in range(6)], "before")
    decode_split(reduced, Shape(4, 1), "disk")
    for account in cache.glob("*/store.json"):  # as versions before wrote it
        said = json.loads(account.read_text())
        del said["dtype"]
        account.write_text(json.dumps(said))
    found = decode_split(Items([None] * 6, "before"), OWN, "disk")
    assert (found.images.dtype, found.images.nbytes) == (np.uint8, 6 * 16)


def test_a_store_that_was_reduced_is_not_taken_for_one_of_all_bits(cache: Path):
    decode_split(Items(deep(6), "deep"), Shape(4, 1), "disk")
    found = decode_split(Items(deep(6), "deep"), OWN, "disk")
    assert found.images.dtype == np.uint16
    assert decode_split(Items([None] * 6, "deep"), Shape(4, 1), "disk").images.dtype == np.uint8


def test_the_loss_of_wide_numbers_is_counted(cache: Path):
    items = [*deep(3, np.float64), np.full((1, 4, 4), 0.1), np.full((1, 4, 4), 2**24 + 1, np.int64)]
    found = decode_split(Items(items, "wide"), OWN, "disk")
    assert found.depths == {WIDER: 2}
    (notice,) = depth_notices(found.depths, 5, "train images")
    assert notice == "2 of 5 train images have numbers of more than 24 bits: float32 keeps the nearest number."
    assert TEN not in found.depths


def test_the_groups_of_files_become_the_splits(cache: Path):
    items = [PictureValues(np.full((1, 4, 4), i, np.uint16), None, f"p{i // 2}" if i < 4 else None) for i in range(5)]
    for _ in range(2):
        found = decode_split(Items(items, "patients"), OWN, "disk")
        assert found.groups is not None
        assert found.groups.tolist() == ["p0", "p0", "p1", "p1", "image 4"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_batches_are_in_0_to_1_of_the_window(dtype: Any):
    pixels = np.array([0, 50, 100, 150, 200, 250], dtype)[:, None, None, None].repeat(4, 1).repeat(4, 2)
    split = Split("train", pixels, np.zeros(6, np.int64), [""] * 6)
    for window, wanted in (([50, 150], [0, 0, 0.5, 1, 1, 1]), ("dicom", [0, 1, 1, 1, 1, 1])):
        normalize = Normalize([0.0], [1.0], CPU, window)  # type: ignore[arg-type]
        ((images, _),) = Batches(split, 6, normalize)
        assert images[:, 0, 0, 0].tolist() == wanted


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_images_that_stay_on_the_device_are_the_same(dtype: Any):
    pixels = RNG.integers(0, 200, (9, 4, 4, 1)).astype(dtype)
    split = Split("train", pixels, np.arange(9), [""] * 9)
    normalize = Normalize([0.0], [1.0], CPU, [0, 250])
    copied = Batches(split, 4, normalize)
    resident = Batches(split, 4, normalize, residence=Residence(CPU, lambda: 1 << 30))
    for (wanted, labels), (found, others) in zip(copied, resident, strict=True):
        assert torch.equal(wanted, found)
        assert torch.equal(labels, others)
