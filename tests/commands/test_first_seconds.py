"""The first seconds of ``zoo run`` on a terminal: a line at once, which leaves nothing behind."""

from __future__ import annotations

import os
import pty
import re
import select
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")


def typed(*words: str, where: Path, interrupt_at: bytes | None = None) -> tuple[int, str]:
    """Type a command in a terminal; press Ctrl-C once a pattern is on the screen.

    Returns:
        Its exit code, and all that it wrote.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(where)
        os.environ["TERM"] = "xterm-256color"
        os.execv(sys.executable, [sys.executable, "-m", "zoo", *words])
    seen, until = b"", time.monotonic() + 120
    while time.monotonic() < until:
        if not select.select([terminal], [], [], 1.0)[0]:
            continue
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # the terminal is closed
            break
        if not piece:
            break
        seen += piece
        if interrupt_at is not None and re.search(interrupt_at, seen):
            os.write(terminal, b"\x03")
            interrupt_at = None
    os.close(terminal)
    assert interrupt_at is None, f"not seen: {interrupt_at!r}"
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()


@pytest.mark.slow
def test_a_line_at_once_that_is_gone_before_the_error(tmp_path: Path) -> None:
    code, text = typed("run", "simple_cnn", "no_such_data", where=tmp_path)
    assert code == 2
    assert text.index("loading PyTorch …") < text.index("Unknown dataset 'no_such_data'")
    assert "\r\x1b[K" in text[text.index("loading PyTorch") : text.index("Unknown dataset")], "the line is cleared"


@pytest.mark.slow
@pytest.mark.parametrize("during", [b"loading PyTorch", b"preparing data|decoding", b"epochs, about"])
def test_ctrl_c_gives_the_cursor_back(tmp_path: Path, during: bytes) -> None:
    code, text = typed("run", "simple_cnn", "digits", where=tmp_path, interrupt_at=during)
    assert code == 130
    assert "nterrupted" in text
    assert text.rfind("\x1b[?25h") >= text.rfind("\x1b[?25l"), "the cursor is shown"


@pytest.mark.slow
def test_json_has_nothing_but_the_error(tmp_path: Path) -> None:
    code, text = typed("run", "simple_cnn", "no_such_data", "--json", where=tmp_path)
    assert code == 2
    assert "loading" not in text
