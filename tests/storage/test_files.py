"""Files are written whole or not at all, and JSON is strict."""

from __future__ import annotations

import json
import math
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import OutputError
from zoo.storage.files import (
    append_json_line,
    atomic,
    cache_folder,
    dump_json,
    finite,
    is_temporary,
    sweep,
    write_json,
    write_text,
)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "out"
    path.mkdir()
    return path


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_written_file_takes_the_place_of_the_old_one(folder: Path):
    target = folder / "result.json"
    write_text(target, "old")
    with atomic(target) as file:
        file.write(b"new")
        assert target.read_text() == "old", "the old file stands until the block is over"
    assert target.read_text() == "new"
    assert names_in(folder) == ["result.json"]


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt(), SystemExit(1)])
def test_a_raise_in_the_block_leaves_the_old_file_and_nothing_else(folder: Path, error: BaseException):
    target = folder / "result.json"
    write_text(target, "old")

    def fail_halfway() -> None:
        with atomic(target) as file:
            file.write(b"half of the n")
            raise error

    with pytest.raises(type(error)):
        fail_halfway()
    assert target.read_text() == "old"
    assert names_in(folder) == ["result.json"]


def test_a_raise_in_the_block_of_a_new_file_leaves_none(folder: Path):
    with pytest.raises(RuntimeError), atomic(folder / "new.bin"):
        raise RuntimeError
    assert names_in(folder) == []


def test_others_may_read_what_the_umask_lets_them(folder: Path):
    before = os.umask(0o022)
    try:
        write_text(folder / "a", "")
        os.umask(0o077)
        write_text(folder / "b", "")
    finally:
        os.umask(before)
    assert [stat.S_IMODE((folder / name).stat().st_mode) for name in "ab"] == [0o644, 0o600]


@pytest.mark.parametrize("write", [write_text, write_json, append_json_line])
def test_a_folder_that_cannot_be_written_is_named(write: Any, folder: Path):
    write_text(folder / "file", "")
    for target in (folder / "file" / "result.json", folder / "missing" / "result.json"):
        with pytest.raises(OutputError, match=r"can't be written: (Not a directory|No such file)") as caught:
            write(target, "text")
        assert str(target.parent) in str(caught.value)
        assert "--out" in str(caught.value)
        assert caught.value.exit_code == 1


def test_a_name_that_is_a_folder_is_refused_and_left_alone(folder: Path):
    (folder / "taken").mkdir()
    with pytest.raises(OutputError, match="taken can't be written: Is a directory"):
        write_text(folder / "taken", "text")
    assert names_in(folder) == ["taken"]


FULL = """
import resource, sys
from pathlib import Path
from zoo.errors import OutputError
from zoo.storage.files import append_json_line, write_text
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
target = Path(sys.argv[1])
for write, what in ((write_text, "x" * 5000), (append_json_line, "x" * 5000)):
    try:
        write(target, what)
    except OutputError as error:
        print(error)
"""


def test_a_full_disk_leaves_the_old_file(folder: Path):
    """A limit on the size of files is as a full disk: the write itself fails."""
    target = folder / "result.json"
    write_text(target, "old\n")
    done = subprocess.run([sys.executable, "-c", FULL, target], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert f"{target} can't be written: File too large" in first
    assert "File too large" in second
    assert target.read_text().startswith("old\n")
    assert names_in(folder) == ["result.json"]


def test_what_json_has_no_number_for_becomes_null(folder: Path):
    write_json(folder / "a.json", {"loss": math.nan, "rates": (0.5, math.inf, [-math.inf]), "accent": "é"})
    text = (folder / "a.json").read_text("utf-8")
    assert json.loads(text) == {"loss": None, "rates": [0.5, None, [None]], "accent": "é"}
    assert "é" in text
    assert text.endswith("}\n")


@given(value=values)
def test_any_value_is_strict_json_and_comes_back(value: Any):
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    text = dump_json(value, indent=None)
    assert "\n" not in text, "a line of metrics.jsonl is one line"
    assert json.loads(text, parse_constant=refuse) == finite(value)


def test_lines_are_appended_in_order(folder: Path):
    for epoch in (1, 2, 3):
        append_json_line(folder / "metrics.jsonl", {"epoch": epoch, "val": {"loss": math.nan}})
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"epoch": e, "val": {"loss": None}} for e in (1, 2, 3)]


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere"
    monkeypatch.delenv("ZOO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder().name == "visionzoo"


def test_what_is_no_plain_file_is_written_to_and_stays(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with atomic(pipe) as file:
        file.write(b"through")
    assert os.read(reader, 99) == b"through"
    os.close(reader)
    assert pipe.is_fifo()
    with atomic(Path(os.devnull)) as file:
        file.write(b"gone")
    assert Path(os.devnull).is_char_device()


def test_only_what_the_zoo_itself_left_half_written_is_swept(folder: Path):
    for name in (".env.template", ".bashrc.original", ".notes.a1b2c3d4", "result.json"):
        (folder / name).write_text("mine")
    (folder / ".model.onnx.a1b2c3d4").mkdir()
    killed = atomic(folder / "result.json")
    killed.__enter__()
    before = names_in(folder)
    sweep(folder)
    assert names_in(folder) == [name for name in before if not is_temporary(Path(name))]
    assert len(names_in(folder)) == len(before) - 1, "the half-written file is gone, and nothing else"
    assert (folder / "result.json").read_text() == "mine"


def test_no_other_file_is_open_to_all_while_one_is_written(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """umask() is of the whole process: to ask for it is to change it, and other threads make files meanwhile."""
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("the umask was changed"))
    write_text(folder / "a", "")
