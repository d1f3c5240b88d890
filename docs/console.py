"""The console blocks of the book: read from a page, typed into a real bash, compared, written back.

python docs/console.py PAGE…           run a page's blocks, and write into it and its translation what was printed
python docs/console.py --check PAGE…   only compare, as tests/test_book.py does

A page needs the photographs (``<!-- page: photos -->``)? They are in ZOO_TEST_PHOTOS, the weights in ZOO_TEST_WEIGHTS.
CONTRIBUTING.md describes how a block is written, likeness.py how it is compared.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.append(str(HERE))

import likeness  # noqa: E402
import translation  # noqa: E402

LIMIT_S = 400.0  # for one command
QUIET_S = 40.0  # that a server prints nothing more, though not what the page says
ENDING_S = 30.0  # for a server that is told to end
FENCE = re.compile(
    r"(?P<notes>(?:^[ ]*<!--(?:(?!-->).)*-->[ ]*\n\s*?)*)"
    r"^(?P<indent>[ ]*)(?P<ticks>```+)(?P<language>[\w-]*)[^\n]*\n(?P<body>.*?)^(?P=indent)(?P=ticks)[ ]*$",
    re.MULTILINE | re.DOTALL,
)
NOTE = re.compile(r"<!--\s*(before|exit|not run|background|file)\b:?\s*(.*?)\s*-->", re.DOTALL)
MARKS = re.compile(r"<!--\s*page:\s*(.*?)\s*-->")


class Wrong(Exception):
    """A page that can't be run as it is written."""


@dataclass
class Command:
    """What is typed, what the page says is printed, and the exit code that it has."""

    text: str
    shown: list[str]
    line: int
    code: int = 0


@dataclass
class Block:
    """A fenced block, with what the comments above it say."""

    body: str
    start: int  # of the body, in the page's text
    indent: str
    line: int
    console: bool
    notes: dict[str, str]
    commands: list[Command] = field(default_factory=list)


@dataclass
class Page:
    path: Path
    text: str
    marks: set[str]
    blocks: list[Block]


def read_page(path: Path) -> Page:
    """The blocks of a page that are run: its console blocks, and those that are written to a file."""
    text = path.read_text("utf-8")
    marks = {word for words in MARKS.findall(text) for word in words.split()}
    blocks = [block for found in FENCE.finditer(text) if (block := _block(found))]
    return Page(path, text, marks, blocks)


def _block(found: re.Match[str]) -> Block | None:
    notes = dict(NOTE.findall(found["notes"]))
    console = found["language"] == "console"
    if not console and not notes.keys() & {"file", "before"}:
        return None
    line = found.string.count("\n", 0, found.start("indent")) + 1
    block = Block(found["body"], found.start("body"), found["indent"], line, console, notes)
    if console:
        block.commands = list(_commands(_lines(block), line))
        codes = [int(code) for code in notes.get("exit", "").split()]
        for command, code in zip(reversed(block.commands), reversed(codes), strict=False):
            command.code = code
    return block


def _lines(block: Block) -> list[str]:
    """The body's lines, without the indent of a block in a list."""
    return [line.removeprefix(block.indent) for line in block.body.splitlines()]


def _commands(lines: list[str], first: int) -> Iterator[Command]:
    command: Command | None = None
    for number, line in enumerate(lines, first + 1):
        if line.startswith("$ "):
            if command:
                yield command
            command = Command(line[2:], [], number)
        elif command is None:
            raise Wrong(f"line {number}: a console block begins with what is typed: $ COMMAND")
        elif line.startswith("> ") and not command.shown and command.text.endswith("\\"):
            command.text += "\n" + line[2:]
        else:
            command.shown.append(line)
    if command:
        yield command


