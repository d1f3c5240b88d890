"""Exports of Label Studio, written after its documented formats JSON and JSON-MIN."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LABELS = {"p0": "red", "p2": "blue", "p3": "red", "p4": "blue", "p5": "red", "p6": "blue"}
BOXES = {"p0": ("red", 3, 4, 20, 30), "p2": ("blue", 0, 0, 12, 40), "p3": ("red", 6, 6, 18, 18)}
BOXES |= {"p5": ("red", 8, 8, 30, 30), "p6": ("blue", 5, 5, 25, 25)}


def choice(label: str, **more: Any) -> dict[str, Any]:
    """An annotation with a choice."""
    value = {"choices": [label]}
    result = {"id": "aZ", "type": "choices", "from_name": "choice", "to_name": "image", "value": value}
    return {"id": 1, "completed_by": 1, "was_cancelled": False, "result": [result], **more}


def box(name: str, kind: str = "rectanglelabels", rotation: float = 0) -> dict[str, Any]:
    """An annotation with a box, in percent of the picture."""
    label, left, top, right, bottom = BOXES[name]
    value = {
        "x": left / 60 * 100,
        "y": top / 40 * 100,
        "width": (right - left) / 60 * 100,
        "height": (bottom - top) / 40 * 100,
        "rotation": rotation,
        kind: [label],
    }
    size = {"original_width": 60, "original_height": 40, "image_rotation": 0}
    result = {"id": "bY", "type": kind, "from_name": "label", "to_name": "image", "value": value, **size}
    return {"id": 2, "completed_by": 1, "was_cancelled": False, "result": [result]}


def tasks(annotate: Callable[[str], Any], **data: Any) -> list[dict[str, Any]]:
    """A project as JSON; uploaded pictures have a hash before their names."""
    return [
        {
            "id": number,
            "data": {"image": f"/data/upload/1/0a1b2c3d-{name}.png", **data},
            "annotations": [annotate(name)],
            "predictions": [],
            "project": 1,
        }
        for number, name in enumerate(LABELS, 1)
        if annotate is not box or name in BOXES
    ]


@pytest.fixture
def project(tmp_path: Path, drawn: Any) -> Callable[[Any], Path]:
    """Write an export beside its pictures."""
    drawn(tmp_path / "images")

    def write(content: Any) -> Path:
        path = tmp_path / "project-1.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return path

    return write


def test_choices_are_the_labels_of_whole_pictures(project: Any, look: Any, runs: Any):
    path = project(tasks(lambda name: choice(LABELS[name]), camera="left", group=7))
    found = look(path)
    assert found.id == "formats/label_studio"
    assert found.labels["train"] == list(LABELS.values())
    data = found.splits["train"]
    assert Path(data.name_of(0)).name == "p0.png"
    assert data.attributes == {"camera": ["left"] * 6}
    assert set(data.groups) == {"7"}
    assert runs(project(tasks(lambda name: choice(LABELS[name]))))["classes"] == ["blue", "red"]


def test_boxes_are_cut_out_to_the_pixel(project: Any, look: Any, has_colours: Any):
    path = project(tasks(box))
    data = look(path, crops="boxes").splits["train"]
    assert [data.classes[target] for target in data.targets] == ["red", "blue", "red", "red", "blue"]
    has_colours(data)
    assert look(path).labels["train"] == ["red", "blue", "red", "red", "blue"]


def test_a_rotated_box_is_the_upright_one_around_it(project: Any, look: Any):
    data = look(project(tasks(lambda name: box(name if name in BOXES else "p0", rotation=90))), crops="boxes")
    train = data.splits["train"]
    assert train.notices == ["Rotated boxes, cut out as the upright boxes around them: 6."]
    # 20 x 20 pixels from (5, 5), turned clockwise about the first corner: x from -15 to 5, of which 0 to 5 are there.
    assert train[5][0].size == (5, 20)


@pytest.mark.parametrize("address", ["/data/local-files/?d=images/{}.png", "https://x.org/a/{}.png", "s3://b/{}.png"])
def test_pictures_are_found_by_their_address(address: str, project: Any, look: Any):
    found = tasks(lambda name: choice(LABELS[name]))
    for task, name in zip(found, LABELS, strict=True):
        task["data"]["image"] = address.format(name)
    data = look(project(found)).splits["train"]
    assert all(Path(data.name_of(i)).is_file() for i in range(len(data)))


def test_json_min_has_the_same_labels(project: Any, look: Any, has_colours: Any):
    small = [
        {
            "image": f"/data/upload/1/0a1b2c3d-{name}.png",
            "id": number,
            "choice": label,
            "camera": "left",
            "annotator": 1,
            "annotation_id": number,
            "created_at": "2026-01-01T00:00:00Z",
            "lead_time": 3.5,
        }
        for number, (name, label) in enumerate(LABELS.items(), 1)
    ]
    found = look(project(small))
    assert found.labels["train"] == list(LABELS.values())
    assert found.splits["train"].attributes == {"camera": ["left"] * 6}
    small[0]["choice"] = {"choices": ["red", "blue"]}
    assert look(project(small)).labels["train"][0] == ("blue", "red")
    several = [{**task, "species": task.pop("choice")} for task in json.loads(json.dumps(small[1:]))]
    assert look(project(several), field="species").labels["train"] == list(LABELS.values())[1:]
    boxes = []
    for number, name in enumerate(BOXES, 1):
        result = box(name)["result"][0]
        about = {key: result[key] for key in ("original_width", "original_height")}
        boxes.append({"image": f"{name}.png", "id": number, "label": [{**result["value"], **about}], "annotator": 1})
    has_colours(look(project(boxes), crops="boxes").splits["train"])


def test_skipped_tasks_have_no_label_and_disagreements_are_said(project: Any, look: Any):
    found = tasks(lambda name: choice(LABELS[name]))
    found[0]["annotations"] = [{**choice("red"), "was_cancelled": True}]
    found[1]["annotations"] = [
        choice("red", updated_at="2026-01-02"),
        choice("blue", updated_at="2026-01-03"),
    ]
    found[2]["annotations"] = [choice("red", ground_truth=True), choice("blue", updated_at="2026-01-03")]
    data = look(project(found)).splits["train"]
    assert [data.classes[target] for target in data.targets] == ["blue", "red", "blue", "red", "blue"]
    assert data.notices == [
        "2 of 6 pictures have annotations that disagree: the ground truth counts, else the latest.",
        "Not used: 1 of 6 pictures, which have no label.",
    ]


def test_a_split_of_the_data_is_the_split(project: Any, look: Any):
    found = tasks(lambda name: choice(LABELS[name]))
    for number, task in enumerate(found):
        task["data"]["split"] = "train" if number < 4 else "validation"
    splits = look(project(found)).splits
    assert {split: len(data) for split, data in splits.items()} == {"train": 4, "val": 2}


def outside() -> Any:
    found = tasks(lambda name: choice(LABELS[name]))
    found[3]["data"]["image"] = "/data/local-files/?d=../../secret.png"
    return found


def two_fields() -> Any:
    found = tasks(lambda name: choice(LABELS[name]))
    found[0]["annotations"][0]["result"][0]["from_name"] = "quality"
    return found


def without(*keys: str) -> Any:
    found = tasks(box)
    place = found[1] if keys[0] == "data" else found[1]["annotations"][0]["result"][0]["value"]
    del place["data" if keys[0] == "data" else keys[0]]
    return found


BROKEN: dict[str, tuple[Callable[[], Any], str]] = {
    "truncated": (lambda: json.dumps(tasks(box))[:-30], "can't be read as JSON"),
    "no tasks": (lambda: '["annotations"  , {"annotations": []}]', "is not a list of tasks"),
    "no picture": (lambda: without("data"), "has no picture in its data"),
    "no edge": (lambda: without("width"), "task 2 is not a task of Label Studio"),
    "path outside": (outside, "'../../secret.png', which is not in"),
    "two fields": (two_fields, "has several fields of choices: choice, quality"),
    "no labels": (lambda: tasks(lambda name: {"result": []}), "None of the 6 pictures of"),
    "one class": (lambda: tasks(lambda name: choice("red")), "only the class 'red'"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_export_is_refused(case: str, project: Any, refused: Any):
    make, reason = BROKEN[case]
    assert reason in refused("run", "simple_cnn", project(make()))


def test_an_unknown_field_and_another_json_are_refused(project: Any, refused: Any, tmp_path: Path):
    path = project(tasks(box))
    assert "has no field 'labels'. It has: label." in refused(
        "run", "simple_cnn", path, "--set", "dataset.field=labels"
    )
    assert "is not recognised by the datasets for .json" in refused("run", "simple_cnn", project('{"a": 1}'))
    assert "is a folder. label_studio reads" in refused("run", "simple_cnn", "label_studio", "--data", tmp_path)
