"""CVAT's XML with what globox doesn't write: tags, subsets, polygons, rotated boxes, a list of labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# After CVAT's description of the format "CVAT for images 1.1".
META = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><id>4</id><name>shapes</name><size>6</size><mode>annotation</mode>
    <labels>
      <label><name>red</name><color>#ff0000</color><type>any</type><attributes></attributes></label>
      <label><name>blue</name><color>#0000ff</color><type>any</type><attributes></attributes></label>
    </labels></task><dumped>2026-01-01 00:00:00+00:00</dumped></meta>
"""
ATTRIBUTE = '<attribute name="pose">{}</attribute>'
BOX = '<box label="{}" source="manual" occluded="0" xtl="{}" ytl="{}" xbr="{}" ybr="{}" z_order="0"{}></box>'


def image(number: int, inner: str, subset: str = "default") -> str:
    return f'  <image id="{number}" name="p{number}.png" subset="{subset}" width="60" height="40">{inner}</image>\n'


def tag(label: str, camera: str = "left") -> str:
    return f'<tag label="{label}" source="manual"><attribute name="camera">{camera}</attribute></tag>'


TAGS = {0: "red", 2: "blue", 3: "red", 4: "blue", 5: "red", 6: "blue"}


@pytest.fixture
def task(tmp_path: Path, drawn: Any) -> Callable[..., Path]:
    """Write an export beside its pictures."""
    drawn(tmp_path / "images")

    def write(*images: str, meta: str = META) -> Path:
        path = tmp_path / "annotations.xml"
        path.write_text(meta + "".join(images) + "</annotations>\n", "utf-8")
        return path

    return write


def test_tags_are_the_labels_of_whole_pictures(task: Any, look: Any):
    path = task(*(image(number, tag(label) + BOX.format("red", 1, 1, 5, 5, "")) for number, label in TAGS.items()))
    found = look(path.parent)
    assert found.id == "formats/cvat"
    assert found.labels["train"] == list(TAGS.values())
    assert found.splits["train"].attributes == {"camera": ["left"] * 6}


def test_subsets_are_splits(task: Any, look: Any, runs: Any):
    subsets = {0: "Train", 2: "Train", 3: "Validation", 4: "Validation", 5: "Train", 6: "Train"}
    path = task(*(image(number, tag(label), subsets[number]) for number, label in TAGS.items()))
    assert {split: len(data) for split, data in look(path).splits.items()} == {"train": 4, "val": 2}
    assert runs(path)["splits"]["val"]["images"] == 2
    mixed = task(*(image(number, tag(label), "Train" if number else "odd") for number, label in TAGS.items()))
    with pytest.raises(Exception, match="1 of 6 pictures have no split, such as p0"):
        look(mixed)


def test_polygons_and_rotated_boxes_are_cut_at_their_bounds(task: Any, look: Any, has_colours: Any):
    polygon = '<polygon label="red" points="3.0,4.0;20.0,4.0;20.0,30.0;3.0,30.0" z_order="0"></polygon>'
    turned = BOX.format("blue", 0, 14, 12, 26, ' rotation="90.0"')  # a square about its centre is itself
    data = look(task(image(0, polygon), image(2, turned)), crops="boxes").splits["train"]
    has_colours(data)
    assert [data[i][0].size for i in range(2)] == [(17, 26), (12, 12)]
    assert data.notices == ["Rotated boxes, cut out as the upright boxes around them: 1."]


def test_attributes_of_boxes_are_those_of_their_images(task: Any, look: Any):
    boxes = BOX.replace("</box>", ATTRIBUTE.format("left") + "</box>").format("red", 3, 4, 20, 30, "")
    boxes += BOX.format("blue", 30, 4, 40, 30, "")
    data = look(task(image(0, boxes)), crops="boxes").splits["train"]
    assert data.attributes == {"pose": ["left", ""]}


PLAIN = "".join(image(number, tag(label)) for number, label in TAGS.items())
BROKEN = {
    "truncated": (PLAIN[:-40], META, "can't be read as XML"),
    "missing name": (PLAIN.replace('name="p2.png"', ""), META, "has a <image> without name"),
    "missing label": (PLAIN.replace('label="blue"', ""), META, "has a <tag> without label"),
    "missing edge": (PLAIN + image(7, '<box label="red" xtl="1" ytl="1" xbr="2" />'), META, "has a <box> without ybr"),
    "no number": (PLAIN + image(7, BOX.format("red", "a", 1, 2, 2, "")), META, "'a' is not a number"),
    "unknown class": (PLAIN.replace('"blue"', '"blu"'), META, "'blu', which its task doesn't declare. Did you mean"),
    "path outside": (PLAIN.replace("p2.png", "../../p2.png"), META, "is not in"),
    "a video": (PLAIN + '<track id="0" label="red"></track>', META, "has tracks of a video"),
    "no pictures": ("", META, "lists no pictures"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_export_is_refused(case: str, task: Any, refused: Any):
    images, meta, reason = BROKEN[case]
    assert reason in refused("run", "simple_cnn", task(images, meta=meta))


def test_another_xml_file_and_a_folder_without_one_are_refused(tmp_path: Path, refused: Any, task: Any):
    (tmp_path / "other.xml").write_text("<html></html>", "utf-8")
    assert "is not recognised by the datasets for .xml" in refused("run", "simple_cnn", tmp_path / "other.xml")
    assert "begins with <html>" in refused("run", "simple_cnn", "cvat", "--data", tmp_path / "other.xml")
    assert "There is no annotations.xml" in refused("run", "simple_cnn", "cvat", "--data", tmp_path / "images")
