"""One item to pixels: every mode of image, every way a file can be broken, and arrays."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from zoo.data.decode import Resize, full_size, read_item, to_pixels
from zoo.errors import BadImage, ContractError, DataError
from zoo.plugin import Interpolation

RED = (200, 30, 60)


def reopened(image: Image.Image, form: str = "PNG", **options: Any) -> Image.Image:
    """The image as a file has it: opened, not loaded."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return Image.open(io.BytesIO(file.getvalue()))


def encoded(form: str = "PNG", size: int = 24) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


def one_colour(item: Any, in_chans: int = 3, **more: Any) -> list[int]:
    """The colour of an item that has only one."""
    pixels = to_pixels(item, 6, in_chans, **more)
    assert pixels.shape == (6, 6, in_chans)
    assert pixels.dtype == np.uint8
    assert (pixels == pixels[0, 0]).all()
    return pixels[0, 0].tolist()


def near(colour: list[int], wanted: tuple[int, ...], by: int = 1) -> bool:
    return len(colour) == len(wanted) and all(abs(a - b) <= by for a, b in zip(colour, wanted, strict=True))


def grey_and_alpha(alpha: int) -> Image.Image:
    return Image.new("LA", (9, 9), (100, alpha))


def palette(transparency: int | bytes | None = None) -> Image.Image:
    image = Image.new("P", (9, 9), 1)
    image.putpalette([0, 0, 0, *RED])
    return reopened(image) if transparency is None else reopened(image, transparency=transparency)


MODES = {
    "RGB": (reopened(Image.new("RGB", (9, 9), RED)), RED),
    "grey": (reopened(Image.new("L", (9, 9), 100)), (100, 100, 100)),
    "one bit": (reopened(Image.new("1", (9, 9), 1)), (255, 255, 255)),
    "RGBA, opaque": (reopened(Image.new("RGBA", (9, 9), (*RED, 255))), RED),
    "RGBA, clear": (reopened(Image.new("RGBA", (9, 9), (*RED, 0))), (255, 255, 255)),
    "RGBA, half": (reopened(Image.new("RGBA", (9, 9), (*RED, 128))), (227, 142, 157)),
    "LA, opaque": (reopened(grey_and_alpha(255)), (100, 100, 100)),
    "LA, clear": (reopened(grey_and_alpha(0)), (255, 255, 255)),
    "palette": (palette(), RED),
    "palette with a clear entry that is used": (palette(1), (255, 255, 255)),
    "palette with a clear entry that is not": (palette(0), RED),
    "palette with an alpha an entry": (palette(bytes([255, 128])), (227, 142, 157)),
    "RGB with a clear colour": (reopened(Image.new("RGB", (9, 9), RED), transparency=RED), (255, 255, 255)),
    "grey with a clear level": (reopened(Image.new("L", (9, 9), 100), transparency=100), (255, 255, 255)),
    "one bit with a clear level": (reopened(Image.new("1", (9, 9), 0), transparency=0), (255, 255, 255)),
    "CMYK": (reopened(Image.new("CMYK", (9, 9), (0, 255, 255, 0)), "TIFF"), (255, 0, 0)),
    "YCbCr": (Image.new("RGB", (9, 9), RED).convert("YCbCr"), RED),
    "16 bit": (reopened(Image.new("I;16", (9, 9), 100 * 257)), (100, 100, 100)),
    "16 bit, big-endian": (Image.frombytes("I;16B", (9, 9), struct.pack(">H", 100 * 257) * 81), (100, 100, 100)),
    "32 bit of 16": (Image.new("I", (9, 9), 100 * 257), (100, 100, 100)),
    "float, by its own largest": (reopened(Image.new("F", (9, 9), 3.5), "TIFF"), (255, 255, 255)),
    "float, black": (Image.new("F", (9, 9), 0.0), (0, 0, 0)),
    "float, negative": (Image.new("F", (9, 9), -1.0), (0, 0, 0)),
    "gif": (reopened(palette(), "GIF"), RED),
    "webp with alpha": (reopened(Image.new("RGBA", (9, 9), (*RED, 0)), "WEBP", lossless=True), (255, 255, 255)),
    "jpeg": (reopened(Image.new("RGB", (9, 9), RED), "JPEG", quality=95), RED),
    "grey jpeg": (reopened(Image.new("L", (9, 9), 100), "JPEG"), (100, 100, 100)),
}


