"""``zoo doctor`` as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SCREEN = """
import sys
from zoo.__main__ import main
code = main(["doctor"])
sys.stderr.write(str([name for name in ("torch", "numpy", "timm", "torchvision", "rich") if name in sys.modules]))
sys.exit(code)
"""
BROKEN = "import a_library_that_is_not_here\n"


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
    assert headings[-1].startswith(("All is well", "1 warning", "2 warnings", "3 warnings"))
    assert "  ✓ torch " in done.stdout
    assert "✗" not in done.stdout
    assert "could not be looked at" not in done.stdout
    assert done.stderr == "[]"
