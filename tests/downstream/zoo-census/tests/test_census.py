import json
import subprocess
import sys

import pytest
import zoo
from zoo.testing import parametrize


@parametrize("census")
def test_contract(check):
    check()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("census")


@pytest.fixture(scope="module")
def log(folder):
    """A run from Python, with the display."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("CENSUS_LOG", str(folder / "log.txt"))
        zoo.run("simple_cnn", "digits", epochs=2, image_size=8, name="one", set={"architecture.channels": [8]}).show()
    return (folder / "log.txt").read_text().splitlines()


def typed(folder, *words):
    return subprocess.run([sys.executable, "-m", "zoo", *words], cwd=folder, capture_output=True, text=True)


def test_display(log):
    assert log[0] == "started one: 10 classes"
    assert [line[:8] for line in log if line.startswith("epoch")] == ["epoch 1:", "epoch 2:"]
    assert log[-2:] == ["ended one: completed", "shown one"]


def test_function(log, folder):
    (row,) = zoo.census(folder / "runs")
    assert (row["run"], row["status"], row["classes"]) == ("one", "completed", 10)
    assert "census" in dir(zoo)


def test_group(log, folder):
    assert json.loads(typed(folder, "census", "runs", "--json").stdout)[0]["run"] == "one"
    assert sum(int(line.split("\t")[1]) for line in typed(folder, "census", "classes", "one").stdout.splitlines()) == 360
    nothing = typed(folder, "census", "runs", "--out", "nowhere")
    assert nothing.returncode == 2
    assert "has no runs" in nothing.stderr


def test_plain_function(log, folder):
    done = typed(folder, "roll-call")
    assert (done.returncode, done.stdout) == (0, "one\n")
    assert typed(folder, "roll-call", "nowhere").returncode == 1


def test_command_of_a_group_of_the_zoo(folder):
    assert "zoo-census: " in typed(folder, "plugins", "owners", "census").stdout
    assert "owners" in typed(folder, "plugins", "--help").stdout


def test_health_and_help(log, folder):
    assert "1 runs can be read." in typed(folder, "doctor").stdout
    page = typed(folder, "--help").stdout
    inspect, extend = page.index("Inspect"), page.index("Extend")
    assert inspect < page.index("census") < extend
    assert page.index("roll-call") > page.index("Plugins:")
