"""zoo run … --seeds N or --folds N with --merge leaves one more run beside the repeated ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import zoo as api
from zoo.errors import RequestError
from zoo.storage.safe_yaml import read_mapping

from .conftest import TINY


def command(trained: Path, data: str, name: str, *more: str) -> tuple[str, ...]:
    return ("run", "simple_cnn", str(trained / data), *TINY, "--name", name, *more)


@pytest.mark.slow
def test_folds_are_merged_into_one_run(zoo, trained, read_result):
    code, _, error = zoo(*command(trained, "whole", "f", "--folds", "2", "--merge", "ensemble"))
    assert code == 0, error
    assert sorted(path.name for path in Path("runs").iterdir()) == ["f", "f-ensemble", "f-fold1", "f-fold2"]
    notices = json.loads(Path("runs/f/summary.json").read_text())["notices"]
    assert any("Merged into runs/f-ensemble" in text for text in notices)
    assert "merge" not in read_mapping(Path("runs/f-fold1/job.yaml"))
    assert read_mapping(Path("runs/f/repeated.yaml"))["merge"]["name"] == "ensemble"
    assert zoo("run", "--resume", "f", "--quiet")[0] == 0
    assert read_result("runs/f-ensemble")["run"] == "f-ensemble"


@pytest.mark.slow
def test_seeds_from_the_same_weights_become_a_soup(zoo, trained, runs):
    words = command(trained, "three", "s", "--seeds", "2", "--merge", "soup", "--weights", "runs/a")
    assert zoo(*words)[0] == 0
    notices = json.loads(Path("runs/s/summary.json").read_text())["notices"]
    kept = Path("runs/s-soup").is_dir()
    assert any(("Merged into" if kept else "was not kept") in text for text in notices)


@pytest.mark.slow
def test_from_python(trained):
    words = {"recipe": "none", "image_size": 12, "epochs": 1, "batch_size": 8, "lr": 0.02}
    network = {"architecture": {"name": "simple_cnn", "channels": [4], "global_pool": "avg"}}
    found = api.run(dataset=trained / "whole", folds=2, merge="ensemble", name="p", **network, **words)
    assert any("Merged into" in text for text in found["notices"])
    assert Path("runs/p-ensemble/model/model.safetensors").is_file()
    with pytest.raises(RequestError, match="needs repeated runs"):
        api.run(dataset=trained / "whole", merge="ensemble", **network, **words)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--merge", "ensemble"), ("--merge ensemble needs repeated runs", "--seeds N")),
        (("--folds", "2", "--merge", "soup"), ("--folds share no validation images", "--merge ensemble")),
        (("--seeds", "2", "--merge", "soup"), ("chance level", "--weights FILE")),
        (("--seeds", "2", "--merge", "soup", "--weights", "{runs}/a"), ("no val split", "val folder")),
        (("--folds", "2", "--merge", "soupe"), ("Unknown merger 'soupe'", "Did you mean 'soup'")),
    ],
)
def test_what_can_not_be_merged_is_refused_before_training(refused, trained, more, words):
    more = tuple(word.replace("{runs}", str(trained / "runs")) for word in more)
    error = refused(*command(trained, "whole", "x", *more))
    for word in words:
        assert word in error


def test_the_name_of_the_merged_run_must_be_free(refused, trained):
    Path("runs/x-ensemble").mkdir(parents=True)
    error = refused(*command(trained, "whole", "x", "--folds", "2", "--merge", "ensemble"))
    assert "'x-ensemble' exists" in error
    error = refused(*command(trained, "whole", "x", "--folds", "2", "--merge", "ensemble", "--overwrite"))
    assert "'x-ensemble' exists" in error, "it is no merged run, and would be lost"


@pytest.mark.slow
def test_a_merge_that_fails_can_be_repeated(zoo, trained, monkeypatch):
    from zoo.errors import OutputError
    from zoo_merge import merging, repeated

    def full(*_: object, **__: object) -> None:
        raise OutputError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(repeated, "merge_runs", full)
        code, _, error = zoo(*command(trained, "whole", "f", "--folds", "2", "--merge", "ensemble"))
    assert code == 1
    assert "after all 2 runs, which are kept" in error
    assert "zoo run --resume runs/f" in error
    assert repeated.merge_runs is merging.merge_runs
    assert zoo("run", "--resume", "f", "--quiet")[0] == 0
    assert Path("runs/f-ensemble/result.json").is_file()
