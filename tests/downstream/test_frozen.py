"""The distributions are what their authors wrote: a change of one is noticed."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LEFTOVERS = ("__pycache__", ".egg-info", "build")
RULE = (
    "tests/downstream holds distributions of third parties, frozen as they were written for 0.1. If a change of the "
    "zoo made you edit one, the change breaks existing plugins: keep the old behaviour working, or deprecate it for "
    "two minor versions. tests/downstream/README.md says when a frozen file may change."
)


def recorded(root: Path) -> dict[str, str]:
    """Path and SHA-256 of each frozen file, as ``sha256sum`` writes them."""
    lines = (root / "frozen.sha256").read_text("utf-8").splitlines()
    return {path: digest for digest, path in (line.split("  ") for line in lines)}


def present(root: Path) -> dict[str, str]:
    """Path and SHA-256 of each file of the distributions."""
    files = [path for path in sorted(root.glob("zoo-*/**/*")) if path.is_file()]
    kept = [path for path in files if not any(part.endswith(LEFTOVERS) for part in path.relative_to(root).parts)]
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}


def differences(root: Path) -> list[str]:
    """Files that have changed, are missing, or were added without being recorded."""
    old, new = recorded(root), present(root)
    changed = [f"changed: {path}" for path in sorted(old.keys() & new.keys()) if old[path] != new[path]]
    missing = [f"missing: {path}" for path in sorted(old.keys() - new.keys())]
    return changed + missing + [f"not recorded: {path}" for path in sorted(new.keys() - old.keys())]


def test_no_frozen_file_has_changed():
    found = differences(HERE)
    assert not found, "\n".join([*found, RULE])


@pytest.mark.parametrize("change", ["changed", "missing", "not recorded"])
def test_a_change_is_noticed(tmp_path: Path, change: str):
    copy = tmp_path / "downstream"
    shutil.copytree(HERE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    file = copy / "zoo-census" / "zoo_census" / "rows.py"
    if change == "changed":
        file.write_text(file.read_text("utf-8") + "\n")
    elif change == "missing":
        file.unlink()
    else:
        file = file.with_name("more.py")
        file.write_text("")
    assert differences(copy) == [f"{change}: zoo-census/zoo_census/{file.name}"]
