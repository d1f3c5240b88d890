"""``zoo sweep``: what it prints, what it leaves, what it refuses."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from zoo_search.sweep_console import render_sweep
from zoo_search.sweep_page import render_sweep_page
from zoo_search.sweep_report import sweep_lines

TINY = ("--epochs", "2", "--batch-size", "256", "--set", "architecture.channels=[4]")
SWEEP = ("sweep", "simple_cnn", "digits", *TINY)
VARY = ("--set", "lr=log:1e-3..1e-1", "--set", "train.optimizer=adam,sgd")


@pytest.fixture(scope="module")
def _done(made_once) -> tuple[Path, str]:
    """A sweep called ``s``, made once, and what was printed."""
    return made_once(*SWEEP, *VARY, "--trials", "5", "--name", "s")


@pytest.fixture
def done(_done: tuple[Path, str]) -> str:
    """The sweep in the working folder's runs; gives what was printed when it was made."""
    shutil.copytree(_done[0], "runs")
    return _done[1]


def document() -> dict:
    return json.loads(Path("runs/s/sweep.json").read_text("utf-8"))


# -- what is printed and left --------------------------------------------------------------------------


def test_a_line_for_each_trial_and_a_table_of_all(done):
    lines = done.splitlines()
    assert lines[0] == "s: 5 trials of simple_cnn on digits; objective: highest val/accuracy"
    assert [line for line in lines if re.match(r"trial \d of 5: \d+\.\d% (completed|pruned) with lr ", line)] == lines[
        3:8
    ]
    head = next(line for line in lines if line.startswith("trial  "))
    assert head.split() == ["trial", "val/accuracy", "status", "epochs", "took", "lr", "optimizer"]
    assert lines[-2:] == ["page: runs/s/report.html", "next: zoo run runs/s/best.yaml"]


def test_each_trial_is_a_run_like_any_other(done, zoo):
    for row in document()["trials"]:
        code, out, _ = zoo("runs", "show", f"runs/s/{row['run']}", "--json")
        assert code == 0
        assert json.loads(out)["best"]["value"] == row["value"]
    assert "trial-0003" in zoo("runs", "list", "--out", "runs/s")[1]


def test_the_best_is_trained_again_with_equal_numbers(done, zoo, read_result):
    assert zoo("run", "runs/s/best.yaml", "--name", "again", "--quiet")[0] == 0
    assert read_result("runs/again")["best"]["value"] == document()["best"]["value"]


def test_more_trials_are_added_and_json_is_the_document(done, zoo):
    code, out, err = zoo("sweep", "--resume", "s", "--trials", "6", "--json")
    assert code == 0
    assert json.loads(out) == document()
    assert [row["number"] for row in document()["trials"]] == [1, 2, 3, 4, 5, 6]
    assert "5 done" in err


@pytest.mark.slow
def test_a_job_file_is_swept(zoo):
    Path("job.yaml").write_text("architecture: {name: simple_cnn, channels: [4]}\ndataset: digits\n", "utf-8")
    words = ("--epochs", "1", "--set", "train.batch_size=64,128,256", "--trials", "2", "--name", "s", "--quiet")
    code, out, _ = zoo("sweep", "job.yaml", *words)
    assert code == 0
    assert out.startswith("s: completed, 2 trials, best val/accuracy ")
    assert out.count("\n") == 1
    Path("job.yaml").unlink()
    assert zoo("sweep", "--resume", "s", "--trials", "3", "--quiet")[0] == 0, "it keeps a copy"


def test_the_console_and_the_page_say_the_same(done):
    found = document()
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(render_sweep(found))
    printed = console.export_text()
    assert max(map(len, printed.splitlines())) <= 80
    page = render_sweep_page(found)
    for row in found["trials"]:
        assert f"{100 * row['value']:.1f}%" in printed
        assert f"{100 * row['value']:.1f}%" in page
        assert f"<title>trial {row['number']}: " in page
    assert page.index('class="lead"') < page.index("zoo run runs/s/best.yaml") < page.index("<svg") < page.index("<td")
    assert f"</strong>, by trial {found['best']['number']}: lr " in page
    assert "zoo sweep --resume" not in page, "nothing remains"
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")
    assert Path("runs/s/report.html").is_file()


