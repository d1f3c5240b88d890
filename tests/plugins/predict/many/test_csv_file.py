"""A CSV file is continued after its last complete row, wherever a process was killed."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import OutputError, RequestError
from zoo_predict.many.csv_file import CsvAppender, complete_records, csv_line

EXAMPLE = {"label": "a", "confidence": 0.5, "top": [{"class": "a", "probability": 0.5}], "error": None}
RECORD = {"zoo": "1"}


def row(path: str, label: str = "cat", error: str | None = None) -> dict:
    if error:
        return {"path": path, "error": error}
    return {**EXAMPLE, "path": path, "label": label}


def written(*rows: dict, fresh: bool = True, top: int = 0) -> CsvAppender:
    out = CsvAppender(Path("out.csv"))
    out.prepare(EXAMPLE, top)
    if not fresh:
        list(out.done())
    out.open(RECORD, fresh=fresh)
    out.add(rows)
    out.close()
    return out


cell = st.text(st.sampled_from('ab,"\n\r\té;'), max_size=6)


@given(st.lists(st.lists(cell, min_size=2, max_size=2), max_size=6), st.data())
def test_a_torn_file_has_exactly_the_rows_before_the_tear(rows, data):
    whole, ends = b"", [0]
    for each in rows:
        whole += csv_line(each).encode()
        ends.append(len(whole))
    assert list(csv.reader(io.StringIO(whole.decode(), newline=""))) == rows
    cut = data.draw(st.integers(0, len(whole)))
    found = list(complete_records(io.BytesIO(whole[:cut])))
    complete = sum(end <= cut for end in ends[1:])
    assert [record for record, _ in found] == rows[:complete]
    assert [end for _, end in found] == ends[1 : complete + 1]


NAMES = ["1.jpg", 'with "quotes", and\nlines.jpg', "é.jpg", os.fsdecode(b"\xff.jpg"), "5.jpg"]


def test_resumed_at_every_byte_the_file_is_the_same():
    written(*(row(name, error="gone" if name == "é.jpg" else None) for name in NAMES))
    whole = Path("out.csv").read_bytes()
    for cut in range(len(whole) + 1):
        Path("out.csv").write_bytes(whole[:cut])
        out = CsvAppender(Path("out.csv"))
        out.prepare(EXAMPLE, 0)
        done = [each.path for each in out.done()]
        assert done == NAMES[: len(done)]
        out.open(RECORD, fresh=False)
        out.add([row(name, error="gone" if name == "é.jpg" else None) for name in NAMES[len(done) :]])
        out.close()
        assert Path("out.csv").read_bytes() == whole


def test_rows_and_errors_as_they_are_printed():
    written(row("1.jpg"), row("2.jpg", error="not a readable image"))
    assert (
        Path("out.csv").read_text()
        == "path,label,confidence,error\n1.jpg,cat,0.500000,\n2.jpg,,,not a readable image\n"
    )
    assert [each.failed for each in _done()] == [False, True]


def _done():
    out = CsvAppender(Path("out.csv"))
    out.prepare(EXAMPLE, 0)
    return list(out.done())


def test_the_top_classes_have_columns_where_they_were_asked_for():
    out = written(row("1.jpg"), top=3)
    assert out.header == ["path", "label", "confidence", "class_1", "probability_1", "error"]
    assert Path("out.csv").read_text().splitlines()[1] == "1.jpg,cat,0.500000,a,0.500000,"


def test_labels_of_a_multilabel_model():
    out = CsvAppender(Path("out.csv"))
    out.prepare({"labels": ["a"], "top": [], "error": None}, 0)
    out.open(RECORD, fresh=True)
    out.add([{"path": "1.jpg", "labels": ["a", "b"], "top": [], "error": None}])
    out.close()
    assert Path("out.csv").read_text() == "path,labels,error\n1.jpg,a;b,\n"


def test_other_columns_are_refused():
    written(row("1.jpg"))
    out = CsvAppender(Path("out.csv"))
    out.prepare(EXAMPLE, 1)
    with pytest.raises(RequestError, match=r"columns are path, label, confidence, error, not path, label, .*--over"):
        list(out.done())


@pytest.mark.parametrize("content", [b"\x00" * 2_000_000, b'"' + b"x\n" * 600_000])
def test_another_file_is_refused(content):
    Path("out.csv").write_bytes(content)
    with pytest.raises(RequestError, match=r"out\.csv can't be continued"):
        _done()


def test_the_record_is_beside_the_file():
    assert written(row("1.jpg")).record() == RECORD
    Path("out.csv-metadata.json").unlink()
    with pytest.raises(RequestError, match=r"without out\.csv-metadata\.json"):
        CsvAppender(Path("out.csv")).record()


def test_a_folder_that_cannot_be_written():
    Path("out.csv").mkdir()
    with pytest.raises(OutputError):
        written(row("1.jpg"))
