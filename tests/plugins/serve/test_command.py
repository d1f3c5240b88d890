"""``zoo serve``: what it refuses before it opens a port, and how it begins and ends."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nothing",), "There is no run 'nothing'"),
        (("photo.jpg",), "is a file, not a run"),
        ((".",), "contains no trained model"),
        (("{run}", "--host", "no.such.host.invalid"), "not an address of this machine"),
        (("{run}", "--device", "cuda:99"), "Device 'cuda:99' is not available"),
    ],
)
def test_what_is_wrong_is_told_before_it_listens(refused, digits_run: Path, words: tuple[str, ...], said: str):
    Path("photo.jpg").touch()
    assert said in refused("serve", *(word.format(run=digits_run) for word in words))


@pytest.mark.parametrize("words", [("--port", "70000"), ("--max-batch", "0"), ("--timeout", "0"), ("--max-mib", "x")])
def test_options_that_are_wrong(zoo, digits_run: Path, words: tuple[str, ...]):
    code, _, err = zoo("serve", str(digits_run), *words)
    assert code == 2
    assert words[0] in err


def test_a_port_that_is_taken(refused, digits_run: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "--port 0" in refused("serve", str(digits_run), "--port", str(taken.getsockname()[1]))


def test_without_its_packages_it_says_what_to_install(refused, digits_run: Path, monkeypatch: pytest.MonkeyPatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "uvicorn" else find(name, *more)
    )
    assert "pip install 'visionzoo[serve]'" in refused("serve", str(digits_run))


@pytest.mark.slow
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_it_says_where_it_is_and_ends_at_ctrl_c(digits_run: Path, host: str):
    command = [sys.executable, "-m", "zoo", "serve", str(digits_run), "--port", "0", "--host", host, "--log"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.fullmatch(r"http://\S+:(\d+)/ serves .*trained \(10 classes\)\. Ctrl-C stops it\.\n", line)
    assert found, line
    with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/health", timeout=10) as answer:
        assert json.load(answer)["status"] == "ok"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "GET /health" in out + err
    assert ("reachable from other machines" in err) == (host == "0.0.0.0")
    assert "Traceback" not in err
