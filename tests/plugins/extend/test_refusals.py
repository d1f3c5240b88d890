"""Requests that ``zoo extend`` refuses, each in a paragraph, with nothing left on the disk."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

Refused = Callable[..., str]
Pictures = Callable[..., Path]


@pytest.fixture
def copied(pair_run: Path) -> Path:
    """A copy of the run, to be damaged."""
    Path("runs").mkdir()
    return Path(shutil.copytree(pair_run, "runs/pair"))


def card_of(run: Path, **changed: Any) -> None:
    file = run / "model" / "zoo.json"
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **changed}), "utf-8")


def test_a_run_that_is_not_there(refused: Refused, pictures: Pictures):
    assert "There is no run 'pai'" in refused("extend", "pai", pictures("blue"))


def test_no_folder(refused: Refused, pair_run: Path):
    assert "FOLDER" in refused("extend", pair_run)


def test_a_class_of_the_run(refused: Refused, pair_run: Path, pictures: Pictures):
    assert "The run has the class 'red' already" in refused("extend", pair_run, pictures("red"))


def test_one_picture(refused: Refused, pair_run: Path, pictures: Pictures):
    assert "has one picture" in refused("extend", pair_run, pictures("blue", 1))


def test_pictures_that_cannot_be_decoded(refused: Refused, pair_run: Path, pictures: Pictures):
    """Too many by the run's rules."""
    folder = pictures("blue", 10)
    (folder / "003.png").write_bytes(b"no picture")
    assert "images can't be decoded" in refused("extend", pair_run, folder)


def test_too_few_that_can_be_decoded(refused: Refused, copied: Path, pictures: Pictures):
    job = (copied / "job.yaml").read_text("utf-8").replace("max_bad_fraction: 0.01", "max_bad_fraction: 0.9")
    (copied / "job.yaml").write_text(job, "utf-8")
    folder = pictures("blue", 2)
    (folder / "000.png").write_bytes(b"no picture")
    said = refused("extend", copied, folder)
    assert "can't be decoded" in said or "It needs 2 readable pictures or more" in said


def test_a_name_that_is_taken(refused: Refused, copied: Path, pictures: Pictures):
    said = refused("extend", copied, pictures("blue"), "--name", "pair")
    assert "'pair' exists in runs. Give another --name, or replace it with --overwrite." in said
    Path("runs/mine").mkdir()
    said = refused("extend", copied, pictures("white"), "--name", "mine", "--overwrite")
    assert "runs/mine is not the folder of a run; it was not changed" in said


def test_a_multi_label_model(refused: Refused, copied: Path, pictures: Pictures):
    card_of(copied, task="multi-label", thresholds=[0.5, 0.5])
    said = refused("extend", copied, pictures("blue"))
    assert "zoo extend adds classes to single-label models, and" in said
    assert "is multi-label." in said
    assert "label them, and train with --weights RUN" in said


def test_a_bundle_without_a_run(refused: Refused, copied: Path, pictures: Pictures):
    said = refused("extend", copied / "model", pictures("blue"))
    assert "has no job.yaml, so its images are unknown" in said
    assert "--freeze backbone" in said


def test_an_exported_file(refused: Refused, copied: Path, pictures: Pictures, zoo: Any):
    assert zoo("export", copied, "--format", "safetensors")[0] == 0
    file = next(path for path in copied.iterdir() if path.suffix == ".safetensors")
    assert "is an exported file, which has no last layer to extend" in refused("extend", file, pictures("blue"))


def test_images_of_the_run_that_have_moved(refused: Refused, copied: Path, pictures: Pictures, pair: Path, zoo: Any):
    job = (copied / "job.yaml").read_text("utf-8").replace(str(pair), "/nowhere/pair")
    (copied / "job.yaml").write_text(job, "utf-8")
    said = refused("extend", copied, pictures("blue"), "--refit")
    assert "The images of the run's classes are needed" in said
    assert "Where they have moved: --data FOLDER" in said
    assert zoo("extend", copied, pictures("blue"), "--data", pair, "--name", "wider")[0] == 0


def test_images_of_other_classes(refused: Refused, pair_run: Path, pictures: Pictures, colours: Path):
    said = refused("extend", pair_run, pictures("white"), "--data", colours)
    assert "The images are of blue, green, red, but the run's classes are green, red" in said


def test_prototypes_and_another_head(refused: Refused, pair_run: Path, pictures: Pictures):
    said = refused("extend", pair_run, pictures("blue"), "--prototypes", "--head", "knn")
    assert "Leave out one of --prototypes and --head knn" in said


def test_logits_that_change_from_call_to_call(
    refused: Refused, pair_run: Path, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
):
    """The check of the bits can fail."""
    from zoo_extend.heads import WiderHead

    monkeypatch.setattr(WiderHead, "forward", lambda self, features, old: torch.cat([old + 1e-6, old[:, :1]], dim=1))
    said = refused("extend", pair_run, pictures("blue"), code=1)
    assert "The old classes' logits differ by up to" in said
    assert "Nothing was written. To fit the whole head again: --refit" in said


def test_a_network_without_a_last_layer(pair_run: Path):
    from torch import nn

    from zoo.api.jobs import components, make_request, resolve
    from zoo.api.running import Observer
    from zoo.errors import RequestError
    from zoo_extend.features import ModelFeatures

    resolved = resolve(make_request({}, file=pair_run / "job.yaml"), components())
    with pytest.raises(RequestError, match=r"simple_cnn can't be extended: .* Give the network a method"):
        ModelFeatures(resolved, nn.Flatten(), 2, Observer())


def test_a_folder_of_the_new_class_that_is_gone(refused: Refused, pair_run: Path, pictures: Pictures, zoo: Any):
    folder = pictures("blue")
    assert zoo("extend", pair_run, folder, "--name", "wider")[0] == 0
    shutil.rmtree(folder)
    said = refused("evaluate", "runs/wider")
    assert f"The pictures of 'blue' were in {folder}, which is not there" in said
