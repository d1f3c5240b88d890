"""A doctor whose patient dies: a plugin that exits, crashes, sleeps or kills at its import ends nobody but itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.host.child_process import Child

GOOD = """
from zoo.plugin import Loss, hookimpl

@hookimpl
def zoo_losses():
    return [Loss("good_loss", "zoo_good:make")]
"""
SLEEP = "import time\ntime.sleep(600)\n"
DEADLY = {
    "exits": ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
    "exits well": ("import sys\nsys.exit()\n", "SystemExit"),
    "exits at once": ("import os\nos._exit(3)\n", "it ended with exit code 3"),
    "exits at once, well": ("import os\nos._exit(0)\n", "it ended with exit code 0"),
    "crashes": ("import ctypes\nctypes.string_at(0)\n", "it was killed by SIGSEGV"),
    "aborts": ("import os\nos.abort()\n", "it was killed by SIGABRT"),
    "kills": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "it was killed by SIGKILL"),
    "kills its group": ("import os, signal\nos.killpg(0, signal.SIGTERM)\n", "it was killed by SIGTERM"),
    "sleeps": (SLEEP, "it did not finish in"),
    "sleeps deaf": (f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SLEEP}", "it did not finish in"),
    "raises no Exception": ("class Odd(BaseException): pass\nraise Odd('odd')\n", "Odd: odd"),
    "interrupts": ("raise KeyboardInterrupt\n", "it was killed by SIGINT"),
}


@pytest.fixture
def typed(tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    """``zoo`` in a process of its own, which sees the plugins that were made."""

    def run(*words: str, seconds: float = 120, module: str = "zoo") -> tuple[int, str, str]:
        sites = [str(path) for path in sorted((tmp_path / "sites").iterdir())]
        path = os.pathsep.join([*sites, *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {**os.environ, "PYTHONPATH": path, "ZOO_IMPORT_PATIENCE_S": "5"}
        command = [sys.executable, "-m", module, *words]
        how = {"capture_output": True, "text": True, "stdin": subprocess.DEVNULL, "check": False}
        done = subprocess.run(command, env=environment, timeout=seconds, **how)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def ward(make_plugin) -> None:
    """All of them at once, and one that is well."""
    make_plugin("good", GOOD)
    for i, (source, _) in enumerate(DEADLY.values()):
        make_plugin(f"bad{i:02}", source)


@pytest.mark.slow
def test_the_doctor_of_plugins_names_each(ward, typed):
    begin = time.monotonic()
    code, out, err = typed("plugins", "doctor", "--json")
    assert code == 1, err
    assert time.monotonic() - begin < 100
    found = {finding["plugin"]: finding for finding in json.loads(out)}
    assert found.keys() == {f"bad{i:02}" for i in range(len(DEADLY))}
    for i, (name, (_, said)) in enumerate(DEADLY.items()):
        finding = found[f"bad{i:02}"]
        assert finding["serious"], name
        assert finding["phase"] == "import", name
        assert said in finding["problem"], name
        assert any(command == f"zoo plugins disable bad{i:02}" for _, command in finding["remedies"]), name


@pytest.mark.slow
def test_the_lines_where_it_crashed_or_sleeps_are_shown(make_plugin, typed):
    make_plugin("crashes", DEADLY["crashes"][0])
    make_plugin("sleeps", SLEEP)
    code, out, _ = typed("plugins", "doctor")
    assert code == 1
    assert 'zoo_crashes.py", line 2' in out
    assert 'zoo_sleeps.py", line 2' in out


@pytest.mark.slow
def test_the_doctor_of_the_installation_names_each(make_plugin, typed):
    for name in ("exits at once", "sleeps", "interrupts"):
        make_plugin(name.replace(" ", "-"), DEADLY[name][0])
    code, out, err = typed("doctor", "--json")
    assert code == 1, err
    wrong = {f["topic"]: f["text"] for f in json.loads(out)["findings"] if f["group"] == "Plugins"}
    for name in ("exits at once", "sleeps", "interrupts"):
        assert DEADLY[name][1] in wrong[name.replace(" ", "-")]


def test_what_cures_is_typed_without_an_import(make_plugin, typed):
    make_plugin("good", GOOD)
    make_plugin("deadly", DEADLY["exits at once"][0])
    assert typed("plugins", "disable", "deadly")[0] == 0
    code, out, err = typed("list", "losses", "--json")
    assert (code, err) == (0, "")
    assert "good/good_loss" in {row["id"] for row in json.loads(out)}
    assert typed("plugins", "doctor")[0] == 0, "what is turned off isn't tried"


@pytest.mark.parametrize("name", ["exits", "exits well", "raises no Exception"])
def test_an_ordinary_command_goes_on(name: str, make_plugin, zoo):
    make_plugin("good", GOOD)
    make_plugin("bad", DEADLY[name][0])
    code, out, err = zoo("list", "losses", "--json")
    assert code == 0
    assert "good/good_loss" in {row["id"] for row in json.loads(out)}
    assert "plugin 'bad' (zoo-bad) was set aside" in err
    assert err.count("\n") == 1


def test_a_local_component_that_is_no_exception_is_refused(zoo):
    Path("registry.yaml").write_text("components: {loss: {odd: {target: './odd.py:Odd'}}}")
    Path("odd.py").write_text("class Odd(BaseException): pass\nraise Odd\n")
    code, _, err = zoo("info", "odd")
    assert code == 2
    assert "loss 'local/odd'" in err


def test_ctrl_c_while_a_plugin_is_imported_says_which(make_plugin, zoo):
    make_plugin("slow", "raise KeyboardInterrupt")
    code, _, err = zoo("list")
    assert code == 130
    assert "plugin 'slow' (zoo-slow)" in err
    assert "zoo plugins doctor slow" in err


def test_a_child_that_leaves_another_is_not_waited_for(tmp_path: Path):
    """What it began has its stdout, and goes with it; what it prints before its answer is none."""
    (tmp_path / "no_zoo_parent.py").write_text(
        "import subprocess\nprint('{}')\nsubprocess.Popen(['sleep', '600'])\nprint('{\"done\": 1}')\n"
    )
    begin = time.monotonic()
    assert Child("no_zoo_parent", environment={"PYTHONPATH": str(tmp_path)}).answer() == {"done": 1}
    assert time.monotonic() - begin < 50


def test_an_installed_plugin_that_kills_is_told_to_be_unusable(make_plugin, typed):
    """What `zoo plugins install` asks after it has installed."""
    make_plugin("deadly", DEADLY["exits at once"][0])
    code, out, err = typed("plugins", module="zoo.host.subprocess_probe")
    assert code == 0, err
    row = next(row for row in json.loads(out)["plugins"] if row["name"] == "deadly")
    assert (row["state"], row["problem"]) == ("failed", "imported in isolation, it ended with exit code 3")


def test_where_no_process_can_be_started_no_plugin_is_accused(make_plugin, zoo, monkeypatch: pytest.MonkeyPatch):
    make_plugin("good", GOOD)

    def refused(*_: object, **__: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("zoo.host.child_process.subprocess.Popen", refused)
    code, out, _ = zoo("plugins", "doctor", "good")
    assert (code, out) == (0, "good provides 1 loss.\n1 plugin checked, no problems found.\n")
