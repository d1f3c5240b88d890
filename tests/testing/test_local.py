"""``zoo plugins check local``: the components of registry.yaml pass the checks of a plugin's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Zoo = Callable[..., tuple[int, str, str]]

CODE = """
import torch

class Mine:
    \"\"\"Cross-entropy.\"\"\"

    def __call__(self, logits, targets):
        if logits.ndim != 2:
            raise KeyError("nope")
        return torch.nn.functional.cross_entropy(logits, targets)

class Broken:
    \"\"\"A loss with an error.\"\"\"

    def __call__(self, logits, targets):
        raise KeyError("nope")
"""


@pytest.fixture
def local() -> None:
    Path("parts.py").write_text(CODE)
    Path("registry.yaml").write_text(
        "components:\n  loss:\n    mine: {target: './parts.py:Mine'}\n    broken: {target: './parts.py:Broken'}\n"
        "    strong: {base: focal, params: {gamma: 5.0}}\n"
    )


@pytest.mark.usefixtures("local")
def test_local_components_are_checked_and_errors_have_their_line(zoo: Zoo):
    code, out, err = zoo("plugins", "check", "local", "--json")
    assert code == 1, err
    rows = json.loads(out)
    assert {row["component"] for row in rows} == {"local/mine", "local/broken", "local/strong"}
    failed = [row for row in rows if row["outcome"] == "failed"]
    assert {row["component"] for row in failed} == {"local/broken"}
    assert any("parts.py" in row["message"] and "line 16" in row["message"] for row in failed), failed


def test_without_local_components_it_says_where_they_are_declared(refused: Callable[..., str]):
    assert "registry.yaml" in refused("plugins", "check", "local")
