"""Whole jobs, on scans, drawings and photos, from the command line and from Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

import zoo as package
from zoo.errors import BundleError, RequestError


def result_of(name: str) -> dict:
    return json.loads((Path("runs") / name / "result.json").read_text("utf-8"))


# -- scans: digits ------------------------------------------------------------------------------------


def test_simple_cnn_learns_digits_in_two_epochs(zoo):
    code, out, err = zoo("run", "simple_cnn", "digits", "--epochs", "2", "--name", "d")
    assert (code, err) == (0, "")
    assert result_of("d")["metrics"]["val"]["accuracy"] > 0.8
    assert "zoo predict runs/d" in out


def test_simple_rnn_learns_digits_in_four_epochs(zoo):
    assert zoo("run", "simple_rnn", "digits", "--epochs", "4", "--name", "d", "--quiet")[0] == 0
    assert result_of("d")["metrics"]["val"]["accuracy"] > 0.7


@pytest.mark.slow
@pytest.mark.parametrize(("architecture", "least"), [("simple_cnn", 0.98), ("simple_rnn", 0.95)])
def test_the_recipes_for_digits_keep_their_word(zoo, architecture, least):
    assert zoo("run", architecture, "digits", "--name", "d", "--quiet")[0] == 0
    result = result_of("d")
    assert result["metrics"]["val"]["accuracy"] >= least
    assert result["recipe"]["name"] == f"{architecture}+digits"


# -- drawings -----------------------------------------------------------------------------------------

DRAWN = (
    *("--recipe", "none", "--epochs", "1", "--image-size", "32", "--set", "dataset.drawn_images=24"),
    *("--set", "architecture.channels=[8,16]"),
)


def test_drawn_cats_and_dogs_are_said_to_be_drawn_everywhere(zoo):
    code, out, _ = zoo("run", "simple_cnn", "cats_dogs", *DRAWN, "--name", "c")
    assert code == 0
    result = result_of("c")
    assert result["classes"] == ["cats", "dogs"]
    assert [split["images"] for split in result["splits"].values()] == [24, 6]
    (notice,) = result["notices"]
    assert "DRAWINGS rendered by the zoo, not photos" in notice
    assert "says nothing about photos" in notice
    assert "DRAWINGS" in out
    assert "DRAWINGS" in Path("runs/c/report.html").read_text("utf-8")
    assert "DRAWINGS" in zoo("runs", "show", "c")[1]
    assert "DRAWINGS" in zoo("evaluate", "c")[1]


def test_the_notice_is_told_even_to_those_who_asked_for_quiet(zoo):
    _, out, err = zoo("run", "simple_cnn", "cats_dogs", *DRAWN, "--name", "c", "--quiet")
    assert "drawings" in (out + err).lower()


# -- photos -------------------------------------------------------------------------------------------


@pytest.fixture
def few_photos(photos: Path, tmp_path: Path) -> Path:
    """40 of the photos to train on and 20 to validate, by links."""
    root = tmp_path / "few"
    for split, count in (("train", 20), ("val", 10)):
        for name in ("cats", "dogs"):
            folder = root / split / name
            folder.mkdir(parents=True)
            for photo in sorted((photos / split / name).iterdir())[:count]:
                (folder / photo.name).symlink_to(photo)
    return root


@pytest.mark.photos
@pytest.mark.parametrize("recipe", ["article", None])
def test_photos_from_end_to_end(zoo, few_photos, recipe):
    words = ("--recipe", recipe, "--image-size", "64") if recipe else ("--image-size", "48")
    code, out, err = zoo("run", "simple_cnn", "cats_dogs", "--data", few_photos, "--epochs", "1", *words, "--name", "p")
    assert (code, err) == (0, "")
    result = result_of("p")
    assert [split["images"] for split in result["splits"].values()] == [40, 20]
    assert [split["skipped"] for split in result["splits"].values()] == [[], []]
    assert result["notices"] == []
    assert "drawing" not in out.lower()
    photo = next((few_photos / "val" / "cats").iterdir())
    document = json.loads(zoo("predict", "p", photo, "--json")[1])
    assert {entry["class"] for entry in document["predictions"][0]["top"]} == {"cats", "dogs"}
    assert zoo("evaluate", "p", few_photos)[0] == 0


@pytest.mark.photos
def test_a_folder_of_photos_in_place_of_a_name(zoo, few_photos):
    words = ("--epochs", "1", "--image-size", "32", "--set", "architecture.channels=[8,16]", "--name", "p")
    assert zoo("run", "simple_cnn", few_photos, "--recipe", "none", *words, "--quiet")[0] == 0
    assert result_of("p")["job"]["dataset"]["root"] == str(few_photos)


# -- Python -------------------------------------------------------------------------------------------


class Linear(nn.Module):
    """The smallest network that there is."""

    def __init__(self, num_classes: int, in_chans: int = 3, image_size: int = 8, bias: bool = True):
        super().__init__()
        self.layer = nn.Linear(in_chans * image_size**2, num_classes, bias=bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layer(images.flatten(1))


class Shades:
    """Dark, medium and bright pictures, a list of uint8 (1, 6, 6)."""

    classes = ("dark", "medium", "bright")

    def __init__(self, count: int, classes: tuple[str, ...] = classes):
        self.classes = classes
        self.targets = [i % len(classes) for i in range(count)]

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        shade = 30 + 90 * Shades.classes.index(self.classes[self.targets[i]])
        return torch.full((1, 6, 6), shade + i % 5, dtype=torch.uint8), self.targets[i]


def test_run_and_load_from_python():
    result = package.run("simple_cnn", "digits", epochs=1, set={"architecture.channels": [8, 16]}, name="p", seed=2)
    assert result["status"] == "completed"
    assert result.dir == Path("runs/p")
    assert result.metrics["val"]["accuracy"] == result_of("p")["metrics"]["val"]["accuracy"]
    model = package.load("p")
    assert model.classes == [str(digit) for digit in range(10)]
    image = Image.new("L", (8, 8), 120)
    image.save("digit.png")
    by_path, by_object = (model.predict(given)[0] for given in ("digit.png", image))
    by_array = model.predict(torch.full((1, 8, 8), 120, dtype=torch.uint8))[0]
    assert by_path["path"] == "digit.png"
    assert by_object["path"] is None
    assert by_path["top"] == by_object["top"] == by_array["top"]
    assert [len(p["top"]) for p in model.predict([image, "digit.png"], top_k=3)] == [3, 3]


def test_a_loaded_model_leaves_the_memory_of_the_process_to_its_owner(zoo, monkeypatch: pytest.MonkeyPatch):
    """A server that loads a model keeps its own allocator; the zoo's commands are processes of the zoo."""
    words = ("--epochs", "1", "--set", "architecture.channels=[4]", "--name", "m", "--quiet")
    assert zoo("run", "simple_cnn", "digits", *words)[0] == 0
    told: list[object] = []
    for module in ("zoo.engine.execution", "zoo.api.compute"):
        monkeypatch.setattr(f"{module}.keep_freed_memory", told.append)
    Image.new("L", (8, 8), 120).save("digit.png")
    package.load("m", device="cpu").predict("digit.png")
    assert told == []
    assert zoo("predict", "m", "digit.png", "--device", "cpu")[0] == 0
    assert told == [torch.device("cpu")]


