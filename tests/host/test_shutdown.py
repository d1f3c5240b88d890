"""The end of a process, whatever plugins leave running: real processes, with a real plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

THREAD = """
import threading
def forever():
    threading.Event().wait()
threading.Thread(target=forever).start()
"""
AT_EXIT = """
import atexit, threading
def flush():
    threading.Event().wait()
atexit.register(flush)
"""
BY_ANOTHERS_CODE = "import threading\nthreading.Thread(target=threading.Event().wait).start()\n"


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Type a command beside a plugin, as a process: its exit code, what it says, and its seconds."""
    info = tmp_path / "zoo_clinger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-clinger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo.plugins]\nclinger = zoo_clinger\n")

    def type_it(source: str, *words: str, first: str = "pass") -> tuple[subprocess.CompletedProcess[str], float]:
        module = tmp_path / "zoo_clinger.py"
        if not module.exists() or module.read_text() != source:
            module.write_text(source)  # a changed plugin gets another chance
        code = f"import sys; {first}; sys.argv[1:] = {list(words)}; from zoo.__main__ import command; command()"
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(tmp_path), "ZOO_HOOK_PATIENCE_S": "3"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done, time.perf_counter() - started

    return type_it


@pytest.mark.parametrize("source", [THREAD, AT_EXIT, BY_ANOTHERS_CODE])
def test_what_never_ends_is_not_waited_for_and_told_of(typed, source: str):
    done, _ = typed(source, "list", "losses", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)
    assert done.stderr.count("zoo: plugin 'clinger': a thread or an atexit function doesn't end") == 1
    assert "zoo plugins doctor clinger" in done.stderr

    found, _ = typed(source, "plugins", "doctor", "clinger")
    assert found.returncode == 1
    assert "phase: exit" in found.stdout
    assert "It is here" in found.stdout
    assert "zoo plugins enable clinger" in found.stdout


def test_the_exit_code_is_the_commands(typed):
    done, _ = typed(THREAD, "info", "no_such_thing")
    assert done.returncode == 2


@pytest.mark.slow
def test_after_a_run_what_goes_on_is_waited_for_once(typed):
    """A command that imported torch may have left something of value to finish."""
    torch = "import types; sys.modules['torch'] = types.ModuleType('torch')"
    source = "# one\n" + THREAD
    _, first = typed(source, "list", "losses", first=torch)
    again, second = typed(source, "list", "losses", first=torch)
    assert first >= 3
    assert second < 3
    assert "clinger" in again.stderr


def test_what_comes_to_an_end_is_waited_for(typed, tmp_path: Path):
    """An atexit function that takes a second after a run is let finish."""
    torch = "import types; sys.modules['torch'] = types.ModuleType('torch')"
    flush = f"(time.sleep(1), pathlib.Path({str(tmp_path / 'done')!r}).touch())"
    source = f"import atexit, time, pathlib\natexit.register(lambda: {flush})\n"
    done, _ = typed(source, "list", "losses", first=torch)
    assert done.stderr == ""
    assert (tmp_path / "done").exists()


def test_an_output_that_the_shell_closed():
    done = subprocess.run(
        ["bash", "-c", f"'{sys.executable}' -m zoo cache list >&-"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
