"""Images of another depth or unit than those that a model was trained on: said, wherever a model meets them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Zoo = Callable[..., tuple[int, str, str]]
SMALL = ("--image-size", "16", "--epochs", "1", "--set", "architecture.channels=[4]", "--set", "data.in_chans=1")
BLANK = "hardly any contrast in the model's window"
NARROW = "8 bits: the model was trained on larger values"


def draw(folder: Path, top: float, dtype: Any, count: int = 8) -> Path:
    """Two classes, stripes across and down in noise, of values from a quarter of ``top`` to ``top``."""
    for kind in ("across", "down"):
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            rows, columns = np.mgrid[:16, :16]
            stripes = (rows if kind == "across" else columns) // 4 % 2
            noise = np.random.default_rng([number, kind == "down"]).random((16, 16))
            values = ((0.25 + 0.5 * stripes + 0.25 * noise) * top).astype(dtype)
            if dtype == np.uint8 or dtype == np.uint16:
                Image.fromarray(values).save(folder / kind / f"{number:03}.png")
            else:
                np.save(folder / kind / f"{number:03}.npy", values)
    return folder


@pytest.fixture
def depths(tmp_path: Path) -> dict[str, Path]:
    kinds = {"deep": (4095, np.uint16), "narrow": (255, np.uint8), "unit": (1, np.float32)}
    return {name: draw(tmp_path / name, top, dtype) for name, (top, dtype) in kinds.items()}


@pytest.fixture
def said(zoo: Zoo) -> Callable[..., str]:
    """What a command prints, on one line; it must succeed."""

    def run(*words: object) -> str:
        code, out, err = zoo(*words)
        assert code == 0, (out, err)
        return " ".join((out + err).replace("│", " ").split())

    return run


def split_of(root: Path, **folders: Path) -> Path:
    """A folder with these folders as its splits."""
    for name, folder in folders.items():
        root.mkdir(exist_ok=True)
        (root / name).symlink_to(folder)
    return root


def test_a_run_says_validation_images_of_another_depth(said: Any, depths: dict[str, Path], tmp_path: Path):
    mixed = split_of(tmp_path / "deep-narrow", train=depths["deep"], val=depths["narrow"])
    assert f"16 of 16 val images have {NARROW}" in said("run", "simple_cnn", mixed, "--name", "x", *SMALL)
    units = split_of(tmp_path / "unit-deep", train=depths["unit"], val=depths["deep"])
    assert f"16 of 16 val images have {BLANK}" in said("run", "simple_cnn", units, "--name", "y", *SMALL)
    same = said("run", "simple_cnn", depths["deep"], "--name", "z", *SMALL)
    assert BLANK not in same
    assert NARROW not in same


def test_deep_validation_images_of_a_run_on_8_bits_are_reduced(said: Any, depths: dict[str, Path], tmp_path: Path):
    mixed = split_of(tmp_path / "narrow-deep", train=depths["narrow"], val=depths["deep"])
    assert "16 of 16 val images have 16 bits per channel" in said("run", "simple_cnn", mixed, "--name", "x", *SMALL)
    assert "window" not in json.loads(Path("runs/x/model/zoo.json").read_text("utf-8"))["preprocessing"]
    own = json.loads(Path("runs/x/result.json").read_text("utf-8"))["metrics"]["val"]["loss"]
    code = said("evaluate", "x", depths["deep"], "--json")
    assert json.loads(code[code.index("{") :])["metrics"]["all"]["loss"] == pytest.approx(own, abs=1e-6)


def test_evaluations_predictions_and_extensions_say_it(said: Any, depths: dict[str, Path], tmp_path: Path):
    said("run", "simple_cnn", depths["deep"], "--name", "deep", *SMALL)
    said("run", "simple_cnn", depths["unit"], "--name", "unit", *SMALL)
    said("run", "simple_cnn", depths["narrow"], "--name", "narrow", *SMALL)
    assert f"16 of 16 all images have {NARROW}" in said("evaluate", "deep", depths["narrow"])
    assert f"16 of 16 all images have {BLANK}" in said("evaluate", "unit", depths["deep"])
    assert BLANK not in said("evaluate", "unit", depths["unit"])
    pictures = [next((depths[name] / "down").iterdir()) for name in ("narrow", "deep", "unit")]
    assert f"2 of 3 pictures have {BLANK}" in said("predict", "unit", *pictures)
    assert f"2 of 3 pictures have {BLANK}" in said("predict", "unit", *pictures, "--out", tmp_path / "rows.csv")
    assert f"1 of 3 pictures has {BLANK}" in said("predict", "deep", *pictures)
    assert f"8 of 8 train images have {NARROW}" in extended(said, "deep", depths["narrow"], tmp_path)
    assert "8 of 8 train images have 16 bits per channel" in extended(said, "narrow", depths["deep"], tmp_path)


def extended(said: Any, run: str, folder: Path, tmp_path: Path) -> str:
    """What an extension by one class of a folder prints."""
    other = tmp_path / f"{folder.name} others"
    shutil.copytree(folder / "down", other)
    found: str = said("extend", run, other, "--name", f"{run}-more")
    return found


def test_foreign_pictures_of_8_bits_are_said(said: Any, depths: dict[str, Path], tmp_path: Path):
    deep = draw(tmp_path / "more", 4095, np.uint16, 40)
    said("run", "simple_cnn", deep, "--name", "deep", *SMALL, "--set", "data.val_fraction=0.5")
    foreign = draw(tmp_path / "foreign", 255, np.uint8, 12)
    found = said("detector", "deep", "--foreign", foreign)
    assert "24 of 24 pictures of" in found
    assert "have 8 bits, or other values than the training images" in found
    assert "seem blank" not in said("detector", "deep", "--foreign", draw(tmp_path / "same", 4095, np.uint16, 12))


def test_a_server_says_it_beside_the_answer(said: Any, depths: dict[str, Path]):
    import zoo as library
    from zoo_serve.images import decoded, unit_notice

    said("run", "simple_cnn", depths["deep"], "--name", "deep", *SMALL)
    said("run", "simple_cnn", depths["unit"], "--name", "unit", *SMALL)
    deep, unit = (library.load(f"runs/{name}") for name in ("deep", "unit"))
    files = {name: next((folder / "down").iterdir()) for name, folder in depths.items()}
    pixels = {
        (model, name): decoded((file.name, file.read_bytes()), model, 10_000)
        for model in (deep, unit)
        for name, file in files.items()
    }
    found = {name: [unit_notice(pixels[model, name], model) for model in (deep, unit)] for name in files}
    assert found["deep"][0] == found["unit"][1] == {}
    assert "has 8 bits" in found["narrow"][0]["notice"]
    assert all(
        "hardly any contrast" in each["notice"] for each in (found["narrow"][1], found["deep"][1], found["unit"][0])
    )
