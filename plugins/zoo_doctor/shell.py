"""Checks of the shell: the terminal, its encoding, and the ``zoo`` found on PATH."""

from __future__ import annotations

import locale
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from zoo_doctor.finding import Diagnosis

GROUP = "Shell"
_NARROW = 60


def path() -> Iterator[Diagnosis]:
    """Check that the ``zoo`` found on PATH belongs to this installation."""
    mine = Path(sys.executable).absolute().parent
    found = shutil.which("zoo")
    first = (("use this one", f'export PATH={shlex.quote(str(mine))}:"$PATH"'),)
    if found is None:
        there = mine / "zoo"
        text = f"zoo is not on PATH; this one is {there}" if there.exists() else "zoo is not on PATH"
        yield Diagnosis(GROUP, "path", "warning", f"{text}.", first if there.exists() else ())
    elif Path(found).absolute().parent not in (mine, mine.resolve()) and not _runs_here(Path(found)):
        text = f"Another zoo is first on PATH: {found}; this one is {mine}."
        yield Diagnosis(GROUP, "path", "warning", text, first)
    else:
        yield Diagnosis(GROUP, "path", "ok", f"zoo is {found}")


def _runs_here(script: Path) -> bool:
    """Check for a script in another folder that runs with this interpreter, such as a link of pipx or uv."""
    try:
        with script.open("rb") as file:
            line = file.readline(500).decode("utf-8", "replace")
    except OSError:
        return False
    words = line.removeprefix("#!").split()
    return bool(words) and Path(words[0]).parent == Path(sys.executable).parent


def characters() -> Iterator[Diagnosis]:
    """Check that the output, file names and locale use UTF-8."""
    spoken = {"output": sys.stdout.encoding or "", "files": sys.getfilesystemencoding()}
    spoken["locale"] = locale.getpreferredencoding(False)
    others = [f"{what} {name}" for what, name in spoken.items() if name.lower().replace("-", "") != "utf8"]
    if others:
        text = f"Not everything uses UTF-8: {', '.join(others)}. Names of classes and files may be wrong."
        yield Diagnosis(GROUP, "characters", "warning", text, (("in this shell", "export PYTHONUTF8=1"),))
    else:
        yield Diagnosis(GROUP, "characters", "ok", "UTF-8 for output and file names")


def terminal() -> Iterator[Diagnosis]:
    """Check the terminal's width and colour support."""
    columns = shutil.get_terminal_size().columns
    seen = sys.stdout.isatty()
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb" or not seen
    text = f"{columns} columns, {'no colours' if plain else 'in colour'}{'' if seen else '; this is not a terminal'}"
    if columns < _NARROW:
        remedies = (("or widen the window", "export COLUMNS=100"),)
        yield Diagnosis(GROUP, "terminal", "warning", f"{text}: too narrow for tables.", remedies)
    else:
        yield Diagnosis(GROUP, "terminal", "ok", text)
