"""Charts: where values lie, gaps where there is no number, and a range for values that are all alike."""

from __future__ import annotations

import math
import re

import pytest

from zoo.reports.chart import Chart, padded
from zoo.reports.plots import accuracy_plot, confusion_plot, reliability_plot
from zoo.runner.measurements import CalibrationScores
from zoo.runner.run_result import RunResult


def chart(**more: bool) -> Chart:
    return Chart((520, 320), (0, 10), (0, 1), "epoch", "loss", **more)


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_the_ends_of_the_axes_are_the_ends_of_the_range() -> None:
    drawn = chart()
    assert drawn.at((0, 0)) == (drawn.x.start, drawn.y.start)
    assert drawn.at((10, 1)) == (drawn.x.end, drawn.y.end)
    assert drawn.y.end < drawn.y.start  # upwards


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0, 10], (-0.5, 10.5)), ([2, 2], (1.9, 2.1)), ([0], (-0.05, 0.05)), ([1, math.nan, 2, math.inf], (0.95, 2.05))],
)
def test_a_range_has_room_at_both_ends(values: list[float], expected: tuple[float, float]) -> None:
    assert padded(values) == pytest.approx(expected)


def test_what_is_no_number_is_a_gap() -> None:
    drawn = chart()
    before = drawn.svg().count("<polyline")
    drawn.curve([(0, 1), (1, 0.5), (2, math.nan), (3, 0.4), (4, 0.3), (5, math.inf), (6, 0.1)], "val")
    assert drawn.svg().count("<polyline") == before + 2  # the last point is alone, and no line
    drawn.dots([(0, math.nan), (1, 0.5)], "val", ["gone", "there"], [4, 4])
    assert "there" in drawn.svg()
    assert "gone" not in drawn.svg()
    assert "nan" not in drawn.svg()


def test_a_column_has_the_values_of_its_epoch_and_of_very_many_epochs_some_have_one() -> None:
    epochs = [{"epoch": i, "train": {"accuracy": i / 1000}, "val": {"accuracy": 0.5}} for i in range(1, 1001)]
    titles = re.findall(r'<g class="at"><title>([^<]*)</title>', accuracy_plot(RunResult.read({"epochs": epochs})))
    assert 60 < len(titles) <= 120
    assert titles[-1] == "epoch 1000\ntrain 100%\nval 50%"
    few = accuracy_plot(RunResult.read({"epochs": epochs[:3]}))
    assert [title.split("\n")[0] for title in re.findall(r"<title>([^<]*)</title>", few)] == [
        "epoch 1",
        "epoch 2",
        "epoch 3",
    ]
    strips = [tuple(map(float, pair)) for pair in re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', few)]
    ends = [x + width for x, width in strips]
    assert [x for x, _ in strips][1:] == pytest.approx(ends[:-1], abs=0.11), "without a gap between them"


def test_epochs_are_whole_numbers() -> None:
    for count in (1, 2, 3, 60):
        epochs = [{"epoch": i + 1, "val": {"accuracy": i / 100}} for i in range(count)]
        result = RunResult.read({"epochs": epochs})
        axis = re.findall(r'text-anchor="middle" font-size="12" fill="var\(--soft\)">([^<]*)<', accuracy_plot(result))
        assert axis
        assert all(re.fullmatch(r"\d+", text) for text in axis)


def test_the_legend_says_what_is_there() -> None:
    result = {
        "epochs": [{"epoch": i, "train": {"accuracy": 0.5}, "val": {"accuracy": i / 10}} for i in (1, 2, 3)],
        "best": {"epoch": 3},
    }
    said = texts(accuracy_plot(RunResult.read(result)))
    assert {"train", "val", "epoch", "accuracy, %"} <= set(said)
    assert "train" not in texts(accuracy_plot(RunResult.read({"epochs": [{"epoch": 1, "val": {"accuracy": 0.5}}]})))


@pytest.mark.parametrize(("count", "numbers"), [(2, True), (15, True), (16, False), (30, False)])
def test_a_matrix_has_its_numbers_as_long_as_there_is_room(count: int, numbers: bool) -> None:
    matrix = [[1234 if i == j else 0 for j in range(count)] for i in range(count)]
    classes = [f"a class of a long name {i}" for i in range(count)]
    svg = confusion_plot(RunResult.read({"classes": classes, "metrics": {"val": {"confusion_matrix": matrix}}}), "val")
    assert svg.count("<rect") == count
    assert texts(svg).count("1,234") == (count if numbers else 0)
    width, height = map(float, re.search(r'viewBox="0 0 (\d+) (\d+)"', svg).groups())
    places = [tuple(map(float, pair)) for pair in re.findall(r'<text x="([\d.]+)" y="([\d.]+)"', svg)]
    assert all(0 <= x <= width and 0 <= y <= height for x, y in places)


def test_bins_of_confidence_are_dots_by_their_images() -> None:
    rows = [{"images": n, "confidence": c, "accuracy": a} for n, c, a in ((10, 0.5, 0.4), (90, 0.9, 0.95))]
    svg = reliability_plot(CalibrationScores.read({"reliability": rows, "scaled": {"reliability": rows}}))
    radii = [float(r) for r in re.findall(r' r="([\d.]+)" fill="var\(--train\)"><title>', svg)]
    assert len(radii) == 2
    assert radii[0] < radii[1]
    assert "confidence 90.0%: 95.0% of 90 images right" in svg
    assert {"raw confidence", "temperature-scaled"} <= set(texts(svg))
    assert reliability_plot(CalibrationScores()) == ""
