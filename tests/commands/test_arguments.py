"""Words of a command line that click can't express."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from zoo.commands.arguments import tidy_arguments

NAMED = click.Command("run", params=[click.Option(["--resume"]), click.Argument(["words"], nargs=-1)])
FLAG = click.Command("press", params=[click.Option(["--resume"], is_flag=True), click.Argument(["words"], nargs=-1)])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--resume"], ["--resume", "."]),
        (["--resume", "--quiet"], ["--resume", ".", "--quiet"]),
        (["--resume", "mine"], ["--resume", "mine"]),
        (["--name", "n", "--resume", "simple_cnn"], ["--name", "n", "--resume", ".", "simple_cnn"]),
        (["simple_cnn"], ["simple_cnn"]),
    ],
)
def test_a_resume_without_a_run_means_the_named_one(words, expected):
    assert tidy_arguments(words, NAMED) == expected


def test_a_run_that_exists_is_the_one_to_resume():
    Path("runs/mine").mkdir(parents=True)
    Path("runs/mine/job.yaml").write_text("")
    words = ["--name", "n", "--resume", "mine"]
    assert tidy_arguments(words, NAMED) == words


def test_a_flag_of_that_name_takes_no_run():
    """``zoo press photos --resume`` got the image ``.`` in addition."""
    assert tidy_arguments(["photos", "--resume"], FLAG) == ["photos", "--resume"]