class World:
    """What a page finds: a working folder, a home, a cache and programs of its own."""

    def __init__(self, folder: Path, marks: set[str], photos: Path | None = None, weights: Path | None = None):
        self.folder, self.work = folder, folder / "work"
        for name in ("work", "home", "bin", "console"):
            (folder / name).mkdir()
        self.python = _environment(folder / "environment") if "environment" in marks else Path(sys.executable)
        self._programs()
        if photos:
            (self.work / "photos").symlink_to(photos.resolve())
        if weights:
            (self.work / "lite0.safetensors").symlink_to(weights.resolve() / "tf_efficientnet_lite0.safetensors")

    def _programs(self) -> None:
        """``zoo`` is the code under test, whether it is installed or on PYTHONPATH."""
        for name, words in {
            "python": "",
            "python3": "",
            "pip": "-m pip",
            "pytest": "-m pytest",
            "zoo": "-P -m zoo",
        }.items():
            program = self.folder / "bin" / name
            program.write_text(f'#!/bin/sh\nexec "{self.python}" {words} "$@"\n')
            program.chmod(0o755)

    def environment(self) -> dict[str, str]:
        # In CI, pytest cuts no line to the terminal's width; colours and a terminal can be asked for by a variable.
        words = ("CI", "BUILD_NUMBER", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "LINES")
        dropped = ("ZOO_", "XDG_", "PYTEST_", "OMP_", "PIP_", "COV_", "TTY_")
        env = {key: value for key, value in os.environ.items() if key not in words and not key.startswith(dropped)}
        path = os.pathsep.join(map(str, (self.folder / "bin", Path(sys.executable).parent, env.get("PATH", ""))))
        imports = [str(Path(each).resolve()) for each in env.get("PYTHONPATH", "").split(os.pathsep) if each]
        return env | {
            "PATH": path,
            "PYTHONPATH": os.pathsep.join(imports),
            "PYTHONUNBUFFERED": "1",  # else what goes to stdout comes after all of stderr
            "HOME": str(self.folder / "home"),
            "REPOSITORY": str(HERE.parent),  # for what comes before a block, hidden
            "ZOO_CACHE": str(self.folder / "cache"),
            "ZOO_OFFLINE": "1",
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it so: no isolation, for nothing can be fetched
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "COLUMNS": "80",
            "TERM": "dumb",
            "LC_ALL": "C.UTF-8",
        }

    def said(self, text: str) -> list[str]:
        """Lines as a page has them: paths without this world's own folders."""
        home, cache = (str(self.folder / name) for name in ("home", "cache"))
        short = {f"{self.work}/": "", str(self.work): ".", home: "~", cache: "~/.cache/zoo", f"{HERE.parent}/": ""}
        for path, words in short.items():
            text = text.replace(path, words)
        text = text.replace("\r", "\n")
        return [line.rstrip() for line in text.rstrip().splitlines()]


def _environment(home: Path) -> Path:
    """A virtual environment that sees what this one has; what is installed there stays there."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    (site,) = home.glob("lib/python*/site-packages")
    (site / "parent.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    return home / "bin" / "python"


class Shell:
    """One bash for a page: ``cd`` and ``export`` last from one command to the next."""

    def __init__(self, world: World):
        self.world, self.number = world, 0
        self.servers: list[tuple[int, str, Path]] = []
        self.bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=world.work,
            env=world.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def run(self, command: str) -> tuple[int, list[str]]:
        """Type a command and wait for it: its exit code, and what it printed."""
        typed, printed = self._files(command)
        code = self._ask(f". {typed} > {printed} 2>&1 < /dev/null; echo $?", command, printed)
        return code, self.world.said(printed.read_text("utf-8", "replace"))

    def start(self, command: Command) -> list[str]:
        """Start a server, and wait till it has printed what the page says."""
        typed, printed = self._files(command.text)
        say = f"set -m; ( . {typed} ) > {printed} 2>&1 < /dev/null & disown; echo $!; set +m"
        process = self._ask(say, command.text, printed)
        self.servers.append((process, command.text, printed))
        began = changed = time.monotonic()
        said: list[str] = []
        while time.monotonic() < began + LIMIT_S / 4 and _alive(process):
            before, said = said, self.world.said(printed.read_text("utf-8", "replace"))
            if said and likeness.alike(command.shown, said):
                break
            if said != before:
                changed = time.monotonic()
            elif said and time.monotonic() > changed + QUIET_S:
                break  # it says something else
            time.sleep(0.1)
        return said

    def _files(self, command: str) -> tuple[Path, Path]:
        self.number += 1
        typed, printed = (self.world.folder / "console" / f"{self.number}.{end}" for end in ("typed", "printed"))
        typed.write_text(command + "\n")
        printed.touch()
        return typed, printed

    def _ask(self, line: str, command: str, printed: Path) -> int:
        assert self.bash.stdin is not None
        assert self.bash.stdout is not None
        self.bash.stdin.write(line.encode() + b"\n")
        self.bash.stdin.flush()
        ready, _, _ = select.select([self.bash.stdout], [], [], LIMIT_S)
        answer = self.bash.stdout.readline().strip() if ready else b""
        if not answer:
            why = "ended the shell" if ready else f"was not done after {LIMIT_S:.0f} s"
            raise Wrong(f"$ {command}\n{why}, and had printed:\n{printed.read_text('utf-8', 'replace')}")
        return int(answer)

    def stop_servers(self) -> list[str]:
        """Ctrl-C for each; those that don't end by it, with what they printed."""
        stuck = []
        for process, command, printed in self.servers:
            _signal(process, signal.SIGINT)
            until = time.monotonic() + ENDING_S
            while _alive(process) and time.monotonic() < until:
                time.sleep(0.05)
            if _alive(process):
                stuck.append(f"$ {command}\n{printed.read_text('utf-8', 'replace')}")
                _signal(process, signal.SIGKILL)
        return stuck

    def close(self) -> None:
        """End what is left, however it holds on."""
        for process, *_ in self.servers:
            _signal(process, signal.SIGKILL)
        _signal(self.bash.pid, signal.SIGKILL)
        self.bash.communicate()


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@dataclass
class Outcome:
    """A command, and what became of it."""

    command: Command
    code: int
    printed: list[str]

    @property
    def complaint(self) -> str | None:
        """What is wrong with the page, or nothing."""
        shown, at = self.command.shown, f"line {self.command.line}: $ {self.command.text}\n"
        if self.code != self.command.code:
            return f"{at}exit code {self.code}, not {self.command.code}. It printed:\n" + "\n".join(self.printed)
        if not likeness.alike(shown, self.printed):
            return f"{at}- the page  + what was printed\n" + likeness.difference(shown, self.printed)
        if far := likeness.far(shown, self.printed):
            pairs = ", ".join(f"{page}% on the page, {real}% now" for page, real in far)
            return f"{at}more than {likeness.POINTS:.0f} points apart: {pairs}"
        return None


