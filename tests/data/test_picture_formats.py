"""Every format of pictures: HEIC with and without its package, WebP, AVIF; upright, over white, in 8 bits."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from zoo.data.decode import opened, read_item, to_pixels
from zoo.data.depth import TEN, depth_notices, depth_of
from zoo.data.picture_formats import FormatNotInstalled, install_hint, open_picture, picture_suffixes
from zoo.errors import BadImage
from zoo_predict.depth import count_depths

FILES = Path(__file__).parent / "formats"
RED, BLUE, WHITE = (230, 40, 30), (30, 60, 220), (255, 255, 255)


@pytest.fixture
def heif() -> None:
    pytest.importorskip("pi_heif", reason="HEIC is an extra: pip install 'visionzoo[heif]'")


def corners(source: Path | Image.Image) -> np.ndarray:
    """Top left and bottom right of an image of 8 by 8 pixels."""
    return to_pixels(source, 8, 3)[[0, 7], [0, 7]]


def near(found: np.ndarray, *colours: tuple[int, int, int]) -> bool:
    return bool(np.abs(found.astype(int) - np.array(colours)).max() <= 12)


@pytest.mark.usefixtures("heif")
class TestHeic:
    def test_it_opens_by_path_and_from_memory_without_decoding_first(self):
        for source in (FILES / "red.heic", str(FILES / "red.heic"), io.BytesIO((FILES / "red.heic").read_bytes())):
            image = open_picture(source)
            assert (image.format, image.size) == ("HEIF", (48, 32))
        assert near(corners(FILES / "red.heic"), RED, RED)

    def test_it_is_known_by_its_content_not_by_its_name(self, tmp_path: Path):
        shutil.copy(FILES / "red.heic", tmp_path / "IMG_1.jpg")
        assert near(corners(tmp_path / "IMG_1.jpg"), RED, RED)

    def test_it_is_upright(self):
        assert open_picture(FILES / "turned.heic").size == (32, 48), "stored as 48 by 32"
        assert near(corners(FILES / "turned.heic"), RED, BLUE)

    def test_what_is_transparent_is_white(self):
        assert near(corners(FILES / "clear.heic"), WHITE, RED)

    def test_ten_bits_become_eight_and_are_counted(self):
        assert depth_of(open_picture(FILES / "deep.heic")) == TEN
        assert near(corners(FILES / "deep.heic"), RED, RED)
        counts = count_depths([FILES / "deep.heic", FILES / "red.heic"])
        assert counts == {TEN: 1}
        (notice,) = depth_notices(counts, 2, "pictures")
        assert notice.startswith(
            "1 of 2 pictures has 10 or 12 bits per channel: decoding keeps only the highest 8 bits"
        )

    def test_a_truncated_file_is_a_bad_image(self, tmp_path: Path):
        content = (FILES / "red.heic").read_bytes()
        (tmp_path / "cut.heic").write_bytes(content[: len(content) // 2])
        with pytest.raises(BadImage):
            to_pixels(tmp_path / "cut.heic", 8, 3)

    def test_only_where_the_formats_allow_it(self):
        with pytest.raises(UnidentifiedImageError):
            open_picture(FILES / "red.heic", ["JPEG", "PNG"])
        assert open_picture(FILES / "red.heic", ["JPEG", "HEIF"]).format == "HEIF"

    def test_its_suffixes_are_known(self):
        assert {".heic", ".heif"} <= picture_suffixes()
        assert install_hint([".heic"]) == ""


@pytest.mark.usefixtures("without_heif")
class TestWithoutThePackage:
    def test_the_error_names_the_command(self):
        with pytest.raises(
            FormatNotInstalled, match=r"HEIC, which pi-heif reads. Type: pip install 'visionzoo\[heif\]'"
        ):
            open_picture(FILES / "red.heic")
        with pytest.raises(BadImage, match=r"visionzoo\[heif\]"):
            opened(FILES / "red.heic")

    def test_so_does_a_dataset_that_opens_its_files(self):
        class Photos:
            classes = ("a", "b")

            def __getitem__(self, index: int):
                return open_picture(FILES / "red.heic"), 0

        with pytest.raises(BadImage, match=r"visionzoo\[heif\]"):
            read_item(Photos(), 0)

    def test_its_suffixes_are_not_known(self):
        assert not {".heic", ".heif", ".hif"} & picture_suffixes()
        assert install_hint([".jpg", ".HEIC"]) == "pip install 'visionzoo[heif]'"
        assert install_hint([".psd", ".txt"]) == ""

    def test_other_files_are_no_images_as_before(self, tmp_path: Path):
        (tmp_path / "a.heic").write_text("text")
        with pytest.raises(UnidentifiedImageError):
            open_picture(tmp_path / "a.heic")
        with pytest.raises(FileNotFoundError):
            open_picture(tmp_path / "none.heic")


@pytest.mark.parametrize("suffix", ["webp", "avif"])
def test_webp_and_avif_are_upright_over_white_and_in_eight_bits(tmp_path: Path, suffix: str):
    half = Image.new("RGB", (48, 32), BLUE)
    half.paste(RED, (0, 0, 24, 32))  # stored: red on the left
    exif = Image.Exif()
    exif[0x0112] = 6
    half.save(tmp_path / f"turned.{suffix}", exif=exif, quality=95)
    assert near(corners(tmp_path / f"turned.{suffix}"), RED, BLUE), "shown: red on top"
    clear = Image.new("RGBA", (48, 32), (*RED, 255))
    clear.paste((0, 0, 0, 0), (0, 0, 48, 16))
    clear.save(tmp_path / f"clear.{suffix}", quality=95)
    assert near(corners(tmp_path / f"clear.{suffix}"), WHITE, RED)
    assert depth_of(open_picture(tmp_path / f"turned.{suffix}")) is None
    assert f".{suffix}" in picture_suffixes()


def test_avif_of_ten_bits_is_counted_and_its_file_stays_readable():
    image = open_picture(FILES / "deep.avif")
    assert depth_of(image) == TEN
    assert near(corners(image), RED, RED)


def test_a_pillow_without_avif_says_what_to_type(monkeypatch: pytest.MonkeyPatch):
    Image.init()
    monkeypatch.delitem(Image.OPEN, "AVIF")
    monkeypatch.setattr(Image, "ID", [name for name in Image.ID if name != "AVIF"])
    monkeypatch.setattr("zoo.data.picture_formats._avif_is_installed", lambda: False)
    with pytest.raises(FormatNotInstalled, match="pip install --upgrade pillow"):
        open_picture(FILES / "deep.avif")
    assert ".avif" not in picture_suffixes()
    assert install_hint([".avif"]) == "pip install --upgrade pillow"


def test_suffixes_that_pillow_only_writes_or_passes_to_others_are_left_out():
    assert {".jpg", ".jfif", ".png", ".webp", ".tif"} <= picture_suffixes()
    assert not {".pdf", ".mpg", ".h5", ".eps"} & picture_suffixes()
