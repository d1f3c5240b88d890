"""Which recipe a job takes when it asks for none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from zoo.errors import RegistryFileError
from zoo.host.loader import open_registry
from zoo.job.recipes import own_recipe, settings
from zoo.job.request import Request
from zoo.job.resolve import resolve
from zoo.registry.config import read_layer, user_path

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


DATA = {
    "net+*": {},
    "net+pets": {},
    "small": {"when": {"architecture": ["net"], "image_size": {"at_most": 48}}},
    "drawn": {"when": {"architecture": ["net"], "dataset": ["pets"], "source": "drawn"}},
    "many": {"when": {"images": {"at_least": 1000, "at_most": 5000}}},
    "named": {"when": {"architecture": ["old"]}},
    "old+pets": {},
    "tune": {"when": {"trained": True}},
}


@pytest.mark.parametrize(
    ("layer", "facts", "recipe"),
    [
        ({"architecture.name": "net", "dataset.name": "cars"}, {"image_size": 28}, "small"),
        ({"architecture.name": "net", "dataset.name": "cars"}, {"image_size": 64}, "net+*"),
        ({"architecture.name": "net", "dataset.name": "cars"}, {}, "net+*"),
        ({"architecture.name": "net", "dataset.name": "pets"}, {"image_size": 28}, "net+pets"),
        ({"architecture.name": "net", "dataset.name": "pets"}, {"source": "drawn"}, "drawn"),
        ({"architecture.name": "net", "dataset.name": "pets"}, {"source": "photos"}, "net+pets"),
        ({"architecture.name": "any", "dataset.name": "cars"}, {"images": 1000}, "many"),
        ({"architecture.name": "any", "dataset.name": "cars"}, {"images": 5001}, None),
        ({"architecture.name": "net", "dataset.name": "cars"}, {"images": 1000, "image_size": 28}, "small"),
        ({"architecture.name": "old", "dataset.name": "pets"}, {}, "named"),
        ({"architecture.name": "net", "dataset.name": "pets", "weights": "w"}, {"image_size": 28}, "tune"),
    ],
)
def test_facts_of_the_data_decide_too(layer: dict[str, object], facts: dict[str, object], recipe: str | None):
    assert own_recipe(DATA, [layer], lambda kind, name: [name], facts.get) == recipe


def test_a_fact_is_asked_for_only_where_a_recipe_needs_it():
    asked: list[str] = []
    own_recipe(DATA, [{"architecture.name": "net", "dataset.name": "cars"}], lambda kind, name: [name], asked.append)
    assert "source" not in asked, "another dataset's"
    assert "image_size" in asked


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("image_size: 48", "recipes: mine: when: image_size must be a mapping"),
        ("images: {least: 3}", "unknown word of recipes: mine: when: images 'least'"),
    ],
)
def test_a_range_that_is_none_is_told(tmp_path, when: str, told: str):
    path = tmp_path / "registry.yaml"
    path.write_text(f"recipes: {{mine: {{when: {{{when}}}}}}}\n")
    with pytest.raises(RegistryFileError, match=re.escape(told)):
        read_layer(path)


def test_a_local_dataset_declares_its_symmetries(tmp_path, make_folder):
    folder = make_folder({"train/a": 6, "train/b": 6, "val/a": 2, "val/b": 2}, size=100)
    spec = {"base": "image_folder", "params": {"root": str(folder)}, "symmetries": []}
    Path("registry.yaml").write_text(yaml.safe_dump({"components": {"dataset": {"letters": spec}}}))
    registry = open_registry()
    assert registry.find("dataset", "letters").component.symmetries == ()
    job = resolve(Request(options={"architecture": "simple_cnn", "dataset": "letters"}), registry).job
    assert job.augment[0].params["flip"] is False


def test_symmetries_are_a_datasets(tmp_path):
    path = tmp_path / "registry.yaml"
    path.write_text("components: {loss: {mine: {base: focal, symmetries: []}}}\n")
    with pytest.raises(RegistryFileError, match="symmetries is only valid for a dataset"):
        read_layer(path)


LATER = {"*+*": {}, "any_net": {"when": {"architecture": ["net"]}}, "mine": {"when": {"trained": True}}, "net+*": {}}


@pytest.mark.parametrize(
    ("layer", "later", "recipe"),
    [
        ({"architecture.name": "fam/vit_b", "dataset.name": "pets", "pretrained": True}, ["mine"], "mine"),
        ({"architecture.name": "fam/vit_b", "dataset.name": "cars"}, ["mine"], None),
        ({"architecture.name": "net", "dataset.name": "pets", "train.freeze": "backbone"}, ["any_net"], "any_net"),
        ({"architecture.name": "net", "dataset.name": "pets"}, ["net+*"], "net+*"),
        ({"architecture.name": "net", "dataset.name": "pets"}, ["net+*", "any_net"], "any_net"),
        ({"architecture.name": "net", "dataset.name": "pets"}, ["*+*"], "net+pets"),
    ],
)
def test_a_later_layers_recipe_wins_wherever_both_apply(layer: dict[str, object], later: list[str], recipe: str | None):
    recipes = {**RECIPES, **{name: LATER[name] for name in later}}
    found = own_recipe(recipes, [layer], lambda kind, name: [name], levels=dict.fromkeys(later, 1))
    assert found == recipe


def test_the_working_folders_recipe_wins_over_the_users_and_the_shipped_one():
    recipes = {"mine": {"when": {"trained": True}, "train": {"epochs": 2}}}
    write(user_path(), recipes)
    options = {"architecture": "timm/vit_tiny_patch16_224", "pretrained": True, "dataset": "digits"}
    assert resolve(Request(options=options), open_registry()).job.recipe == "mine"
    write(Path("registry.yaml"), {"ours": {"when": {"architecture": ["timm/*"]}}})
    assert resolve(Request(options=options), open_registry()).job.recipe == "ours"
    write(Path("registry.yaml"), recipes)
    assert resolve(Request(options=options), open_registry()).job.recipe == "mine"


def write(path: Path, recipes: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"recipes": recipes}))


@pytest.mark.parametrize(("own", "source"), [({"loss": "focal"}, "recipe mine"), ({}, "recipe multi_label")])
def test_a_later_recipe_has_the_word_of_several_labels_too(own: dict[str, object], source: str, make_folder):
    folder = make_folder({"a": 4})
    Path("several.csv").write_text("path,labels\n" + "".join(f"{p},x;y\n" for p in sorted(folder.rglob("*.png"))))
    when = {"architecture": ["simple_cnn"]}
    write(Path("registry.yaml"), {"mine": {"when": when, "train": {"epochs": 2}, **own}})
    found = resolve(Request(options={"architecture": "simple_cnn", "dataset": "several.csv"}), open_registry())
    assert (found.job.recipe, found.sources["loss.name"]) == ("mine", source)
    assert found.sources["train.monitor"] == "recipe multi_label"
    Path("registry.yaml").unlink()
    found = resolve(Request(options={"architecture": "simple_cnn", "dataset": "several.csv"}), open_registry())
    assert found.sources["loss.name"] == found.sources["train.monitor"] == "recipe multi_label"
