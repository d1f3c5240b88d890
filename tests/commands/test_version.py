"""``zoo --version``: a first line for programs, a second for people."""

from __future__ import annotations

import platform
import re
from importlib import metadata

import zoo as package


def test_the_first_line_is_the_version_and_nothing_else(zoo):
    code, out, err = zoo("--version")
    assert (code, err) == (0, "")
    first, second = out.splitlines()
    assert first == f"zoo {package.__version__}"
    assert f"Python {platform.python_version()}" in second
    assert f"torch {metadata.version('torch')}" in second


def test_the_version_is_one_that_installers_order():
    from packaging.version import Version

    assert str(Version(package.__version__)) == package.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+|\.dev\d+)?", package.__version__)