def test_the_command_line_and_python_give_the_same_numbers(zoo):
    result = package.run("simple_cnn", "digits", epochs=1, set={"architecture.channels": [8]}, name="python")
    words = ("--epochs", "1", "--set", "architecture.channels=[8]", "--name", "typed", "--quiet")
    assert zoo("run", "simple_cnn", "digits", *words)[0] == 0
    assert result_of("typed")["metrics"] == result["metrics"]


def test_a_class_as_the_architecture():
    result = package.run(Linear, "digits", image_size=8, epochs=3, lr=0.05, name="c", set={"architecture.bias": False})
    assert result["model"]["parameters"] == 640
    assert result.metrics["val"]["accuracy"] > 0.8
    assert result["provenance"]["architecture"]["id"] == "python/Linear"
    loaded = package.load("c", architecture=Linear)
    assert loaded.predict(Image.new("L", (8, 8)))[0]["label"] in loaded.classes
    with pytest.raises(BundleError, match=r"zoo.load\('runs/c/model', architecture=…\)"):
        package.load("c")


def test_an_object_as_the_dataset_is_divided():
    result = package.run(Linear, Shades(60), epochs=15, lr=0.05, image_size=6, name="o")
    assert result["classes"] == ["bright", "dark", "medium"]
    assert [split["images"] for split in result["splits"].values()] == [48, 12]
    assert result.metrics["val"]["accuracy"] > 0.6


def test_a_dict_of_datasets_maps_classes_by_name():
    turned = Shades(30, ("bright", "dark"))  # another order, and one class missing
    data = {"train": Shades(60), "val": turned, "test": turned}
    result = package.run(Linear, data, epochs=30, lr=0.05, image_size=6, name="d")
    assert result["splits"].keys() == {"train", "val", "test"}
    assert result["splits"]["val"]["per_class"] == {"bright": 15, "dark": 15, "medium": 0}
    assert result.metrics["val"]["accuracy"] > 0.9
    assert result.metrics["test"] == result.metrics["val"]


def test_a_function_as_the_loss():
    def squared(label_weight: float = 1.0):
        return lambda logits, targets: (
            label_weight * (logits.softmax(1) - nn.functional.one_hot(targets, 10)).pow(2).sum(1).mean()
        )

    result = package.run("simple_cnn", "digits", loss=squared, epochs=1, set={"architecture.channels": [8]}, name="l")
    assert 0 < result.metrics["val"]["loss"] < 2


def test_python_hears_the_same_errors():
    with pytest.raises(RequestError, match=r"no option 'epoch'.*Did you mean 'epochs'"):
        package.run("simple_cnn", "digits", epoch=3)
    with pytest.raises(RequestError, match=r"Did you mean 'simple_cnn'"):
        package.run("simple_cn", "digits")
    with pytest.raises(RequestError, match=r"train\.epochs"):
        package.run("simple_cnn", "digits", epochs="three")
    assert not Path("runs").exists()


def test_an_observer_hears_the_run_in_order():
    from zoo.runner.observer import Observer

    class Diary(Observer):
        def __init__(self):
            self.heard = []

        def started(self, run):
            self.heard.append("started")

        def epoch_started(self, epoch, epochs, images):
            self.heard.append(f"epoch {epoch}/{epochs} of {images}")

        def epoch_ended(self, record):
            self.heard.append(f"ended {record['epoch']}")

        def ended(self, run, result):
            self.heard.append(result["status"])

        def close(self):
            self.heard.append("closed")

    diary = Diary()
    package.run(Linear, Shades(30), epochs=2, image_size=6, observer=diary)
    assert diary.heard == [
        "started",
        *("epoch 1/2 of 24", "ended 1", "epoch 2/2 of 24", "ended 2"),
        "completed",
        "closed",
    ]
