"""Environments of the peers: each its own, those that run on torch on the very same one as the zoo."""

from __future__ import annotations

import subprocess
import sysconfig
import venv
from pathlib import Path

REQUIRES = {
    "keras": ["keras", "tensorflow-cpu", "pillow"],
    "lightning": ["lightning"],
    "fastai": ["fastai"],
    "transformers": ["transformers", "datasets", "accelerate"],
}
"""What is installed for a peer."""

BORROWS = ("lightning", "fastai", "transformers")
"""The peers that find the libraries of this environment beside their own, torch above all.

None of them asks for an older torch: fastai 2.8.12 says torch<3, and was tried with 2.14.1.
"""


def python_of(peer: str, home: Path) -> Path:
    """The interpreter of a peer's environment; made where there is none, or one for other requirements."""
    folder = home.absolute() / peer
    whole = folder / "installed.txt"
    wanted = "\n".join(REQUIRES[peer])
    if not whole.is_file() or whole.read_text("utf-8") != wanted:
        _make(peer, folder)
        whole.write_text(wanted, "utf-8")
    return folder / "bin" / "python"


def _make(peer: str, folder: Path) -> None:
    venv.create(folder, clear=(folder / "pyvenv.cfg").is_file(), with_pip=True)
    python = folder / "bin" / "python"
    if peer in BORROWS:  # before pip, which takes what it finds there as installed
        (packages,) = folder.glob("lib/python3*/site-packages")
        (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIRES[peer]], check=True)
