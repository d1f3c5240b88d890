"""Ctrl-C while a command imports what it needs, wherever that is: it ends, with one line and no other error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

INTERRUPTING = """
import os, signal, sys

def at(event, args):
    if event == "import" and args[0] == os.environ["INTERRUPTED_AT"]:
        signal.raise_signal(signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever this test was started by
sys.addaudithook(at)
"""
DROPPING = """
import os, signal

try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:  # a library may hold it for an error of its own, and try another way
    raise RecursionError("maximum recursion depth exceeded")

from torch.nn.functional import cross_entropy as made
"""


def interrupted_at(module: str, *words: str) -> tuple[int, str]:
    """Exit code and stderr of a command that hears Ctrl-C as it imports a module."""
    Path("hooks").mkdir(exist_ok=True)
    Path("hooks/sitecustomize.py").write_text(INTERRUPTING, "utf-8")
    paths = os.pathsep.join(["hooks", *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {**os.environ, "PYTHONPATH": paths, "INTERRUPTED_AT": module}
    done = subprocess.run([sys.executable, "-m", "zoo", *words], env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("module", ["click.core", "numpy", "numpy.exceptions", "numpy.lib"])
def test_ctrl_c_in_an_import_ends_the_command(module: str):
    """torch's C code drops an error of numpy's import: the run went on to its end, or ended with any other error."""
    words = ("run", "simple_cnn", "digits", "--epochs", "1", "--set", "architecture.channels=[8]")
    assert interrupted_at(module, *words) == (130, "\nzoo: interrupted.\n")
    assert not Path("runs").exists()


def test_an_error_that_a_component_makes_of_ctrl_c_is_no_error():
    Path("dropping.py").write_text(DROPPING, "utf-8")
    Path("registry.yaml").write_text("components: {loss: {dropping: {target: './dropping.py:made'}}}\n", "utf-8")
    words = ("run", "simple_cnn", "digits", "--epochs", "1", "--set", "loss=dropping")
    assert interrupted_at("none", *words) == (130, "\nzoo: interrupted.\n")
