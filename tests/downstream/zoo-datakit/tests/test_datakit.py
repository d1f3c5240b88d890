import json
import shutil

import numpy as np
import pytest
import zoo
from PIL import Image
from zoo.testing import parametrize
from zoo_datakit.annotations import Coco, OneHot


@parametrize("datakit")
def test_contract(check):
    check()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Forty images: red, blue, both, or none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    for i in range(40):
        pixels = np.random.default_rng(i).integers(0, 60, (16, 16, 3))
        pixels[:8, :, 0] += 150 * (i % 2)
        pixels[8:, :, 2] += 150 * (i // 2 % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{i:02}.png")
    return tmp_path


def coco(folder, labels):
    """``labels(i)``: the categories of image i."""
    images = [{"id": i, "file_name": f"{i:02}.png", "split": "val" if i > 29 else "train"} for i in range(40)]
    rows = [{"image_id": i, "category_id": k, "bbox": [0, 0, 1, 1]} for i in range(40) for k in labels(i)]
    categories = [{"id": 0, "name": "red"}, {"id": 1, "name": "blue"}, {"id": 9, "name": "green"}]
    (folder / "photos.coco").write_text(json.dumps({"images": images, "annotations": rows, "categories": categories}))
    return folder / "photos.coco"


def both(i):
    return [k for k in (0, 1) if i >> k & 1]


def test_one_category_per_image(folder):
    file = coco(folder, lambda i: [i % 2])
    assert Coco.peek(file) == {"multilabel": False, "first": folder / "00.png"}
    assert Coco.available_splits(file) == ("train", "val")
    assert Coco(file, "val").classes == ["blue", "red"]


def test_a_broken_file_says_so(folder):
    (folder / "photos.coco").write_text("{}")
    with pytest.raises(zoo.errors.DataError, match="not a COCO"):
        zoo.run("simple_cnn", "photos.coco")


def test_several_categories_are_multilabel(folder):
    result = zoo.run("simple_cnn", str(coco(folder, both)), epochs=2, image_size=16)
    assert result["task"] == "multi-label"
    assert result["splits"]["val"]["images"] == 10


def test_onehot(folder):
    lines = [f"{i:02}.png;{i % 2};{i // 2 % 2}" for i in range(40)]
    (folder / "table.csv").write_text("\n".join(["file;red;blue", *lines]) + "\n")
    assert OneHot(folder / "table.csv", "train", delimiter=";").targets[:4] == [[], [0], [1], [0, 1]]
    result = zoo.run(
        "simple_cnn", "datakit/onehot", data="table.csv", set={"dataset.delimiter": ";"}, epochs=1, image_size=16
    )
    assert result["classes"] == ["blue", "red"]


def test_a_model_on_the_shelf_answers_as_the_run_does(folder, monkeypatch):
    run = zoo.run("simple_cnn", str(coco(folder, lambda i: [i % 2])), epochs=1, image_size=16).dir
    shutil.copytree(run / "model", folder / "shelf" / "mine")
    monkeypatch.setenv("DATAKIT_SHELF", str(folder / "shelf"))
    answers = [zoo.load(word).predict("00.png") for word in (run, "kit:mine")]
    assert answers[0] == answers[1]
    with pytest.raises(zoo.errors.RequestError, match="no model 'yours'"):
        zoo.load("kit:yours")
