"""Images of one channel, or of more than three: from files to predictions, by real jobs of a second."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import zoo as api
from zoo.data.decode import WrongChannels, channels_of, loses_values, open_image, to_pixels
from zoo.data.depth import PAGES
from zoo.errors import BadImage
from zoo.job.dataset_facts import peek
from zoo.testing.augmentations import KIND as AUGMENTATION
from zoo_images.folders import ImageFolder
from zoo_images.tables import ImageCsv

QUICK = ("--recipe", "none", "--image-size", "16", "--batch-size", "8", "--epochs", "3", "--lr", "0.02", "--quiet")
NET = ("--set", "architecture={channels: [8], batch_norm: true, global_pool: avg, dropout: 0.0}")


def scene(kind: int, seed: int, channels: int = 6) -> np.ndarray:
    """uint8 (C, 18, 20) of noise, one of whose channels is bright: which one tells the kind."""
    pixels = np.random.default_rng([kind, seed]).integers(0, 120, (channels, 18, 20), dtype=np.uint8)
    pixels[kind] += 100
    return pixels


def save(path: Path, pixels: np.ndarray) -> None:
    """As the suffix says; an array as (H, W, C) where its name has ``last``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, np.moveaxis(pixels, 0, -1) if "last" in path.name else pixels)
    else:
        first, *others = map(Image.fromarray, pixels)
        first.save(path, save_all=True, append_images=others)


def write(folder: Path, name: str, channels: int = 6, count: int = 12) -> Path:
    for kind, label in enumerate("ab"):
        for i in range(count):
            save(folder / label / name.format(i), scene(kind, i, channels))
    return folder


