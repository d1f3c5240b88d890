"""Names and words with terminal escapes in them: whatever command shows them, the terminal obeys none."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from zoo.reports.terminal import guarded
from zoo.storage.text import clean_lines

Zoo = Callable[..., tuple[int, str, str]]
CLEAR = "\x1b[2J\x1b[1A"
TITLE = "\x1b]0;owned\x07"
LINK = "\x1b]8;;evil.example\x1b\\"
C1, BACK, TURN = "\x9b2J", "\rzoo: all is well", "\u202e"
EVIL = f"{CLEAR}{TITLE}{LINK}{C1}{TURN}"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
REGISTRY = """
recipes:
  odd:
    summary: "a recipe \\e[2J\\e[1A of mine"
    train: {epochs: 1}
components:
  loss:
    odd: {base: cross_entropy, summary: "a loss \\e[2J\\e]0;owned\\a of mine"}
catalogue:
  "odd\\e[2J": {package: "zoo-odd", summary: "\\e[2J"}
"""


@pytest.fixture
def slow_loss() -> None:
    """Not here: these tests have a registry.yaml of their own."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, session_cache: Path) -> Iterator[Path]:
    """A working folder with pictures in classes of such names, a run on them, and a registry.yaml."""
    import numpy as np
    from PIL import Image

    home = tmp_path_factory.mktemp("odd")
    for number, name in enumerate(("blue", f"red{EVIL}")):
        folder = home / "pictures" / name
        folder.mkdir(parents=True)
        for i in range(8):
            pixels = np.full((8, 8, 3), 40 + 150 * number + i, np.uint8)
            Image.fromarray(pixels).save(folder / f"{i}{CLEAR}.png")
    (home / "registry.yaml").write_text(REGISTRY, "utf-8")
    from zoo.__main__ import main

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("ZOO_CACHE", str(session_cache))
        words = ("--epochs", "1", "--set", "architecture.channels=[4]", "--name", "odd", "--image-size", "8")
        assert main(["run", "simple_cnn", "pictures", *words]) == 0
        yield home


def damaged(place: Path) -> Path:
    """A bundle that says of its architecture what it likes."""
    copy = Path(shutil.copytree(place / "runs/odd/model", place / "bundle", dirs_exist_ok=True))
    card = json.loads((copy / "zoo.json").read_text("utf-8"))
    card["architecture"] |= {"id": f"acme/net{EVIL}", "distribution": f"zoo-acme{EVIL}", "target": EVIL}
    (copy / "zoo.json").write_text(json.dumps(card), "utf-8")
    return copy


COMMANDS: dict[str, Callable[[Path], tuple[object, ...]]] = {
    "run": lambda p: ("run", "simple_cnn", "pictures", "--epochs", "1", "--set", "architecture.channels=[4]"),
    "dry run": lambda p: ("run", "simple_cnn", "pictures", "--dry-run", "--recipe", "odd", "--set", "loss=odd"),
    "evaluate": lambda p: ("evaluate", "odd"),
    "predict": lambda p: ("predict", "odd", "pictures"),
    "predict csv": lambda p: ("predict", "odd", "pictures", "--csv"),
    "runs list": lambda p: ("runs", "list"),
    "runs show": lambda p: ("runs", "show", "odd"),
    "data check": lambda p: ("data", "check", "pictures"),
    "data stats": lambda p: ("data", "stats", "pictures"),
    "list": lambda p: ("list", "loss"),
    "info": lambda p: ("info", "loss", "odd"),
    "doctor": lambda p: ("doctor",),
    "no such picture": lambda p: ("predict", "odd", f"no{EVIL}.png"),
    "no such run": lambda p: ("evaluate", f"no{EVIL}{BACK}"),
    "no such setting": lambda p: ("run", "simple_cnn", "pictures", "--set", f"train.no{EVIL}=1"),
    "no such command": lambda p: (f"no{EVIL}",),
    "no such plugin": lambda p: ("plugins", "doctor", f"no{EVIL}"),
    "to install": lambda p: ("plugins", "install", f"no{EVIL}"),
    "a bundle": lambda p: ("predict", damaged(p), "pictures"),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_no_command_lets_an_escape_out(place: Path, zoo: Zoo, monkeypatch: pytest.MonkeyPatch, case: str):
    monkeypatch.chdir(place)
    _, out, err = zoo(*COMMANDS[case](place), *(["--name", f"n{case[0]}"] if case == "run" else []))
    assert OBEYED.findall(out) == []
    assert OBEYED.findall(err) == []
    assert out + err


@pytest.mark.parametrize("words", [("predict", "odd", "pictures"), ("runs", "show", "odd"), ("evaluate", "odd")])
def test_json_says_all_of_a_name_and_no_escape(place: Path, zoo: Zoo, monkeypatch: Any, words: tuple[str, ...]):
    monkeypatch.chdir(place)
    code, out, err = zoo(*words, "--json")
    assert code == 0, err
    assert OBEYED.findall(out) == []
    assert f"red{EVIL}" in strings(json.loads(out))


def strings(value: Any) -> Iterator[str]:
    """Every text in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from (key, *strings(each))
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)


def test_a_plugin_that_prints_and_one_that_fails(make_plugin: Callable[..., Path], zoo: Zoo):
    make_plugin("loud", f"print({EVIL!r})\n")
    make_plugin("sad", f"raise RuntimeError({EVIL!r})\n")
    for words in (("plugins", "list"), ("plugins", "doctor"), ("list", "loss")):
        _, out, err = zoo(*words)
        assert OBEYED.findall(out + err) == []
    assert "owned" in err, "it is told all the same"


@pytest.mark.slow
def test_on_a_terminal_colours_stay(place: Path):
    """In a process whose output is a terminal: of all escapes only those are left that rich and click make."""
    import pty

    main, other = pty.openpty()
    command = [sys.executable, "-m", "zoo", "predict", "odd", "pictures"]
    world = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    done = subprocess.Popen(command, cwd=place, env=world, stdout=other, stderr=other)
    os.close(other)
    shown = b""
    while True:
        try:
            block = os.read(main, 65536)
        except OSError:  # so does a terminal end
            break
        if not block:
            break
        shown += block
    assert done.wait(60) == 0, shown
    text = shown.decode("utf-8")
    assert "\x1b[1m" in text or "\x1b[1;" in text or "\x1b[3" in text, "it is in colour"
    announced, erased, text = text.partition("\r\r\x1b[K")
    assert (announced, bool(erased)) == ("loading PyTorch …", True)
    rest = re.sub("\x1b\\[[0-9;]*m", "", text).replace("\r\n", "\n")
    assert OBEYED.findall(rest) == []


def test_the_guard_lets_the_zoos_own_words_through(monkeypatch: pytest.MonkeyPatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    own = ["\r\x1b[K3/4 acme", "\r 50%|#####", "\n\x1b[1m\x1b[32;1mbold green\x1b[0m\ta\n"]
    with guarded():
        sys.stdout.writelines(own)
        sys.stdout.writelines(["a\x1b[8mhidden", f"b{CLEAR}", f"c{BACK}"])
    assert sys.stdout is stream
    assert stream.getvalue() == "".join(own) + "a�[8mhidden" + "b�[2J�[1A" + "c�zoo: all is well"
    assert clean_lines("Zoë 👩‍👧 猫\n\tsecond") == "Zoë 👩‍👧 猫\n\tsecond"
