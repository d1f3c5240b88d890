"""TAB: what a shell is told, that it is told fast and quietly, and a real bash with a real terminal."""

from __future__ import annotations

import os
import resource
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Tab = Callable[..., list[str]]


@pytest.fixture
def tab(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Tab:
    """Press TAB at the end of a line: ``tab("zoo ru") -> ["run", "runs"]``, by the protocol of bash."""
    from zoo.commands import app
    from zoo.commands.completing import answer

    def pressed(line: str, shell: str = "bash") -> list[str]:
        words = line.split(" ")
        monkeypatch.setenv("_ZOO_COMPLETE", f"{shell}_complete")
        monkeypatch.setenv("COMP_WORDS", line if shell == "fish" else "\n".join(words))
        monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words) - 1))
        capfd.readouterr()
        assert answer(app) == 0
        out, err = capfd.readouterr()
        assert err == ""
        return [item.removeprefix("plain,") for item in out.splitlines() if item]

    return pressed


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("zoo ru", ["run", "runs"]),
        ("zoo plugins un", ["uninstall"]),
        ("zoo run --ep", ["--epochs"]),
        ("zoo run simple_c", ["simple_cnn"]),
        ("zoo run simple_cnn dig", ["digits"]),
        ("zoo run simple/simple_c", ["simple/simple_cnn"]),
        ("zoo run timm/resnet18", ["timm/resnet18", "timm/resnet18d"]),
        ("zoo train resnet50.a1", ["resnet50.a1_in1k", "resnet50.a1h_in1k"]),
        ("zoo bench torchvision/alex", ["torchvision/alexnet"]),
        ("zoo run simple_cnn digits --device c", ["cpu", "cuda"]),
        ("zoo run simple_cnn digits --recipe fine_tune_", ["fine_tune_vit"]),
        ("zoo compare-architectures digits --architectures simple_cnn,simple_r", ["simple_cnn,simple_rnn"]),
        ("zoo info cross_en", ["cross_entropy"]),
        ("zoo list opt", ["optimizer"]),
        ("zoo plugins disable ti", ["timm"]),
        ("zoo plugins install ke", ["keras"]),
        ("zoo cache list st", ["stores"]),
        ("zoo completion f", ["fish"]),
        ("zoo run simple_cnn ./", ["file,./"]),
        ("zoo nothing-like-it ", []),
        ("zoo run simple_cnn digits too_m", []),
    ],
)
def test_what_could_stand_there(tab: Tab, line: str, found: list[str]):
    assert [item for item in tab(line) if "convit" not in item] == found


def test_every_member_of_a_family(tab: Tab):
    from zoo.host.loader import open_registry

    registry = open_registry()
    for kind, plugin, line in (("architecture", "timm", "zoo run "), ("dataset", "torchvision", "zoo data check ")):
        members = {entry.id for entry in registry.entries(kind) if entry.origin.plugin == plugin}
        assert set(tab(f"{line}{plugin}/")) == members
    assert len(tab("zoo run ")) < 20, "not a thousand names when nothing is typed"


def test_runs_and_folders_of_the_working_folder(tab: Tab):
    for name in ("brave-otter", "brave-newt", "calm-yak"):
        (Path("runs") / name).mkdir(parents=True)
        (Path("runs") / name / "job.yaml").write_text("")
    (Path("runs") / "brave-no-run").mkdir()
    for line in (
        "zoo evaluate ",
        "zoo predict ",
        "zoo export ",
        "zoo runs show ",
        "zoo run --resume ",
        "zoo runs compare ",
    ):
        assert tab(f"{line}brave") == ["brave-newt", "brave-otter"], line
    (Path("elsewhere") / "zebra").mkdir(parents=True)
    (Path("elsewhere") / "zebra" / "job.yaml").write_text("")
    assert tab("zoo runs show --out elsewhere ") == ["zebra"]
    Path("my_photos").mkdir()
    Path("job.yaml").write_text("")
    assert tab("zoo run simple_cnn my_") == ["my_photos"]
    assert tab("zoo run job.") == ["job.yaml"]


def test_plugins_bring_commands_and_names(tab: Tab, make_plugin):
    make_plugin(
        "acme",
        "from zoo.plugin import Architecture, Command, hookimpl\nprint('hello')\n"
        "@hookimpl\ndef zoo_architectures():\n    yield Architecture('acme_net', 'zoo_acme:net', summary='Leaves')\n"
        "@hookimpl\ndef zoo_commands():\n    yield Command('acme-report', 'zoo_acme:report')\n",
    )
    assert tab("zoo acme") == ["acme-report"]
    assert tab("zoo run acme_") == ["acme_net"]
    assert tab("zoo plugins enable ac") == ["acme"]


