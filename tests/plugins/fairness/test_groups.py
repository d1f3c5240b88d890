"""``--group``: numbers by group in evaluations and runs, equal to those of an evaluation of the group alone."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Zoo = Callable[..., tuple[int, str, str]]
TRAIN = ("--epochs", "2", "--recipe", "none", "--image-size", "8", "--device", "cpu", "--quiet", "--lr", "0.02")
SMALL = ("--set", "architecture={channels: [4], batch_norm: true, global_pool: avg}", *TRAIN)


def draw(folder: Path, labels: str, *, several: bool = False) -> Path:
    """Grey squares of two brightnesses; of the camera ``fog`` most validation labels are wrong."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(200):
        kind, split = i % 2, "train" if i < 80 else "val"
        camera = ("north", "south", "fog", "")[(i // 2) % 4] if split == "val" else ("north", "south")[(i // 2) % 2]
        camera = "rare" if i == 199 else camera
        pixels = np.clip(rng.normal(70 + 110 * kind, 20, (8, 8, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
        shown = kind if camera != "fog" or rng.random() < 0.3 else 1 - kind
        name = ("dark", "light")[shown]
        rows.append([f"{i}.png", f"{name};grey" if several and i % 3 else name, split, camera, i % 5])
    with (folder / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", labels, "split", "camera", "batch"], *rows])
    return folder / "list.csv"


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("squares"), "label")


def evaluated(zoo: Zoo, *words: Any) -> Any:
    code, out, err = zoo("evaluate", *words, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


@pytest.fixture
def trained(zoo: Zoo, squares: Path) -> str:
    assert zoo("run", "simple_cnn", squares, *SMALL, "--name", "one", "--group", "camera")[0] == 0
    return "one"


def test_a_run_reports_its_groups_also_when_it_is_resumed(zoo: Zoo, trained: str):
    result = json.loads((Path("runs") / trained / "result.json").read_text())
    found = result["analyses"]["groups"]["val"]
    assert {name: each["images"] for name, each in found["groups"].items()} == {
        "(no value)": 29,
        "fog": 30,
        "north": 30,
        "rare": 1,
        "south": 30,
    }
    assert found["compared"] == ["fog", "north", "south"]
    gap = found["gaps"]["accuracy"]
    assert gap["worst"] == "fog"
    assert gap["interval"][0] > 0
    assert found["chance"]["accuracy"] < 0.001
    assert {"f1_macro", "loss"} <= found["gaps"].keys()
    (title, text), *_ = result["sections"]
    assert title == "Groups by camera"
    assert "Worst accuracy: fog, " in text
    assert "Groups of fewer than 30 images ((no value) 29, rare 1): their numbers are uncertain" in text
    page = (Path("runs") / trained / "report.html").read_text()
    assert page.index("<h2>Groups by camera</h2>") < page.index("fog: accuracy ") < page.index("Worst accuracy: fog")
    assert zoo("runs", "show", trained)[1].count("Worst accuracy: fog") == 1
    again = evaluated(zoo, trained)
    assert again["analyses"]["groups"]["val"] == found, "the job lists the groups"
    assert zoo("run", "--resume", trained, "--epochs", "3")[0] == 0
    resumed = json.loads((Path("runs") / trained / "result.json").read_text())
    assert resumed["analyses"]["groups"]["val"]["gaps"]["accuracy"]["worst"] == "fog"


def test_the_numbers_of_a_group_are_those_of_its_images_alone(zoo: Zoo, trained: str, squares: Path):
    groups = evaluated(zoo, trained)["analyses"]["groups"]["val"]["groups"]
    with squares.open(newline="") as file:
        header, *rows = csv.reader(file)
    alone = squares.with_name("fog.csv")
    with alone.open("w", newline="") as file:
        csv.writer(file).writerows([header, *(row for row in rows if row[3] == "fog")])
    found = evaluated(zoo, trained, alone, "--split", "val")["metrics"]["val"]
    alone.unlink()
    assert groups["fog"]["accuracy"] == found["accuracy"]
    assert groups["fog"]["loss"] == pytest.approx(found["loss"], abs=1e-6)
    assert groups["fog"]["per_class"] == found["per_class"]
    assert groups["fog"]["intervals"]["accuracy"] == found["intervals"]["accuracy"]


def test_another_dataset_and_a_file_of_groups(zoo: Zoo, trained: str, squares: Path, tmp_path: Path):
    assert "analyses" not in evaluated(zoo, trained, squares, "--split", "val"), (
        "the job's groups are of its own images"
    )
    found = evaluated(zoo, trained, squares, "--split", "val", "--group", "batch")["analyses"]["groups"]["val"]
    assert list(found["groups"]) == ["0", "1", "2", "3", "4"]
    assert found["few"] == 30
    assert found["compared"] == ["0", "1", "2", "3", "4"], "all are small"
    file = tmp_path / "half.csv"
    file.write_text("name,half\n" + "".join(f"{i}.png,{'first' if i < 140 else 'second'}\n" for i in range(80, 200)))
    found = evaluated(zoo, trained, "--group", f"{file}:half")["analyses"]["groups"]["val"]
    assert {name: each["images"] for name, each in found["groups"].items()} == {"first": 60, "second": 60}


def test_a_group_of_one_image_and_a_metric_that_is_undefined_there(zoo: Zoo, squares: Path):
    words = ("--group", "camera", "--set", "metrics=[auroc]", "--name", "curve")
    assert zoo("run", "simple_cnn", squares, *SMALL, *words)[0] == 0
    found = json.loads(Path("runs/curve/result.json").read_text())["analyses"]["groups"]["val"]["groups"]
    assert "auroc" in found["north"]
    assert "auroc" not in found["rare"]
    low, high = found["rare"]["intervals"]["accuracy"]
    assert high - low > 0.7


def test_several_labels(zoo: Zoo, tmp_path: Path):
    table = draw(tmp_path, "labels", several=True)
    words = (*SMALL, "--name", "labels", "--group", "camera", "--set", "loss=binary_cross_entropy")
    assert zoo("run", "simple_cnn", table, *words)[0] == 0
    found = json.loads(Path("runs/labels/result.json").read_text())["analyses"]["groups"]["val"]
    assert found["groups"]["fog"]["accuracy"] <= found["groups"]["north"]["accuracy"]
    assert "mean_average_precision" in found["gaps"]
    assert "hamming_loss" in found["gaps"]


def test_an_unknown_column_is_refused_before_training(zoo: Zoo, squares: Path):
    code, _, err = zoo("run", "simple_cnn", squares, *SMALL, "--name", "no", "--group", "camra")
    assert code == 2
    assert "no column 'camra'. Did you mean 'camera'?" in " ".join(err.split())
    assert not Path("runs/no").exists()


def test_runs_are_compared_by_group(zoo: Zoo, trained: str, squares: Path):
    assert zoo("run", "simple_cnn", squares, *SMALL, "--name", "two", "--seed", "1")[0] == 0
    code, out, _ = zoo("runs", "compare", trained, "two", "--group", "camera")
    assert code == 0
    assert "By camera" in out
    assert "rare" in out
    found = json.loads(zoo("runs", "compare", "two", trained, "--group", "camera", "--json")[1])
    assert [each["group"] for each in found["groups"]] == ["(no value)", "fog", "north", "rare", "south"]
    assert sum(each["images"] for each in found["groups"]) == found["images"]
    assert zoo("runs", "compare", "two", trained, "--group", "batch")[0] == 2
    assert zoo("evaluate", trained, "--group", "batch", "--keep")[0] == 0
    assert zoo("runs", "compare", "two", trained, "--group", "batch")[0] == 0
