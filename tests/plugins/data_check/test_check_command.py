"""``zoo data check`` and ``zoo data stats``: defects that are planted are found, and what is found can be left out."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

WEIGHTS = Path(os.environ.get("ZOO_TEST_WEIGHTS", Path(__file__).parents[4] / "shared" / "weights"))
BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "data_check.py"


@pytest.fixture(scope="session")
def planting() -> ModuleType:
    """The benchmark, whose ways to plant are used here too."""
    spec = importlib.util.spec_from_file_location("planting", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["planting"] = module  # its dataclasses ask for it
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def scene(tmp_path_factory):
    """Pictures of shapes, each unlike the others: ``scene(8)`` of each of two classes in each of two splits."""

    def draw(count: int, name: str = "scenes") -> Path:
        root = tmp_path_factory.mktemp("scenes") / name
        for place in ("train/boxes", "train/discs", "val/boxes", "val/discs"):
            folder = root / place
            folder.mkdir(parents=True)
            for i in range(count):
                picture(f"{place} {i}", "discs" in place).save(folder / f"{i:02}.jpg", quality=92)
        return root

    return draw


def picture(word: str, discs: bool, size: tuple[int, int] = (160, 120)) -> Image.Image:
    from PIL import ImageDraw

    at = random.Random(word)
    found = Image.new("RGB", size, tuple(at.randrange(256) for _ in range(3)))
    draw = ImageDraw.Draw(found)
    for _ in range(14):
        x, y, w, h = at.randrange(150), at.randrange(110), at.randrange(15, 60), at.randrange(15, 60)
        shape = draw.ellipse if discs else draw.rectangle
        shape((x, y, x + w, y + h), tuple(at.randrange(256) for _ in range(3)))
    return found


def checked(zoo, *words: object) -> dict[str, Any]:
    """The document of a check."""
    code, out, err = zoo("data", "check", *words, "--json")
    assert code == 0, err
    return json.loads(out)


def finding(document: dict[str, Any], kind: str) -> dict[str, Any]:
    found = [one for one in document["findings"] if one["kind"] == kind]
    return found[0] if found else {"count": 0, "items": []}


def names(items: list[dict[str, Any]]) -> set[str]:
    return {Path(item["name"]).name for item in items}


def groups(document: dict[str, Any], kind: str) -> list[set[str]]:
    return [names(group["items"]) for group in finding(document, kind)["items"]]


# -- each defect --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_nothing_is_found_where_nothing_is_wrong(zoo, scene):
    document = checked(zoo, scene(8))
    kinds = {one["kind"] for one in document["findings"] if one["severity"] != "note"}
    assert kinds <= {"label_suspects"}
    assert document["splits"]["train"] == {"images": 16, "readable": 16, "per_class": {"boxes": 8, "discs": 8}}


def test_copies_are_found_within_a_split_and_across(zoo, scene):
    root = scene(8)
    shutil.copyfile(root / "train/boxes/00.jpg", root / "train/boxes/00 (copy).jpg")
    Image.open(root / "train/boxes/01.jpg").save(root / "train/boxes/other_format.png")
    shutil.copyfile(root / "train/discs/02.jpg", root / "val/discs/leak.jpg")
    Image.open(root / "train/discs/03.jpg").resize((90, 70)).save(root / "val/discs/smaller.jpg", quality=60)
    document = checked(zoo, root)
    assert groups(document, "exact_duplicates") == [{"00.jpg", "00 (copy).jpg"}, {"01.jpg", "other_format.png"}]
    assert groups(document, "leaks") == [{"02.jpg", "leak.jpg"}, {"03.jpg", "smaller.jpg"}]
    exact = [group["exact"] for group in finding(document, "leaks")["items"]]
    assert exact == [True, False]
    assert finding(document, "leaks")["severity"] == "error"
    assert finding(document, "exact_duplicates")["severity"] == "warning"


@pytest.mark.parametrize("kind", ["encoded again", "resized", "cropped", "cropped, resized and encoded again"])
def test_a_picture_that_was_made_of_another_is_found(zoo, scene, planting, kind):
    root = scene(8)
    draw = random.Random(kind)
    for name in ("00.jpg", "01.jpg", "02.jpg"):
        planting.near_copy(root / "train/boxes" / name, root / "train/boxes", kind, draw)
    assert groups(checked(zoo, root), "near_duplicates") == [
        {"00.jpg", "near-00.jpg"},
        {"01.jpg", "near-01.jpg"},
        {"02.jpg", "near-02.jpg"},
    ]


def test_one_image_under_two_labels_is_an_error(zoo, scene):
    root = scene(8)
    shutil.copyfile(root / "train/boxes/00.jpg", root / "train/discs/stray.jpg")
    found = finding(checked(zoo, root), "conflicts")
    assert found["severity"] == "error"
    assert [(Path(i["name"]).name, i["label"]) for i in found["items"][0]["items"]] == [
        ("00.jpg", "boxes"),
        ("stray.jpg", "discs"),
    ]


def test_files_that_are_cut_off_or_no_images_are_named(zoo, scene):
    root = scene(8)
    cut = root / "train/boxes/00.jpg"
    cut.write_bytes(cut.read_bytes()[:-400])  # so near the end that a decode at a smaller size might not see it
    (root / "val/discs/01.jpg").write_bytes(b"no image at all")
    found = finding(checked(zoo, root), "unreadable")
    told = {Path(i["name"]).name: (i["split"], i["label"], i["reason"]) for i in found["items"]}
    assert told["00.jpg"][:2] == ("train", "boxes")
    assert "truncated" in told["00.jpg"][2]
    assert told["01.jpg"] == ("val", "discs", "not a readable image")


def test_blank_grey_turned_long_and_tiny_ones_are_named(zoo, scene):
    root = scene(8)
    folder = root / "train/boxes"
    Image.new("RGB", (160, 120), (90, 90, 92)).save(folder / "blank.png")
    picture("g", False).convert("L").save(folder / "grey.png")
    turned = picture("t", False)
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(folder / "turned.jpg", exif=exif)
    picture("l", False, (400, 100)).save(folder / "long.jpg")
    picture("s", False).resize((24, 20)).save(folder / "small.png")
    document = checked(zoo, root)
    assert names(finding(document, "blank")["items"]) == {"blank.png"}
    assert "grey.png" in names(finding(document, "grey")["items"])
    assert names(finding(document, "rotated")["items"]) == {"turned.jpg"}
    assert names(finding(document, "odd_shapes")["items"]) == {"long.jpg"}
    assert names(finding(document, "odd_sizes")["items"]) == {"small.png"}


def test_a_turned_file_and_its_upright_copy_are_one_picture(zoo, scene):
    root = scene(8)
    upright = picture("u", False)
    upright.save(root / "train/boxes/upright.jpg", quality=95)
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    exif = lying.getexif()
    exif[0x0112] = 6
    lying.save(root / "train/boxes/lying.jpg", quality=95, exif=exif)
    assert groups(checked(zoo, root), "near_duplicates") == [{"lying.jpg", "upright.jpg"}]


def test_classes_of_unequal_size_and_missing_ones(zoo, make_folder):
    root = make_folder({"train/a": 12, "train/b": 3, "train/c": 4, "val/a": 2, "val/b": 2})
    document = checked(zoo, root, "--folds", "3")
    unequal = finding(document, "imbalance")
    assert "4.0 times" in unequal["summary"]
    assert "train.class_weights=balanced" in unequal["next"]
    assert [item["name"] for item in finding(document, "missing_classes")["items"]] == ["c"]


def test_swapped_labels_come_first_where_features_tell_the_classes_apart(zoo, make_folder):
    root = make_folder({"red": 40, "blue": 40})
    swapped = {f"swapped{i}.png" for i in range(6)}
    for i, name in enumerate(sorted(swapped)):
        (root / "red" / f"{i:03}.png").rename(root / "blue" / name)
    found = finding(checked(zoo, root), "label_suspects")
    assert len(names(found["items"]) & swapped) >= 3, "those as sure as a class is on average, or surer"
    assert names(found["items"]) <= swapped
    assert {item["looks_like"] for item in found["items"]} == {"red"}
    assert not found["weak"]


def test_weak_features_are_called_weak(zoo, scene):
    found = finding(checked(zoo, scene(12)), "label_suspects")
    assert found["weak"]
    assert found["severity"] == "note"
    assert "its own mistakes" in found["summary"]
    assert "--architecture" in found["next"]


def test_the_features_of_a_run_judge_too(zoo, colours, colours_run):
    document = checked(zoo, colours, "--features", colours_run)
    assert document["features"] == {"from": f"simple/simple_cnn of {colours_run}", "trained": True}


def test_several_labels_an_image(zoo, scene):
    root = scene(8)
    rows = [
        f"{file.relative_to(root)},{'box;disc' if i % 2 else 'box'},train" for i, file in enumerate(root.glob("*/*/*"))
    ]
    first = rows[0].partition(",")[0]
    shutil.copyfile(root / first, root / "copy.jpg")
    (root / "list.csv").write_text("path,labels,split\n" + "\n".join([*rows, "copy.jpg,disc,train"]))
    document = checked(zoo, root / "list.csv", "--fix", "clean.csv")
    assert finding(document, "conflicts")["count"] == 1
    assert "multi-label" in finding(document, "label_suspects")["summary"]
    assert Path("clean.csv").read_text().startswith("path,labels,split,")
    assert finding(checked(zoo, "clean.csv"), "conflicts")["count"] == 0


@pytest.mark.slow
def test_images_that_are_no_files(zoo):
    document = checked(zoo, "digits")
    assert document["splits"]["train"]["images"] > 1000
    assert finding(document, "unreadable")["count"] == 0


# -- the clean list -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_clean_list_leaves_out_what_is_wrong_and_can_be_trained_on(zoo, scene):
    root = scene(8)
    before = tree(root)
    shutil.copyfile(root / "train/boxes/00.jpg", root / "train/boxes/00 (copy).jpg")
    shutil.copyfile(root / "train/discs/02.jpg", root / "val/discs/leak.jpg")
    shutil.copyfile(root / "train/boxes/05.jpg", root / "val/discs/stray.jpg")
    Image.open(root / "train/boxes/01.jpg").resize((320, 240)).save(root / "train/boxes/larger.jpg")
    (root / "train/boxes/06.jpg").write_bytes(b"")
    planted = tree(root)
    document = checked(zoo, root, "--fix", "clean.csv")
    assert tree(root) == planted, "no image is touched"
    assert set(before) <= set(planted)
    assert document["fix"]["left_out"] == {"conflict": 2, "exact": 1, "leak": 1, "near": 1, "unreadable": 1}
    listed = {Path(line.split(",")[0]).name: line.split(",")[1:3] for line in lines("clean.csv")}
    assert listed["leak.jpg"] == ["discs", "val"], "evaluation keeps its images"
    assert "larger.jpg" in listed, "the largest of several stays"
    assert not {"00 (copy).jpg", "stray.jpg"} & set(listed)
    again = checked(zoo, "clean.csv")
    wrong = ("unreadable", "conflicts", "leaks", "exact_duplicates", "near_duplicates")
    assert {kind: finding(again, kind)["count"] for kind in wrong} == dict.fromkeys(wrong, 0)
    code, _, err = zoo("run", "simple_cnn", "clean.csv", "--epochs", "1", "--image-size", "32", "--recipe", "none")
    assert code == 0, err


def test_paths_are_relative_where_the_images_lie_below_the_list(zoo, scene):
    root = scene(8)
    checked(zoo, root, "--fix", root / "clean.csv")
    assert all((root / line.split(",")[0]).is_file() for line in lines(root / "clean.csv"))
    assert all(line.startswith(("train/", "val/")) for line in lines(root / "clean.csv"))


@pytest.mark.slow
def test_suspects_are_left_out_when_that_is_asked_for(zoo, make_folder):
    root = make_folder({"red": 40, "blue": 40})
    (root / "red/003.png").rename(root / "blue/swapped.png")
    assert "swapped.png" in Path(fixed(zoo, root)).read_text()
    assert "swapped.png" not in Path(fixed(zoo, root, "--drop-suspects")).read_text()


@pytest.mark.slow
def test_its_own_list_is_replaced_and_an_edited_one_is_not(zoo, scene, refused):
    root = scene(8)
    fixed(zoo, root)
    fixed(zoo, root)
    edited = Path("clean.csv").read_text().replace("boxes", "crates")
    Path("clean.csv").write_text(edited)
    assert "--overwrite" in refused("data", "check", root, "--fix", "clean.csv")
    assert Path("clean.csv").read_text() == edited
    fixed(zoo, root, "--overwrite")


def fixed(zoo, *words: object) -> str:
    return checked(zoo, *words, "--fix", "clean.csv")["fix"]["path"]


def lines(path: str | Path) -> list[str]:
    return Path(path).read_text().splitlines()[1:]


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


# -- what is printed and written ----------------------------------------------------------------------------


def test_the_console_says_what_was_found_and_what_to_type(zoo, scene):
    root = scene(8)
    shutil.copyfile(root / "train/discs/02.jpg", root / "val/discs/leak.jpg")
    code, out, err = zoo("data", "check", root)
    assert (code, err) == (0, "")
    assert "1 image is in more than one of train, val" in " ".join(out.split())
    assert "leak.jpg(val,discs)" in "".join(out.split()), "whatever the path's length breaks"
    assert "--fix clean.csv" in out
    assert f"next: zoo data check {root}" in " ".join(out.replace("\\\n", " ").split())
    assert max(map(len, out.splitlines())) <= 80


def test_the_page_shows_the_pictures_and_asks_the_network_for_nothing(zoo, scene):
    root = scene(8)
    shutil.copyfile(root / "train/discs/02.jpg", root / "val/discs/leak.jpg")
    (root / "train/boxes/06.jpg").write_bytes(b"")
    (root / "train/boxes/<b>&.jpg").write_bytes((root / "train/boxes/01.jpg").read_bytes())
    checked(zoo, root, "-o", "check.html")
    page = Path("check.html").read_text("utf-8")
    assert page.count("data:image/jpeg;base64,") >= 4
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    assert "<b>&" not in page
    assert "&lt;b&gt;&amp;.jpg" in page
    files = re.findall(r'<span title="([^"]*)">([^<]*)</span>', page)
    assert files
    assert all(path.endswith(f"/{name}") for path, name in files)
    assert zoo("data", "check", root, "-o", "check.html")[0] == 0, "its own it replaces"


def test_stats_count_and_measure(zoo, make_folder):
    root = make_folder({"train/a": 4, "train/b": 6, "val/a": 2, "val/b": 2}, size=20)
    code, out, err = zoo("data", "stats", root)
    assert (code, err) == (0, "")
    assert "10" in out
    code, out, _ = zoo("data", "stats", root, "--json")
    document = json.loads(out)
    assert document["splits"]["train"]["per_class"] == {"a": 4, "b": 6}
    assert document["width"]["median"] == 20
    pixels = [np.asarray(Image.open(file)) / 255 for file in root.glob("*/*/*.png")]
    assert document["mean"] == pytest.approx(np.mean(pixels, axis=(0, 1, 2)), abs=0.01)
    assert document["forms"] == {"PNG": 14}


# -- what is wrong with the request -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["digts"], ["digits"]),
        (["./nowhere"], ["nowhere"]),
        (["digits", "--fix", "clean.csv"], ["--fix lists files", "digits"]),
        (["digits", "--fix", "clean.txt"], ["--fix clean.csv"]),
        (["digits", "--fix", "nowhere/clean.csv"], ["nowhere"]),
        (["digits", "-o", "page.txt"], [".html"]),
        (["digits", "--drop-suspects"], ["--fix clean.csv --drop-suspects"]),
        (["digits", "--features", "no-such-run"], ["no-such-run", "zoo runs list"]),
        (["digits", "--architecture", "simple_cnn"], ["--weights FILE"]),
        (["digits", "--architecture", "simple_cn", "--weights", "w.pth"], ["simple_cnn"]),
        (["digits", "--weights", "w.pth"], ["--architecture NAME"]),
        (["digits", "--features", "a", "--pretrained"], ["Choose one"]),
        (["digits", "--folds", "many"], ["'many'", "--folds"]),
        (["digits", "--folds", "1"], ["--folds", "2"]),
        (["digits", "--device", "gpu"], ["'gpu'"]),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(refused, words, said):
    text = refused("data", "check", *words)
    assert all(word in text for word in said), text


def test_a_file_that_is_not_the_zoos_is_not_replaced(refused, scene):
    Path("clean.csv").write_text("mine\n")
    Path("page.html").write_text("mine\n")
    root = scene(8)
    assert "--overwrite" in refused("data", "check", root, "--fix", "clean.csv")
    assert "--overwrite" in refused("data", "check", root, "-o", "page.html")


def test_a_folder_that_can_not_be_written_fails_before_the_work(refused, scene, monkeypatch):
    root = scene(8)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "can't be written" in refused("data", "check", root, "--fix", "clean.csv", code=1)
    assert "can't be written" in refused("data", "check", root, "-o", "page.html", code=1)


def test_a_split_of_which_nothing_can_be_read(refused, scene):
    root = scene(8)
    for file in root.glob("val/*/*"):
        file.write_bytes(b"no")
    assert "None of the 16 val images can be read" in refused("data", "check", root)


@pytest.mark.slow
def test_ctrl_c_ends_it_with_130_and_leaves_nothing(scene, tmp_path):
    root = scene(150)
    command = [sys.executable, "-m", "zoo", "data", "check", str(root), "-o", "page.html", "--fix", "clean.csv"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "reading train images" in process.stdout.readline()
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.strip() == "zoo: interrupted."
    assert list(tmp_path.iterdir()) == []


# -- real photos --------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.photos
def test_what_is_planted_among_photos_is_found(photos, tmp_path, planting):
    planted = planting.plant(photos, tmp_path / "planted", 10, seed=3, most=100)
    found = planting.checked(planted.root, None)
    for kind, pairs in planted.pairs.items():
        count = planting.found_pairs(found, pairs)
        assert count == len(pairs) if kind in ("exact", "leak, exact", "two labels") else count >= 0.9 * len(pairs), (
            kind
        )
    assert {item["name"] for item in found.scan.bad} == {str(file) for file in planted.truncated}
    assert planting.foreign_groups(found, planted) == []
    by_kind = Counter(one["kind"] for one in found.document["findings"])
    assert {"unreadable", "conflicts", "leaks", "exact_duplicates", "near_duplicates"} <= set(by_kind)


@pytest.mark.slow
@pytest.mark.photos
def test_features_of_a_trained_network_find_swapped_labels(photos, tmp_path, planting):
    weights = WEIGHTS / "tf_efficientnet_lite0.safetensors"
    if not weights.is_file():
        pytest.skip(f"no weights: set ZOO_TEST_WEIGHTS to a folder with {weights.name} (looked in {WEIGHTS})")
    planted = planting.plant(photos, tmp_path / "planted", 5, seed=3, most=100)
    found = planting.checked(planted.root, str(weights))
    top, among, false = planting.swapped_on_top(found, planted)
    assert top >= 0.8 * len(planted.swapped)
    assert among >= 0.7 * len(planted.swapped)
    assert false <= 0.02 * len(found.scan)


def test_heic_webp_and_avif_are_checked_like_any_image(zoo, make_folder):
    pytest.importorskip("pi_heif", reason="HEIC is an extra: pip install 'visionzoo[heif]'")
    root = make_folder({"a": 8, "b": 8})
    formats = Path(__file__).parents[2] / "data" / "formats"
    for name in ("red.heic", "turned.heic", "deep.heic", "deep.avif"):
        shutil.copy(formats / name, root / "a" / name)
    Image.open(root / "b" / "000.png").save(root / "b" / "000.webp", lossless=True)
    (root / "b" / "cut.heic").write_bytes((formats / "red.heic").read_bytes()[:300])
    code, out, err = zoo("data", "check", root, "--json", "-o", "page.html")
    assert code == 0, err
    document = json.loads(out)
    assert sum(split["images"] for split in document["splits"].values()) == 22
    assert any("have 10 or 12 bits per channel" in text for text in document["notices"])
    found = {finding["kind"]: str(finding["items"]) for finding in document["findings"]}
    assert "cut.heic" in found["unreadable"]
    assert "000.webp" in found["exact_duplicates"], "the same pixels in another format"


def test_heic_without_its_package_is_counted(zoo, make_folder, without_heif):
    root = make_folder({"a": 8, "b": 8})
    shutil.copy(Path(__file__).parents[2] / "data" / "formats" / "red.heic", root / "a" / "photo.heic")
    document = json.loads(zoo("data", "check", root, "--json")[1])
    assert any("1 .heic file" in text and "visionzoo[heif]" in text for text in document["notices"])


@pytest.fixture
def ages(tmp_path: Path) -> Path:
    """A table of two values of each picture; the last two pictures are copies, of which one has another age."""
    made, rows = np.random.default_rng(0), []
    for i in range(12):
        name, same = f"{i:02}.png", f"{i - 1:02}.png"
        pixels = made.integers(0, 256, (20, 20, 3), np.uint8)
        if i in (9, 11):
            shutil.copy(tmp_path / same, tmp_path / name)
        else:
            Image.fromarray(pixels).save(tmp_path / name)
        rows.append((name, 20.0 + (i if i != 9 else 8), 1 / 3))
    with (tmp_path / "ages.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "age", "body mass"), *rows])
    return tmp_path / "ages.csv"


def test_values_are_no_labels_and_stay_in_the_clean_list(zoo, ages: Path):
    columns = ("--set", "dataset.value_columns=[age, body mass]")
    code, out, err = zoo("data", "check", ages, *columns, "--fix", "clean.csv", "--json")
    assert code == 0, err
    found = {finding["kind"]: finding for finding in json.loads(out)["findings"]}
    assert found["conflicts"]["summary"] == "1 image is in the dataset with several values (2 files)."
    assert [item["label"] for item in found["conflicts"]["items"][0]["items"]] == ["30;0.333333", "31;0.333333"]
    assert found["exact_duplicates"]["count"] == 1
    assert "this dataset has values" in found["label_suspects"]["summary"]
    assert not found.keys() & {"imbalance", "missing_classes"}
    with Path("clean.csv").open() as file:
        kept = list(csv.DictReader(file))
    assert len(kept) == 9
    assert {row["body mass"] for row in kept} == {repr(1 / 3)}
    assert [float(row["age"]) for row in kept][:9] == [20.0 + i for i in range(9)]
    code, out, err = zoo("data", "check", ages, *columns, "--fix", "clean.csv")
    assert code == 0, err
    assert "next: zoo run simple_cnn clean.csv --set 'dataset.value_columns=[age,body mass]'" in " ".join(out.split())


def test_statistics_of_values(zoo, ages: Path):
    columns = ("--set", "dataset.value_columns=[age, body mass]")
    code, out, err = zoo("data", "stats", ages, *columns, "--json")
    assert code == 0, err
    document = json.loads(out)
    assert document["values"]["age"]["train"]["most"] == 31
    assert document["splits"]["train"] == {"images": 12, "readable": 12, "per_class": {}}
    code, out, err = zoo("data", "stats", ages, *columns)
    assert code == 0, err
    assert "class" not in out
    assert next(line.split() for line in out.splitlines() if line.startswith("age"))[:3] == ["age", "train", "20"]
