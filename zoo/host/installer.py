"""Installation and removal of distributions in the zoo's environment, by pip or uv."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import RequestError, ZooError
from zoo.host.enablement import ALLOW_LIST
from zoo.registry.entry import DISTRIBUTION

PINNED = (DISTRIBUTION, "torch", "torchvision")
"""Distributions that are pinned during the installation of a plugin; another torch may be large, or lack CUDA."""


class InstallError(ZooError):
    """Raised when the installer failed; the environment is unchanged."""


@dataclass(frozen=True)
class Tool:
    """An installer: the words of its command, and those to show to users."""

    name: str
    words: tuple[str, ...]
    shown: tuple[str, ...]

    def command(self, what: str, *rest: str) -> list[str]:
        """Command line of ``install`` or ``uninstall`` for this environment."""
        here = ["--python", sys.executable] if self.name == "uv" else ["--disable-pip-version-check", "--no-input"]
        return [*self.words, what, *here, *rest]


def find_tool() -> Tool:
    """Find pip in this environment, since it reads the user's configuration; else uv.

    Raises:
        RequestError: neither is available.
    """
    if importlib.util.find_spec("pip") is not None:
        python = "python" if shutil.which("python") == sys.executable else sys.executable
        return Tool("pip", (sys.executable, "-m", "pip"), (python, "-m", "pip"))
    if uv := shutil.which("uv"):
        return Tool("uv", (uv, "pip"), ("uv", "pip"))
    raise RequestError(
        f"Neither pip nor uv is available. Install pip into this environment: {sys.executable} -m ensurepip"
    )


def install(target: str, *, upgrade: bool = False, editable: bool = False, isolated: bool = True) -> dict[str, str]:
    """Install a requirement, a folder or a file with its dependencies.

    Args:
        target: requirement, folder or file.
        upgrade: install the newest version.
        editable: install a folder in editable mode.
        isolated: build a source folder in an isolated environment, which needs a package index.

    Returns:
        Snapshot of the environment before, for ``restore``.

    Raises:
        InstallError: the installation failed; the environment is restored.
    """
    tool, before = find_tool(), snapshot()
    words = [*(["--upgrade"] if upgrade else []), *([] if isolated else ["--no-build-isolation"])]
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder, "constraints.txt")
        pins.write_text("".join(f"{name}=={before[name]}\n" for name in PINNED if name in before))
        command = tool.command("install", *words, "-c", str(pins), *(["-e"] if editable else []), target)
        try:
            said = _run(command)
        except BaseException:
            restore(tool, before)
            raise
    if said is not None:
        restore(tool, before)
        raise InstallError(f"{tool.name} could not install {target}; nothing was changed. Its output:\n{said}")
    return before


def uninstall(distribution: str) -> None:
    """Uninstall a distribution; its dependencies stay.

    Raises:
        InstallError: the removal failed.
    """
    tool = find_tool()
    said = _run(tool.command("uninstall", *(["-y"] if tool.name == "pip" else []), distribution))
    if said is not None:
        raise InstallError(f"{tool.name} could not uninstall {distribution}. Its output:\n{said}")


def snapshot() -> dict[str, str]:
    """List all installed distributions with versions, as a fresh process sees them."""
    return dict(_fresh("zoo.host.subprocess_probe", "distributions"))


def restore(tool: Tool, before: dict[str, str]) -> None:
    """Restore the environment to a snapshot, after a partial installation."""
    after = snapshot()
    if added := sorted(after.keys() - before.keys()):
        _run(tool.command("uninstall", *(["-y"] if tool.name == "pip" else []), *added))
    changed = [f"{name}=={version}" for name, version in sorted(before.items()) if after.get(name) != version]
    if changed:
        _run(tool.command("install", "--no-deps", *changed))
    if snapshot() != before:
        raise InstallError(
            f"{tool.name} failed and left the environment changed: {', '.join([*added, *changed])}. "
            f"Type: {' '.join(tool.shown)} install --no-deps {' '.join(changed)}"
        )


def probe() -> dict[str, Any]:
    """Load every plugin in a fresh process, with name clashes; see ``zoo.host.subprocess_probe.found``."""
    return dict(_fresh("zoo.host.subprocess_probe", "plugins"))


def _fresh(module: str, *words: str) -> Any:
    environment = {k: v for k, v in os.environ.items() if k != ALLOW_LIST}
    done = subprocess.run(
        # -P: don't import from the working folder.
        [sys.executable, "-P", "-m", module, *words],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        raise ZooError(f"A fresh process of the zoo failed: {done.stderr.strip() or done.returncode}")
    return json.loads(done.stdout)


def _run(command: Sequence[str]) -> str | None:
    """Run an installer; None on success, else the end of its output."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode == 0:
        return None
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    return "\n".join(lines[-15:]) or f"nothing (exit code {done.returncode})"