@pytest.mark.parametrize("mode", MODES)
def test_an_image_of_any_mode_is_colour_over_white(mode: str):
    image, colour = MODES[mode]
    found = one_colour(image.copy())
    assert colour is None or near(found, colour, by=3 if mode in ("jpeg", "grey jpeg", "YCbCr") else 1), found


@pytest.mark.parametrize("mode", MODES)
def test_an_image_of_any_mode_is_grey_of_its_brightness(mode: str):
    image, colour = MODES[mode]
    found = one_colour(image.copy(), 1)
    expected = None if colour is None else round(0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2])
    assert expected is None or near(found, (expected,), by=3 if mode in ("jpeg", "grey jpeg", "YCbCr") else 1), found


def test_a_cmyk_jpeg_has_its_colours():
    image = reopened(Image.new("CMYK", (9, 9), (0, 255, 255, 0)), "JPEG", quality=95)
    assert image.mode == "CMYK"
    assert near(one_colour(image), (255, 0, 0), by=4)


def test_sixteen_bits_keep_their_shades():
    values = np.linspace(0, 65535, 256).round().astype(np.uint16).reshape(16, 16)
    image = reopened(Image.fromarray(values))
    assert image.mode.startswith("I;16")
    assert to_pixels(image, 16, 1).ravel().tolist() == list(range(256))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_rotated_photo_is_upright(orientation: int, form: str):
    upright = np.zeros((32, 32, 3), np.uint8)
    upright[:16, :16] = 250  # the upper left is white, and the lower left red
    upright[16:, :16, 0] = 250
    turns = {1: 0, 2: 0, 3: 2, 4: 2, 5: 3, 6: 1, 7: 1, 8: 3}
    stored = np.rot90(upright, turns[orientation])
    if orientation in (2, 4, 5, 7):
        stored = stored[:, ::-1]
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = reopened(Image.fromarray(np.ascontiguousarray(stored)), form, exif=exif)
    shown = to_pixels(image, 32, 3).astype(int)
    assert np.abs(shown - upright).mean() < 6, "upright, but for what JPEG does to edges"


@pytest.mark.parametrize("resize", ["squash", "crop"])
def test_squash_keeps_all_and_crop_the_middle(resize: Resize):
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 255
    pixels = to_pixels(Image.fromarray(wide), 20, 3, resize)
    white = (pixels > 127).mean()
    assert white == pytest.approx(1.0 if resize == "crop" else 1 / 3, abs=0.05)
    assert np.array_equal(pixels, to_pixels(wide.transpose(2, 0, 1), 20, 3, resize)), "arrays are resized alike"


def test_an_image_of_the_right_size_is_left_as_it_is():
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    for resize in ("squash", "crop"):
        assert np.array_equal(to_pixels(Image.fromarray(pixels), 12, 3, resize), pixels)


