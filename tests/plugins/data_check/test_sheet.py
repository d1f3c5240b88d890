"""The contact sheet, and the files that pictures are written to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from zoo.errors import RequestError
from zoo.reports.picture_file import check_place, is_ours
from zoo_data_check.sheet import Cell, channels_note, make_sheet, save_sheet, target_words, to_picture


def plain(colour: str, side: int = 120) -> Image.Image:
    return Image.new("RGB", (side, side), colour)


def test_pictures_stand_in_rows_and_columns():
    colours = [["#ff0000", "#00ff00"], ["#0000ff", "#ff00ff"]]
    sheet = make_sheet("title", ["a", "b"], [[Cell(plain(c), ["cat"]) for c in row] for row in colours], ["a note"])
    places = {}
    for colour in [*colours[0], *colours[1]]:
        rgb = tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
        rows, columns = np.nonzero((np.asarray(sheet) == rgb).all(-1))
        assert len(rows) == 120 * 120, "each is there whole, and nothing is drawn over it"
        places[colour] = (columns.min(), rows.min())
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = (places[c] for c in [*colours[0], *colours[1]])
    assert ay == by < cy == dy
    assert ax == cx < bx == dx


def test_a_bar_shows_the_shares():
    cell = Cell(plain("#ffffff"), ["cat 0.75"], [("#ff0000", 0.75), ("#0000ff", 0.25)])
    pixels = np.asarray(make_sheet("t", ["a"], [[cell]], []))
    red, blue = ((pixels == rgb).all(-1).any(0).sum() for rgb in ((255, 0, 0), (0, 0, 255)))
    assert (red, blue) == (90, 30)


@given(st.integers(1, 400), st.sampled_from([1, 2, 3, 4, 6]))
def test_every_size_and_number_of_channels_becomes_a_picture_one_can_see(side, channels):
    picture = to_picture(np.zeros((side, side, channels), np.uint8))
    assert picture.mode == "RGB"
    assert 100 <= picture.width <= 256


def test_small_pictures_keep_their_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    shown = np.asarray(to_picture(pixels))
    step = len(shown) // 8
    assert np.array_equal(shown[step // 2 :: step, step // 2 :: step], pixels)


def test_floats_are_0_to_1_and_what_is_beyond_is_cut_off():
    values = np.array([-1.0, 0.0, 0.5, 1.0, 3.0, np.nan, np.inf, -np.inf], np.float32)
    shown = np.asarray(to_picture(np.repeat(values, 8).reshape(8, 8, 1)))
    assert [int(v) for v in shown[::14, 0, 0]] == [0, 0, 128, 255, 255, 0, 255, 0]


def test_of_many_channels_the_first_are_shown_and_it_is_said():
    image = np.zeros((120, 120, 6), np.uint8)
    image[..., 0], image[..., 1], image[..., 5] = 200, 100, 255
    assert to_picture(image).getpixel((5, 5)) == (200, 100, 0)
    assert channels_note(6) == "shown: the first 3 of 6 channels"
    assert channels_note(2) == "shown: the first 1 of 2 channels"
    assert channels_note(1) == channels_note(3) == ""


def test_targets_in_words():
    assert target_words({"cat": 1.0}) == ["cat"]
    assert target_words({"cat": 0.7, "dog": 0.3}) == ["cat 0.7", "dog 0.3"]
    assert target_words({"cat": 0.999, "dog": 0.001}) == ["cat"]
    assert target_words({"cat": 1.0, "outdoors": 1.0}) == ["cat", "outdoors"]
    assert target_words(dict.fromkeys("abcde", 0.2)) == ["a 0.2", "b 0.2", "and 3 more"]


def test_long_names_and_odd_letters_stay_in_their_column():
    words = ["a_very_long_class_name_of_some_herbarium" * 3, "\x1b[31mкошка\n犬"]
    narrow = make_sheet("t" * 500, ["a", "b"], [[Cell(plain("#ff0000"), words)] * 2], ["n" * 900])
    assert narrow.width == make_sheet("t", ["a", "b"], [[Cell(plain("#ff0000"), ["cat"])] * 2], []).width


def test_the_zoos_own_pictures_are_known_and_only_they_are_replaced(tmp_path):
    mine, photo = tmp_path / "mine.png", tmp_path / "photo.png"
    save_sheet(plain("#00ff00"), mine)
    plain("#00ff00").save(photo)
    assert is_ours(mine)
    assert not is_ours(photo)
    assert check_place(mine, (".png",)) == mine
    with pytest.raises(RequestError, match="was not written by the zoo"):
        check_place(photo, (".png",))
    assert check_place(photo, (".png",), overwrite=True) == photo


def test_where_no_picture_can_be_written(tmp_path):
    for path, said in (
        (tmp_path, "is a folder"),
        (tmp_path / "a.jpg", r"must end in \.png"),
        (tmp_path / "no" / "a.png", "There is no folder"),
    ):
        with pytest.raises(RequestError, match=said):
            check_place(path, (".png",))
