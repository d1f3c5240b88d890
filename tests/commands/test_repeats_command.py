"""``zoo run --seeds`` and ``--folds``: what they print, what they leave, what they refuse."""

from __future__ import annotations

import io
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zoo.reports.repeats import plus_minus, summary_lines
from zoo.runner.repeats_summary import MetricSpread, RepeatsSummary

RUN = ("run", "simple_cnn", "digits")


@pytest.fixture(scope="module")
def _done(made_once) -> tuple[Path, str]:
    """Two folds called ``d``, made once, and what was printed."""
    words = ("--epochs", "1", "--set", "architecture.channels=[8,16]", "--set", "metrics=[auroc]")
    return made_once(*RUN, *words, "--folds", "2", "--name", "d")


@pytest.fixture
def done(_done: tuple[Path, str]) -> str:
    """Two folds in the working folder's runs; gives what was printed when they were made."""
    shutil.copytree(_done[0], "runs")
    return _done[1]


def summary(name: str = "d") -> dict:
    return json.loads((Path("runs") / name / "summary.json").read_text("utf-8"))


# -- what is printed -----------------------------------------------------------------------------------


def test_lines_of_each_run_and_of_all(done):
    lines = done.splitlines()
    assert [line for line in lines if line.startswith("run ")] == ["run 1 of 2: d-fold1", "run 2 of 2: d-fold2"]
    assert len([line for line in lines if line.startswith("epoch 1/1")]) == 2
    assert "d: 2 folds of simple_cnn on digits (seed 0): mean and standard deviation" in lines
    accuracy = summary()["metrics"]["val"]["accuracy"]
    mean, std, low, high = (f"{100 * accuracy[key]:.1f}" for key in ("mean", "std", "min", "max"))
    assert f"  val accuracy {mean} ± {std}% (from {low}% to {high}%)" in lines
    assert re.search(r"^  val auroc 0\.\d+ ± ", done, re.MULTILINE), "the job's own metrics too"
    total = summary()["out_of_fold"]
    assert f"  all 1,437 training images, each held out once: accuracy {100 * total['accuracy']:.1f}%" in done
    assert "NOTICE: The val split of the dataset is not used" in done
    assert lines[-2:] == ["summary: runs/d/summary.json", "next: zoo runs show runs/d-fold1"]
    assert "verdict" not in done, "one run's verdict is not that of all"


@pytest.mark.usefixtures("done")
def test_the_commands_for_runs_know_each_of_them(zoo):
    rows = json.loads(zoo("runs", "list", "--json")[1])
    assert sorted(row["run"] for row in rows) == ["d-fold1", "d-fold2"]
    assert {row["status"] for row in rows} == {"completed"}
    for command in (("runs", "show"), ("evaluate",)):
        code, out, err = zoo(*command, "d-fold2")
        assert (code, err) == (0, "")
        assert "d-fold2" in out


@pytest.mark.usefixtures("done")
def test_resume_of_what_is_done_runs_nothing_and_says_the_same_again(zoo, done):
    before = {path: path.stat().st_mtime_ns for path in Path("runs").glob("d-*/*")}
    code, out, err = zoo("run", "--resume", "d")
    assert (code, err) == (0, "")
    assert out.count("kept as it was") == 2
    assert out.splitlines()[2:] == done.splitlines()[-len(out.splitlines()) + 2 :]
    assert {path: path.stat().st_mtime_ns for path in Path("runs").glob("d-*/*")} == before


def test_json_is_the_summary_alone(zoo, tiny):
    code, out, err = zoo(*RUN, *tiny, "--seeds", "2", "--seed", "3", "--name", "j", "--json")
    assert code == 0
    document = json.loads(out)
    assert document == summary("j")
    assert [member["seed"] for member in document["members"]] == [3, 4]
    assert "run 2 of 2: j-seed4" in err, "progress goes to stderr"


def test_quiet_prints_one_line(zoo, tiny):
    code, out, err = zoo("train", *RUN[1:], *tiny, "--seeds", "2", "--out", "a/b")
    assert (code, err) == (0, "")
    assert re.fullmatch(
        r"[a-z]+-[a-z]+: completed, val accuracy [\d.]+ ± [\d.]+%, val F1 macro [\d.]+ ± [\d.]+%, "
        r"mean and standard deviation of 2 seeds, .* s\n",
        out,
    )
    name = out.partition(":")[0]
    assert sorted(path.name for path in Path("a/b").iterdir()) == [name, f"{name}-seed0", f"{name}-seed1"]
    assert not Path("runs").exists()


