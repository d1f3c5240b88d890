"""Progress of ``zoo plugins check``: on a terminal only, and gone when it is done."""

from __future__ import annotations

import io
import re
import sys

import pytest
from rich.console import Console

from zoo.reports.check_progress import TerminalProgress
from zoo.reports.checks import CheckProgress
from zoo.testing import Check, CheckFailed, run_checks


def fails() -> None:
    raise CheckFailed("it is wrong.")


def two_checks(seen: list[str], stream: io.StringIO, progress: TerminalProgress) -> list[Check]:
    """Two checks that note what is on the terminal while they run."""

    def look() -> None:
        progress._bar.refresh()
        seen.append(re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", stream.getvalue().split("\r")[-1]))

    def look_and_fail() -> None:
        look()
        fails()

    return [Check("loss", "acme/a", "a scalar", look_and_fail), Check("loss", "acme/b", "finite", look)]


def test_the_running_check_and_the_number_of_finished_ones_are_shown():
    stream, seen = io.StringIO(), []
    progress = TerminalProgress(2, Console(file=stream, force_terminal=True, width=80))
    with progress:
        run_checks(two_checks(seen, stream, progress), progress.tell, progress.begin)
    assert "0/2" in seen[0]
    assert "loss acme/a: a scalar" in seen[0]
    assert "1/2" in seen[1]
    assert "1 failed" in seen[1]
    assert "loss acme/b: finite" in seen[1]
    assert stream.getvalue().endswith("\x1b[2K"), "the line is erased"


def test_a_name_with_control_characters_reaches_the_terminal_clean():
    stream = io.StringIO()
    progress = TerminalProgress(1, Console(file=stream, force_terminal=True, width=80))
    with progress:
        progress.begin(Check("loss", "acme/\x1b]0;x\x07", "[red]it[/red]", fails))
        progress._bar.refresh()
    assert "\x1b]0;" not in stream.getvalue()
    assert "[red]it" in stream.getvalue()


def test_nothing_is_shown_in_a_pipe(zoo, monkeypatch: pytest.MonkeyPatch):
    from zoo.commands.plugins import _progress

    assert type(_progress(3)) is CheckProgress
    code, out, err = zoo("plugins", "check", "losses/focal")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith("loss losses/focal")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert type(_progress(3)) is TerminalProgress