def test_what_is_broken_says_nothing(tab: Tab, make_plugin):
    make_plugin("acme", "import sys; sys.stderr.write('noise'); raise SystemExit(3)\n")
    assert tab("zoo run simple_c") == ["simple_cnn"]
    Path("registry.yaml").write_text("nonsense: [")
    assert tab("zoo run simple_c") == []
    assert tab("zoo run --ep") == ["--epochs"], "what needs no registry.yaml"


def test_other_shells_are_told_what_a_name_is(tab: Tab):
    for shell in ("zsh", "fish"):
        told = "\n".join(tab("zoo run simple_c", shell))
        assert "simple_cnn" in told
        assert "convolutions" in told, "its summary"


def test_the_console_script_answers_a_shell_fast():
    """Processor time, which others on the machine don't change; nothing heavy is imported."""
    asked = {"_ZOO_COMPLETE": "bash_complete", "COMP_WORDS": "zoo\nrun\ntimm/resnet1", "COMP_CWORD": "2"}
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-m", "zoo"], env={**os.environ, **asked}, capture_output=True, text=True, check=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert "plain,timm/resnet18\n" in done.stdout
        assert done.stderr == ""
    assert min(spent) < 0.5, "it was 0.2 s on two cores"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_printed(zoo, shell):
    code, out, _ = zoo("completion", shell)
    assert code == 0
    assert f"_ZOO_COMPLETE={shell}_complete" in out
    if program := shutil.which(shell):
        subprocess.run([program, "-n"], input=out, text=True, check=True)


@pytest.mark.parametrize(
    ("shell", "place", "left"),
    [
        ("bash", ".local/share/bash-completion/completions/zoo", "source "),
        ("zsh", ".zfunc/_zoo", "autoload -Uz compinit && compinit"),
        ("fish", ".config/fish/completions/zoo.fish", "Start a new shell to use it."),
    ],
)
def test_it_is_installed_where_the_shell_looks(zoo, refused, monkeypatch, shell, place, left):
    monkeypatch.setenv("HOME", str(Path.cwd()))
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "ZDOTDIR", "BASH_COMPLETION_USER_DIR"):
        monkeypatch.delenv(name, raising=False)
    for _ in range(2):  # a newer one takes its place
        code, out, err = zoo("completion", "--install")
        assert code == 0, err
        assert left in out
    assert "_ZOO_COMPLETE" in Path(place).read_text()
    Path(place).write_text("mine")
    assert "was not changed" in refused("completion", shell, "--install")
    assert Path(place).read_text() == "mine"


def test_a_home_that_cannot_be_written(refused, monkeypatch):
    Path("file").write_text("")
    monkeypatch.setenv("HOME", str(Path("file").resolve()))
    monkeypatch.delenv("ZDOTDIR", raising=False)
    assert "zoo completion zsh > FILE" in refused("completion", "zsh", "--install", code=1)


def test_which_shell(refused, monkeypatch):
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert "'tcsh' is not supported" in refused("completion")
    monkeypatch.delenv("SHELL")
    assert "zoo completion bash" in refused("completion")
    assert "'bash', 'zsh', 'fish'" in refused("completion", "tcsh")


def test_a_real_bash_with_a_real_terminal(tmp_path):
    """Typed letter by letter into bash, with TAB; what it makes of the line is what the shell then runs."""
    import pty

    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    (tmp_path / "zoo").write_text(f'#!/bin/sh\nexec {sys.executable} -m zoo "$@"\n')
    (tmp_path / "zoo").chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PS1": "> ", "TERM": "dumb", "COLUMNS": "200"}
    main, side = pty.openpty()
    shell = subprocess.Popen(
        [bash, "--norc", "--noprofile", "-i"], stdin=side, stdout=side, stderr=side, env=env, start_new_session=True
    )
    os.close(side)
    seen = ""

    def until(text: str) -> None:
        nonlocal seen
        end = time.monotonic() + 30
        while text not in seen:
            assert time.monotonic() < end, seen
            if select.select([main], [], [], 0.1)[0]:
                seen += os.read(main, 4096).decode("utf-8", "replace")

    try:
        os.write(main, b'source <(zoo completion bash) && echo re"ady"\n')
        until("ready")
        os.write(main, b"echo zoo; zoo plugins unin\t")
        until("zoo plugins uninstall")
        os.write(main, b"\x15zoo info cross_en\t")
        until("zoo info cross_entropy")
        os.write(main, b"--help\n")
        until("Show a component")
        os.write(main, b"exit\n")
        shell.wait(10)
    finally:
        shell.kill()
        shell.wait()
        os.close(main)
