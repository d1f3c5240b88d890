"""``zoo.evaluate``, ``zoo.compare`` and ``zoo.result``."""

from __future__ import annotations

from pathlib import Path

import pytest

import zoo
from zoo.errors import RequestError


def test_evaluate_gives_the_numbers_of_the_run(trained):
    first, _ = trained
    found = zoo.evaluate(first)
    assert found["status"] == "evaluated"
    assert found.metrics["val"]["accuracy"] == first.metrics["val"]["accuracy"]
    assert repr(found).startswith(f"<Result {first.dir}: evaluated, val accuracy ")


def test_evaluate_takes_a_folder_and_another_split(trained):
    first, _ = trained
    assert set(zoo.evaluate(str(first.dir), split="train").metrics) == {"train"}


def test_compare_gives_sentences_a_document_and_a_page(trained, tmp_path: Path):
    found = zoo.compare(*trained)
    assert [run["run"] for run in found["runs"]] == ["first", "second"]
    assert len(found.verdicts) == 1
    assert found["comparisons"][0]["verdict"] in found.verdicts[0]
    assert repr(found).startswith("<RunComparison on 360 val images: ")
    assert found.verdicts[0] in repr(found)
    found.save(tmp_path / "c.html")
    assert "<!doctype html>" in (tmp_path / "c.html").read_text()


def test_compare_prints_outside_of_a_notebook(trained, capsys):
    zoo.compare(trained[0].dir, str(trained[1].dir)).show()
    assert "second against first" in capsys.readouterr().out


def test_compare_needs_two_runs(trained):
    with pytest.raises(RequestError, match="two or more runs"):
        zoo.compare(trained[0])


def test_result_reads_an_earlier_run(trained):
    first, _ = trained
    assert zoo.result(first.dir) == first


def test_result_of_a_run_that_is_not_there():
    with pytest.raises(RequestError, match="There is no run 'nothing'"):
        zoo.result("nothing")
