"""``zoo lr-find``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from zoo.reports.picture_file import is_ours
from zoo_search.lr_find_plot import table_lines

SMALL = ("--set", "architecture.channels=[8,16]")


def test_it_prints_the_suggestions_and_writes_a_plot(zoo):
    code, out, err = zoo("lr-find", "simple_cnn", "digits", *SMALL)
    assert (code, err) == (0, "")
    for word in ("valley", "steepest", "minimum/10", "<- auto", "plot: lr-find.png", "the job's own: 0.005"):
        assert word in out
    with Image.open("lr-find.png") as picture:
        assert picture.format == "PNG"
    assert is_ours(Path("lr-find.png"))
    assert sorted(p.name for p in Path().iterdir()) == ["lr-find.png"], "nothing else is written"


@pytest.mark.slow
def test_the_document_and_an_svg(zoo):
    code, out, _ = zoo("lr-find", "simple_cnn", "digits", *SMALL, "--json", "-o", "lr.svg")
    assert code == 0
    document = json.loads(out)
    assert document["path"] == "lr.svg"
    assert document["lr"] == document["suggestions"][document["rule"]]
    assert len(document["lrs"]) == len(document["losses"]) == len(document["smoothed"]) <= 100
    assert document["lrs"] == sorted(document["lrs"])
    assert "<svg" in Path("lr.svg").read_text()
    assert is_ours(Path("lr.svg"))
    assert zoo("lr-find", "simple_cnn", "digits", *SMALL, "--json", "-o", "lr.svg")[0] == 0, "its own it replaces"


@pytest.mark.slow
def test_run_with_auto_finds_what_lr_find_finds(zoo, tiny):
    code, out, _ = zoo("lr-find", "simple_cnn", "digits", *SMALL, "--json")
    assert code == 0
    assert zoo("run", "simple_cnn", "digits", *tiny, "--lr", "auto", "--name", "n", "--quiet")[0] == 0
    result = json.loads(Path("runs/n/result.json").read_text())
    assert result["job"]["train"]["lr"] == json.loads(out)["lr"]


@pytest.mark.slow
def test_a_run_and_a_job_with_auto_in_it(zoo, digits_run):
    code, out, _ = zoo("lr-find", digits_run, *SMALL, "--json")
    assert code == 0
    assert json.loads(out)["architecture"] == "simple_cnn"
    assert zoo("lr-find", "simple_cnn", "digits", *SMALL, "--set", "train.lr=auto", "--batch-size", "auto")[0] == 0


def test_a_curve_without_a_fall_says_so():
    lines = table_lines({"suggestions": {}, "rule": "valley", "lrs": [0.1, 1.0], "ended": "all was tried"})
    assert lines[-1] == "no suggestion: the loss did not fall"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lr-find", "digits"], ["zoo lr-find simple_cnn digits"]),
        (["lr-find", "simple_cnn", "digits", "--from", "1", "--to", "0.1"], ["--from", "--to"]),
        (["lr-find", "simple_cnn", "digits", "-o", "a.pdf"], [".png", ".svg"]),
        (["run", "simple_cnn", "digits", "--lr", "fast"], ["--lr", "auto"]),
        (["run", "simple_cnn", "digits", "--batch-size", "big"], ["--batch-size", "auto"]),
        (["run", "simple_cnn", "digits", "--set", "train.lr=fast"], ["train.lr", "fast"]),
    ],
)
def test_what_is_wrong_is_said(refused, words, said):
    text = refused(*words)
    assert all(word in text for word in said), text
