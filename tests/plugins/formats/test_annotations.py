"""Annotations of COCO, YOLO, Pascal VOC and CVAT, each written by another program."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

globox = pytest.importorskip("globox", reason="globox writes the annotations: pip install globox")

# The same as in conftest.py, which can't be imported.
BOXES = {
    "p0": [("red", 3, 4, 20, 30)],
    "p1": [("blue", 10, 5, 30, 25), ("red", 35, 8, 55, 33)],
    "p2": [("blue", 0, 0, 12, 40)],
    "p3": [("red", 6, 6, 18, 18)],
    "p4": [("blue", 30, 10, 60, 40), ("blue", 2, 2, 10, 10)],
    "p5": [("red", 8, 8, 30, 30)],
    "p6": [("blue", 5, 5, 25, 25)],
    "p7": [("red", 20, 4, 44, 20)],
}
WHOLE = [("red",), ("blue", "red"), ("blue",), ("red",), ("blue",), ("red",), ("blue",), ("red",)]
CUT = ["red", "blue", "red", "blue", "red", "blue", "blue", "red", "blue", "red"]
NUMBERS = {"red": 0, "blue": 1}
SINGLE = [name for name in BOXES if name != "p1"]


def annotations(names: list[str] | None = None) -> Any:
    """The boxes as objects of globox."""
    return globox.AnnotationSet(
        globox.Annotation(
            f"{name}.png",
            (60, 40),
            [globox.BoundingBox(label=kind, xmin=a, ymin=b, xmax=c, ymax=d) for kind, a, b, c, d in BOXES[name]],
        )
        for name in names or BOXES
    )


@pytest.fixture(params=["coco", "coco file", "yolo", "yolo lists", "voc", "cvat", "cvat file"])
def door(request: pytest.FixtureRequest, tmp_path: Path, drawn: Callable[[Path], list[Path]]) -> tuple[str, Path]:
    """The id of a dataset, and its path."""
    kind = request.param
    root = tmp_path / "data"
    if kind.startswith("coco"):
        drawn(root / "images")
        (root / "annotations").mkdir()
        annotations().save_coco(root / "annotations" / "instances.json", auto_ids=True)
        return "formats/coco", root / "annotations" / "instances.json" if kind == "coco file" else root
    if kind == "yolo":
        drawn(root / "images")
        annotations().save_yolo_v5(root / "labels", label_to_id=NUMBERS)
        (root / "classes.txt").write_text("red\nblue\n", "utf-8")
        return "formats/yolo", root
    if kind == "yolo lists":
        paths = drawn(root / "images")
        annotations().save_yolo_v5(root / "labels", label_to_id=NUMBERS)
        (root / "all.txt").write_text("".join(f"./images/{path.name}\n" for path in paths), "utf-8")
        (root / "data.yaml").write_text("path: /elsewhere\ntrain: all.txt\nnames:\n  0: red\n  1: blue\n", "utf-8")
        return "formats/yolo", root / "data.yaml"
    if kind == "voc":
        drawn(root / "JPEGImages")
        annotations().save_pascal_voc(root / "Annotations")
        return "formats/voc", root
    drawn(root / "images")
    annotations().save_cvat(root / "annotations.xml")
    return "formats/cvat", root / "annotations.xml" if kind == "cvat file" else root


def test_whole_pictures_are_multi_label_where_one_has_several(door: tuple[str, Path], look: Any):
    found = look(door[1])
    assert found.id == door[0]
    assert list(found.splits) == ["train"]
    data = found.splits["train"]
    assert data.multilabel
    assert data.classes == ["blue", "red"]
    assert found.labels["train"] == WHOLE
    assert [Path(data.name_of(i)).name for i in range(len(data))] == [f"{name}.png" for name in BOXES]
    assert data[0][0].size == (60, 40)


def test_boxes_are_cut_out_and_those_of_a_picture_stay_together(door: tuple[str, Path], look: Any, has_colours: Any):
    data = look(door[1], crops="boxes").splits["train"]
    assert [data.classes[target] for target in data.targets] == CUT
    assert not data.multilabel
    has_colours(data)
    assert len(set(data.groups)) == len(BOXES)
    assert data.groups[1] == data.groups[2]
    assert data.name_of(2).endswith("p1.png, box 2")


def test_a_run_trains_on_whole_pictures_and_on_boxes(door: tuple[str, Path], runs: Any):
    assert runs(door[1])["classes"] == ["blue", "red"]
    result = runs(door[1], "--set", "dataset.crops=boxes")
    assert sum(split["images"] for split in result["splits"].values()) == len(CUT)


def test_pycocotools_reads_the_same(tmp_path: Path, drawn: Any, look: Any):
    """The library of COCO's authors finds the same labels and boxes in the file."""
    tools = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    drawn(tmp_path / "images")
    annotations().save_coco(tmp_path / "instances.json", auto_ids=True)
    theirs = tools.COCO(str(tmp_path / "instances.json"))
    names = {category["id"]: category["name"] for category in theirs.loadCats(theirs.getCatIds())}
    data = look(tmp_path / "instances.json").splits["train"]
    for index in range(len(data)):
        (image,) = [i for i in theirs.dataset["images"] if i["file_name"] == Path(data.name_of(index)).name]
        labels = {names[each["category_id"]] for each in theirs.imgToAnns[image["id"]]}
        assert {data.classes[i] for i in data.targets[index]} == labels


