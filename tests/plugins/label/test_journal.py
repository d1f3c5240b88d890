"""The journal: what is appended, mended, refused and locked."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import OutputError, RequestError
from zoo_label.journal import COLUMNS, Journal, LabelAnswer, is_journal, read_journal, timestamp

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\r"), max_size=20)
ANSWERS = st.lists(
    st.builds(
        LabelAnswer, TEXT, TEXT, st.sampled_from(["label", "none", "skip", "undo"]), TEXT, TEXT, TEXT, st.booleans()
    ),
    max_size=5,
)


def answer(path: str, label: str = "cat") -> LabelAnswer:
    return LabelAnswer(path, label, "label", "ann", timestamp())


def test_answers_are_lines_of_a_csv_file(tmp_path: Path):
    journal = Journal(tmp_path / "labels.csv")
    given = [LabelAnswer("a.jpg", "big, cat", "label", "Ann", "2026-11-30T10:00:00Z", "dog", True), answer('b "2".jpg')]
    journal.append(given[:1])
    journal.append(given[1:])
    journal.close()
    with journal.path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["path", "label", "event", "who", "when", "guess", "audit"]
    assert rows[1] == ["a.jpg", "big, cat", "label", "Ann", "2026-11-30T10:00:00Z", "dog", "yes"]
    assert read_journal(journal.path) == given


@given(ANSWERS)
def test_what_is_appended_is_read(tmp_path_factory: pytest.TempPathFactory, answers: list[LabelAnswer]):
    path = tmp_path_factory.mktemp("journal") / "labels.csv"
    journal = Journal(path)
    journal.append(answers)
    journal.close()
    assert read_journal(path) == answers


@given(st.integers(min_value=1))
def test_a_file_that_was_cut_anywhere_is_mended(tmp_path_factory: pytest.TempPathFactory, cut: int):
    """However many bytes a power failure leaves of the last line, the lines before hold, and a new one follows them."""
    path = tmp_path_factory.mktemp("journal") / "labels.csv"
    journal = Journal(path)
    journal.append([answer("a.jpg"), answer("b,ü.jpg")])
    before = path.stat().st_size
    journal.append([LabelAnswer("c.jpg", "dog", "label", "bo", timestamp(), "cat", True)])
    journal.close()
    content = path.read_bytes()
    path.write_bytes(content[: before + cut % (len(content) - before)])
    mended = Journal(path)
    mended.append([answer("d.jpg")])
    mended.close()
    found = [each.path for each in read_journal(path)]
    assert found in (["a.jpg", "b,ü.jpg", "d.jpg"], ["a.jpg", "b,ü.jpg", "c.jpg", "d.jpg"])
    assert mended.mended == (len(found) == 3 and cut % (len(content) - before) > 0)


@pytest.mark.parametrize("start", ["", "pa", "path,label,event,who,when,guess,aud"])
def test_a_file_whose_first_line_was_cut_is_begun_again(tmp_path: Path, start: str):
    (tmp_path / "labels.csv").write_text(start)
    Journal(tmp_path / "labels.csv").close()
    assert (tmp_path / "labels.csv").read_text() == ",".join(COLUMNS) + "\n"


@pytest.mark.parametrize("content", ["path,label\na.jpg,cat\n", "hello\n", ",".join((*COLUMNS, "more\n"))])
def test_another_file_is_left_alone(tmp_path: Path, content: str):
    path = tmp_path / "labels.csv"
    path.write_text(content)
    with pytest.raises(RequestError, match="was not written by zoo label"):
        Journal(path)
    assert path.read_text() == content
    assert not is_journal(path)
    path.unlink()
    Journal(path).close()


@pytest.mark.parametrize("line", ["a.jpg,cat,label,ann\n", "a.jpg,cat,guess,ann,now,,\n"])
def test_a_wrong_line_is_named(tmp_path: Path, line: str):
    path = tmp_path / "labels.csv"
    path.write_text(",".join(COLUMNS) + "\n" + line)
    with pytest.raises(RequestError, match="line 2, is not a line of zoo label"):
        Journal(path)


def test_one_process_writes_at_a_time(tmp_path: Path):
    journal = Journal(tmp_path / "labels.csv")
    with pytest.raises(RequestError, match="Another zoo label writes"):
        Journal(tmp_path / "labels.csv")
    journal.close()
    Journal(tmp_path / "labels.csv").close()
    assert [path.name for path in tmp_path.iterdir()] == ["labels.csv"], "the lock is removed"


def test_a_full_disk_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import os

    journal = Journal(tmp_path / "labels.csv")
    journal.append([answer("a.jpg")])
    whole, write = journal.path.read_bytes(), os.write

    def full(handle: int, data: bytes) -> int:
        if len(data) > 5:
            return write(handle, bytes(data[:5]))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OutputError, match="No space left"):
        journal.append([LabelAnswer("b.jpg", "cat", "label", "a", "b")])
    monkeypatch.undo()
    assert journal.path.read_bytes() == whole
    journal.append([answer("c.jpg")])
    journal.close()
    assert [each.path for each in read_journal(journal.path)] == ["a.jpg", "c.jpg"]


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path):
    with pytest.raises((OutputError, RequestError), match="can't be written"):
        Journal(tmp_path / "missing" / "labels.csv")
