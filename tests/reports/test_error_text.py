"""Error messages: laid out for a terminal, one paragraph in a pipe, and every command whole."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from zoo.__main__ import main
from zoo.errors import Interrupted
from zoo.reports.error_text import error_lines, split_commands
from zoo.reports.parts import new_console


def laid_out(text: str, width: int = 80) -> list[str]:
    console = new_console(io.StringIO(), width=width)
    return [line.plain.rstrip() for line in error_lines(text, console, "red")]


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("There is no run 'x'. See: zoo runs list", ["zoo runs list"]),
        ("It is off. Type: pip install 'visionzoo[export]'", ["pip install 'visionzoo[export]'"]),
        ("Go on with: zoo run --resume runs/x; or give a --name.", ["zoo run --resume runs/x"]),
        ("Which run: zoo run --resume RUN, or --name NAME --resume.", ["zoo run --resume RUN"]),
        ("It fails — see: zoo plugins doctor x", ["zoo plugins doctor x"]),
        (
            "Give a folder: zoo run simple_cnn ./a.b/c --lr 0.1. For more see the book.",
            ["zoo run simple_cnn ./a.b/c --lr 0.1"],
        ),
        ("Name it: zoo run cnn FOLDER, or zoo data check FOLDER", ["zoo run cnn FOLDER", "zoo data check FOLDER"]),
        ("Give another: export ZOO_CACHE=FOLDER", ["export ZOO_CACHE=FOLDER"]),
        ("zoo serve needs packages that are not here. Train or export a model", []),
        ("The zoo needs it. Nothing to type here, and no type", []),
        ("./photos: no such folder", []),
    ],
)
def test_commands_are_found_whole(text: str, commands: list[str]) -> None:
    pieces = split_commands(text)
    assert [piece for piece, is_command in pieces if is_command] == commands
    if not commands:
        assert pieces == [(text, False)]


@given(
    st.lists(st.sampled_from(["a.b", "See:", "zoo", "or", "(x)", "…", "猫", "run", ";", "Type:", "word,"]), max_size=12)
)
def test_no_word_but_an_announcement_is_lost(words: list[str]) -> None:
    kept = " ".join(piece for piece, _ in split_commands(" ".join(words))).split()
    for word in ("a.b", "zoo", "(x)", "…", "猫", "run", "word,"):
        assert sum(each.strip("().,;") == word.strip("().,;") for each in kept) == words.count(word)


def test_lines_hang_and_words_stay_whole() -> None:
    folder = "/a/" + "long/" * 20 + "folder"
    valid = ", ".join(["caltech101"] * 12)
    text = f"Unknown dataset 'x' in {folder}. Valid are: {valid}. See: zoo list dataset. Or a folder."
    first, *others = laid_out(text)
    assert first.startswith("zoo: Unknown")
    assert all(line.startswith("     ") for line in others)
    assert any(line.split() == [f"{folder}."] for line in others), "a long path has its own line"
    assert "       zoo list dataset" in others
    assert all(cell_len(line) <= 80 for line in others if folder not in line)


def test_a_long_command_is_one_line() -> None:
    command = "zoo run simple_cnn " + "photos/" * 20 + " --epochs 3"
    assert f"       {command}" in laid_out(f"It was another job. Resume it as it was: {command}")


def test_paragraphs_with_bullets_hang_below_their_text() -> None:
    lines = laid_out("The job has 2 problems:\n  · --set: unknown key, " + "and so on " * 9 + "\n  · another")
    assert lines[1].startswith("       · --set")
    assert lines[2].startswith("         and")
    assert lines[-1] == "       · another"


def test_wide_characters_count_as_two_columns() -> None:
    lines = laid_out("没有名为“小猫”的数据集。" * 8)
    assert len(lines) > 2
    assert max(map(cell_len, lines)) <= 80


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run a command line whose stderr is a terminal of 80 columns; returns what it wrote there."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def run(*words: str, code: int = 2) -> str:
        with contextlib.redirect_stderr(Terminal()) as written:
            assert main([*words]) == code
        return written.getvalue()

    return run


def test_a_terminal_gets_colour_and_a_command_to_copy(terminal: Callable[..., str]) -> None:
    text = terminal("runs", "show", "nothing")
    assert text.startswith("\x1b[1;31mzoo: \x1b[0m")
    assert "\n     \x1b[1m  zoo runs list\x1b[0m\n" in text


def test_no_color_and_dumb_terminals(terminal: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "31m" not in terminal("runs", "show", "nothing")
    monkeypatch.setenv("TERM", "dumb")
    assert terminal("runs", "show", "nothing") == "zoo: There is no run 'nothing'. See: zoo runs list\n"


def test_a_pipe_gets_one_paragraph(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "show", "nothing"]) == 2
    assert capsys.readouterr().err == "zoo: There is no run 'nothing'. See: zoo runs list\n"


def test_an_interruption_is_no_error_in_red(terminal: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: object) -> None:
        raise Interrupted("Interrupted after 3 of 60 epochs. Go on with: zoo run --resume runs/x")

    monkeypatch.setattr("zoo.commands.app", interrupted)
    text = terminal(code=130)
    assert text.startswith("\x1b[1;33mzoo: ")
    assert "  zoo run --resume runs/x" in text
