"""A package that has the name of a plugin's, and stands in front of it: it is found before any of its code is run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.host.loader import discover

PLUGIN = """
from zoo.plugin import Loss, hookimpl

@hookimpl
def zoo_losses():
    yield Loss("sure", "zoo_acme:sure", summary="Cross entropy")
"""
EVIL = "from pathlib import Path\nPath({owned!r}).touch()\n"


@pytest.fixture
def owned(tmp_path: Path) -> Path:
    """The file that a shadow leaves behind where its code is run."""
    return tmp_path / "owned"


@pytest.mark.parametrize("place", ["zoo_losses.py", "zoo_losses/__init__.py"])
def test_a_folder_with_a_package_of_the_zoos_name(owned: Path, place: str):
    """``python -m zoo`` looks into the working folder first."""
    Path(place).parent.mkdir(exist_ok=True)
    Path(place).write_text(EVIL.format(owned=str(owned)), "utf-8")
    done = subprocess.run([sys.executable, "-m", "zoo", "list", "loss"], capture_output=True, text=True, check=False)
    assert not owned.exists(), done.stderr
    assert "plugin 'losses' (visionzoo) was set aside" in done.stderr
    assert str(Path(place).absolute().parent) in done.stderr
    subprocess.run([sys.executable, "-c", "import zoo_losses"], env={**os.environ, "PYTHONPATH": "."}, check=False)
    assert owned.exists(), "the attack works on a host that trusts it"


def test_another_plugin_is_not_shadowed_either(
    make_plugin: Callable[..., Path], tmp_path: Path, owned: Path, monkeypatch: pytest.MonkeyPatch
):
    site = make_plugin("acme", PLUGIN)
    (site / "zoo_acme-1.2.3.dist-info" / "RECORD").write_text("zoo_acme.py,,\nzoo_acme-1.2.3.dist-info/METADATA,,\n")
    (acme,) = (plugin for plugin in discover() if plugin.name == "acme")
    assert acme.state == "enabled", acme.problem
    del sys.modules["zoo_acme"]
    front = tmp_path / "front"
    front.mkdir()
    (front / "zoo_acme.py").write_text(EVIL.format(owned=str(owned)), "utf-8")
    monkeypatch.syspath_prepend(front)
    (acme,) = (plugin for plugin in discover() if plugin.name == "acme")
    assert acme.state == "failed"
    assert acme.phase == "find"
    assert str(front / "zoo_acme.py") in str(acme.problem)
    assert str(site / "zoo_acme.py") in str(acme.problem)
    assert not owned.exists()


def test_a_plugin_that_is_installed_editable_is_where_its_link_leads(make_plugin: Callable[..., Path]):
    """Its distribution lists a .pth file, and none of its modules."""
    site = make_plugin("acme", PLUGIN)
    (site / "zoo_acme-1.2.3.dist-info" / "RECORD").write_text("_zoo_acme.pth,,\nzoo_acme-1.2.3.dist-info/METADATA,,\n")
    (acme,) = (plugin for plugin in discover() if plugin.name == "acme")
    assert acme.state == "enabled", acme.problem
