"""Runs compared within each group of images: as alone, with p-values that know of all groups."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zoo.engine.statistics import holm
from zoo.errors import RequestError
from zoo.evaluation.comparison import compare
from zoo.evaluation.group_comparison import compare_groups
from zoo.reports.compare import comparison_table
from zoo.reports.compare_page import render_comparison
from zoo.reports.parts import new_console
from zoo.runner.predictions import Predictions


def runs() -> dict[str, Predictions]:
    """Two runs on 300 images; the second one is worse at night."""
    rng, names = np.random.default_rng(0), [f"image {i}" for i in range(300)]
    targets, light = rng.integers(0, 2, 300), ["night" if i % 3 == 0 else "day" for i in range(300)]
    found = {}
    for run, night in (("one", 0.95), ("two", 0.6)):
        share = np.where([each == "night" for each in light], night, 0.95)
        predicted = np.where(rng.random(300) < share, targets, 1 - targets)
        logits = np.stack([1.0 - predicted, predicted], axis=1).astype(np.float32)
        columns = {"light": light} if run == "one" else {}
        found[run] = Predictions(names, ["a", "b"], targets, predicted, logits, 1.0, columns)
    return found


def test_each_group_is_compared_as_if_alone_but_for_the_p_values():
    same = runs()
    day, night = compare_groups(same, "light", compare)
    assert (day["group"], day["images"], night["group"], night["images"]) == ("day", 200, "night", 100)
    rows = np.flatnonzero([each == "night" for each in same["one"].columns["light"]])
    alone = compare({name: kept.part(rows) for name, kept in same.items()})
    assert night["values"] == alone["values"]
    figures, single = night["comparisons"][0]["metrics"]["accuracy"], alone["comparisons"][0]["metrics"]["accuracy"]
    assert (figures["difference"], figures["interval"], figures["p"]) == (
        single["difference"],
        single["interval"],
        single["p"],
    )
    other = day["comparisons"][0]["metrics"]["accuracy"]
    assert [other["p_holm"], figures["p_holm"]] == holm([other["p"], figures["p"]])
    assert (other["significant"], figures["significant"]) == (False, True)
    assert "verdict" not in night["comparisons"][0]


def test_a_column_that_no_run_has():
    with pytest.raises(RequestError) as caught:
        compare_groups(runs(), "lihgt", compare)
    assert str(caught.value) == (
        "The predictions of these runs have no column 'lihgt'. Did you mean 'light'? They have: light. To store it: "
        "zoo evaluate one --group lihgt --keep"
    )


def test_the_table_and_the_page(capsys: pytest.CaptureFixture[str]):
    same = runs()
    rows = [{"run": name, "dir": name, "seed": 0, "images": 300} for name in same]
    found: dict[str, Any] = compare(same)
    for row, values in zip(rows, found.pop("values"), strict=True):
        row["metrics"] = values  # type: ignore[assignment]
    groups = {"column": "light", "groups": compare_groups(same, "light", compare)}
    document = {"split": "val", "images": 300, "runs": rows, **found, **groups}
    new_console().print(comparison_table(document))
    shown = capsys.readouterr().out
    assert "By light" in shown
    (night,) = [line for line in shown.splitlines() if line.startswith("night")]
    assert night.split()[:3] == ["night", "100", "two"]
    assert night.split()[-1].startswith(("0", "<"))
    page = render_comparison(document)
    assert page.index('<section id="groups">') < page.index(">night<")
