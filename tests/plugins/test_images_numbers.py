"""image_csv with columns of numbers: values of a regression, names of classes, and what is said about other cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zoo.errors import DataError
from zoo_images.numbers import number
from zoo_images.tables import ImageCsv


def table(folder: Path, labels: list[str], header: str = "path,label") -> Path:
    path = folder / "list.csv"
    path.write_text("\n".join([header, *(f"{i}.png,{label}" for i, label in enumerate(labels))]) + "\n", "utf-8")
    return path


def error_of(path: Path, **params: Any) -> str:
    with pytest.raises(DataError) as caught:
        ImageCsv(path, "train", **params)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[("1", 1.0), ("-1.5", -1.5), ("+.5", 0.5), ("2.", 2.0), ("1e-3", 0.001), ("1E5", 100_000.0)],
        *[(text, None) for text in ("", "nan", "inf", "-Infinity", "1e999", "1_000", "1,5", "0x1", "1 2", "1f")],
    ],
)
def test_what_a_number_is(text: str, value: float | None):
    assert number(text) == value


def test_decimal_labels_are_values(tmp_path: Path):
    path = table(tmp_path, ["0.5", "1", "2.25", "3e1", *(str(i / 8) for i in range(1, 40))])
    dataset = ImageCsv(path, "train")
    assert (dataset.task, dataset.classes, dataset.multilabel) == ("regression", ["label"], False)
    assert dataset.targets[:4] == [0.5, 1.0, 2.25, 30.0]
    assert dataset.notices == []
    assert ImageCsv.peek(path)["task"] == "regression"


def test_the_value_has_the_name_of_its_column(tmp_path: Path):
    path = table(tmp_path, ["0.5", "1"], "path,age")
    assert ImageCsv(path, "train", label_column="age").classes == ["age"]


def test_whole_numbers_are_classes_whose_value_has_a_name(tmp_path: Path):
    dataset = ImageCsv(table(tmp_path, ["3", "10", "2.0", "3"], "path,stars"), "train", label_column="stars")
    assert not hasattr(dataset, "task")
    assert (dataset.classes, dataset.target_name) == (["10", "2.0", "3"], "stars")


def test_several_columns_are_several_values(tmp_path: Path):
    path = tmp_path / "points.csv"
    path.write_text("path,x,y,label,split\na.png,1,2,cat,train\nb.png,3,4.5,dog,val\n")
    found = {split: ImageCsv(path, split, value_columns=["y", "x"]) for split in ("train", "val")}
    assert found["train"].classes == ["y", "x"]
    assert (found["train"].targets, found["val"].targets) == ([(2.0, 1.0)], [(4.5, 3.0)])
    assert ImageCsv.available_splits(path, value_columns=["y", "x"]) == ("train", "val")
    assert ImageCsv.peek(path, value_columns=["y", "x"])["task"] == "regression"
    assert ImageCsv(path, "train", value_columns=["x"]).targets == [1.0], "whole numbers too, since they are named"


def test_an_empty_list_reads_numbers_as_names(tmp_path: Path):
    path = table(tmp_path, ["1.5", "2.0", "1.5"])
    dataset = ImageCsv(path, "train", value_columns=[])
    assert (dataset.classes, dataset.targets) == (["1.5", "2.0"], [0, 1, 0])
    assert ImageCsv.peek(path, value_columns=[])["task"] == "single-label"


def test_few_different_decimal_numbers_have_a_notice(tmp_path: Path):
    (notice,) = ImageCsv(table(tmp_path, ["1.5", "2.0"] * 20), "train").notices
    assert "2 different numbers" in notice
    assert "dataset.value_columns=[]" in notice


@pytest.mark.parametrize("cell", ["unknown", "nan", "inf", "1e999", '"3,5"', "n/a"])
def test_another_word_among_decimal_numbers_is_refused_with_its_line(tmp_path: Path, cell: str):
    path = table(tmp_path, [*(f"{i}.5" for i in range(20)), cell])
    message = error_of(path)
    assert f"{path}, line 22: the label is {cell.strip(chr(34))!r}, not a finite number." in message
    assert "20 of 21 cells are decimal numbers" in message
    assert "dataset.value_columns=[]" in message
    assert ("Use a decimal point: 3.5." in message) is (cell == '"3,5"')
    with pytest.raises(DataError, match="line 22"):
        ImageCsv.peek(path)


@pytest.mark.parametrize("cell", ["unknown", "nan", "-inf"])
def test_another_word_in_a_named_column_of_values_is_refused(tmp_path: Path, cell: str):
    message = error_of(table(tmp_path, ["1", cell]), value_columns=["label"])
    assert f"line 3: the label is {cell!r}, not a finite number." in message
    assert message.endswith("Correct the cell, or remove the line.")


@pytest.mark.parametrize("labels", [["1.5", "other"], ["v1.5", "v2.0"], ["nan", "inf"], ["1.5", *"abcdefghijklmn"]])
def test_names_among_which_are_numbers_stay_names(tmp_path: Path, labels: list[str]):
    assert ImageCsv(table(tmp_path, labels), "train").classes == sorted(labels)


def test_a_blank_value_and_a_column_that_is_not_there(tmp_path: Path):
    path = table(tmp_path, ["1.5", " "])
    assert "line 3: the label is blank" in error_of(path, value_columns=["label"])
    message = error_of(path, value_columns=["lable"])
    assert "Did you mean 'label'?" in message
    assert "value_columns=[NAME,NAME]" in message


def test_values_and_classes_are_not_both_named(tmp_path: Path):
    assert "remove one of them" in error_of(table(tmp_path, ["1"]), value_columns=["label"], class_columns=["label"])


def test_values_differ_by_case_in_nothing(tmp_path: Path):
    assert ImageCsv(table(tmp_path, ["1e1", "1E1", "0.5"]), "train").targets == [10.0, 10.0, 0.5]


@pytest.mark.parametrize("missing", ["nan", "NA", "None"])
def test_many_missing_values_make_no_classes(tmp_path: Path, missing: str):
    labels = [missing if i % 3 == 0 else f"{i}.5" for i in range(30)]
    said = error_of(table(tmp_path, labels))
    assert f"line 2: the label is {missing!r}, not a finite number. A missing value can't be learned." in said
    assert "20 of 30 cells are decimal numbers" in said
    assert ImageCsv(table(tmp_path, labels), "train", value_columns=[]).classes[0] == "1.5"


def test_many_decimal_commas_are_refused(tmp_path: Path):
    said = error_of(table(tmp_path, [f'"{i},5"' for i in range(30)]))
    assert "the label is '0,5', not a finite number. Use a decimal point: 0.5." in said
    assert len(ImageCsv(table(tmp_path, ['"1,5"', '"2,5"'] * 15), "train").classes) == 2


@pytest.mark.parametrize("value", ["3.5", "0.1"])
def test_a_value_that_never_varies_is_refused(tmp_path: Path, value: str):
    said = error_of(table(tmp_path, [value] * 12))
    assert "has the same label in all 12 training rows, so there is nothing to learn" in said


def test_one_of_several_values_may_be_constant(tmp_path: Path):
    path = table(tmp_path, ["1.5,0.1", "2.5,0.1", "4,0.1"], "path,left,right")
    assert len(ImageCsv(path, "train", value_columns=["left", "right"])) == 3


def test_values_that_float32_would_make_equal_are_refused(tmp_path: Path):
    said = error_of(table(tmp_path, [f"{1_700_000_000 + i / 4}" for i in range(30)]))
    assert "the values of 'label' vary by 2.16 around 1.7e+09" in said
    assert "Subtract a constant from the column, such as 1700000000, and train on the differences." in said
    assert len(ImageCsv(table(tmp_path, [f"{2000 + i / 4}" for i in range(30)]), "train")) == 30
    assert len(ImageCsv(table(tmp_path, [f"{i * 1e-9}" for i in range(30)]), "train")) == 30


def test_columns_of_values_are_offered_where_there_is_no_label(tmp_path: Path):
    said = error_of(table(tmp_path, ["1.5,2", "2.5,3"], "path,left,right"))
    assert "It has: path, left, right." in said
    assert said.endswith("For values in other columns: --set 'dataset.value_columns=[NAME]'")
