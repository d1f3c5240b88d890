"""``zoo completion``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from zoo.errors import OutputError, RequestError

SHELLS = ("bash", "zsh", "fish")
_MARK = "_ZOO_COMPLETE"


@click.command(name="completion")
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@click.option("--install", is_flag=True, help="Install the script, and print the remaining steps.")
def completion(shell: str | None, install: bool) -> None:
    """Print or install the shell completion script.

    It completes commands, options, components, runs and plugins. The default shell is that of the variable SHELL. To
    try it in the current shell: source <(zoo completion bash)
    """
    from zoo.commands.completing import script

    shell = shell or _shell()
    text = script(shell, click.get_current_context().find_root().command)
    if not install:
        click.echo(text)
        return
    path = _script_path(shell)
    _write(path, text, shell)
    click.echo(f"Wrote {path}.")
    for line in _remaining_steps(shell, path):
        click.echo(line)


def _shell() -> str:
    name = Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise RequestError(
            f"The shell is unknown: {f'{name!r} is not supported' if name else 'SHELL is not set'}. Choose one of "
            f"{', '.join(SHELLS)}: zoo completion bash"
        )
    return name


def _script_path(shell: str) -> Path:
    """Path from which the shell loads completions for ``zoo``."""
    home = Path.home()
    if shell == "bash":
        data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
        return Path(os.environ.get("BASH_COMPLETION_USER_DIR") or data / "bash-completion") / "completions" / "zoo"
    if shell == "zsh":
        return Path(os.environ.get("ZDOTDIR") or home) / ".zfunc" / "_zoo"
    return Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "fish" / "completions" / "zoo.fish"


def _write(path: Path, text: str, shell: str) -> None:
    from zoo.storage.files import write_text

    try:
        if path.exists() and _MARK not in path.read_text("utf-8", "replace"):
            raise RequestError(f"{path} exists and is not from the zoo; it was not changed. Move it first.")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text + "\n")
    except (OSError, OutputError) as error:
        reason = getattr(error.__cause__ or error, "strerror", None) or error
        raise OutputError(
            f"{path} can't be written: {reason}. Write it elsewhere: zoo completion {shell} > FILE"
        ) from error


def _remaining_steps(shell: str, path: Path) -> list[str]:
    if shell == "bash":
        return [
            "Start a new shell to use it. Without bash-completion, add to ~/.bashrc:",
            f"  source {path}",
        ]
    if shell == "zsh":
        return [
            "Add to ~/.zshrc, before any call of compinit:",
            f"  fpath+=({path.parent})",
            "  autoload -Uz compinit && compinit",
        ]
    return ["Start a new shell to use it."]