@pytest.mark.parametrize(("words", "names"), [(("--seeds", 2, "--seed", 8), ["8", "9"]), (("--folds", 2), ["1", "2"])])
def test_dry_run_names_the_runs_and_makes_none(zoo, words, names):
    code, out, _ = zoo(*RUN, *words, "--dry-run")
    kind = words[0][2:-1]
    assert code == 0
    assert out.splitlines()[-1] == f"2 runs: {', '.join(f'NAME-{kind}{name}' for name in names)}"
    document = json.loads(zoo(*RUN, *words, "--dry-run", "--json")[1])
    assert document["runs"] == [f"NAME-{kind}{name}" for name in names]
    assert document.keys() >= {"job", "sources"}
    assert list(Path().iterdir()) == []


@pytest.mark.usefixtures("done")
def test_the_terminals_report_fits_and_has_every_figure():
    from rich.console import Console

    from zoo.reports.repeats_console import render_summary

    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    console.print(render_summary(RepeatsSummary.read(summary()), told=[]))
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "mean ± standard deviation of 2 folds" in text
    assert "val split of the dataset is not used" in text
    for name, figures in summary()["metrics"]["val"].items():
        assert plus_minus(name, MetricSpread.read(figures)) in text
    for word in ("runs/d-fold2", "zoo runs show runs/d-fold1", "runs/d/summary.json", "1,437 training images"):
        assert word in text
    console.print(render_summary(RepeatsSummary.read(summary()), told=summary()["notices"]))
    assert console.file.getvalue().count("val split of the dataset") == 1, "what was told before is not told again"


def test_a_terminal_gets_a_line_a_run_and_one_table():
    from rich.console import Console

    from zoo.api import execute_several
    from zoo.host.loader import open_registry
    from zoo.job.request import make_request
    from zoo.job.resolve import resolve
    from zoo.reports.repeats_console import ConsoleWatcher
    from zoo.runner.repeats import Repeats
    from zoo.runner.runner import RunPlace

    asked = {"architecture": "simple_cnn", "dataset": "digits", "epochs": 1, "set": {"architecture.channels": [8]}}
    registry, console = open_registry(), Console(file=io.StringIO(), width=80, record=True)
    resolved = resolve(make_request(asked), registry)
    execute_several(resolved, registry, Repeats("fold", 2), RunPlace(name="t"), ConsoleWatcher(console))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    assert len(re.findall(r"^✓ [12]/2 t-fold[12]: completed, val accuracy", text, re.MULTILINE)) == 2
    assert text.count("94,186 parameters") <= 1, "what all have in common is told once"
    assert text.count("val split of the dataset is not used") == 1
    assert "Classes" not in text, "no report of one run"
    assert "mean ± standard deviation of 2 folds" in text


@pytest.mark.parametrize(
    ("name", "figures", "said"),
    [
        ("accuracy", {"mean": 0.8934, "std": 0.0111}, "89.3 ± 1.1%"),
        ("accuracy", {"mean": 0.8934, "std": None}, "89.3%"),
        ("loss", {"mean": 0.25, "std": 0.125}, "0.2500 ± 0.1250"),
        ("auroc", {"mean": 0.98765, "std": 0.01234}, "0.9877 ± 0.012"),
        ("auroc", {"mean": None, "std": None}, "–"),
    ],
)
def test_a_spread_in_words(name, figures, said):
    assert plus_minus(name, MetricSpread.read(figures)) == said


def test_a_summary_that_lacks_everything_is_still_told():
    assert summary_lines(RepeatsSummary(run="x", by="seed", count=2, dir="runs/x"))[0].startswith("x: 2 seeds")


