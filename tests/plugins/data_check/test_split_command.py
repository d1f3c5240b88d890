"""``zoo data split``, and the runs that refuse another division of their data."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

SMALL = ("--epochs", "1", "--image-size", "16", "--set", "architecture.channels=[4]", "--quiet")


def draw(path: Path, seed: int, side: int = 64) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(path)
    return path


@pytest.fixture
def photos() -> Path:
    """A folder of 20 cats and 20 dogs, no two alike."""
    for i in range(40):
        draw(Path("photos") / ("cats" if i < 20 else "dogs") / f"{i:02}.png", i)
    return Path("photos")


def table(rows: list[tuple[Any, ...]], *header: str, name: str = "table.csv") -> Path:
    """A CSV file with a picture for each row, whose path is its first cell."""
    for number, row in enumerate(rows):
        if not Path(row[0]).exists():
            draw(Path(row[0]), number)
    with Path(name).open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return Path(name)


def read(path: str = "splits.csv") -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def divided(zoo, *words: object) -> dict[str, Any]:
    code, out, err = zoo("data", "split", *words, "--json")
    assert code == 0, err
    return json.loads(out)


def refused(zoo, *words: object) -> str:
    code, out, err = zoo("data", "split", *words)
    assert (code, out) == (2, ""), err
    return " ".join(err.split())


# -- the file -----------------------------------------------------------------------------------------------


def test_a_folder_is_divided_by_class(zoo, photos):
    found = divided(zoo, photos, "--seed", "3")
    rows = read()
    assert [list(row) for row in rows[:1]] == [["path", "label", "split"]]
    assert rows[0]["path"] == "photos/cats/00.png"
    assert Counter((row["label"], row["split"]) for row in rows) == {
        (name, split): count for name in ("cats", "dogs") for split, count in (("train", 14), ("val", 3), ("test", 3))
    }
    assert {name: split["per_class"] for name, split in found["splits"].items()} == {
        "train": {"cats": 14, "dogs": 14},
        "val": {"cats": 3, "dogs": 3},
        "test": {"cats": 3, "dogs": 3},
    }
    assert (found["path"], found["seed"], found["kept_together"]) == ("splits.csv", 3, [])
    again = divided(zoo, photos, "--seed", "3", "--out", "again.csv")
    assert Path("again.csv").read_text() == Path("splits.csv").read_text()
    assert again["digest"] == found["digest"]
    assert divided(zoo, photos, "--seed", "4", "--out", "other.csv")["digest"] != found["digest"]


def test_the_report_shows_counts_and_the_next_command(zoo, photos):
    code, out, err = zoo("data", "split", photos, "--val", "0.25", "--test", "0", "--no-near-duplicates")
    assert (code, err) == (0, "")
    assert "splits.csv  30 train, 10 val" in out
    assert "cats      15      5" in out
    assert "share  75.0%  25.0%" in out
    assert "near duplicates were not looked for" in out
    assert "next: zoo run simple_cnn splits.csv" in out


def test_twins_never_part(zoo, photos):
    for i in range(12):
        picture = Image.open(photos / f"cats/{i:02}.png")
        picture.resize((96, 96), Image.Resampling.BICUBIC).save(photos / f"cats/large-{i:02}.jpg", quality=90)
    found = divided(zoo, photos)
    split = {Path(row["path"]).stem: row["split"] for row in read()}
    assert all(split[f"large-{i:02}"] == split[f"{i:02}"] for i in range(12))
    assert found["kept_together"] == [{"by": "near duplicates", "groups": 12, "images": 24}]


def test_a_group_stays_in_one_split(zoo):
    rows = [(f"p/{i:02}.png", "ab"[i % 2], f"patient {i // 4}" if i < 48 else "", "left") for i in range(60)]
    table(rows, "path", "label", "patient", "side")
    found = divided(zoo, "table.csv", "--group", "patient", "--no-near-duplicates")
    made = read()
    assert list(made[0]) == ["path", "label", "split", "group", "patient", "side"]
    for name in {row["patient"] for row in made} - {""}:
        assert len({row["split"] for row in made if row["patient"] == name}) == 1
    assert [row["group"] for row in made] == [row["patient"] for row in made], "a blank cell is a group of one image"
    assert found["kept_together"] == [{"by": "patient", "groups": 12, "images": 48}]
    assert {name: split["images"] for name, split in found["splits"].items()} == {"train": 42, "val": 9, "test": 9}


def test_groups_of_the_dataset_are_kept_without_an_option(zoo):
    table([(f"p/{i:02}.png", "ab"[i % 2], f"film {i // 5}") for i in range(60)], "path", "label", "group")
    found = divided(zoo, "table.csv", "--no-near-duplicates")
    assert found["kept_together"] == [{"by": "group", "groups": 12, "images": 60}]
    for film in {row["group"] for row in read()}:
        assert len({row["split"] for row in read() if row["group"] == film}) == 1


def test_groups_of_an_option_and_of_the_dataset_are_joined(zoo):
    rows = [(f"p/{i:02}.png", "ab"[i % 2], i // 2, (i + 1) // 2 if i < 20 else f"alone {i}") for i in range(80)]
    table(rows, "path", "label", "patient", "group")
    found = divided(zoo, "table.csv", "--group", "patient", "--no-near-duplicates")
    made = read()
    assert len({(row["group"], row["split"]) for row in made[:20]}) == 1, "a chain of pairs"
    assert len({row["group"] for row in made}) == 31
    assert {each["by"]: each["groups"] for each in found["kept_together"]} == {
        "patient": 40,
        "the dataset's own groups": 9,
    }
    assert found["notices"] == ["The column group of the file joins the dataset's own groups and those by patient."]


def test_the_latest_images_are_the_test(zoo):
    dates = [f"2024-{1 + i % 12:02}-{1 + i // 12:02}" for i in range(60)]
    table([(f"p/{i:02}.png", "ab"[i // 30], dates[i]) for i in range(60)], "path", "label", "taken")
    found = divided(zoo, "table.csv", "--time", "taken", "--no-near-duplicates")
    by = {name: sorted(row["taken"] for row in read() if row["split"] == name) for name in ("train", "val", "test")}
    assert by["train"][-1] < by["val"][0] <= by["val"][-1] < by["test"][0]
    assert [(split["from"], split["to"]) for split in found["splits"].values()] == [(d[0], d[-1]) for d in by.values()]
    assert found["seed"] is None


def test_own_splits_are_joined_and_an_image_that_is_listed_twice_stays_together(zoo):
    rows = [(f"p/{i % 30:02}.png", "ab"[i % 2], ["train", "val"][i // 30]) for i in range(60)]
    table(rows, "path", "label", "split")
    found = divided(zoo, "table.csv", "--no-near-duplicates")
    assert "The dataset's own splits (train, val) are joined and divided again." in found["notices"]
    assert found["kept_together"] == [{"by": "file", "groups": 30, "images": 60}]
    assert all(count == 2 for count in Counter((row["path"], row["split"]) for row in read()).values())


def test_several_labels_and_values_are_divided_too(zoo):
    labels = [";".join(name for name, step in (("red", 2), ("round", 3)) if i % step == 0) for i in range(60)]
    table([(f"p/{i:02}.png", labels[i]) for i in range(60)], "path", "labels")
    found = divided(zoo, "table.csv", "--no-near-duplicates")
    assert found["splits"]["test"]["per_class"]["red"] in (4, 5)
    assert found["splits"]["test"]["per_class"]["round"] == 3
    assert [row["labels"] for row in read()] == labels
    table([(f"p/{i:02}.png", i + 0.5) for i in range(60)], "path", "age", name="ages.csv")
    code, out, err = zoo(
        *("data", "split", "ages.csv", "--set", "dataset.value_columns=[age]", "--no-near-duplicates", "--out", "v.csv")
    )
    assert code == 0, err
    assert "next: zoo run simple_cnn v.csv --set 'dataset.value_columns=[age]'" in out
    assert {int(float(row["age"]) / 10) for row in read("v.csv") if row["split"] == "test"} == set(range(6))


def test_an_unreadable_image_is_left_out_and_said(zoo, photos):
    (photos / "cats/00.png").write_bytes(b"nothing")
    found = divided(zoo, photos)
    assert [Path(item["name"]).name for item in found["left_out"]] == ["00.png"]
    assert any(text.startswith("1 image can't be read and is left out") for text in found["notices"])
    assert len(read()) == 39


def test_duplicates_with_several_labels_are_said(zoo, photos):
    (photos / "dogs/copy.png").write_bytes((photos / "cats/00.png").read_bytes())
    notices = divided(zoo, photos)["notices"]
    assert notices == ["1 group of duplicates has several labels. To see which: zoo data check DATASET"]


def test_a_large_group_is_said(zoo):
    table([(f"p/{i:02}.png", "ab"[i % 2], min(i // 30, 1) * i) for i in range(60)], "path", "label", "group")
    notices = divided(zoo, "table.csv", "--no-near-duplicates", "--val", "0.4", "--test", "0.4")["notices"]
    assert any("the largest group that stays together has 30 of 60 images" in text for text in notices)


# -- what is refused ----------------------------------------------------------------------------------------


def test_a_file_is_written_once(zoo, photos):
    divided(zoo, photos, "--no-near-duplicates")
    before = Path("splits.csv").read_text()
    said = refused(zoo, photos, "--seed", "1")
    assert "splits.csv exists. A division is made once" in said
    assert "--overwrite" in said
    assert Path("splits.csv").read_text() == before
    divided(zoo, photos, "--seed", "1", "--no-near-duplicates", "--overwrite")
    assert Path("splits.csv").read_text() != before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--val", "0", "--test", "0"], "Give a share to val, test or both: --val 0.15 --test 0.15"),
        (["--val", "0.5", "--test", "0.45"], "leave less than a tenth of the images for train"),
        (["--out", "splits.txt"], "must end in .csv: --out splits.csv"),
        (["--out", "nowhere/splits.csv"], "There is no folder nowhere"),
        (["--group", "patient"], "--group needs a column, but this dataset has none beside its labels."),
    ],
)
def test_wrong_options_are_refused(zoo, photos, words, told):
    assert told in refused(zoo, photos, *words)
    assert not Path("splits.csv").exists()


def test_images_that_are_no_files_are_refused(zoo):
    assert "zoo data split lists files, but the images of 'digits' are not files" in refused(zoo, "digits")


def test_an_unknown_column_is_refused_before_anything_is_decoded(zoo):
    table([(f"p/{i}.png", "ab"[i % 2], i) for i in range(8)], "path", "label", "patient")
    said = refused(zoo, "table.csv", "--group", "patiend")
    assert "There is no column 'patiend' for --group. Did you mean 'patient'? The dataset has: patient." in said
    assert "reading" not in said


@pytest.mark.parametrize(
    ("labels", "groups", "words", "told"),
    [
        ("aaaaaab", "abcdefg", (), "The class 'b' has one image, which can't be in both train and another split."),
        ("aaaabbb", "abcdeee", (), "All 3 images of the class 'b' stay together, by group, so they can't be"),
        ("abababa", "aabbbbb", (), "3 splits need 3 groups of images, but there are only 2, kept together by group."),
        ("aaaaabb", "abcdefg", ("--time", "n"), "for train, have none of 'b'. Give smaller shares"),
        ("abababa", "abcdefg", ("--time", "group"), "The group of"),
    ],
)
def test_what_cannot_be_divided_is_refused(zoo, labels, groups, words, told):
    rows = [(f"p/{i}.png", label, group, i) for i, (label, group) in enumerate(zip(labels, groups, strict=True))]
    table(rows, "path", "label", "group", "n")
    assert told in refused(zoo, "table.csv", "--no-near-duplicates", *words)
    assert not Path("splits.csv").exists()


def test_where_near_duplicates_are_all_there_is_the_option_is_named(zoo):
    """Frames of one video, for example, of which each class has one."""
    for kind in "ab":
        picture = np.random.default_rng(ord(kind)).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        for number in range(4):
            Path("frames", kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).resize((64, 64)).rotate(number / 4).save(f"frames/{kind}/{number}.png")
    code, _, err = zoo("data", "split", "frames")
    assert code == 2
    assert "kept together by near duplicates. Add images of other groups, use --no-near-duplicates, or leave" in err
    code, _, err = zoo("data", "split", "frames", "--no-near-duplicates", "--val", "0.25", "--test", "0.25")
    assert code == 0, err


# -- runs ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_refuses_another_division_under_the_same_name(zoo, photos):
    digest = divided(zoo, photos, "--no-near-duplicates")["digest"]
    assert zoo("run", "simple_cnn", "splits.csv", "--name", "a", *SMALL)[0] == 0
    result = json.loads(Path("runs/a/result.json").read_text())
    assert {split["split_digest"] for split in result["splits"].values()} == {digest}
    assert json.loads(Path("runs/a/model/zoo.json").read_text())["split_digest"] == digest
    assert zoo("evaluate", "a")[0] == 0

    new = divided(zoo, photos, "--no-near-duplicates", "--seed", "1", "--overwrite")["digest"]
    for words in (("run", "--resume", "a", "--epochs", "2"), ("evaluate", "a")):
        code, _, err = zoo(*words)
        said = " ".join(err.split())
        assert code == 2
        assert f"their digest was {digest[:12]} when the run was trained, and is {new[:12]} now" in said
    assert "zoo evaluate runs/a " in said, "the last of them"
    code, out, err = zoo("evaluate", "a", "splits.csv", "--json")
    assert code == 0, err
    assert any("some of these images may have been trained on" in text for text in json.loads(out)["notices"])

    assert zoo("run", "simple_cnn", "splits.csv", "--name", "b", *SMALL)[0] == 0
    code, _, err = zoo("runs", "compare", "a", "b")
    assert code == 2
    assert f"a and b were trained with different splits of {Path('splits.csv').resolve()}" in " ".join(err.split())

    divided(zoo, photos, "--no-near-duplicates", "--overwrite")
    assert zoo("evaluate", "a")[0] == 0, "the file is restored"


def test_the_digest_is_of_paths_labels_and_splits_in_any_order(tmp_path):
    from zoo_images.tables import ImageCsv

    rows = [("a.png", "x", "train"), ("b.png", "y", "train"), ("c.png", "x", "val"), ("d.png", "y", "val")]

    def digest(rows: list[tuple[str, ...]], header: str = "path,label,split", split: str = "train") -> str | None:
        path = tmp_path / "table.csv"
        path.write_text("\n".join([header, *(",".join(row) for row in rows)]))
        return ImageCsv(path, split).split_digest

    rows += [("e.png", "x", "train"), ("f.png", "y", "train")]
    first = digest(rows)
    assert first == digest(rows[::-1]) == digest(rows, split="val")
    assert first == digest([(*row, "left") for row in rows], "path,label,split,side"), "other columns may change"
    for changed in (("z.png", "x", "train"), ("a.png", "y", "train"), ("a.png", "x", "val")):
        assert digest([changed, *rows[1:]]) != first
    assert digest([row[:2] for row in rows], "path,label") is None
