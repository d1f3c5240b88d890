"""The pool: folders and CSV files of pictures."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.errors import RequestError
from zoo_label.journal import Journal, LabelAnswer, timestamp
from zoo_label.labelling import Labelling
from zoo_label.pool import by_path, journal_of, open_pool, read_list


def test_pictures_of_a_folder_are_named_from_the_journal(pool: Path, tmp_path: Path):
    (pool / "more").mkdir()
    (pool / "0-red.png").rename(pool / "more" / "0-red.png")
    (pool / ".hidden").mkdir()
    (pool / "1-red.png").rename(pool / ".hidden" / "1-red.png")
    (pool / "notes.txt").touch()
    found = open_pool(pool, journal_of(pool))
    assert len(found) == 29
    assert "more/0-red.png" in found.names
    assert open_pool(pool, tmp_path / "labels.csv").names[0] == "pool/0-blue.png"
    (tmp_path / "else").mkdir()
    assert open_pool(pool, tmp_path / "else" / "labels.csv").names[0] == str(pool / "0-blue.png")


def test_a_csv_file_lists_pictures_and_their_labels(pool: Path, tmp_path: Path):
    file = tmp_path / "list.csv"
    file.write_text(f"label,path\nred,pool/0-red.png\n,{pool / '0-blue.png'}\nred,pool/0-red.png\n")
    found = open_pool(file, journal_of(file))
    assert journal_of(file) == tmp_path / "labels.csv"
    assert found.names == ["pool/0-red.png", "pool/0-blue.png"]
    assert found.given == {0: "red"}
    assert {index: each.label for index, each in by_path(found, read_list(file)).items()} == {0: "red", 1: ""}


def test_what_a_check_found_is_a_note(pool: Path, tmp_path: Path):
    (tmp_path / "suspects.csv").write_text(
        "image,label,suggested,reason\npool/0-red.png,blue,red,looks like red (margin 0.90)\npool/1-red.png,blue,,\n"
    )
    assert [(each.label, each.note) for each in read_list(tmp_path / "suspects.csv")] == [
        ("blue", "suggested: red; looks like red (margin 0.90)"), ("blue", "")
    ]  # fmt: skip


def test_a_journal_as_the_pool_is_continued(pool: Path):
    journal = Journal(pool / "labels.csv")
    journal.append([LabelAnswer(f"{n}-red.png", "red", "label", "a", timestamp()) for n in (1, 2, 1)])
    journal.close()
    assert journal_of(journal.path) == journal.path
    found = open_pool(journal.path, journal.path)
    assert found.names == ["1-red.png", "2-red.png"]
    assert found.given == {}


def test_folders_name_labels(make_folder: Callable[..., Path]):
    root = make_folder({"cats": 2, "dogs": 1})
    found = open_pool(root, root / "labels.csv", folders=True)
    assert found.given == {0: "cats", 1: "cats", 2: "dogs"}
    journal = Journal(root / "labels.csv")
    labelling = Labelling(found, journal, [])
    assert labelling.take_over("folders") == 3
    assert labelling.take_over("folders") == 0
    assert labelling.classes == ["cats", "dogs"]
    journal.close()


@pytest.mark.skipif(os.name != "posix", reason="such names are possible on POSIX alone")
def test_names_that_a_csv_file_can_not_hold_are_left_out(pool: Path):
    (pool / "0-red.png").rename(pool / "line\nbreak.png")
    (pool / "1-red.png").rename(os.fsdecode(os.fsencode(pool) + b"/\xff.png"))
    found = open_pool(pool, pool / "labels.csv")
    assert len(found) == 28
    assert found.notices == ["2 pictures are left out: a CSV file in UTF-8 can't hold their names"]


def test_a_wrong_pool_is_refused(tmp_path: Path, pool: Path):
    with pytest.raises(RequestError, match=r"There is no .*Did you mean 'pool'"):
        open_pool(tmp_path / "pol", tmp_path / "labels.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RequestError, match="has no pictures"):
        open_pool(tmp_path / "empty", tmp_path / "labels.csv")
    for content, said in (
        (b"file\na.png\n", "no column 'path'"),
        (b"\xff\xfe", "UTF-8"),
        (b"", "no column 'path'"),
        (b"path;label\n", "use commas"),
    ):
        (tmp_path / "list.csv").write_bytes(content)
        with pytest.raises(RequestError, match=said):
            open_pool(tmp_path / "list.csv", tmp_path / "labels.csv")