def coco(root: Path, drawn: Any, **changes: Any) -> Path:
    """COCO's JSON of the pictures with one class each, with some of its lists replaced."""
    drawn(root / "images")
    path = root / "instances.json"
    annotations(SINGLE).save_coco(path, auto_ids=True)
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")
    return path


def test_pictures_with_one_class_each_are_single_label(tmp_path: Path, drawn: Any, look: Any):
    path = coco(tmp_path, drawn)
    told = json.loads(path.read_text("utf-8"))
    told["annotations"] = [each for each in told["annotations"] if each["image_id"] != told["images"][0]["id"]]
    told["annotations"][0]["iscrowd"] = 1
    told["images"][1]["camera"] = "left"
    path.write_text(json.dumps(told), "utf-8")
    data = look(path).splits["train"]
    assert not data.multilabel
    assert data.notices == ["Not used: 1 of 7 pictures, which have no label."]
    assert data.attributes == {"camera": ["left", "", "", "", "", ""]}
    assert look(path, multilabel=True).splits["train"].targets[0] == ()
    told["annotations"][1]["attributes"] = {"occluded": True, "camera": "right"}
    path.write_text(json.dumps(told), "utf-8")
    cut = look(path, crops="boxes").splits["train"]
    assert "Boxes of crowds" in cut.notices[0]
    assert cut.attributes["occluded"] == ["True", *[""] * 5]
    assert cut.attributes["camera"] == ["right", *[""] * 5]


def test_the_files_of_coco_have_splits(tmp_path: Path, drawn: Any, look: Any, runs: Any):
    for split, names in (("train", SINGLE[:4]), ("val", SINGLE[4:])):
        drawn(tmp_path / f"{split}2017")
        (tmp_path / "annotations").mkdir(exist_ok=True)
        annotations(names).save_coco(tmp_path / "annotations" / f"instances_{split}2017.json", auto_ids=True)
    shutil.copy(
        tmp_path / "annotations" / "instances_val2017.json", tmp_path / "annotations" / "person_keypoints_val2017.json"
    )
    found = look(tmp_path)
    assert found.labels == {"train": ["red", "blue", "red", "blue"], "val": ["red", "blue", "red"]}
    assert Path(found.splits["val"].name_of(0)).parent.name == "val2017"
    assert runs(tmp_path)["splits"]["val"]["images"] == 3


def test_exports_with_a_folder_for_each_split(tmp_path: Path, drawn: Any, look: Any):
    """The layouts that Roboflow writes: annotations beside the pictures of each split."""
    for split, names in (("train", SINGLE[:4]), ("valid", SINGLE[4:])):
        for layout in ("coco", "voc"):
            drawn(tmp_path / layout / split)
        annotations(names).save_coco(tmp_path / "coco" / split / "_annotations.coco.json", auto_ids=True)
        annotations(names).save_pascal_voc(tmp_path / "voc" / split)
        drawn(tmp_path / "yolo" / split / "images")
        annotations(names).save_yolo_v5(tmp_path / "yolo" / split / "labels", label_to_id=NUMBERS)
    (tmp_path / "yolo" / "data.yaml").write_text(
        "train: ../train/images\nval: ../valid/images\nnc: 2\nnames: ['red', 'blue']\n", "utf-8"
    )
    for layout in ("coco", "voc"):
        found = look(tmp_path / layout)
        assert found.id == f"formats/{layout}"
        assert found.labels == {"train": ["red", "blue", "red", "blue"], "val": ["red", "blue", "red"]}
    assert look(tmp_path / "yolo").splits["val"].classes == ["blue", "red"]


