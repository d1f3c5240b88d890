"""``zoo predict`` of regressions: numbers in table, CSV, JSON, page, pictures and files; no option of classes."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from zoo.testing.sample_bundle import sample_bundle
from zoo_predict.table import predictions_table, write_csv
from zoo_predict.values import columns_of, number_text, value_words, values_in

Zoo = Callable[..., tuple[int, str, str]]
MODEL = "runs/tiny"
ONE: dict[str, Any] = {"classes": ["age"], "outputs": {"mean": [40.0], "std": [10.0]}}
TWO: dict[str, Any] = {"classes": ["x", "path"], "outputs": {"mean": [3.0, 1700.0], "std": [2.0, 120.0]}}


def pictures(count: int) -> None:
    for i in range(count):
        pixels = np.random.default_rng(i).integers(0, 80 + 10 * i, (24, 30, 3), np.uint8)
        Image.fromarray(pixels).save(f"{i:02}.png")


@pytest.fixture
def one() -> Iterator[None]:
    """The working folder has a model of one value, and 12 pictures."""
    with sample_bundle(task="regression", **ONE):
        pictures(12)
        yield


@pytest.fixture
def two() -> Iterator[None]:
    """The same of two values."""
    with sample_bundle(task="regression", **TWO):
        pictures(3)
        yield


def shown(rows: list[dict[str, Any]], names: tuple[str, ...] = ()) -> list[str]:
    console = Console(width=80, force_terminal=False)
    with console.capture() as caught:
        console.print(predictions_table(rows, names))
    return [line.rstrip() for line in caught.get().splitlines()]


def test_a_value_is_shown_under_its_name(zoo: Zoo, one: None):
    code, out, err = zoo("predict", MODEL, "00.png", "01.png")
    assert code == 0, err
    head, *rows = out.splitlines()
    assert head.split() == ["image", "age"]
    found = [row["value"] for row in json.loads(zoo("predict", MODEL, "00.png", "01.png", "--json")[1])["predictions"]]
    assert [row.split() for row in rows] == [[f"0{i}.png", number_text(value)] for i, value in enumerate(found)]


def test_many_values_are_summed_up(zoo: Zoo, one: None):
    out = zoo("predict", MODEL, *sorted(Path().glob("*.png")))[1]
    assert out.splitlines()[-1].startswith("12 images: age ")
    assert ", median " in out.splitlines()[-1]


def test_several_values_have_a_column_each(zoo: Zoo, two: None):
    assert zoo("predict", MODEL, "00.png")[1].splitlines()[0].split() == ["image", "x", "path"]
    rows = list(csv.reader(zoo("predict", MODEL, "00.png", "01.png", "--csv")[1].splitlines()))
    assert rows[0] == ["path", "x", "value_path"]
    (found,) = json.loads(zoo("predict", MODEL, "00.png", "--json")[1])["predictions"]
    assert [float(cell) for cell in rows[1][1:]] == pytest.approx(list(found["values"].values()), rel=1e-6)


def test_an_interval_is_shown_where_there_is_one():
    row = {"path": "a.jpg", "value": 34.25, "interval": [28.0, 41.5], "coverage": 0.9}
    assert shown([row], ("age",))[0].split("  ")[-1] == "90% interval"
    assert shown([row], ("age",))[1].endswith("34.25  28.00 to 41.50")
    assert columns_of(row) == {"value": 34.25, "low": 28.0, "high": 41.5}
    several = {"values": {"x": 1.5, "y": 2.5}, "intervals": {"x": [1, 2], "y": [2, 3]}}
    assert list(columns_of(several)) == ["x", "x_low", "x_high", "y", "y_low", "y_high"]
    assert value_words(several) == "x 1.500 (1.000 to 2.000), y 2.500 (2.000 to 3.000)"


def test_csv_has_the_interval(capsys: pytest.CaptureFixture[str]):
    write_csv([{"path": "a.jpg", "value": 34.25, "interval": [28.0, 41.5]}])
    assert capsys.readouterr().out == "path,value,low,high\na.jpg,34.25,28,41.5\n"


def test_classes_have_no_values():
    assert values_in({"label": "cat", "confidence": 0.9, "top": []}) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (4.49, "4.490"),
        (-0.01236, "-0.01236"),
        (123456.7, "123,457"),
        (1e-7, "1.000e-07"),
        (99.996, "100.00"),
    ],
)
def test_a_number_has_four_digits(value, text):
    assert number_text(value) == text


@pytest.mark.parametrize(
    ("option", "more"),
    [
        ("--top-k", ("--top-k", "2")),
        ("--reject-below", ("--reject-below", "0.5")),
        ("--sort", ("--sort", "sorted")),
        ("--top-k", ("--top-k", "1", "--out", "rows.csv")),
    ],
)
def test_options_of_classes_are_refused(refused: Callable[..., str], one: None, option, more):
    said = refused("predict", MODEL, "00.png", *more)
    assert f"{option} is about classes, but this model predicts numbers (age)" in said


def test_rows_in_csv_are_resumed(zoo: Zoo, one: None):
    assert zoo("predict", MODEL, ".", "--out", "rows.csv")[0] == 0
    whole = Path("rows.csv").read_text("utf-8")
    head, *rows = whole.splitlines()
    assert head == "path,value,error"
    assert len(rows) == 12
    Path("rows.csv").write_text("\n".join([head, *rows[:5], rows[5][:9]]), "utf-8")
    assert zoo("predict", MODEL, ".", "--out", "rows.csv", "--resume")[0] == 0
    assert Path("rows.csv").read_text("utf-8") == whole


def test_a_picture_without_a_prediction_has_only_its_error(zoo: Zoo, two: None):
    Path("zz.png").write_bytes(b"no picture")
    assert zoo("predict", MODEL, ".", "--out", "rows.csv")[0] == 2
    assert list(csv.reader(Path("rows.csv").read_text("utf-8").splitlines()))[-1] == [
        "./zz.png", "", "", "not a readable image",
    ]  # fmt: skip


def test_rows_in_parquet_are_numbers(zoo: Zoo, two: None):
    parquet = pytest.importorskip("pyarrow.parquet")
    assert zoo("predict", MODEL, ".", "--out", "rows", "--shard", "1/2", "--embeddings")[0] == 0
    table = parquet.read_table("rows")
    assert table.column_names == ["path", "x", "value_path", "error", "embedding"]
    assert [str(table.schema.field(name).type) for name in ("x", "value_path")] == ["float", "float"]
    assert table.column("error").null_count == len(table) == 2


def test_the_page_and_the_pictures_show_the_number(zoo: Zoo, one: None):
    assert zoo("predict", MODEL, "00.png", "05.png", "--html", "page.html", "--save", "saved")[0] == 0
    page = Path("page.html").read_text("utf-8")
    values = [row["value"] for row in json.loads(zoo("predict", MODEL, "00.png", "05.png", "--json")[1])["predictions"]]
    places = [page.index(f"<b>age {number_text(value)}</b>") for value in sorted(values)]
    assert places == sorted(places), "the lowest is the first"
    assert "<fieldset" not in page
    assert "none" not in page.split("<main>")[1].replace("display: none", "")
    assert len(list(Path("saved").glob("*.jpg"))) == 2