def run_page(page: Page, world: World) -> Iterator[Outcome]:
    """Everything on a page, in its order.

    Raises:
        Wrong: a hidden command failed, a command took too long, a server didn't end.
    """
    shell = Shell(world)
    try:
        for block in page.blocks:
            if "not run" not in block.notes:
                yield from _run_block(block, shell)
        if stuck := shell.stop_servers():
            raise Wrong(f"not ended by Ctrl-C within {ENDING_S:.0f} s:\n" + "\n".join(stuck))
    finally:
        shell.close()


def _run_block(block: Block, shell: Shell) -> Iterator[Outcome]:
    if hidden := block.notes.get("before"):
        code, printed = shell.run(hidden)
        if code:
            raise Wrong(f"line {block.line}: what comes before has exit code {code}:\n{hidden}\n" + "\n".join(printed))
    if file := block.notes.get("file"):
        target = shell.world.work / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join(_lines(block)) + "\n", "utf-8")
    if "background" in block.notes:
        (command,) = block.commands
        yield Outcome(command, 0, shell.start(command))
    else:
        for command in block.commands:
            yield Outcome(command, *shell.run(command.text))


def refreshed(page: Page, outcomes: list[Outcome]) -> tuple[str, list[Command]]:
    """The page's text with what was really printed, and the commands whose ``…`` stands where it may not belong."""
    by_line, lost, text = {outcome.command.line: outcome for outcome in outcomes}, [], page.text
    for block in reversed(page.blocks):
        if not block.console or "not run" in block.notes:
            continue
        lines: list[str] = []
        for command in block.commands:
            printed = by_line[command.line].printed
            kept = likeness.elided(command.shown, printed)
            if kept is None and likeness.GAP in command.shown:
                lost.append(command)
                kept = likeness.aligned(command.shown, printed)
            blank = command.shown[-1:] == [""] and command is not block.commands[-1]
            lines += [f"$ {command.text}".replace("\n", "\n> "), *(printed if kept is None else kept), *[""] * blank]
        body = "".join(f"{block.indent if line else ''}{line}\n" for line in "\n".join(lines).split("\n"))
        text = text[: block.start] + body + text[block.start + len(block.body) :]
    return text, lost[::-1]


def _one(path: Path, check: bool) -> bool:
    """Run a page from the command line; is all well?"""
    page, began, say = read_page(path), time.monotonic(), sys.stdout.write
    given = {name: Path(os.environ.get(f"ZOO_TEST_{name.upper()}", "")) for name in ("photos", "weights")}
    if "photos" not in page.marks:
        given = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            outcomes = list(run_page(page, World(Path(folder).resolve(), page.marks, **given)))
        except Wrong as wrong:
            say(f"{path}: {wrong}\n")
            return False
        codes = [outcome for outcome in outcomes if outcome.code != outcome.command.code]
        complaints = [complaint for outcome in (outcomes if check else codes) if (complaint := outcome.complaint)]
        say("".join(f"{path}, {complaint}\n\n" for complaint in complaints))
    say(f"{path}: {len(outcomes)} commands in {time.monotonic() - began:.1f} s\n")
    if not check and not codes:
        text, lost = refreshed(page, outcomes)
        path.write_text(text, "utf-8")
        translation.update(path)
        for command in lost:
            say(f"{path}, line {command.line}: lines around its … have changed: read where it stands now\n")
    return not complaints


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("pages", nargs="+", type=Path, metavar="PAGE")
    parser.add_argument("--check", action="store_true", help="only compare, write nothing")
    options = parser.parse_args()
    if shutil.which("bash") is None:
        parser.error("there is no bash here to type into")
    well = [_one(path, options.check) for path in options.pages]
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())