def test_lists_of_voc_are_splits(tmp_path: Path, drawn: Any, look: Any):
    drawn(tmp_path / "JPEGImages")
    annotations(SINGLE).save_pascal_voc(tmp_path / "Annotations")
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("p0\np2\np3\n", "utf-8")
    (lists / "val.txt").write_text("p4\np5\n", "utf-8")
    found = look(tmp_path)
    assert found.labels == {"train": ["red", "blue", "red"], "val": ["blue", "red"]}
    assert found.splits["train"].notices == ["Not used: 2 of 7 pictures, which no list of splits has."]


@pytest.mark.parametrize("as_annotated", ["upright", "stored"])
def test_a_turned_photo_is_cut_as_it_was_annotated(tmp_path: Path, look: Any, as_annotated: str):
    """A phone's photo says by EXIF that it is turned; tools show it upright, scripts often don't."""
    from zoo.data.decode import full_size

    upright = np.full((60, 40, 3), 128, np.uint8)
    upright[10:30, 5:15] = (220, 30, 30)
    stored = np.rot90(upright, 1)  # EXIF 6: turn by 90 degrees clockwise to show
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a.png", exif=exif)
    box, size = ([5, 10, 10, 20], (40, 60)) if as_annotated == "upright" else ([10, 25, 20, 10], (60, 40))
    told = {
        "images": [{"id": 1, "file_name": "a.png", "width": size[0], "height": size[1]}],
        "categories": [{"id": 1, "name": "red"}, {"id": 2, "name": "blue"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": box},
            {"id": 2, "image_id": 1, "category_id": 2, "bbox": [0, 0, 2, 2]},
        ],
    }
    (tmp_path / "a.json").write_text(json.dumps(told), "utf-8")
    data = look(tmp_path / "a.json", crops="boxes").splits["train"]
    pixels = full_size(data[0][0], 3)
    assert pixels.shape == (20, 10, 3)
    assert (pixels == (220, 30, 30)).all()


def test_a_picture_of_another_size_than_annotated_is_a_bad_image(tmp_path: Path, drawn: Any, look: Any):
    path = coco(tmp_path, drawn)
    Image.new("RGB", (30, 20)).save(tmp_path / "images" / "p0.png")
    data = look(path, crops="boxes").splits["train"]
    with pytest.raises(OSError, match="it has 30 x 20 pixels, its annotation says 60 x 40"):
        data[0]


def test_unreadable_pictures_are_counted_and_named(tmp_path: Path, drawn: Any, runs: Any):
    path = coco(tmp_path, drawn)
    (tmp_path / "images" / "p6.png").unlink()
    result = runs(path, "--set", "data.max_bad_fraction=0.5")
    assert any("skipped: p6.png (no such file)" in notice for notice in result["notices"])


def test_the_same_picture_with_two_labels_is_said(tmp_path: Path, drawn: Any, look: Any):
    path = coco(tmp_path, drawn)
    told = json.loads(path.read_text("utf-8"))
    told["images"][1]["file_name"] = told["images"][0]["file_name"]
    path.write_text(json.dumps(told), "utf-8")
    (notice,) = look(path).splits["train"].notices
    assert "1 picture occurs more than once" in notice
    assert "'blue' and 'red'" in notice


BROKEN = {
    "truncated": (lambda text: text[:200], "can't be read as JSON"),
    "another document": (lambda text: '{"info": {}, "images": 3}', "has no list 'images'"),
    "missing column": (lambda text: text.replace('"file_name": "p0.png", ', ""), "has no 'file_name'"),
    "unknown class": (lambda text: text.replace('"category_id": 1', '"category_id": 77'), "the category 77"),
    "unknown picture": (lambda text: text.replace('"image_id": ', '"image_id": 9'), "which the file doesn't list"),
    "path outside": (lambda text: text.replace("p2.png", "../../p2.png"), "is not in"),
    "absolute path": (lambda text: text.replace("p2.png", "/etc/p2.png"), "is not in"),
    "no box": (lambda text: text.replace('"bbox": [', '"bbox": ["a", '), "its bbox is"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_coco_file_is_refused(case: str, tmp_path: Path, drawn: Any, refused: Any):
    path = coco(tmp_path, drawn)
    spoil, reason = BROKEN[case]
    text = spoil(path.read_text("utf-8"))
    assert text != path.read_text("utf-8")
    path.write_text(text, "utf-8")
    assert reason in refused("run", "simple_cnn", path, "--set", "dataset.crops=boxes")


def test_coco_without_its_pictures_asks_for_their_folder(tmp_path: Path, drawn: Any, refused: Any, look: Any):
    path = coco(tmp_path / "a", drawn)
    (tmp_path / "a" / "images").rename(tmp_path / "elsewhere")
    assert "--set dataset.images=FOLDER" in refused("run", "simple_cnn", path)
    assert len(look(path, images=str(tmp_path / "elsewhere")).splits["train"]) == 7
    assert "There is no file or folder" in refused("run", "simple_cnn", "coco", "--data", tmp_path / "b.json")
    assert "coco needs a JSON file" in refused("run", "simple_cnn", "coco")


def yolo(root: Path, drawn: Any) -> Path:
    drawn(root / "images")
    annotations(SINGLE).save_yolo_v5(root / "labels", label_to_id=NUMBERS)
    (root / "data.yaml").write_text("train: images\nnames: [red, blue]\n", "utf-8")
    return root


def test_a_polygon_is_cut_at_its_bounds_and_a_background_has_no_label(tmp_path: Path, drawn: Any, look: Any):
    root = yolo(tmp_path, drawn)
    (root / "labels" / "p0.txt").write_text("0 0.05 0.1 0.3333333 0.1 0.2 0.75\n", "utf-8")
    (root / "labels" / "p6.txt").unlink()
    data = look(root, crops="boxes").splits["train"]
    assert data[0][0].size == (17, 26)
    whole = look(root).splits["train"]
    assert whole.notices == ["Not used: 2 of 8 pictures, which have no label."]  # p6, and p1 without a text file


def test_darknets_lists_are_splits(tmp_path: Path, drawn: Any, look: Any):
    """The layout of CVAT's export "YOLO 1.1": pictures and boxes side by side, paths that begin with data/."""
    drawn(tmp_path / "obj_train_data")
    annotations(SINGLE).save_yolo_darknet(tmp_path / "obj_train_data", label_to_id=NUMBERS)
    (tmp_path / "obj.names").write_text("red\nblue\n", "utf-8")
    (tmp_path / "obj.data").write_text(
        "classes = 2\ntrain = data/train.txt\nvalid = data/valid.txt\nnames = data/obj.names\nbackup = backup/\n",
        "utf-8",
    )
    for split, names in (("train", SINGLE[:4]), ("valid", SINGLE[4:])):
        lines = [f"data/obj_train_data/{name}.png\n" for name in names]
        (tmp_path / f"{split}.txt").write_text("".join(lines), "utf-8")
    found = look(tmp_path)
    assert found.id == "formats/yolo"
    assert found.labels == {"train": ["red", "blue", "red", "blue"], "val": ["red", "blue", "red"]}


def test_label_studios_export_for_yolo(tmp_path: Path, drawn: Any, look: Any):
    root = yolo(tmp_path, drawn)
    (root / "data.yaml").rename(root / "classes.txt")
    (root / "classes.txt").write_text("red\nblue\n", "utf-8")
    (root / "notes.json").write_text('{"categories": [{"id": 0, "name": "red"}], "info": {"year": 2026}}', "utf-8")
    assert look(root).id == "formats/yolo"


def test_a_class_may_be_written_as_a_decimal_number(tmp_path: Path, drawn: Any, look: Any):
    """As ``numpy.savetxt`` writes it, and pandas where a column has a gap."""
    root = yolo(tmp_path, drawn)
    before = look(root).labels
    for file in (root / "labels").glob("*.txt"):
        lines = [line.split(maxsplit=1) for line in file.read_text("utf-8").splitlines()]
        file.write_text("".join(f"{int(kind):.6e} {rest}\n" for kind, rest in lines), "utf-8")
    assert look(root).labels == before


YOLO_BROKEN = {
    "decimal class": ("labels/p2.txt", "0.5 0.1 0.1 0.1 0.1", "the class 0.5 is not a whole number"),
    "truncated": ("labels/p2.txt", "1 0.1", "1 numbers after the class"),
    "no numbers": ("labels/p2.txt", "one 0.1 0.1 0.1 0.1", "not a line of numbers"),
    "unknown class": ("labels/p2.txt", "5 0.1 0.1 0.1 0.1", "the class 5 has no name"),
    "missing names": ("data.yaml", "train: images\nnames:\n", "has no names of classes"),
    "path outside": ("data.yaml", "train: ../../photos\nnames: [red, blue]\n", "which is not in"),
    "no yaml": ("data.yaml", "train: images\nnames: [red, blue\n", "names"),
}


@pytest.mark.parametrize("case", YOLO_BROKEN)
def test_a_broken_yolo_folder_is_refused(case: str, tmp_path: Path, drawn: Any, refused: Any):
    root = yolo(tmp_path / "data", drawn)
    file, text, reason = YOLO_BROKEN[case]
    (root / file).write_text(text, "utf-8")
    assert reason in refused("run", "simple_cnn", root / "data.yaml")


def test_a_list_of_yolo_stays_in_its_folder(tmp_path: Path, drawn: Any, refused: Any):
    root = yolo(tmp_path / "data", drawn)
    (root / "data.yaml").write_text("train: list.txt\nnames: [red, blue]\n", "utf-8")
    (root / "list.txt").write_text("images/p0.png\n../secret.png\n", "utf-8")
    assert "'../secret.png', which is not in" in refused("run", "simple_cnn", root)


def test_links_in_a_dataset_are_followed(tmp_path: Path, drawn: Any, look: Any):
    """Who made the folder has put the link there; only what a file says is not trusted."""
    root = yolo(tmp_path / "data", drawn)
    (root / "images").rename(tmp_path / "elsewhere")
    (root / "images").symlink_to(tmp_path / "elsewhere")
    assert len(look(root).splits["train"]) == 7


VOC_BROKEN = {
    "truncated": (lambda text: text[: len(text) // 2], "can't be read as XML"),
    "missing name": (lambda text: text.replace("<name>blue</name>", ""), "has no <name>"),
    "missing edge": (lambda text: text.replace("xmax", "xmix"), "has no <bndbox/xmax>"),
    "no number": (lambda text: text.replace("<xmin>0", "<xmin>left"), "'left' is not a number"),
    "path outside": (lambda text: text.replace("p2.png", "../../p2.png"), "is not in"),
}


@pytest.mark.parametrize("case", VOC_BROKEN)
def test_a_broken_voc_folder_is_refused(case: str, tmp_path: Path, drawn: Any, refused: Any):
    drawn(tmp_path / "JPEGImages")
    annotations(SINGLE).save_pascal_voc(tmp_path / "Annotations")
    file = tmp_path / "Annotations" / "p2.xml"
    spoil, reason = VOC_BROKEN[case]
    text = spoil(file.read_text("utf-8"))
    assert text != file.read_text("utf-8")
    file.write_text(text, "utf-8")
    assert reason in refused("run", "simple_cnn", tmp_path)


def test_a_list_of_voc_names_pictures_that_exist(tmp_path: Path, drawn: Any, refused: Any):
    drawn(tmp_path / "JPEGImages")
    annotations(SINGLE).save_pascal_voc(tmp_path / "Annotations")
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("p0\np2\nq9\n", "utf-8")
    assert "without an XML file, such as q9" in refused("run", "simple_cnn", tmp_path)
    (lists / "train.txt").write_text("p0\np2\n", "utf-8")
    (lists / "val.txt").write_text("p0\n", "utf-8")
    assert "'p0' in two lists, train and val" in refused("run", "simple_cnn", tmp_path)