# -- what is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--folds", "1"], ["folds must be a whole number from 2 to 1000, not 1", "leave it out"]),
        (["--folds", "0"], ["from 2 to 1000, not 0"]),
        (["--folds", "-3"], ["not -3"]),
        (["--folds", "x"], ["--folds", "'x'", "zoo run --help"]),
        (["--folds", "1001"], ["not 1001"]),
        (["--seeds", "0"], ["seeds must be a whole number from 2 to 1000, not 0", "--seed"]),
        (["--seeds", "1"], ["not 1"]),
        (["--seeds", "1.5"], ["--seeds", "'1.5'"]),
        (["--seeds", "3", "--folds", "5"], ["seeds and folds can't be combined", "--folds 5 --seed 1"]),
        (["--folds", "200"], ["200 folds need at least 200 training images of every class", "at most 1"]),
        (["--seeds", "2", "--seed", str(2**63 - 1)], ["below 2**63"]),
        (["--seeds", "2", "--name", "../x"], ["'../x' is not a valid name of a run"]),
        (["--seeds", "2", "--name", "x" * 97], ["is not a valid name of a run"]),
        (["--set", "data.folds=5"], ["folds and fold must be set together", "--folds 5"]),
        (["--set", "data.fold=2"], ["folds and fold must be set together"]),
        (["--set", "data.folds=3", "--set", "data.fold=4"], ["fold must be from 1 to 3", "not 4"]),
        (["--set", "data.folds=1", "--set", "data.fold=1"], ["data.folds", "2"]),
        (["--folds", "3", "--resume"], ["--resume needs a run"]),
        (["--folds", "3", "--resume", "nowhere"], ["There is no run 'nowhere'"]),
    ],
)
def test_bad_words_are_told_and_leave_nothing(refused, tiny, words, said):
    error = refused(*RUN, *tiny, *words)
    for word in said:
        assert word in error


def test_a_taken_name_is_refused(refused, done, tiny):
    for name in ("d", "d-fold1"):
        error = refused(*RUN, *tiny, "--folds", "2", "--name", name)
        for word in ("--name", "--resume", "--overwrite") if name == "d" else ("single run", "--name"):
            assert word in error
    assert "'d-fold2'" in refused(*RUN, *tiny, "--name", "d-fold2"), "nor for a single run"


@pytest.mark.slow
@pytest.mark.usefixtures("done")
def test_resume_makes_a_run_that_is_gone_again(refused, zoo):
    shutil.rmtree("runs/d-fold1")
    before = summary()["metrics"]
    code, out, _ = zoo("run", "--resume", "d")
    assert code == 0
    assert out.count("kept as it was") == 1
    assert summary()["metrics"] == before
    Path("runs/d/repeated.yaml").unlink()
    assert "--name d --resume" in refused("run", "--resume", "d")


@pytest.mark.slow
def test_runs_that_found_their_own_learning_rates_are_resumed(zoo):
    words = ("--lr", "auto", "--seeds", "2", "--epochs", "1", "--set", "architecture.channels=[8]", "--name", "a")
    assert zoo(*RUN, *words, "--quiet")[0] == 0
    shutil.rmtree("runs/a-seed1")
    for again in (("run", "--resume", "a"), (*RUN, *words, "--resume")):
        code, out, err = zoo(*again)
        assert (code, err) == (0, "")
    assert out.count("kept as it was") == 2


def test_a_folder_that_can_not_be_written_is_told(refused, tiny):
    Path("locked").write_text("no folder")
    assert "locked" in refused(*RUN, *tiny, "--folds", "2", "--out", "locked", "--name", "n", code=1)
    if Path("/proc/version").exists():
        assert "can't be written" in refused(*RUN, *tiny, "--folds", "2", "--out", "/proc/runs", "--name", "n", code=1)


# -- a process of its own --------------------------------------------------------------------------------


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_finished_and_says_how_to_go_on(zoo):
    words = ("--set", "architecture.channels=[8]", "--epochs", "2", "--seeds", "3", "--name", "c")
    process = subprocess.Popen(
        [sys.executable, "-m", "zoo", *RUN, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if "run 2 of 3" in seen and line.startswith("epoch 1/2"):
            process.send_signal(signal.SIGINT)
            break
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert re.fullmatch(
        r"zoo: Interrupted in run 2 of 3 \(c-seed1\); 1 finished and kept\. Resume with: zoo run --resume runs/c\n", err
    )
    assert [member["status"] for member in summary("c")["members"]] == ["completed", "interrupted", "missing"]
    started = time.time()
    code, out, _ = zoo("run", "--resume", "runs/c")
    assert code == 0
    assert out.count("kept as it was") == 1
    assert summary("c")["status"] == "completed"
    assert Path("runs/c-seed0/result.json").stat().st_mtime < started


def test_the_report_of_several_is_shown_again(done: str, zoo):
    code, out, _ = zoo("runs", "show", "d")
    assert code == 0
    assert "2 folds" in out
    assert json.loads(zoo("runs", "show", "d", "--json")[1]) == summary()
