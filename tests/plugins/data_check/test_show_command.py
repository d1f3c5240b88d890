"""``zoo data show``: the pictures that training gets."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import resolve
from zoo_data_check.samples import draw_samples


def show(zoo, *words):
    """The document of a sheet."""
    code, out, err = zoo("data", "show", *words, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def drawn(dataset, *augment, **options):
    """The samples themselves."""
    asked = {"architecture": "simple_cnn", "dataset": dataset, "augment": list(augment)}
    split = options.pop("split", "train")
    count, draws = options.pop("count", 4), options.pop("draws", 3)
    request = make_request({**asked, "set": options}, recipe="none")
    return draw_samples(resolve(request, open_registry()), split=split, count=count, draws=draws)


def test_it_writes_a_sheet_and_says_what_is_in_it(zoo, colours):
    code, out, err = zoo("data", "show", "simple_cnn", colours, "--count", "3", "--draws", "2", "--image-size", "32")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "samples.png: 3 train images of images/image_folder at 32 px, as decoded and in 2 draws"
    assert lines[1].startswith("augmentation: affine (")
    with Image.open("samples.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 3 * 112
    assert sorted(p.name for p in Path().iterdir()) == ["samples.png"], "nothing else is written"


def test_the_document_names_what_decides_the_pictures(zoo, colours):
    words = ("simple_cnn", colours, "--image-size", "24", "--set", "augment=[mixup]", "--count", "6", "-o", "m.png")
    document = show(zoo, *words)
    assert document["path"] == "m.png"
    assert document["classes"] == ["blue", "green", "red"]
    assert document["augment"] == [{"name": "mixup", "alpha": 0.2, "p": 1.0}]
    assert (document["image_size"], document["in_chans"]) == (24, 3)
    assert sorted(image["label"] for image in document["images"]) == ["blue", "blue", "green", "green", "red", "red"]
    for image in document["images"]:
        assert Path(image["name"]).parent.name == image["label"]
        assert all(sum(shares.values()) == pytest.approx(1, abs=1e-5) for shares in image["draws"])


def test_without_augmentation_every_draw_is_the_image_as_decoded(colours):
    samples = drawn(colours)
    for decoded, draws in zip(samples.decoded, samples.drawn, strict=True):
        for draw in draws:
            assert np.abs(draw.transpose(1, 2, 0) * 255 - decoded).max() < 0.01


def test_draws_differ_and_a_seed_repeats_them(colours):
    one, again, other = (drawn(colours, "crop", seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(one.drawn, again.drawn)
    assert one.names == again.names != other.names
    assert all(np.abs(draws[0] - draws[1]).max() > 0.01 for draws in one.drawn)


def test_a_draw_that_all_of_a_batch_share_is_seen_to_be_one(colours):
    """All draws are samples of one batch, as training's are."""

    def darker(size):
        return lambda images, targets: (images * torch.rand(1), targets)

    from zoo.plugin import Augmentation
    from zoo.registry.entry import PYTHON, Entry, Origin

    request = make_request({"architecture": "simple_cnn", "dataset": colours, "augment": ["flip"]}, recipe="none")
    resolved = resolve(request, open_registry())
    entry = Entry(Augmentation("darker", "x:y"), Origin(PYTHON), given=darker)
    resolved.entries["augment.0"] = entry
    resolved.job.augment[0].params.clear()
    samples = draw_samples(resolved, count=2, draws=3)
    assert np.array_equal(samples.drawn[:, 0], samples.drawn[:, 1])


def test_the_held_out_images_are_those_that_a_run_holds_out(zoo, colours):
    train, val = (set(drawn(colours, split=split, count=60).names) for split in ("train", "val"))
    assert len(val) == 9
    assert len(train) == 36
    assert not train & val
    from zoo.data.open import open_training, training_splits
    from zoo.runner.build import build_opener

    resolved = resolve(make_request({"architecture": "simple_cnn", "dataset": colours}), open_registry())
    opener = build_opener(resolved)
    splits = training_splits(opener, *open_training(opener), 0.2, 0)
    assert val == set(splits["val"].names)


def test_only_what_is_shown_is_decoded(make_folder, monkeypatch):
    from zoo_data_check import samples as module

    count = []
    real = module.read_item
    monkeypatch.setattr(module, "read_item", lambda *args: (count.append(args), real(*args))[1])
    drawn(make_folder({"a": 40, "b": 40}), count=4)
    assert len(count) == 4


