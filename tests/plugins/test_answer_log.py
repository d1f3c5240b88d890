"""Logs of answers in image_csv: the last line of an image holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.errors import DataError
from zoo_images.tables import ImageCsv

HEAD = "path,label,event,who,when\n"


def test_the_last_line_of_an_image_holds(tmp_path: Path):
    (tmp_path / "labels.csv").write_text(
        HEAD
        + "a.png,cat,label,ann,1\nb.png,dog,label,bo,2\na.png,dog,label,bo,3\nc.png,cat,label,ann,4\nb.png,,undo,bo,5\n"
    )
    found = ImageCsv(tmp_path / "labels.csv", "train")
    assert [Path(path).name for path in found.paths] == ["a.png", "c.png"]
    assert [found.classes[target] for target in found.targets] == ["dog", "cat"]
    assert found.notices == [
        "The file is a log of answers: the last one of an image holds. Left out: 2 earlier answers, 1 images without a "
        "label."
    ]
    assert found.attributes["who"] == ["bo", "ann"], "of the lines that hold"


def test_a_line_that_is_being_written_is_left_out(tmp_path: Path):
    (tmp_path / "labels.csv").write_text(HEAD + "a.png,cat,label,ann,1\nb.png,dog,label,ann,2\na.png,do")
    found = ImageCsv(tmp_path / "labels.csv", "train")
    assert [found.classes[target] for target in found.targets] == ["cat", "dog"]
    assert found.notices[0].endswith("Left out: an incomplete last line.")


def test_a_whole_log_has_no_notice(tmp_path: Path):
    (tmp_path / "labels.csv").write_text(HEAD + "a.png,cat,label,ann,1\nb.png,dog,label,ann,2\n")
    assert ImageCsv(tmp_path / "labels.csv", "train").notices == []


def test_another_file_keeps_its_repeated_rows(tmp_path: Path):
    (tmp_path / "labels.csv").write_text("path,label,event\na.png,cat,zoo\na.png,cat,zoo\nb.png,dog,zoo\n")
    found = ImageCsv(tmp_path / "labels.csv", "train")
    assert len(found) == 3
    assert found.attributes["event"] == ["zoo"] * 3


def test_a_log_without_labels_says_what_to_do(tmp_path: Path):
    (tmp_path / "labels.csv").write_text(HEAD + "a.png,,skip,ann,1\n")
    with pytest.raises(DataError, match="has no image with a label: label pictures first"):
        ImageCsv(tmp_path / "labels.csv", "train")


def test_other_names_of_columns_hold_for_a_log(tmp_path: Path):
    (tmp_path / "labels.csv").write_text("file,kind,event,when\na.png,cat,x,1\na.png,dog,x,2\nb.png,cat,x,3\n")
    found = ImageCsv(tmp_path / "labels.csv", "train", path_column="file", label_column="kind")
    assert [found.classes[target] for target in found.targets] == ["dog", "cat"]
