"""Turning plugins off and on in the user's registry.yaml: that list changes, and no other line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo.host import enablement
from zoo.registry.config import open_shelf, user_path

TEXTS = {
    "alias": "aliases: {architecture: {r: timm/resnet18}}",
    "block": "# mine\nplugins:\n  disable:\n    - a\n    - b\naliases: {}  # none\n",
    "flow": "plugins: {disable: [a]} # why\nversion: 1\n",
    "empty plugins": "plugins: {}\nversion: 1\n",
    "null plugins": "plugins:\nversion: 1\n",
    "null list": "version: 1\nplugins:\n  disable:\n# the end\n",
    "indented by none": "plugins:\n  disable:\n  - q\nversion: 1\n",
}


def write(text: str) -> Path:
    user_path().parent.mkdir(parents=True, exist_ok=True)
    user_path().write_text(text)
    return user_path()


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_only_the_list_changes(text: str):
    path = write(text)
    before = yaml.safe_load(text)
    enablement.turn_off("acme")
    changed = yaml.safe_load(path.read_text())
    assert open_shelf().disabled == {"acme", *((before.get("plugins") or {}).get("disable") or ())}
    assert {k: v for k, v in changed.items() if k != "plugins"} == {k: v for k, v in before.items() if k != "plugins"}
    for comment in ("# mine", "# none", "# why", "# the end"):
        assert (comment in text) == (comment in path.read_text())
    assert enablement.turn_on("acme")
    assert open_shelf().disabled == set((before.get("plugins") or {}).get("disable") or ())
    assert not enablement.turn_on("acme"), "it was on already"


def test_a_file_made_for_it_goes_with_it():
    assert not user_path().exists()
    assert enablement.turn_off("acme") == user_path()
    assert open_shelf().disabled == {"acme"}
    enablement.turn_on("acme")
    assert not user_path().exists()


NAMES = st.lists(st.sampled_from(["ant", "bee", "cat-1", "d.o_g"]), max_size=8)


@pytest.mark.slow
@given(names=NAMES, text=st.sampled_from([*TEXTS.values(), ""]))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_turning_ends_as_it_should(names: list[str], text: str):
    write(text)
    off = set(open_shelf().disabled)
    for name in names:
        if name in off:
            assert enablement.turn_on(name)
        else:
            enablement.turn_off(name)
        off ^= {name}
        assert open_shelf().disabled == off
    user_path().unlink(missing_ok=True)


def test_what_another_file_turns_off_is_said(zoo):
    Path("registry.yaml").write_text("plugins: {disable: [timm]}")
    code, _, err = zoo("plugins", "enable", "timm")
    assert code == 2
    assert "'timm' is also disabled in" in err
    assert "registry.yaml: remove it from plugins: disable there" in err


def test_a_folder_that_cannot_be_written(zoo, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    code, _, err = zoo("plugins", "disable", "timm")
    assert code == 1
    assert "can't be written (Not a directory)" in err
    assert "plugins: {disable: [timm]}" in err
