"""What lives in the low bits alone is learned from every format; an export and a server answer the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import zoo as library
from zoo.runs import read_result

Zoo = Callable[..., tuple[int, str, str]]
SMALL = ("--image-size", "16", "--epochs", "12", "--set", "data.in_chans=1", "--set", "architecture.channels=[16,32]")


def accuracy(name: str) -> float:
    found = read_result(Path("runs", name)).metrics_of("val").accuracy
    assert found is not None
    return found


def preprocessing(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("runs", name, "model", "zoo.json").read_text("utf-8"))["preprocessing"]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy", ".dcm"])
def test_the_low_bits_are_learned(zoo: Zoo, stripes: Callable[..., Path], suffix: str):
    code, _, err = zoo("run", "simple_cnn", stripes(suffix), "--name", "deep", *SMALL)
    assert code == 0, err
    assert accuracy("deep") > 0.95
    assert preprocessing("deep")["window"] == [2048, 2075]
    assert "high byte" not in err
    job = Path("runs/deep/job.yaml").read_text("utf-8")
    assert "# data.window: range of the 96 training images" in job


@pytest.mark.slow
def test_at_8_bits_they_are_chance_and_the_run_says_why(zoo: Zoo, stripes: Callable[..., Path]):
    code, out, err = zoo("run", "simple_cnn", stripes(".png"), "--name", "flat", *SMALL, "--set", "data.window=8-bit")
    assert code == 0, err
    assert accuracy("flat") == 0.5
    said = "120 of 120 train images have 16 bits per channel: decoding keeps only the high byte."
    assert said in out + err
    assert "data.window=[LOWER,UPPER]" in " ".join((out + err).split())
    assert "window" not in preprocessing("flat")


@pytest.mark.slow
def test_every_reader_of_a_model_answers_the_same(zoo: Zoo, stripes: Callable[..., Path]):
    """From one file: predict, an evaluation, ONNX, and the other formats of the same values."""
    folders = {suffix: stripes(suffix) for suffix in (".png", ".tif", ".npy", ".dcm")}
    zoo("run", "simple_cnn", folders[".dcm"], "--name", "deep", *SMALL)
    code, out, err = zoo("evaluate", "deep", folders[".png"], "--json")
    assert code == 0, err
    assert json.loads(out)["metrics"]["val" if "val" in json.loads(out)["metrics"] else "all"]["accuracy"] > 0.95
    code, out, err = zoo("export", "deep", "--format", "onnx", "--json")
    assert code == 0, err
    assert json.loads(out)["check"]["disagreements"] == 0
    model, exported = library.load("runs/deep"), library.load("runs/deep/model.onnx")
    for kind in ("upright", "lying"):
        files = [next((folder / kind).glob(f"007{suffix}")) for suffix, folder in folders.items()]
        answers = [(found["label"], found["confidence"]) for found in model.predict(files)]
        assert answers == [answers[0]] * len(files)
        assert answers[0][0] == kind
        other = exported.predict(files)
        assert [found["label"] for found in other] == [kind] * len(files)
        assert [found["confidence"] for found in other] == pytest.approx([found[1] for found in answers], abs=1e-4)
        assert model.predict(files[3].read_bytes())[0]["confidence"] == answers[0][1], "the bytes of a DICOM file"
        assert model.predict(np.load(files[2]))[0]["confidence"] == answers[0][1], "an array, in the unit of training"


@pytest.mark.slow
def test_the_server_answers_as_predict_does(zoo: Zoo, stripes: Callable[..., Path]):
    from zoo_serve.images import decoded

    folders = {suffix: stripes(suffix, 30) for suffix in (".png", ".tif", ".npy", ".dcm")}
    zoo("run", "simple_cnn", folders[".png"], "--name", "deep", *SMALL)
    model = library.load("runs/deep")
    wanted = model.pixels(folders[".png"] / "lying" / "004.png")
    assert wanted.dtype == np.uint16
    for suffix, folder in folders.items():
        file = folder / "lying" / f"004{suffix}"
        assert np.array_equal(decoded((file.name, file.read_bytes()), model, 10_000), wanted), suffix


@pytest.mark.slow
def test_torch_programs_answer_as_the_run_does(zoo: Zoo, stripes: Callable[..., Path]):
    zoo("run", "simple_cnn", stripes(".npy", 30), "--name", "deep", *SMALL)
    for format in ("torchscript", "pt2"):
        code, out, err = zoo("export", "deep", "--format", format, "--json")
        assert code == 0, err
        assert json.loads(out)["check"]["disagreements"] == 0
        assert json.loads(out)["resize"]["disagreements"] == 0


def test_a_percentile_window_leaves_outliers_out(zoo: Zoo, tmp_path: Path):
    for kind, base in (("low", 1000), ("high", 2000)):
        (tmp_path / "thermal" / kind).mkdir(parents=True)
        for number in range(10):
            values = np.random.default_rng(number).normal(base, 20, (40, 40)).astype(np.float32)
            values[0, 0] = -9999
            np.save(tmp_path / "thermal" / kind / f"{number}.npy", values)
    size = ("--image-size", "40", "--epochs", "1", "--set", "data.in_chans=1", "--set", "architecture.channels=[4]")
    code, _, err = zoo(
        "run", "simple_cnn", tmp_path / "thermal", "--name", "p", *size, "--set", "data.window=percentile"
    )
    assert code == 0, err
    low, high = preprocessing("p")["window"]
    assert 900 < low < 1000
    assert 2000 < high < 2100
    zoo("run", "simple_cnn", tmp_path / "thermal", "--name", "r", *size)
    assert preprocessing("r")["window"][0] == -9999
    code, _, err = zoo("run", "runs/p/job.yaml", "--name", "again")
    assert code == 0, err
    assert preprocessing("again")["window"] == [low, high]


def test_a_window_of_the_job_is_kept(zoo: Zoo, stripes: Callable[..., Path]):
    how = (
        "--epochs",
        "1",
        "--image-size",
        "16",
        "--set",
        "architecture.channels=[4]",
        "--set",
    )
    code, _, err = zoo("run", "simple_cnn", stripes(".npy", 5), "--name", "own", *how, "data.window=[2000,2100]")
    assert code == 0, err
    assert preprocessing("own")["window"] == [2000, 2100]
    code, _, err = zoo("run", "simple_cnn", stripes(".tif", 5), *how, "data.window=[5,5]")
    assert code == 2
    assert "must be auto, 8-bit, percentile, dicom or [LOWER,UPPER] with LOWER < UPPER, not [5, 5]" in err


def test_a_dicom_window_is_each_files_own(zoo: Zoo, dicom: Callable[..., None], tmp_path: Path):
    for kind, factor in (("a", 1), ("b", 3)):
        (tmp_path / "ct" / kind).mkdir(parents=True)
        for number in range(6):
            values = np.random.default_rng(number).integers(0, 4000, (16, 16)).astype(np.uint16)
            center = 1000 * factor
            dicom(tmp_path / "ct" / kind / f"{number}.dcm", values, WindowCenter=center, WindowWidth=501)
    how = ("--epochs", "1", "--image-size", "16", "--set", "data.in_chans=1", "--set", "architecture.channels=[4]")
    code, _, err = zoo("run", "simple_cnn", tmp_path / "ct", "--name", "ct", *how, "--set", "data.window=dicom")
    assert code == 0, err
    assert preprocessing("ct")["window"] == "dicom"
    model = library.load("runs/ct")
    pixels = model.pixels(tmp_path / "ct" / "b" / "0.dcm")
    values = np.random.default_rng(0).integers(0, 4000, (16, 16))
    assert pixels.dtype == np.float32
    assert np.allclose(pixels[..., 0], ((values - 2749.5) / 500).clip(0, 1), atol=1e-6)
    np.save("plain.npy", values.astype(np.uint16))
    code, _, err = zoo("predict", "ct", "plain.npy")
    assert code == 2
    assert "the file states no window" in err


def test_a_server_refuses_what_a_reader_can_not_read(zoo: Zoo, stripes: Callable[..., Path]):
    from zoo.errors import BadImage
    from zoo_serve.images import decoded

    zoo("run", "simple_cnn", stripes(".npy", 5), "--name", "s", "--epochs", "1", "--image-size", "16", "--set",
        "architecture.channels=[4]")  # fmt: skip
    model, folder = library.load("runs/s"), stripes(".dcm", 1)
    content = next(folder.rglob("*.dcm")).read_bytes()
    with pytest.raises(BadImage, match="not a readable image"):
        decoded(("cut.dcm", content[:-100]), model, 10_000)
    with pytest.raises(BadImage, match="limit is 100"):
        decoded(("large.dcm", content), model, 100)
    assert BytesIO(content).read(132)[128:] == b"DICM"
    shutil.rmtree(folder)


def test_what_is_of_8_bits_is_refused_or_put_into_the_window(zoo: Zoo, stripes: Callable[..., Path]):
    """The corruptions are refused; generated pictures of a detector have the brightness of the training images."""
    from zoo_detectors.outputs import _in_window

    how = ("--name", "s", "--epochs", "1", "--image-size", "16", "--set", "architecture.channels=[4]")
    zoo("run", "simple_cnn", stripes(".npy", 8), *how, "--set", "data.in_chans=1")
    code, _, err = zoo("evaluate", "s", "--corruptions")
    assert code == 2
    assert "--set data.window=8-bit" in err
    grey = Image.new("RGB", (16, 16), (51, 51, 51))
    found = library.load("runs/s").pixels(_in_window(grey, [2000, 2100]))
    assert np.allclose(found, 2020)
    assert _in_window(grey, None) is grey


def test_the_pages_of_a_model_with_a_window_show_the_window(zoo: Zoo, stripes: Callable[..., Path]):
    folder = stripes(".dcm", 8)
    how = ("--name", "s", "--epochs", "1", "--image-size", "16", "--set", "architecture.channels=[4]")
    zoo("run", "simple_cnn", folder, *how, "--set", "data.in_chans=1")
    shown = np.asarray(Image.open(next(Path("runs/s/pictures").glob("augmented-1.jpg"))))
    assert np.ptp(shown[:, :144].astype(int)) > 150, "stripes from black to white"
    code, _, err = zoo("predict", "s", folder / "lying" / "000.dcm", "--save", "out", "--html", "page.html")
    assert code == 0, err
    saved = np.asarray(Image.open("out/000.jpg"))
    assert np.ptp(saved[:200].astype(int)) > 150


def test_a_teacher_has_the_window_of_its_student(zoo: Zoo, stripes: Callable[..., Path]):
    folder = stripes(".npy", 8)
    how = ("--epochs", "1", "--image-size", "16", "--set", "architecture.channels=[4]", "--set", "data.in_chans=1")
    zoo("run", "simple_cnn", folder, "--name", "t", *how)
    code, _, err = zoo("run", "simple_cnn", folder, "--name", "same", *how, "--teacher", "runs/t")
    assert code == 0, err
    other = ("--set", "data.window=8-bit")
    code, _, err = zoo("run", "simple_cnn", folder, "--name", "u", *how, *other, "--teacher", "runs/t")
    assert code == 2
    assert "--set 'data.window=[2048.0, 2075.0]'" in err


def test_a_run_of_before_resumes_as_it_began(zoo: Zoo, stripes: Callable[..., Path]):
    """An earlier zoo's job names no window: its images were reduced to 8 bits, and still are."""
    folder = stripes(".npy", 8)
    how = ("--image-size", "16", "--set", "architecture.channels=[4]", "--set", "data.in_chans=1")
    zoo("run", "simple_cnn", folder, "--name", "old", *how, "--epochs", "2", "--set", "data.window=8-bit")
    job = Path("runs/old/job.yaml")
    job.write_text(job.read_text("utf-8").replace("  window: 8-bit\n", ""), "utf-8")
    code, _, err = zoo("run", "runs/old/job.yaml", "--name", "old", "--resume", "--epochs", "3")
    assert code == 0, err
    assert "window" not in preprocessing("old")
