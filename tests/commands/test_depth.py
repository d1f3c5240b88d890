"""Pictures of more than 8 bits, from the command line: what decoding drops is said once, with numbers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.api import load
from zoo.errors import BadImage
from zoo_predict.depth import count_depths


@pytest.fixture
def deep_folder(tmp_path: Path) -> Path:
    """Two classes of ten 16-bit pictures each; ten floats more, one of which is not finite."""
    root = tmp_path / "deep"
    for place, name in enumerate(("dark", "light")):
        (root / name).mkdir(parents=True)
        for i in range(10):
            pixels = np.random.default_rng(i).integers(0, 16_384, (12, 12)) + place * 40_000
            Image.fromarray(pixels.astype(np.uint16)).save(root / name / f"{i}.png")
            if place:
                values = pixels.astype(np.float32)
                values[0, 0] = np.nan if i == 7 else 1
                Image.fromarray(values).save(root / name / f"{i}.tif")
    return root


RUN = (
    "--image-size",
    "12",
    "--epochs",
    "1",
    "--set",
    "architecture.channels=[8]",
    "--set",
    "data.max_bad_fraction=0.1",
)


@pytest.mark.parametrize("store", ["disk", "stream"])
def test_a_run_says_what_it_loses_and_leaves_out_what_is_not_finite(zoo, read_result, deep_folder: Path, store: str):
    for name in ("first", "again"):  # the second reads the store
        words = (*RUN, "--set", f"data.store={store}", "--set", "data.window=8-bit", "--name", name)
        code, out, err = zoo("run", "simple_cnn", deep_folder, *words)
        assert code == 0, err
        said = " ".join((out + err).split())
        assert said.count("20 of 30 train images have 16 bits per channel") == 1
        assert said.count("9 of 30 train images have floating-point values") == 1
        (skipped,) = read_result(f"runs/{name}")["splits"]["train"]["skipped"]
        assert skipped["name"].endswith("7.tif")
        assert "is NaN or infinite" in skipped["reason"]
        assert "7.tif" in said


@pytest.mark.parametrize("store", ["disk", "stream"])
def test_a_run_that_keeps_all_bits_says_its_window(zoo, read_result, deep_folder: Path, store: str):
    """Of 16 bits and of floats together; what is not finite is left out."""
    code, out, err = zoo("run", "simple_cnn", deep_folder, *RUN, "--set", f"data.store={store}", "--name", "own")
    assert code == 0, err
    said = " ".join((out + err).split())
    assert said.count("The images keep their values (floating-point numbers)") == 1
    assert "high byte" not in said
    low, high = read_result("runs/own")["job"]["data"]["window"]
    assert (low < 100, 56_000 < high < 56_384) == (True, True)
    (skipped,) = read_result("runs/own")["splits"]["train"]["skipped"]
    assert "is NaN or infinite" in skipped["reason"]


def test_predict_says_it_once_and_leaves_out_what_is_not_finite(zoo, colours_run, deep_folder: Path):
    code, out, err = zoo("predict", colours_run, deep_folder, "--json")
    assert code == 2
    assert len(json.loads(out)["predictions"]) == 29
    assert err.count("20 of 30 pictures have 16 bits per channel") == 1
    assert err.count("9 of 30 pictures have floating-point values") == 1
    assert "7.tif: 1 of its 144 values is NaN or infinite" in err


def test_data_check_and_data_show_say_it(zoo, deep_folder: Path):
    code, out, _ = zoo("data", "check", deep_folder, "--json")
    document = json.loads(out)
    assert code == 0
    assert any(text.startswith("29 of 30 images have more than 8 bits") for text in document["notices"])
    (unreadable,) = [found for found in document["findings"] if found["kind"] == "unreadable"]
    assert "NaN" in unreadable["items"][0]["reason"]
    shutil.rmtree(deep_folder / "light")
    shutil.copytree(deep_folder / "dark", deep_folder / "more")
    code, out, _ = zoo("data", "show", deep_folder, "--count", "4", "--set", "data.window=8-bit")
    assert code == 0
    assert "4 of 4 images have 16 bits per channel" in " ".join(out.split())
    code, out, _ = zoo("data", "show", deep_folder, "--count", "4")
    assert code == 0
    assert "the window is of these images" in " ".join(out.split())


def test_ordinary_pictures_have_no_word(zoo, make_folder):
    folder = make_folder({"a": 10, "b": 10}, size=12)
    code, out, err = zoo("run", "simple_cnn", folder, *RUN, "--name", "r")
    assert (code, "bits" in out + err) == (0, False)
    assert count_depths([*folder.rglob("*.png"), Path("no.png")]) == {}


def test_a_server_names_a_picture_that_is_not_finite(colours_run):
    values = np.full((9, 9), np.nan, np.float32)
    Image.fromarray(values).save("nan.tif")
    with pytest.raises(BadImage, match=r"nan.tif: 81 of its 81 values are NaN or infinite"):
        load(colours_run).predict("nan.tif")


def test_pictures_of_8_bits_for_a_model_of_more_are_counted(zoo, deep_folder: Path, make_folder):
    """Their values are taken as they are, in training and afterwards."""
    code, _, err = zoo("run", "simple_cnn", deep_folder, *RUN, "--name", "deep")
    assert code == 0, err
    flat = make_folder({"a": 3}, size=12)
    for more in ((), ("--out", "all.csv")):
        code, out, err = zoo("predict", "deep", flat, *more)
        assert code == 0, err
        assert "3 of 3 pictures have 8 bits: the model was trained on larger values" in " ".join((out + err).split())
    shutil.copy(flat / "a" / "000.png", deep_folder / "dark" / "flat.png")
    code, out, err = zoo("run", "simple_cnn", deep_folder, *RUN, "--name", "mixed")
    assert code == 0, err
    assert "1 of 31 train images has 8 bits, and others have more: their values are taken as they are" in out + err


@pytest.mark.parametrize(("wide", "window"), [(4, "8-bit"), (16, None)])
def test_of_images_of_both_the_more_frequent_bits_decide(
    zoo, tmp_path: Path, read_result, wide: int, window: str | None
):
    for number in range(20):
        value, name = ((40, "dark"), (220, "light"))[number % 2]
        pixels = np.full((12, 12), value * 257, np.uint16) if number < wide else np.full((12, 12), value, np.uint8)
        path = tmp_path / "both" / name / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    code, out, err = zoo("run", "simple_cnn", tmp_path / "both", *RUN, "--set", "data.val_fraction=0.2", "--name", "r")
    assert code == 0, err
    found, said = read_result("runs/r")["job"]["data"]["window"], " ".join((out + err).split())
    if window:
        assert found == window
        assert "4 of 20 train images have 16 bits per channel: decoding keeps only the high byte" in said
    else:
        assert found == [40, 220 * 257]
        assert "4 of 20 train images have 8 bits, and others have more" in said
