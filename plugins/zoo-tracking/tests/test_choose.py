"""Which trackers are on, by what ZOO_TRACKING says and what is installed."""

from __future__ import annotations

import importlib
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zoo_tracking.choose import TITLES, choose, installed

BOTH = {"tensorboard", "mlflow"}


@pytest.mark.parametrize(
    ("words", "here", "on"),
    [
        (None, BOTH, ["tensorboard", "mlflow"]),
        ("", {"mlflow"}, ["mlflow"]),
        ("mlflow", BOTH, ["mlflow"]),
        (" MLflow , TensorBoard ", BOTH, ["mlflow", "tensorboard"]),
        ("tensorboard,tensorboard", BOTH, ["tensorboard"]),
        ("off", BOTH, []),
        ("off", set(), []),
    ],
)
def test_what_is_obeyed_without_a_word(words, here, on):
    assert choose(words, here) == (on, [])


def test_nothing_installed_and_nothing_asked_for_is_one_line_that_says_how():
    on, (line,) = choose(None, set())
    assert on == []
    assert "tracking is off" in line
    assert "pip install 'zoo-tracking[tensorboard]'" in line
    assert "ZOO_TRACKING=off" in line


def test_what_is_asked_for_and_missing_is_told_with_the_command_that_gets_it():
    on, (line,) = choose("tensorboard,mlflow", {"mlflow"})
    assert on == ["mlflow"]
    assert "TensorBoard" in line
    assert "pip install 'zoo-tracking[tensorboard]'" in line


def test_a_wrong_word_is_told_with_the_valid_ones():
    on, (line,) = choose("tensorbord,mlflow", BOTH)
    assert on == ["mlflow"]
    assert "'tensorbord'" in line
    assert "Did you mean 'tensorboard'?" in line
    assert "tensorboard, mlflow, off" in line
    assert line.endswith("This run continues with MLflow")
    on, (line,) = choose("wandb", BOTH)
    assert on == []
    assert line.endswith("This run continues without tracking")


@given(
    st.none() | st.text() | st.lists(st.sampled_from([*TITLES, "off", "x"])).map(",".join),
    st.sets(st.sampled_from([*TITLES])),
)
def test_only_what_is_installed_is_on_and_a_line_is_a_line(words, here):
    on, lines = choose(words, here)
    assert set(on) <= here
    assert len(on) == len(set(on))
    assert all(len(line.splitlines()) == 1 for line in lines)


def test_a_folder_of_that_name_is_no_library(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    for name in ("tensorboard", "mlflow", "sqlalchemy", "alembic"):
        (tmp_path / name).mkdir()
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert installed() == set()
    (tmp_path / "tensorboard" / "__init__.py").touch()
    (tmp_path / "mlflow" / "__init__.py").touch()
    importlib.invalidate_caches()
    assert installed() == {"tensorboard"}, "MLflow needs a database beside the runs"
    assert installed("https://tracking.example") == BOTH, "and none for a server"
