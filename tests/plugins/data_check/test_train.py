"""``zoo data check --train`` judges labels by networks that are trained on the images; ``--suspects`` lists them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SWAPPED = ("cats/00.png", "cats/07.png", "dogs/21.png", "dogs/33.png")


@pytest.fixture
def photos() -> Path:
    """Pictures with a bright upper or lower half, which a flip leaves: 20 each, two of them in the other folder."""
    for i in range(40):
        pixels = np.random.default_rng(i).integers(0, 120, (32, 32, 3), np.uint8)
        upper = (i < 20) == (f"{'cats' if i < 20 else 'dogs'}/{i:02}.png" not in SWAPPED)
        pixels[slice(0, 16) if upper else slice(16, 32)] += 100
        path = Path("photos") / ("cats" if i < 20 else "dogs") / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return Path("photos")


@pytest.mark.slow
def test_networks_find_swapped_labels(zoo, photos):
    code, out, err = zoo(
        *("data", "check", photos, "--train", "30s", "--folds", "2", "--suspects", "suspects.csv", "--json")
    )
    assert code == 0, err
    document = json.loads(out)
    assert document["features"]["from"] == "2 networks simple_cnn, trained on the other folds in 0.5 min"
    with Path("suspects.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [list(row)[:4] for row in rows[:1]] == [["image", "label", "suggested", "reason"]]
    assert len({row["image"].removeprefix("photos/") for row in rows[:6]} & set(SWAPPED)) >= 3
    assert all({row["label"], row["suggested"]} == {"cats", "dogs"} for row in rows)
    assert rows[0]["reason"].startswith(f"looks like {rows[0]['suggested']} (margin -0.")
    assert document["suspects"] == {"path": "suspects.csv", "images": len(rows)}
    assert not Path("runs").exists(), "the networks are not kept"


def test_suspects_include_contradictions_and_are_settled_by_zoo_label(zoo, photos):
    (photos / "dogs/copy.png").write_bytes((photos / "cats/01.png").read_bytes())
    code, out, err = zoo("data", "check", photos, "--suspects", "suspects.csv")
    assert code == 0, err
    assert "next: zoo label photos --only suspects.csv" in out
    with Path("suspects.csv").open(newline="") as file:
        rows = {row["image"]: row for row in csv.DictReader(file)}
    copy = rows["photos/dogs/copy.png"]
    assert (copy["label"], copy["suggested"]) == ("dogs", "cats")
    assert f"suspects.csv: {len(rows)} images with a label to settle" in " ".join(out.split())
    Path("suspects.csv").write_text("edited")
    code, _, err = zoo("data", "check", photos, "--suspects", "suspects.csv")
    assert code == 2
    assert "suspects.csv exists and was not written by the zoo" in " ".join(err.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--train", "0.1s"], "--train 0.1s is too short for 5 trainings of simple_cnn on 40 images"),
        (["--train", "1m", "--features", "run"], "Choose one of --train and --features"),
        (["--train", "1m", "--architecture", "simple_cnn", "--pretrained"], "Choose one of --train and --pretrained"),
        (["--architecture", "simple_cnn"], "or train it: --train 20m"),
        (["--suspects", "suspects.txt"], "must end in .csv: --suspects suspects.csv"),
    ],
)
def test_wrong_options_are_refused(zoo, photos, words, told):
    code, _, err = zoo("data", "check", photos, *words)
    assert code == 2
    assert told in " ".join(err.split())
