"""The announcement of PyTorch's import: on a terminal, first of all, and gone before other text."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

import pytest

from zoo.reports.parts import new_console
from zoo.reports.terminal import guarded, torch_announced

ANNOUNCED = "loading PyTorch …\r\r\x1b[K"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


@contextmanager
def command(terminal: Terminal, *, silent: bool = False) -> Iterator[None]:
    """As around every command of the zoo."""
    with redirect_stdout(terminal), guarded(), torch_announced(silent=silent):
        yield


def import_torch() -> None:
    """As an import of torch begins; here it is imported already."""
    for finder in sys.meta_path:
        finder.find_spec("torch", None)


def test_other_text_replaces_it(terminal: Terminal):
    with command(terminal):
        import_torch()
        assert terminal.getvalue() == "loading PyTorch …\r"
        sys.stdout.write("one\n")
        import_torch()
        sys.stdout.write("two\n")
    assert terminal.getvalue() == f"{ANNOUNCED}one\ntwo\n"


def test_a_report_replaces_it(terminal: Terminal):
    with command(terminal):
        console = new_console(color_system=None)
        import_torch()
        console.print("one")
    assert terminal.getvalue() == f"{ANNOUNCED}one\n"


def test_an_error_replaces_it(terminal: Terminal, capsys: pytest.CaptureFixture[str]):
    with command(terminal):
        import_torch()
        sys.stderr.write("wrong\n")
        assert terminal.getvalue() == ANNOUNCED


def test_it_is_gone_at_the_end(terminal: Terminal):
    with command(terminal):
        import_torch()
    assert terminal.getvalue() == ANNOUNCED
    import_torch()
    assert terminal.getvalue() == ANNOUNCED, "announced within the block alone"


def test_it_is_the_first_text_or_none(terminal: Terminal):
    with command(terminal):
        sys.stdout.write("one\n")
        import_torch()
    assert terminal.getvalue() == "one\n"


@pytest.mark.parametrize("why", ["silent", "rank", "pipe"])
def test_where_nobody_would_read_it_there_is_none(terminal: Terminal, why: str, monkeypatch: pytest.MonkeyPatch):
    if why == "rank":
        monkeypatch.setenv("RANK", "1")
    if why == "pipe":
        monkeypatch.setattr(terminal, "isatty", lambda: False)
    with command(terminal, silent=why == "silent"):
        import_torch()
    assert terminal.getvalue() == ""
