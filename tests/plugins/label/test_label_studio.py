"""Label Studio's JSON: exports of version 1.13 as its documentation shows them, and what is written for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import RequestError
from zoo_label.journal import read_journal
from zoo_label.label_studio import export_labels, import_labels
from zoo_label.session import Session


def task(image: str, *choices: str, **annotation: Any) -> dict[str, Any]:
    """A task of a JSON export."""
    result = [
        {
            "id": "Dx_aB91ISN",
            "type": "choices",
            "value": {"choices": list(choices)},
            "origin": "manual",
            "to_name": "image",
            "from_name": "choice",
        }
    ]
    done = {
        "id": 1001,
        "completed_by": {"id": 1, "email": "ann@example.org", "first_name": "Ann"},
        "result": result if choices else [],
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2026-11-01T10:00:00.000000Z",
        "lead_time": 3.2,
        **annotation,
    }
    return {"id": 1, "annotations": [done], "predictions": [], "data": {"image": image}, "project": 1}


@pytest.fixture
def take(make_session: Callable[..., Session], tmp_path: Path) -> Callable[[Any], tuple[list[str], Session]]:
    """Import a document into a new session."""

    def taken(document: Any) -> tuple[list[str], Session]:
        file = tmp_path / "export.json"
        file.write_text(document if isinstance(document, str) else json.dumps(document))
        session = make_session()
        return list(import_labels(session.labelling, file, "ann")), session

    return taken


def test_an_export_is_imported(take: Any):
    said, session = take(
        [
            task("/data/upload/1/0a1b2c3d-0-red.png", "red"),
            task("/data/local-files/?d=photos/1-red.png", "red", completed_by=7),
            task("https://example.org/photos/0%2Dblue.png?x=1", "navy"),
            task("s3://bucket/2-red.png", "red", was_cancelled=True),
            task("3-red.png", "red", "blue"),
            task("/data/upload/1/elsewhere.png", "red"),
        ]
    )
    file = session.pool.source.parent / "export.json"
    assert said == [
        f"3 labels of {file} are taken over into {session.labelling.journal.path}",
        "1 tasks are left out: they have no label",
        "1 tasks are left out: they have several classes, and a picture here has one",
        f"1 tasks are left out: they are not in {session.pool.source}",
    ]
    assert {session.pool.names[i]: label for i, label in session.labelling.labels().items()} == {
        "0-red.png": "red", "1-red.png": "red", "0-blue.png": "navy"
    }  # fmt: skip
    answers = read_journal(session.labelling.journal.path)
    assert [answer.who for answer in answers] == ["ann@example.org", "7", "ann@example.org"]
    assert answers[0].when == "2026-11-01T10:00:00.000000Z"


def test_a_minimal_export_is_imported(take: Any):
    said, session = take(
        [
            {"image": "/data/upload/1/0a1b2c3d-0-red.png", "id": 1, "choice": "red", "annotator": 1},
            {"image": "1-red.png", "id": 2, "choice": {"choices": ["red", "blue"]}},
        ]
    )
    assert session.labelling.labels() == {session.labelling.index["0-red.png"]: "red"}
    assert said[-1].startswith("1 tasks are left out: they have several classes")


def test_the_last_annotation_of_a_task_holds(take: Any):
    both = task("0-red.png", "blue")
    both["annotations"] += task("0-red.png", "red", created_at="2026-11-02T10:00:00Z")["annotations"]
    _, session = take([both])
    assert list(session.labelling.labels().values()) == ["red"]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("no json", "can't be read as JSON"),
        ({"tasks": 1}, "is not an export of Label Studio"),
        ([{"data": {"a": "1.png", "b": "2.png"}}], "is not an export of Label Studio"),
        ([{"data": {"image": "0-red.png"}, "annotations": [{"result": [{"type": "choices"}]}]}], "not an export"),
        ([], "has no labels of these pictures: of its 0 tasks none"),
        ([task("elsewhere.png", "red")], "of its 1 tasks 1 are not in"),
    ],
)
def test_a_wrong_file_is_refused(take: Any, document: Any, said: str):
    with pytest.raises(RequestError, match=said):
        take(document)


def test_what_is_written_is_read_again(make_session: Callable[..., Session], take: Any, tmp_path: Path):
    from zoo_label.session import Submission

    session = make_session()
    session.answer(Submission("a", "Ann", "label", "red", [2, 5]))
    session.answer(Submission("a", "Ann", "skip", "", [8]))
    said = list(export_labels(session.labelling, tmp_path / "tasks.json"))
    assert said[1] == "1 pictures are left out: they are skipped, or none of the classes"
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    assert tasks[0]["data"] == {"image": "/data/local-files/?d=0-red.png"}
    assert tasks[0]["annotations"][0]["result"][0]["value"] == {"choices": ["red"]}
    session.undo("a", "Ann")
    session.undo("a", "Ann")
    list(import_labels(session.labelling, tmp_path / "tasks.json", "Bo"))
    assert session.labelling.labels() == {2: "red", 5: "red"}
    again = list(import_labels(session.labelling, tmp_path / "tasks.json", "Bo"))
    assert again[1] == "2 were there already"
    with pytest.raises(RequestError, match="exists"):
        list(export_labels(session.labelling, tmp_path / "tasks.json"))
    list(export_labels(session.labelling, tmp_path / "tasks.json", overwrite=True))


def test_nothing_is_not_written(make_session: Callable[..., Session], tmp_path: Path):
    with pytest.raises(RequestError, match="has no labels to write"):
        list(export_labels(make_session().labelling, tmp_path / "tasks.json"))