def test_an_image_that_cannot_be_decoded_is_passed_over_and_named(zoo, make_folder):
    root = make_folder({"a": 6, "b": 6})
    for path in sorted(root.glob("a/*"))[:3]:
        path.write_bytes(b"no image")
    document = show(zoo, root, "--count", "6")
    assert len(document["images"]) == 6
    assert document["skipped"]
    assert any("can't be decoded" in note for note in document["notes"])


def test_a_job_file_a_run_and_a_dataset_alone(zoo, digits_run):
    from_run = show(zoo, digits_run, "--count", "2")
    assert from_run["architecture"] == "simple_cnn"
    assert from_run["augment"][0]["name"] == "affine"
    assert show(zoo, digits_run / "job.yaml", "--count", "2")["images"] == from_run["images"]
    code, out, _ = zoo("data", "show", "digits", "-o", "alone.png")
    assert code == 0
    assert "augmentation: none" in out
    assert "zoo data show simple_cnn digits" in out
    assert show(zoo, "digits")["architecture"] is None


def test_values_beyond_0_to_1_are_said(zoo, colours, monkeypatch):
    Path("mine.py").write_text("def bright(size):\n    return lambda images, targets: (images * 3, targets)\n")
    Path("registry.yaml").write_text("components: {augmentation: {bright: {target: './mine.py:bright'}}}\n")
    notes = show(zoo, "simple_cnn", colours, "--set", "augment=[bright]")["notes"]
    assert any("clipped here to 0..1" in note for note in notes)


def test_grey_images_and_many_channels(zoo, colours):
    assert show(zoo, "simple_cnn", colours, "--set", "data.in_chans=1")["in_chans"] == 1
    Path("mine.py").write_text(
        "import torch\n"
        "class Six:\n"
        "    classes = ['a', 'b']\n"
        "    def __init__(self, split): pass\n"
        "    def __len__(self): return 20\n"
        "    def __getitem__(self, i):\n"
        "        if i >= 20: raise IndexError\n"
        "        return torch.full((6, 9, 9), i * 10, dtype=torch.uint8), i % 2\n"
    )
    Path("registry.yaml").write_text("components: {dataset: {six: {target: './mine.py:Six'}}}\n")
    document = show(zoo, "simple_cnn", "six", "--set", "data.in_chans=6", "--recipe", "none")
    assert "shown: the first 3 of 6 channels" in document["notes"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], ["zoo data show", "simple_cnn digits"]),
        (["simple_cnn", "digts"], ["digits"]),
        (["simple_cnn", "digits", "--split", "tets"], ["tets", "train", "val"]),
        (["digits", "-o", "nowhere/a.png"], ["nowhere"]),
        (["digits", "-o", "a.gif"], [".png"]),
        (["digits", "--set", "augment=[flp]"], ["flip"]),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(refused, words, said):
    text = refused("data", "show", *words)
    assert all(word in text for word in said), text


def test_a_file_that_is_not_the_zoos_is_not_replaced(zoo, refused):
    Image.new("RGB", (8, 8)).save("samples.png")
    before = Path("samples.png").read_bytes()
    assert "--overwrite" in refused("data", "show", "digits")
    assert Path("samples.png").read_bytes() == before
    assert zoo("data", "show", "digits", "--overwrite")[0] == 0
    assert zoo("data", "show", "digits")[0] == 0, "its own it replaces"


def test_what_it_recommends_can_be_typed(zoo, colours):
    for words in ((colours,), ("image_folder", "--data", colours)):
        code, out, err = zoo("data", "show", *words, "--count", "2", "--overwrite")
        assert (code, err) == (0, "")
        command = next(line for line in out.splitlines() if line.startswith("next: ")).removeprefix("next: zoo ")
        typed = shlex.split(command.partition(", for the augmentation")[0])
        assert str(colours) in typed
        assert zoo(*typed, "--count", "2", "--overwrite")[0] == 0


@pytest.mark.parametrize("words", [("run", "simple_cnn"), ("data", "check"), ("data", "stats"), ("data", "show")])
@pytest.mark.parametrize("name", ["image_folder", "images/image_folder"])
def test_a_folder_dataset_without_a_folder_says_what_to_type(zoo, words, name):
    code, out, err = zoo(*words, name)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("zoo: image_folder needs a folder ")
    assert line.endswith("zoo run simple_cnn FOLDER, or zoo data check FOLDER")
