"""The report of a regression and of an ordinal run: by their own numbers, never as an accuracy or a percentage."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import RenderableType

from zoo.reports.compare import comparison_table
from zoo.reports.compare_page import render_comparison
from zoo.reports.epochs import epoch_header, epoch_line
from zoo.reports.html import render_html, write_report
from zoo.reports.live import LiveDisplay
from zoo.reports.parts import new_console
from zoo.reports.plain import final_lines, plain_epoch
from zoo.reports.results import render_result
from zoo.reports.run_tables import runs_table
from zoo.reports.value_plots import MOST, error_histogram, scatter_plot
from zoo.reports.words import compact
from zoo.runner.main_metric import ERROR
from zoo.runner.measurements import EpochRecord
from zoo.runner.predictions import write_predictions
from zoo.runner.run_result import RunResult

Document = dict[str, Any]


def printed(report: RenderableType) -> str:
    stream = io.StringIO()
    new_console(stream, width=80).print(report)
    return stream.getvalue()


def several(result: Document) -> Document:
    """The same result, of two values."""
    metrics = result["metrics"]["val"]
    scores = metrics["per_output"]["value"]
    each = {"width": scores, "height": {**scores, "mae": 12.5}}
    mistakes = [{**mistake, "wrong": "height"} for mistake in result["mistakes"]["val"]]
    baseline = {**metrics["baseline"], "answer": [4.5, 20.0]}
    return {
        **result,
        "classes": list(each),
        "metrics": {"val": {**metrics, "per_output": each, "baseline": baseline}},
        "mistakes": {"val": mistakes},
    }


def keep(folder: Path, values: int, outputs: list[str], split: str = "val") -> None:
    """Predictions of so many images, as a run stores them."""
    true = torch.linspace(0, 9, values)[:, None].repeat(1, len(outputs))
    found = true + torch.sin(torch.arange(values))[:, None]
    names = [f"image {i}" for i in range(values)]
    write_predictions(folder, split, names, outputs, found, true.double())


# -- the terminal ----------------------------------------------------------------------------------


def test_the_headline_of_a_regression_is_its_error(regression_result: Document) -> None:
    text = printed(render_result(RunResult.read(regression_result)))
    assert "0.6943  val MAE  95% interval 0.6349–0.7577 · 360 images" in text
    assert "RMSE 0.9785 · R² 0.8833 · Spearman 0.9432" in text
    assert "always answering the median 4.5: MAE 2.489" in text
    assert "train MAE" in text
    assert "1.75 → 0.8382" in text
    assert not re.search(r"accuracy|[0-9]%(?! interval)|F1", text), text
    assert max(map(len, text.splitlines())) <= 80


def test_the_largest_errors_have_their_sign(regression_result: Document) -> None:
    text = printed(render_result(RunResult.read(regression_result)))
    assert re.search(r"Largest errors.*\nimage +true +predicted +error\nimage 67 +3 +7\.578 +\+4\.578\n", text)
    assert "-4.148" in text


def test_intervals_of_all_metrics_are_there_on_request(regression_result: Document) -> None:
    text = " ".join(printed(render_result(RunResult.read(regression_result), verbose=True)).split())
    assert "MAE 0.6349–0.7577 · loss 0.0923–0.1419 · RMSE 0.8704–1.079 · R² 0.8568–0.9094" in text
    assert "calibration" not in text


def test_several_values_have_a_table_of_their_own(regression_result: Document) -> None:
    text = printed(render_result(RunResult.read(several(regression_result))))
    assert re.search(r"height +12\.5 +0\.9785 +0\.8833", text)
    assert "always answering the medians 4.5, 20" in text
    assert re.search(r"image 67 +height", text)
    assert "value   " not in printed(render_result(RunResult.read(regression_result)))


def test_plain_lines_of_a_regression(regression_result: Document) -> None:
    result = RunResult.read(regression_result)
    line, *others = final_lines(result)
    assert line.startswith(
        "regression: completed, val MAE 0.6943, R² 0.8833, always answering the median 4.5: MAE 2.489"
    )
    assert "next: zoo predict runs/regression photo.jpg" in others
    assert plain_epoch(result.epochs[0], 4) == (
        "epoch 1/4  train loss 0.6354  MAE 1.75  val loss 1.3241  MAE 2.994  0.9s  1,798 img/s  best"
    )


@pytest.mark.parametrize("size", [1e-6, 0.01, 1.0, 1e3, 1e7])
def test_epochs_of_any_unit_keep_their_columns(size: float) -> None:
    scores = {"loss": 0.5, "mae": 1.234567 * size, "r2": -1234.5}
    record = EpochRecord.read({"epoch": 99, "train": scores, "val": scores, "seconds": 9.0, "best": True})
    line, (_, head) = epoch_line(record, 100).plain, epoch_header(ERROR).plain.split("\n")
    assert len(line) <= 82
    assert line.index("img/s" if "img/s" in line else "–") > 60
    found = [match.end() for match in re.finditer("MAE", head)]
    assert [line[:end].split()[-1] for end in found] == [compact(scores["mae"])] * 2


def test_the_live_display_shows_the_error() -> None:
    class Totals:
        loss, accuracy, score = 0.25, float("nan"), ("mae", 1.5)

    live = LiveDisplay(new_console(io.StringIO(), width=80), lambda: 1.0)
    live.metric = ERROR
    live.train(1, 2, 100)
    live.step(10, Totals())
    live.best = (1, 0.75)
    text = printed(live.render())
    assert re.search(r"MAE +1\.5 ", text)
    assert "best 0.75 in epoch 1" in text


def test_an_ordinal_run_has_its_errors_in_ranks(ordinal_result: Document) -> None:
    result = RunResult.read(ordinal_result)
    text = " ".join(printed(render_result(result)).replace("│", " ").split())
    assert "98.6% val accuracy" in text
    assert "MAE in ranks 0.06667 (0.008333–0.1459) QWK 0.9722 (0.9339–0.9995)" in text
    assert "MAE in ranks 0.06667, QWK 0.9722" in final_lines(result)[0]


def test_a_list_of_runs_has_a_column_for_what_they_have(regression_result: Document) -> None:
    row = {"run": "r", "status": "completed", "val_accuracy": None, "metrics": {"val": {"mae": 0.69432}}}
    other = {"run": "o", "status": "completed", "val_accuracy": 0.913, "metrics": {"val": {"accuracy": 0.913}}}
    assert re.search(r"val MAE.*\nr +0\.6943 ", printed(runs_table([row])))
    assert re.search(r"val +best.*\nr +MAE 0\.6943 .*\no +91\.3% ", printed(runs_table([row, other])))
    assert re.search(r"val acc.*\no +91\.3% ", printed(runs_table([other])))


# -- the page --------------------------------------------------------------------------------------


def test_the_page_plots_predicted_against_true(regression_result: Document, tmp_path: Path) -> None:
    keep(tmp_path, 50, ["value"])
    write_report(RunResult.read(regression_result), tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "Predicted and true values" in page
    assert page.count('role="img" aria-label="Predicted against true') == 1
    assert "Errors against predicted" in page
    assert "Histogram of the errors" in page
    assert "<title>true 9, predicted 8.046\nimage 49</title>" in page
    assert "val MAE" in page
    assert "always answering the median 4.5: MAE 2.489" in page
    for word in ("accuracy", "F1", "Wilson", "wrong and confident", "calibration"):
        assert word not in re.sub(r"<style>.*?</style>|<details>.*?</details>", "", page, flags=re.S), word


def test_the_range_of_the_page_reaches_the_baseline(regression_result: Document) -> None:
    page = render_html(RunResult.read(regression_result))
    places = [float(place) for place in re.findall(r"left: ([\d.]+)%", page)]
    assert places
    assert max(places) <= 100
    assert places[1] == pytest.approx(100 / 1.1, abs=0.01)  # the baseline, which is the largest of them


def test_each_value_has_plots_and_a_row(regression_result: Document, tmp_path: Path) -> None:
    keep(tmp_path, 20, ["width", "height"])
    page = render_html(RunResult.read(several(regression_result)), predictions=tmp_path)
    assert page.count('role="img" aria-label="Predicted against true') == 2
    assert '<td class="name">height</td><td class="n">12.5</td>' in page


def test_predictions_of_another_model_are_not_drawn(regression_result: Document, tmp_path: Path) -> None:
    keep(tmp_path, 20, ["age"])
    assert "Predicted and true" not in render_html(RunResult.read(regression_result), predictions=tmp_path)
    (tmp_path / "predictions_val.npz").write_bytes(b"damaged")
    assert "Predicted and true" not in render_html(RunResult.read(regression_result), predictions=tmp_path)


def test_many_images_share_dots() -> None:
    values = np.linspace(0, 1, MOST + 1)
    names = [str(i) for i in range(len(values))]
    assert scatter_plot(values[:-1], values[:-1], names[:-1]).count("<circle") == MOST + 1  # and one of the legend
    drawn = scatter_plot(values, values, names)
    assert drawn.count("<circle") < 200
    assert sum(int(count) for count in re.findall(r": (\d+) images", drawn)) == len(values)


def test_a_histogram_counts_each_image_once() -> None:
    errors = np.random.default_rng(0).normal(size=500)
    assert sum(int(count) for count in re.findall(r": (\d+) image", error_histogram(errors))) == 500
    assert "<svg" in error_histogram(np.zeros(3))
    assert "<svg" in scatter_plot(np.ones(1), np.ones(1), ["a"])


def test_the_page_of_an_ordinal_run_has_its_confusion_and_its_ranks(ordinal_result: Document) -> None:
    page = render_html(RunResult.read(ordinal_result))
    assert "Confusion: rows are true classes" in page
    for name, value, interval in (("MAE in ranks", "0.06667", "0.008333–0.1459"), ("QWK", "0.9722", "0.9339–0.9995")):
        assert f'<td class="name">{name}</td><td class="n">{value}</td><td class="n">{interval}</td>' in page
    assert "mae_ranks" not in re.sub(r"<details>.*?</details>", "", page, flags=re.S)


# -- comparisons -----------------------------------------------------------------------------------


def compared() -> Document:
    figures = {"interval": [0.06, 0.15], "p": 0.001, "p_holm": 0.001, "significant": True, "test": "Wilcoxon"}
    metrics = {"mae": {**figures, "difference": 0.1065}, "r2": {**figures, "difference": -0.03}}
    row = {"run": "b", "against": "a", "verdict": "a is better than b", "metrics": metrics}
    runs = [{"run": name, "metrics": {"mae": 0.69 + i, "r2": 0.9}} for i, name in enumerate("ab")]
    return {"split": "val", "images": 360, "runs": runs, "comparisons": [row]}


def test_a_comparison_of_regressions_counts_no_right_images() -> None:
    text = printed(comparison_table(compared()))
    assert re.search(r"MAE +\+0\.1065 +\+0\.06 to \+0\.15", text)
    assert "Wilcoxon" in text
    assert "McNemar" not in text
    assert "right" not in text
    assert "%" not in text.replace("95%", "")


def test_the_page_of_such_a_comparison_has_no_images_to_list() -> None:
    page = render_comparison(compared())
    assert 'id="images"' not in page
    assert 'href="#images"' not in page
    assert "MAE<span" in page
    assert page.count("lower is better") == 1
    assert "accuracy" not in page