def test_a_sweep_without_a_finished_trial_can_be_shown(done):
    found = document()
    found.update(best=None, importance=None, status="interrupted")
    for row in found["trials"]:
        row.update(status="running", value=None, total_s=None, epochs=0)
    assert "no trial completed" in "\n".join(sweep_lines(found))
    page = render_sweep_page(found)
    assert "No completed trial yet" in page
    assert "<pre>zoo sweep --resume runs/s</pre>" in page
    assert "<svg" not in page


def test_a_sweep_in_which_every_trial_failed_says_how_to_add_trials(done):
    found = document()
    found.update(best=None, importance=None)
    for row in found["trials"]:
        row.update(status="failed", value=None, reason="the loss is not finite")
    page = render_sweep_page(found)
    assert "<pre>zoo sweep --resume runs/s --trials 10</pre>" in page
    assert 'title="the loss is not finite"' in page


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a&b"])
def test_what_was_typed_is_no_markup(done, name: str):
    found = document()
    found["space"] = {"train.optimizer": f"{name},sgd"}
    for row in found["trials"]:
        row["params"] = {"train.optimizer": name}
    found["best"]["params"] = {"train.optimizer": name}
    assert name not in render_sweep_page(found)


# -- what is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*SWEEP,), "needs a range or a choice to vary"),
        ((*SWEEP, "--set", "lr=1..0"), "must be smaller than the second"),
        ((*SWEEP, "--set", "train.optimizer=adam,sdg"), "Did you mean 'sgd'?"),
        ((*SWEEP, "--set", "architecture.dropout=0..2"), "--set architecture.dropout=2, which is invalid"),
        ((*SWEEP, "--lr", "0.1", "--set", "lr=0.1..0.2"), "train.lr is both varied and set by --set"),
        ((*SWEEP, "--set", "architecture=simple_cnn,lenet"), "architecture is both varied and set by --set"),
        ((*SWEEP, *VARY, "--on", "locl"), "Did you mean 'local'?"),
        (("sweep", "simple_cnn", *VARY), "zoo sweep takes an architecture and a dataset"),
        (("sweep", "--resume", "nothing"), "There is no sweep 'nothing'"),
        (("sweep", "--resume"), "Give the sweep to resume"),
        (("sweep", "--resume", "a", "--join", "b"), "Give the sweep to resume"),
        (("sweep", "simple_cnn", "digits", "--resume", "s"), "A resumed sweep keeps its job"),
    ],
)
def test_a_wrong_request_is_one_paragraph_and_begins_nothing(words, told, zoo):
    code, _, err = zoo(*words)
    assert code == 2
    assert told in err
    assert err.startswith("zoo: ")
    assert err.count("\n") == 1
    assert not Path("runs").exists()


@pytest.mark.slow
def test_every_combination_of_a_choice_is_tried_once_and_no_more_can_be_added(zoo):
    code, out, _ = zoo(*SWEEP, "--set", "lr=0.01,0.003", "--name", "two", "--epochs", "1")
    assert code == 0
    assert out.startswith("two: 2 trials of simple_cnn on digits, every combination; ")
    code, _, err = zoo("sweep", "--resume", "two", "--trials", "5")
    assert (code, "every combination of its values. Vary more" in err) == (2, True)


def test_trials_are_not_taken_away_and_a_run_is_no_sweep(done, zoo):
    assert "can only be increased" in zoo("sweep", "--resume", "s", "--trials", "2")[2]
    assert "is not the folder of a sweep" in zoo("sweep", "--join", "runs/s/trial-0001")[2]
    assert "exists" in zoo(*SWEEP, *VARY, "--name", "s")[2]


def test_without_optuna_it_says_what_to_type(zoo, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    code, _, err = zoo(*SWEEP, *VARY)
    assert code == 2
    assert "pip install 'visionzoo[sweep]'" in err


@pytest.mark.parametrize("words", [["sweep", "--help"], ["list"], ["runs", "list"]])
def test_no_other_command_imports_optuna(words):
    code = f"import sys; from zoo.__main__ import main; main({words!r})\nsys.exit('optuna' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
