"""``zoo doctor`` as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.plugin import HealthCheck
from zoo.registry.entry import Entry, Origin
from zoo_doctor.settings import _contributed

SCREEN = """
import sys
from zoo.__main__ import main
code = main(["doctor"])
sys.stderr.write(str([name for name in ("torch", "numpy", "timm", "torchvision", "rich") if name in sys.modules]))
sys.exit(code)
"""
BROKEN = "import a_library_that_is_not_here\n"


@pytest.mark.slow
def test_what_is_wrong_is_told_with_the_command_that_mends_it(zoo, make_plugin, monkeypatch, tmp_path):
    """A broken plugin, a wrong registry.yaml and a cache that is no folder: each is told, none hides another."""
    make_plugin("acme", BROKEN)
    Path("registry.yaml").write_text("version: 1\nrecipe: {}\n")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "file"))
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefghijklmn")
    monkeypatch.setenv("HOME", str(Path.cwd()))
    code, out, err = zoo("doctor", "--json")
    assert code == 1, err
    document = json.loads(out)
    wrong = {f["topic"]: f for f in document["findings"] if f["state"] == "wrong"}
    assert set(wrong) == {"acme", "registry", "cache"}
    assert document["counts"]["wrong"] == 3
    assert wrong["acme"]["remedies"][0]["command"] == "zoo plugins doctor acme"
    assert "registry.yaml, line 2: unknown section 'recipe'" in wrong["registry"]["text"]
    assert "a_library_that_is_not_here" in wrong["acme"]["text"]
    assert os.environ["HOME"] not in out
    assert "abcdefgh" not in out


def test_the_screen_and_what_it_takes():
    """In a process of its own, which imports no torch: that is tried in another."""
    done = subprocess.run([sys.executable, "-c", SCREEN], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    headings = [line for line in lines if line and not line.startswith(" ")]
    assert headings[:-1] == ["Software", "Machine", "Folders", "Settings", "Plugins", "Shell"]
    assert headings[-1].startswith(("No problems found", "1 warning", "2 warnings", "3 warnings"))
    assert "  ✓ torch " in done.stdout
    assert "✗" not in done.stdout
    assert "This check failed" not in done.stdout
    assert done.stderr == "[]"


CHECKED = """
from zoo.plugin import Finding, HealthCheck, hookimpl

@hookimpl
def zoo_health_checks():
    yield HealthCheck("leaf-server", "zoo_acme_checks:server", summary="The server answers")
    yield HealthCheck("leaf-press", "zoo_acme_checks:press", summary="The press is oiled")
"""
CHECKS = """
from zoo.plugin import Finding

def server():
    yield Finding("warning", "The server of leaves is slow.", (("restart it", "leaves restart"),))

def press():
    raise OSError("stuck")
"""


@pytest.mark.slow
def test_checks_of_plugins_are_listed_with_their_remedies(zoo, make_plugin):
    make_plugin("acme", CHECKED, zoo_acme_checks=CHECKS)
    findings = {f["topic"]: f for f in json.loads(zoo("doctor", "--json")[1])["findings"]}
    assert findings["leaf-server"] == {
        "group": "Plugins",
        "topic": "leaf-server",
        "state": "warning",
        "text": "The server of leaves is slow.",
        "remedies": [{"why": "restart it", "command": "leaves restart"}],
    }
    assert "OSError: stuck" in findings["leaf-press"]["text"]


LINES = "def gone():\n    return {}['nope']\n\ndef leave():\n    raise SystemExit(3)\n\ndef odd():\n    yield 'well'\n"


@pytest.mark.parametrize(
    ("check", "problem", "place"),
    [("gone", "KeyError: 'nope'", ":2"), ("leave", "SystemExit: 3", ":5"), ("odd", "ValueError: too many values", "")],
)
def test_a_check_that_fails_names_its_plugin_and_line(make_plugin, check: str, problem: str, place: str):
    make_plugin("acme", "", zoo_acme_checks=LINES)
    origin = Origin("acme", "zoo-acme", "1.2.3")
    (found,) = _contributed(Entry(HealthCheck("leaves", f"zoo_acme_checks:{check}"), origin))
    assert found.topic == "leaves"
    assert found.text.startswith(f"health_check 'acme/leaves' (zoo-acme 1.2.3) failed: {problem}")
    assert f"zoo_acme_checks.py{place}" in found.text or not place


@pytest.mark.slow
@pytest.mark.parametrize(("module", "package"), [("yaml", "pyyaml"), ("pluggy", "pluggy"), ("packaging", "packaging")])
def test_without_a_library_that_the_zoo_needs_it_says_what_to_type(tmp_path, monkeypatch, module, package):
    (tmp_path / f"{module}.py").write_text(
        f"raise ModuleNotFoundError({f'No module named {module!r}'!r}, name={module!r})\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run([sys.executable, "-m", "zoo", "doctor"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "defect" not in done.stderr
    assert f"python -m pip install {package}" in done.stdout + done.stderr


def test_in_a_folder_that_is_gone(tmp_path):
    """What can't be looked at is told, and all else is."""
    gone = tmp_path / "gone"
    code = f"import os; os.mkdir({str(gone)!r}); os.chdir({str(gone)!r}); os.rmdir({str(gone)!r})\n{SCREEN}"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert "This check failed" in done.stdout
    assert "  ✓ capacity " in done.stdout
