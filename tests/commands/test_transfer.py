"""Beginning with weights, typed as a user would: a frozen backbone, fine-tuning, and files that don't fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

NET = "timm/test_efficientnet"
COMPUTING = "computing train features"
QUICK = ("--epochs", "2", "--image-size", "32", "--name", "r", "--set", "data.in_chans=3")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A backbone whose weights come from elsewhere, with a head of other classes."""
    import timm

    torch.manual_seed(3)
    model = timm.create_model("test_efficientnet", num_classes=7)
    path = tmp_path / "backbone.safetensors"
    save_file(model.state_dict(), path)
    return path


def result(zoo: Any, *words: object) -> dict[str, Any]:
    code, out, err = zoo("run", NET, "digits", *QUICK, *words, "--json")
    assert code == 0, err
    return json.loads(out)


def test_a_frozen_backbone_is_computed_once_and_the_bundle_is_whole(zoo: Any, weights: Path):
    ran = result(zoo, "--weights", weights, "--freeze", "backbone")
    assert ran["job"]["recipe"] == "linear_probe"
    began = ran["model"]["weights"]
    assert began["fresh"] == ["classifier.weight", "classifier.bias"]
    mine, theirs = load_file(Path(ran["dir"]) / "model" / "model.safetensors"), load_file(weights)
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[k], theirs[k]) for k in mine if not k.startswith("classifier"))
    assert mine["classifier.weight"].shape[0] == 10
    measured = json.loads(zoo("evaluate", "r", "--json")[1])["metrics"]["val"]
    assert measured["accuracy"] == pytest.approx(ran["metrics"]["val"]["accuracy"], abs=0.003)
    assert measured["loss"] == pytest.approx(ran["metrics"]["val"]["loss"], rel=1e-3)


@pytest.mark.slow
def test_features_are_kept_for_the_next_head(zoo: Any, weights: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ZOO_CACHE", str(weights.parent / "cache"))
    words = ("run", NET, "digits", *QUICK, "--weights", weights, "--freeze", "backbone", "--overwrite")
    assert COMPUTING in "".join(zoo(*words)[1:])
    code, *said = zoo(*words, "--lr", "0.1")
    assert code == 0
    assert COMPUTING not in "".join(said)
    other = load_file(weights)
    other["conv_stem.weight"] += 1
    save_file(other, weights)
    assert COMPUTING in "".join(zoo(*words)[1:]), "other weights, other features"


@pytest.mark.slow
def test_features_give_what_the_whole_network_gives(zoo: Any, weights: Path):
    """Alone or with its frozen backbone before it, the head learns the same."""
    words = ("--weights", weights, "--freeze", "backbone", "--set", "train.sampler=balanced")
    alone = result(zoo, *words)
    # An augmentation that does nothing: the images could differ, so the network runs whole.
    whole = result(zoo, *words, "--set", "augment=[{name: shift, fraction: 0.0}]", "--overwrite")
    for a, b in zip(alone["epochs"], whole["epochs"], strict=True):
        assert a["train"]["loss"] == pytest.approx(b["train"]["loss"], rel=1e-3)
        assert a["val"]["loss"] == pytest.approx(b["val"]["loss"], rel=1e-3)


@pytest.mark.slow
def test_fine_tuning_moves_everything_and_a_run_can_be_what_another_begins_with(zoo: Any, weights: Path):
    ran = result(zoo, "--weights", weights)
    assert ran["job"]["recipe"] == "fine_tune"
    mine, theirs = load_file(Path(ran["dir"]) / "model" / "model.safetensors"), load_file(weights)
    assert not torch.equal(mine["conv_stem.weight"], theirs["conv_stem.weight"])
    words = ("--epochs", "1", "--image-size", "32", "--weights", "r", "--set", "data.in_chans=3", "--json")
    again = json.loads(zoo("run", NET, "digits", *words)[1])
    assert again["model"]["weights"]["fresh"] == [], "the same classes: the head goes on"
    assert again["epochs"][0]["val"]["accuracy"] > ran["epochs"][0]["val"]["accuracy"]


@pytest.mark.slow
def test_what_is_frozen_for_good_stays_and_what_is_let_go_learns(zoo: Any, weights: Path):
    theirs = load_file(weights)
    for words, moved in (((), False), (("--set", "train.freeze_epochs=1", "--set", "train.monitor=train/loss"), True)):
        ran = result(zoo, "--weights", weights, "--freeze", "1", "--overwrite", *words)
        mine = load_file(Path(ran["dir"]) / "model" / "model.safetensors")
        assert torch.equal(mine["conv_stem.weight"], theirs["conv_stem.weight"]) is not moved
        assert not torch.equal(mine["conv_head.weight"], theirs["conv_head.weight"])


@pytest.mark.slow
def test_the_jobs_own_file_does_it_again(zoo: Any, weights: Path):
    words = ("--weights", weights, "--freeze", "backbone")
    straight = result(zoo, *words)
    assert straight["job"]["weights"] == str(weights), "absolute, so that job.yaml does it again from anywhere"
    again = zoo("run", "runs/r/job.yaml", "--name", "again", "--json")[1]
    assert json.loads(again)["metrics"]["val"]["loss"] == straight["metrics"]["val"]["loss"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--weights", "nowhere.pth"), "There are no weights at 'nowhere.pth'"),
        (("--weights", "README.txt"), "can't be read as weights"),
        (("--weights", "other.safetensors"), "doesn't fit the network"),
        (("--freeze", "all"), "train.freeze must be backbone or a number of blocks of at least 1, not 'all'."),
        (("--freeze", "0"), "train.freeze must be backbone or a number of blocks of at least 1, not 0."),
        (("--freeze", "99"), "blocks before its last layer"),
        (("--pretrained", "--weights", "other.safetensors"), "zoo: pretrained and weights can't be combined."),
    ],
)
def test_what_does_not_fit_is_told_in_a_sentence(zoo: Any, words: tuple[str, ...], said: str):
    Path("README.txt").write_text("no weights")
    save_file({"conv.weight": torch.zeros(1)}, Path("other.safetensors"))
    code, _, err = zoo("run", NET, "digits", *QUICK, *words)
    assert code == 2
    assert said in err
    assert "Traceback" not in err
    assert not Path("runs/r").exists()


def test_a_network_without_pretrained_weights_says_so(zoo: Any):
    code, _, err = zoo("run", "simple_cnn", "digits", "--pretrained", "--epochs", "1")
    assert code == 2
    assert "has no pretrained weights. Give a file: --weights FILE" in err


def test_classes_are_weighed_once(zoo: Any):
    words = ("--epochs", "1", "--set", f"loss.class_weights={[1] * 10}", "--set", "train.class_weights=balanced")
    code, _, err = zoo("run", "simple_cnn", "digits", *words)
    assert code == 2
    assert "remove one of them" in err


def test_where_pretrained_is_said(zoo: Any):
    code, _, err = zoo("run", NET, "digits", "--set", "architecture.pretrained=true")
    assert code == 2
    assert "architecture.pretrained is set elsewhere in the job. Type: --pretrained" in err


def test_a_loss_that_can_not_weigh_classes_says_what_can(zoo: Any):
    words = ("--epochs", "1", "--set", "loss=soft_f1", "--set", "train.class_weights=balanced")
    code, _, err = zoo("run", "simple_cnn", "digits", *words)
    assert code == 2
    assert "train.sampler=balanced" in err