def test_a_large_jpeg_is_decoded_at_no_less_than_the_target():
    """The decoder may leave out what is thrown away anyhow; what remains must look the same."""
    y, x = np.mgrid[0:512, 0:512]
    smooth = np.stack([x // 2, y // 2, (x + y) // 4], axis=-1).astype(np.uint8)
    fast = to_pixels(reopened(Image.fromarray(smooth), "JPEG", quality=95), 32, 3).astype(int)
    exact = to_pixels(Image.fromarray(smooth), 32, 3).astype(int)
    assert np.abs(fast - exact).max() <= 8


# -- the same as the libraries whose weights are used ---------------------------------------------------


FILTERS: tuple[Interpolation, ...] = get_args(Interpolation)
SIDES = [(64, 64), (97, 61), (61, 97), (640, 41), (33, 500), (50, 48), (300, 299), (20, 13), (224, 225)]


def photo(width: int, height: int) -> Image.Image:
    """Waves and noise: every misplaced pixel shows."""
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(x / 3), np.cos(y / 5), np.sin((x + y) / 7)], axis=-1) * 60 + 128
    noise = np.random.default_rng([width, height]).integers(-50, 50, (height, width, 3))
    return Image.fromarray(np.clip(waves + noise, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("interpolation", FILTERS)
@pytest.mark.parametrize("size", [32, 45])
def test_squashed_images_are_torchvisions(interpolation: Interpolation, size: int):
    from torchvision.transforms import InterpolationMode, Resize

    theirs = Resize((size, size), InterpolationMode(interpolation))
    for sides in SIDES:
        image = photo(*sides)
        assert np.array_equal(to_pixels(image, size, 3, "squash", interpolation), theirs(image))


@pytest.mark.parametrize("interpolation", FILTERS)
@pytest.mark.parametrize("size", [32, 45])
@pytest.mark.parametrize("crop_pct", [1.0, 0.965, 0.95, 0.9, 0.875, 0.5])
def test_crops_are_timms(interpolation: Interpolation, size: int, crop_pct: float):
    from timm.data import create_transform

    theirs = create_transform(size, interpolation=interpolation, crop_pct=crop_pct, normalize=False)
    for sides in SIDES:
        image = photo(*sides)
        found = to_pixels(image, size, 3, "crop", interpolation, crop_pct)
        assert np.array_equal(found, theirs(image).permute(1, 2, 0)), sides
        array = np.asarray(image).transpose(2, 0, 1)
        assert np.array_equal(found, to_pixels(array, size, 3, "crop", interpolation, crop_pct)), "arrays are cut alike"


@given(
    width=st.integers(1, 90),
    height=st.integers(1, 90),
    size=st.integers(1, 40),
    crop_pct=st.floats(0.3, 1),
    interpolation=st.sampled_from(FILTERS),
)
@settings(deadline=None, max_examples=200)
def test_any_crop_is_timms(width: int, height: int, size: int, crop_pct: float, interpolation: Interpolation):
    from timm.data import create_transform

    assume(max(width, height) <= 16 * min(width, height))
    image = photo(width, height)
    theirs = create_transform(size, interpolation=interpolation, crop_pct=crop_pct, normalize=False)(image)
    assert np.array_equal(to_pixels(image, size, 3, "crop", interpolation, crop_pct), theirs.permute(1, 2, 0))


@pytest.mark.parametrize("upright", [False, True])
def test_of_a_very_long_picture_the_middle_is_scaled_without_room_for_the_rest(upright: bool):
    long = np.zeros((20, 200_000, 3), np.uint8)
    long[:, 99_990:100_010] = RED
    long = long.transpose(1, 0, 2) if upright else long
    pixels = to_pixels(Image.fromarray(long), 1000, 3, "crop")  # all of it would be 30 GB
    assert (pixels == RED).all(axis=-1).mean() > 0.9


@pytest.mark.parametrize("resize", ["squash", "crop"])
@pytest.mark.parametrize("crop_pct", [1.0, 0.5])
def test_a_large_jpeg_is_decoded_at_no_less_than_twice_of_what_is_needed(
    resize: Resize, crop_pct: float, monkeypatch: pytest.MonkeyPatch
):
    asked: list[tuple[int, int]] = []
    image = reopened(photo(1000, 640), "JPEG", quality=95)
    draft = image.draft
    monkeypatch.setattr(image, "draft", lambda mode, size: (draft(mode, size), asked.append(image.size)))
    fast = to_pixels(image, 40, 3, resize, "bicubic", crop_pct)
    needed = 80 if resize == "crop" and crop_pct == 0.5 else 40
    assert asked == [(250, 160)] if needed == 80 else [(125, 80)]
    exact = to_pixels(photo(1000, 640), 40, 3, resize, "bicubic", crop_pct)
    assert np.abs(fast.astype(int) - exact).mean() < 4


def test_two_channels_of_a_picture_are_told():
    with pytest.raises(DataError, match=r"has 3 channels, but the job's data\.in_chans is 2"):
        to_pixels(Image.new("RGB", (4, 4)), 4, 2)


# -- broken files ------------------------------------------------------------------------------------


class Files:
    """A dataset of files, opened when they are asked for."""

    def __init__(self, *paths: Path):
        self.paths = paths

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return Image.open(self.paths[index]), 0


def decode_file(path: Path) -> Any:
    item, _ = read_item(Files(path), 0)
    return to_pixels(item, 8, 3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a readable image"),
        (b"I am a text, not an image.", "not a readable image"),
        (encoded("JPEG")[:2], "not a readable image"),
        (encoded("JPEG")[:-200], "truncated"),
        (encoded("PNG")[:-400], "truncated"),
        (encoded("PNG")[:40], None),
        (encoded("GIF")[:200], None),
        (encoded("TIFF")[:-300], None),
        (encoded("WEBP")[:100], None),
        (encoded("BMP")[:200], "truncated"),
    ],
)
def test_a_broken_file_is_a_bad_image_with_a_reason(tmp_path: Path, content: bytes, reason: str | None):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(BadImage) as caught:
        decode_file(path)
    text = str(caught.value)
    assert text
    assert "0x" not in text, "no address of an object in memory"
    assert reason is None or reason in text


def test_a_missing_file_and_a_folder_are_bad_images(tmp_path: Path):
    with pytest.raises(BadImage, match=r"^no such file$"):
        decode_file(tmp_path / "gone.jpg")
    with pytest.raises(BadImage):
        decode_file(tmp_path)


def png_of(width: int, height: int) -> bytes:
    """A tiny file that says it is a huge image."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def test_a_file_made_to_exhaust_memory_is_a_bad_image(tmp_path: Path):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_of(60_000, 60_000))
    with pytest.raises(BadImage, match="decompression bomb"):
        decode_file(path)


FORMS = ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "PPM"]
GOOD = {form: encoded(form) for form in FORMS}


class Opened:
    """A dataset of one file that lies in memory."""

    def __init__(self, content: bytes):
        self.content = content

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return Image.open(io.BytesIO(self.content)), 0


@given(
    form=st.sampled_from(FORMS),
    damage=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6),
    keep=st.floats(0.02, 1),
)
@settings(max_examples=200, deadline=None)
@pytest.mark.filterwarnings("ignore")
def test_any_damage_gives_an_image_or_a_bad_image(form: str, damage: list[tuple[float, int]], keep: float):
    content = bytearray(GOOD[form])
    for place, value in damage:
        content[int(place * (min(len(content), 400) - 1))] = value  # headers are near the front
    largest, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, 100_000
    try:
        item, _ = read_item(Opened(bytes(content[: max(4, int(len(content) * keep))])), 0)
        assert to_pixels(item, 8, 3).shape == (8, 8, 3)
    except BadImage:
        return
    finally:
        Image.MAX_IMAGE_PIXELS = largest


@pytest.mark.parametrize("content", [b"P6\n\x0055 24\n255\n", b"P6\n24 24\n255\0_\x82\xc2\xd9\xcf\xeb\x0f99999\n"])
def test_a_broken_header_that_pillow_trips_over_is_a_bad_image(content: bytes):
    with pytest.raises(ValueError, match=r"\S"):
        Image.open(io.BytesIO(content))
    with pytest.raises(BadImage):
        read_item(Opened(content), 0)


def test_a_fault_of_the_dataset_is_no_bad_image():
    """A dataset with a bug must not pass for one with bad images, which are skipped."""

    class Faulty:
        def __init__(self, error: Exception):
            self.error = error

        def __getitem__(self, index: int) -> tuple[Any, int]:
            raise self.error

    for error in (ValueError("size"), KeyError("row"), IndexError(), TypeError()):
        with pytest.raises(type(error)):
            read_item(Faulty(error), 0)


# -- arrays ------------------------------------------------------------------------------------------


@given(
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    size=st.integers(1, 12),
    chans=st.sampled_from([(1, 1), (3, 3), (1, 3), (3, 1), (2, 2), (5, 5)]),
    resize=st.sampled_from(["squash", "crop"]),
    as_tensor=st.booleans(),
)
@settings(deadline=None)
def test_arrays_and_tensors_of_any_size_are_pixels(
    height: int, width: int, size: int, chans: tuple[int, int], resize: Resize, as_tensor: bool
):
    array = np.random.default_rng(0).integers(0, 256, (chans[0], height, width), dtype=np.uint8)
    pixels = to_pixels(torch.from_numpy(array) if as_tensor else array, size, chans[1], resize)
    assert pixels.shape == (size, size, chans[1])
    assert pixels.dtype == np.uint8
    if chans[0] == chans[1] and (height, width) == (size, size):
        assert np.array_equal(pixels, array.transpose(1, 2, 0))


def test_grey_arrays_become_colour_and_colour_ones_grey():
    grey = np.full((1, 6, 6), 77, np.uint8)
    colour = np.broadcast_to(np.array(RED, np.uint8)[:, None, None], (3, 6, 6))
    assert one_colour(grey, 3) == [77, 77, 77]
    assert near(one_colour(colour, 1), (84,))  # 0.299 * 200 + 0.587 * 30 + 0.114 * 60


@pytest.mark.parametrize(
    "item",
    [
        np.zeros((3, 4, 4), complex),
        np.zeros((4, 4), np.uint8),
        torch.zeros(1, 3, 4, 4, dtype=torch.uint8),
        "photo.jpg",
        None,
    ],
)
def test_what_is_no_image_is_told(item: Any):
    with pytest.raises(ContractError, match=r"must be a Path, a PIL image or an array of numbers \(C, H, W\), not"):
        to_pixels(item, 4, 3)


def test_another_number_of_channels_is_told_with_both():
    with pytest.raises(DataError, match=r"has 4 channels, but the job's data\.in_chans is 3.*--set data\.in_chans=4"):
        to_pixels(np.zeros((4, 5, 5), np.uint8), 5, 3)


def test_an_array_without_pixels_is_told():
    with pytest.raises(ContractError, match=r"not uint8 \(3, 0, 5\)"):
        to_pixels(np.zeros((3, 0, 5), np.uint8), 5, 3)


# -- in full size ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_chans", [1, 3])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "CMYK"])
def test_in_full_size_an_image_is_what_it_is_before_it_is_resized(mode, in_chans):
    drawn = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    image = reopened(Image.fromarray(drawn).convert(mode), "TIFF")
    found = full_size(image, in_chans)
    np.testing.assert_array_equal(found, to_pixels(image, 20, in_chans))


@pytest.mark.parametrize(("given", "wanted"), [(1, 1), (3, 3), (1, 3), (3, 1), (5, 5)])
def test_in_full_size_an_array_has_the_jobs_channels(given, wanted):
    array = np.random.default_rng(0).integers(0, 256, (given, 6, 9), np.uint8)
    found = full_size(array, wanted)
    assert found.shape == (6, 9, wanted)
    np.testing.assert_array_equal(full_size(array[:, :, :6], wanted), to_pixels(array[:, :, :6], 6, wanted))


def test_in_full_size_other_channels_are_refused():
    with pytest.raises(DataError, match="4 channels"):
        full_size(np.zeros((4, 6, 9), np.uint8), 3)
