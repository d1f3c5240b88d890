"""Which recipe a job takes when it asks for none."""

from __future__ import annotations

import pytest

from zoo.errors import RegistryFileError
from zoo.job.recipes import own_recipe, settings
from zoo.job.resolve import Request, resolve
from zoo.registry import open_registry
from zoo.shelf import read_layer

RECIPES = {
    "net+pets": {"train": {"epochs": 3}},
    "net+*": {},
    "*+pets": {},
    "probe": {"when": {"freeze": "backbone"}},
    "tune": {"when": {"trained": True}},
    "tune_vit": {"when": {"trained": True, "architecture": ["fam/vit_*"]}},
}


@pytest.mark.parametrize(
    ("layer", "recipe"),
    [
        ({"architecture.name": "net", "dataset.name": "pets"}, "net+pets"),
        ({"architecture.name": "net", "dataset.name": "cars"}, "net+*"),
        ({"architecture.name": "other", "dataset.name": "pets"}, "*+pets"),
        ({"architecture.name": "other", "dataset.name": "cars"}, None),
        ({"architecture.name": "net", "dataset.name": "pets", "weights": "a.pth"}, "tune"),
        ({"architecture.name": "net", "dataset.name": "pets", "pretrained": True}, "tune"),
        ({"architecture.name": "net", "dataset.name": "pets", "pretrained": False}, "net+pets"),
        ({"architecture.name": "fam/vit_b", "dataset.name": "pets", "pretrained": True}, "tune_vit"),
        ({"architecture.name": "net", "dataset.name": "pets", "train.freeze": "backbone"}, "probe"),
        ({"architecture.name": "net", "dataset.name": "pets", "train.freeze": 3}, "net+pets"),
    ],
)
def test_the_job_decides(layer: dict[str, object], recipe: str | None):
    assert own_recipe(RECIPES, [layer], lambda kind, name: [name]) == recipe


def test_a_higher_layer_has_the_word():
    layers = [{"pretrained": True}, {"architecture.name": "net", "dataset.name": "pets", "pretrained": False}]
    assert own_recipe(RECIPES, layers, lambda kind, name: [name]) == "tune"


def test_conditions_are_no_part_of_a_job():
    assert settings({"when": {}, "summary": "", "expect": {}, "train": {"lr": 1}}) == {"train": {"lr": 1}}


@pytest.mark.parametrize(
    ("options", "recipe"),
    [
        ({"architecture": "timm/resnet18"}, "timm/*+*"),
        ({"architecture": "timm/resnet18", "pretrained": True}, "fine_tune"),
        ({"architecture": "timm/vit_tiny_patch16_224", "pretrained": True}, "fine_tune_vit"),
        ({"architecture": "torchvision/vit_b_16", "weights": "w.pth"}, "fine_tune_vit"),
        (
            {"architecture": "timm/vit_tiny_patch16_224", "pretrained": True, "train": {"freeze": "backbone"}},
            "linear_probe",
        ),
        ({"architecture": "simple_cnn"}, "simple_cnn+digits"),
    ],
)
def test_the_shipped_recipes(options: dict[str, object], recipe: str):
    resolved = resolve(Request(options={**options, "dataset": "digits"}), open_registry())
    assert resolved.job.recipe == recipe


def test_what_a_user_freezes_is_frozen_for_good():
    options = {"architecture": "timm/resnet18", "dataset": "digits", "pretrained": True}
    of_the_recipe = resolve(Request(options=options), open_registry()).job.train
    assert (of_the_recipe.freeze, of_the_recipe.freeze_epochs) == ("backbone", 1)
    mine = resolve(Request(options={**options, "train": {"freeze": 3}}), open_registry()).job.train
    assert (mine.freeze, mine.freeze_epochs) == (3, None)
    nothing = Request(options={**options}, sets=("train.freeze=null",))
    assert resolve(nothing, open_registry()).job.train.freeze_epochs is None
    both = resolve(
        Request(options={**options, "train": {"freeze": 3}}, sets=("train.freeze_epochs=2",)), open_registry()
    )
    assert both.job.train.freeze_epochs == 2


def test_a_condition_that_does_not_exist_is_told(tmp_path):
    path = tmp_path / "registry.yaml"
    path.write_text("recipes: {mine: {when: {frozen: backbone}}}\n")
    with pytest.raises(
        RegistryFileError, match=r"unknown condition of recipes: mine: when 'frozen'\. Did you mean 'freeze'"
    ):
        read_layer(path)