@pytest.fixture(scope="module")
def run(session_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on arrays of six channels; to be read, never changed."""
    from zoo.__main__ import main

    work = tmp_path_factory.mktemp("six")
    write(work / "scenes", "{:02}.npy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(session_cache))
        patch.setenv("XDG_CONFIG_HOME", str(work / "config"))
        patch.chdir(work)
        augment = "augment=[medium,rand_augment,random_erasing]"
        words = ["run", "simple_cnn", "./scenes", *QUICK, *NET, "--set", augment, "--name", "six"]
        assert main([str(word) for word in words]) == 0
    return work / "runs" / "six"


def result_of(run: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((run / "result.json").read_text("utf-8"))
    return document


# -- files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x.npy", "last.npy", "x.tif"])
def test_a_file_of_six_channels_is_read_as_it_was_written(tmp_path, name):
    pixels = scene(1, 0)
    save(tmp_path / name, pixels)
    assert channels_of(open_image(tmp_path / name)) == 6
    for given in (tmp_path / name, open_image(tmp_path / name)):
        found = to_pixels(given, 20, 6)
        assert found.shape == (20, 20, 6)
        wanted = [np.asarray(Image.fromarray(p).resize((20, 20), Image.Resampling.BILINEAR)) for p in pixels]
        assert np.array_equal(found, np.stack(wanted, -1))


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        ((6, 9, 8), (6, 9, 8)),
        ((9, 8, 6), (6, 9, 8)),
        ((5, 9, 5), (5, 9, 5)),
        ((4, 5), (1, 4, 5)),
        ((7, 7, 1), (1, 7, 7)),
    ],
)
def test_the_smaller_of_first_and_last_dimension_is_the_channels(tmp_path, shape, found):
    np.save(tmp_path / "x.npy", np.zeros(shape, np.uint8))
    assert open_image(tmp_path / "x.npy").shape == found


class _Planted:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("planted"),))


@pytest.mark.parametrize(
    "content",
    [
        np.zeros((3, 4, 4), complex),
        np.zeros((2, 3, 4, 4), np.uint8),
        np.zeros((0, 4, 4), np.uint8),
        np.array([_Planted()], dtype=object),
    ],
    ids=["complex numbers", "four dimensions", "empty", "objects"],
)
def test_an_array_that_is_no_image_is_a_bad_image(tmp_path, content):
    np.save(tmp_path / "x.npy", content, allow_pickle=True)
    with pytest.raises(BadImage, match="array"):
        to_pixels(tmp_path / "x.npy", 8, 3)
    assert not Path("planted").exists(), "nothing that is pickled is run"


@pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps(_Planted()), b"\x93NUMPY\x01\x00"])
def test_a_file_that_only_says_it_is_an_array_is_a_bad_image(tmp_path, content):
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(BadImage):
        to_pixels(tmp_path / "x.npy", 8, 3)
    assert not Path("planted").exists()


def test_bands_of_one_page_are_channels_too(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (8, 8, 4), dtype=np.uint8)
    Image.fromarray(pixels, "RGBA").save(tmp_path / "x.tif")
    assert np.array_equal(to_pixels(tmp_path / "x.tif", 8, 4), pixels)
    assert to_pixels(tmp_path / "x.tif", 8, 3).shape == (8, 8, 3), "colour as ever"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_photo_with_its_thumbnail_is_the_photo_and_its_pages_are_said(zoo, tmp_path, monkeypatch, dtype):
    tifffile = pytest.importorskip("tifffile")
    for name, light in (("dark", 60), ("light", 200)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(3):
            photo = np.full((24, 24, 3), light * (257 if dtype == np.uint16 else 1) + number, dtype)
            with tifffile.TiffWriter(tmp_path / "photos" / name / f"{number}.tif") as file:
                file.write(photo, photometric="rgb")
                file.write(photo[::3, ::3], photometric="rgb")
    assert channels_of(open_image(tmp_path / "photos" / "dark" / "0.tif")) is None
    monkeypatch.chdir(tmp_path)
    code, _, err = zoo("run", "simple_cnn", tmp_path / "photos", *QUICK, *NET, "--name", "photos")
    assert code == 0, err
    said = result_of(tmp_path / "runs" / "photos")["notices"]
    assert any(notice.startswith("6 of 6 train images have several pages: only the first is read.") for notice in said)


def test_three_pages_of_grey_are_said_in_a_job_of_colour_alone(tmp_path):
    pages = [Image.fromarray(np.full((8, 8), value, np.uint8)) for value in (10, 20, 30)]
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "one.tif")
    for values in ("8-bit", "own"):
        assert loses_values(open_image(tmp_path / "x.tif"), values, 3) == PAGES
        assert loses_values(open_image(tmp_path / "x.tif"), values, 2) is None
        assert loses_values(open_image(tmp_path / "one.tif"), values, 3) is None


def test_pages_of_sixteen_bits_keep_their_high_byte(tmp_path):
    pages = [Image.fromarray(np.full((8, 8), 256 * value + 3, np.uint16)) for value in (10, 20, 30, 40)]
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
    assert to_pixels(tmp_path / "x.tif", 8, 4)[0, 0].tolist() == [10, 20, 30, 40]


@pytest.mark.parametrize(("given", "wanted"), [(6, 3), (6, 1), (3, 6), (1, 6), (2, 5)])
def test_another_number_of_channels_is_told_with_what_to_type(given, wanted):
    with pytest.raises(WrongChannels, match=f"--set data.in_chans={given}$"):
        to_pixels(torch.zeros(given, 8, 8, dtype=torch.uint8), 8, wanted)


# -- the job's default --------------------------------------------------------------------------------


def test_the_first_file_tells_the_number_of_channels(tmp_path):
    assert peek(ImageFolder, {"root": write(tmp_path / "n", "{}.npy", 5, 1)})["in_chans"] == 5
    assert peek(ImageFolder, {"root": write(tmp_path / "t", "{}.tif", 4, 1)})["in_chans"] == 4
    assert peek(ImageFolder, {"root": write(tmp_path / "c", "{}.npy", 3, 1)}).get("in_chans") is None, "colour"
    (tmp_path / "n" / "l.csv").write_text("path,label\na/0.npy,a\nb/0.npy,b\n")
    assert peek(ImageCsv, {"root": tmp_path / "n" / "l.csv"}) == {
        "task": "single-label",
        "multilabel": False,
        "in_chans": 5,
    }


def test_what_somebody_says_goes_over_the_first_file(zoo, tmp_path):
    folder = write(tmp_path / "n", "{}.npy", 5, 2)
    told = [(), ("--set", "data.in_chans=4")]
    found = [json.loads(zoo("run", "simple_cnn", folder, *more, "--dry-run", "--json")[1]) for more in told]
    assert [document["job"]["data"]["in_chans"] for document in found] == [5, 4]
    assert len(found[0]["job"]["data"]["mean"]) == 1, "one value for all channels"


# -- jobs ---------------------------------------------------------------------------------------------


def test_six_channels_are_learned(run):
    result = result_of(run)
    assert result["job"]["data"]["in_chans"] == 6
    assert result["metrics"]["val"]["accuracy"] == 1.0
    assert "data.in_chans" in (run / "report.html").read_text("utf-8")


def test_predict_reads_arrays_and_pages_alike(zoo, run, tmp_path):
    for kind, name in ((0, "x.npy"), (1, "last.npy"), (0, "y.tif"), (1, "z.tif")):
        save(tmp_path / name, scene(kind, 99))
    names = [tmp_path / name for name in ("x.npy", "last.npy", "y.tif", "z.tif")]
    code, out, err = zoo("predict", run, *names, "--json")
    assert code == 0, err
    assert [p["label"] for p in json.loads(out)["predictions"]] == ["a", "b", "a", "b"]
    code, out, _ = zoo("predict", run, tmp_path, "--csv")
    assert len(out.splitlines()) == 5, "a folder's arrays are pictures too"
    assert api.load(run).predict(scene(1, 99))[0]["label"] == "b"


def test_predict_says_which_file_has_other_channels(zoo, run, tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    code, _, err = zoo("predict", run, tmp_path / "photo.png")
    assert code == 2
    assert "photo.png: has 3 channels, but the model takes 6" in err


def test_evaluate_measures_pages_with_a_model_of_arrays(zoo, run, tmp_path):
    code, out, _ = zoo("evaluate", run, write(tmp_path / "t", "{}.tif", count=3), "--json")
    assert code == 0
    assert json.loads(out)["metrics"]["all"]["accuracy"] == 1.0


def test_arrays_are_decoded_once(session_cache, tmp_path):
    from zoo.data.store import content_key

    folder = write(tmp_path / "n", "{}.npy", count=2)
    first = content_key(ImageFolder(folder, "train"))
    assert first is not None, "its files' content is a key, as that of pictures is"
    save(folder / "a" / "0.npy", scene(0, 50))
    assert content_key(ImageFolder(folder, "train")) != first


@pytest.mark.parametrize("channels", [3, 4])
def test_a_job_of_other_channels_ends_politely(zoo, tmp_path, channels):
    folder = write(tmp_path / "n", "{}.npy", count=2)
    words = ("run", "simple_cnn", folder, *QUICK, *NET, "--name", "no", "--set", f"data.in_chans={channels}")
    code, _, err = zoo(*words)
    assert code == 2
    assert "has 6 channels" in err
    assert ".npy" in err
    assert "--set data.in_chans=6" in err
    assert not Path("runs/no").exists()


def test_a_tensor_dataset_of_other_channels_ends_politely(tmp_path):
    class Six:
        classes = ("a", "b")

        def __len__(self) -> int:
            return 8

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            return torch.zeros(6, 8, 8, dtype=torch.uint8), index % 2

    with pytest.raises(WrongChannels, match=r"image \d has 6 channels.*--set data.in_chans=6"):
        api.run("simple_cnn", Six(), recipe="none", image_size=16, set={"architecture.channels": [8]}, name="t")


def test_grey_is_learned_from_colour_files_and_predicts_them(zoo, make_folder):
    folder = make_folder({"white": 12, "black": 12})
    words = ("run", "simple_cnn", folder, *QUICK, *NET, "--name", "grey", "--set", "data.in_chans=1")
    assert zoo(*words)[0] == 0
    photo = next((folder / "white").iterdir())
    code, out, _ = zoo("predict", "runs/grey", photo, "--json")
    assert code == 0
    assert json.loads(out)["predictions"][0]["label"] in ("white", "black")
    Image.open(photo).convert("L").save("grey.png")
    pixels = api.load("runs/grey").pixels
    assert np.array_equal(pixels(photo), pixels("grey.png")), "a colour file is made grey as Pillow does it"


@pytest.mark.parametrize(("channels", "said"), [(2, "the first 1 of 2 channels"), (6, "the first 3 of 6 channels")])
def test_a_contact_sheet_shows_what_it_can(zoo, tmp_path, channels, said):
    folder = write(tmp_path / "n", "{}.npy", channels, 2)
    code, out, err = zoo("data", "show", folder, "--image-size", "16", "--set", "augment=[heavy,colour]")
    assert code == 0, err
    assert said in out
    assert Path("samples.png").is_file()


def augmentations() -> list[str]:
    from zoo.host.loader import open_registry

    registry = open_registry()
    found = {registry.find(AUGMENTATION, name).component.name for name in registry.names(AUGMENTATION)}
    return sorted(found)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_every_augmentation_takes_any_number_of_channels(channels):
    from zoo.host.loader import open_registry
    from zoo.model.build import build

    registry, names = open_registry(), augmentations()
    assert len(names) > 10
    images = torch.rand(8, channels, 16, 16)
    for name in names:
        augment = build(registry.find(AUGMENTATION, name), {}, "augment", 16, num_classes=3)
        torch.manual_seed(0)
        found, _ = augment(images.clone(), torch.arange(8) % 3)
        assert found.shape == images.shape, name
        assert found.isfinite().all(), name


def test_brightness_of_six_channels_is_one_factor_a_sample():
    from zoo.host.loader import open_registry
    from zoo.model.build import build

    colour = build(
        open_registry().find(AUGMENTATION, "colour"),
        {"brightness": 0.3, "contrast": 0.0, "saturation": 0.9, "hue": 0.2},
        "augment",
        16,
    )
    images = 0.5 * torch.rand(4, 6, 16, 16)
    found, _ = colour(images.clone(), torch.zeros(4, dtype=torch.int64))
    factors = found / images
    assert torch.allclose(factors, factors[:, :1, :1, :1].expand_as(factors), rtol=1e-3), "no saturation, no hue"
