"""Locks that say what is in use: between real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zoo.storage import in_use

USER = """
import sys
from pathlib import Path
from zoo.storage import in_use
in_use.begin(Path(sys.argv[1]))
print("using", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def user() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Another process that uses what a file stands for."""
    started = []

    def start(path: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", USER, str(path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "using\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def is_unused(path: Path) -> bool:
    with in_use.unused(path) as free:
        return free


def test_what_another_process_uses_is_in_use_until_that_is_dead(tmp_path, user):
    path = tmp_path / "store.json"
    path.write_text("{}")
    assert is_unused(path)
    one, two = user(path), user(path)
    assert not is_unused(path)
    one.kill()
    one.communicate()
    assert not is_unused(path), "the other one lives"
    two.kill()
    two.communicate()
    assert is_unused(path)


def test_who_begins_while_it_is_removed_waits_and_finds_it_gone(tmp_path):
    path = tmp_path / "store.json"
    path.write_text("{}")
    with in_use.unused(path) as free:
        assert free
        thread = threading.Thread(target=in_use.begin, args=(path,))
        thread.start()
        time.sleep(0.2)
        assert thread.is_alive(), "it waits"
        path.unlink()
    thread.join(5)
    assert not thread.is_alive()
    assert path not in in_use._held


def test_using_leaves_a_trace_on_any_disk(tmp_path, user):
    path = tmp_path / "store.json"
    path.write_text("{}")
    os.utime(path, (1, 1))
    user(path)
    assert path.stat().st_mtime > time.time() - 60


def test_what_is_not_there_is_not_made_and_not_unused(tmp_path):
    in_use.begin(tmp_path / "gone")
    assert not (tmp_path / "gone").exists()
    assert not is_unused(tmp_path / "gone")
    in_use.begin_in(tmp_path / "no cache yet")
    assert not (tmp_path / "no cache yet").exists()
