"""An extended run is written whole or not at all, and its file agrees with it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Pictures = Callable[..., Path]
KILLED = """
import os, signal, sys
import zoo_extend.extending
from zoo.__main__ import main

def kill(*given):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(zoo_extend.extending, sys.argv[1], kill)
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("step", ["write_untrained", "write_report", "put_folder"])
def test_a_process_that_is_killed_leaves_no_run(step: str, pair_run: Path, pictures: Pictures, zoo: Any):
    folder = pictures("blue", 6)
    words = ["extend", str(pair_run), str(folder), "--name", "wider"]
    done = subprocess.run([sys.executable, "-c", KILLED, step, *words], capture_output=True, check=False)
    assert done.returncode == -9, done.stderr
    assert [path.name for path in Path("runs").iterdir() if not path.name.startswith(".")] == []
    assert json.loads(zoo("runs", "list", "--json")[1]) == []
    assert zoo(*words)[0] == 0
    assert [each["run"] for each in json.loads(zoo("runs", "list", "--json")[1])] == ["wider"]


def test_a_failure_leaves_an_older_run_as_it_was(
    pair_run: Path, pictures: Pictures, zoo: Any, monkeypatch: pytest.MonkeyPatch
):
    folder = pictures("blue", 6)
    words = ("extend", pair_run, folder, "--name", "wider")
    assert zoo(*words)[0] == 0
    before = {path.name: path.read_bytes() for path in Path("runs/wider").iterdir() if path.is_file()}
    monkeypatch.setattr("zoo_extend.extending.write_report", lambda *given: 1 / 0)
    assert zoo(*words, "--overwrite", "--prototypes")[0] != 0
    assert {path.name: path.read_bytes() for path in Path("runs/wider").iterdir() if path.is_file()} == before
    assert [path.name for path in Path("runs").iterdir()] == ["wider"]


@pytest.mark.slow
@pytest.mark.parametrize("head", ["linear", "prototypes", "knn"])
def test_an_exported_file_agrees_with_the_run(head: str, pair_run: Path, pictures: Pictures, zoo: Any):
    pytest.importorskip("onnxruntime")
    folder = pictures("blue", 6)
    assert zoo("extend", pair_run, folder, "--name", "wider", "--head", head)[0] == 0
    code, out, err = zoo("export", "runs/wider", "--json")
    assert code == 0, err
    assert json.loads(out)["check"]["largest_difference"] < 1e-4
    code, out, err = zoo("predict", json.loads(out)["file"], folder / "003.png", "--csv")
    assert code == 0, err
    assert ",blue," in out
