"""Bundles whose card is made to harm: each is refused in a sentence, before anything of it is used."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo.errors import BundleError
from zoo.host.loader import open_registry
from zoo.model.build import build_model
from zoo.model.bundle import copied_weights, load_model, write_card, write_weights
from zoo.model.provenance import changes, missing
from zoo_hub.model_card import _plugin

Change = Callable[[dict[str, Any]], object]
REGISTRY = open_registry()


class Touch:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def made_bundle(folder: Path, architecture: str, **params: Any) -> Path:
    """A bundle of that architecture, whole."""
    entry = REGISTRY.find("architecture", architecture)
    folder.mkdir()
    write_weights(folder, copied_weights(build_model(entry, params, 3, 1, 32)))
    image = {"image_size": 32, "in_chans": 1, "resize": "squash", "mean": [0.5], "std": [0.25]}
    card = {
        "classes": ["a", "b", "c"],
        "preprocessing": image,
        "architecture": {**entry.provenance(), "params": params},
    }
    write_card(folder, card)
    return folder


def changed(bundle: Path, change: Change) -> Path:
    """The same bundle after a change of its card."""
    file = bundle / "zoo.json"
    card = json.loads(file.read_text("utf-8"))
    change(card)
    file.write_text(json.dumps(card), "utf-8")
    return bundle


# -- parameters that name files -------------------------------------------------------------------------

NAMED = {
    "checkpoint": lambda evil: {"checkpoint_path": evil},
    "configuration": lambda evil: {"pretrained_cfg": {"file": evil}},
    "overlay": lambda evil: {"pretrained_cfg_overlay": {"file": evil}},
    "arguments": lambda evil: {"pretrained_model_args": {"checkpoint_path": evil}},
    "cache": lambda evil: {"cache_dir": evil},
}


@pytest.mark.parametrize("params", NAMED.values(), ids=NAMED)
def test_a_bundle_whose_parameters_name_a_file(tmp_path: Path, params: Callable[[str], dict[str, Any]]):
    evil, owned = tmp_path / "evil.pth", tmp_path / "owned"
    torch.save({"state_dict": Touch(owned)}, evil)
    bundle = changed(
        made_bundle(tmp_path / "model", "timm/test_resnet"),
        lambda card: card["architecture"]["params"].update(params(str(evil))),
    )
    with pytest.raises(BundleError, match=r"can't be built: .*would name files"):
        load_model(bundle, REGISTRY)
    assert not owned.exists()
    torch.load(evil, weights_only=False)
    assert owned.exists(), "the attack works on a loader that trusts it"


# -- words that would stand in a command ----------------------------------------------------------------

COMMANDS = {
    "a second command": {"distribution": "zoo-acme; touch x #"},
    "a second line": {"distribution": "zoo-acme\ntouch x"},
    "an option": {"distribution": "--index-url=https://evil.example zoo-acme"},
    "an address": {"distribution": "zoo-acme @ https://evil.example/zoo_acme.whl"},
    "a path": {"distribution": "../zoo-acme"},
    "in the version": {"distribution": "zoo-acme", "version": "1.0; touch x #"},
    "an option in the version": {"distribution": "zoo-acme", "version": "1.0 --index-url=https://evil.example"},
    "in the plugin's name": {"id": "acme; touch x #/net", "distribution": None},
    "no text": {"distribution": ["zoo-acme"]},
}


@pytest.mark.parametrize("said", COMMANDS.values(), ids=COMMANDS)
def test_no_command_is_made_of_what_is_no_packages_name(tmp_path: Path, said: dict[str, Any]):
    bundle = changed(
        made_bundle(tmp_path / "model", "simple_rnn"),
        lambda card: card["architecture"].update({"id": "acme/net", "version": None, **said}),
    )
    with pytest.raises(BundleError) as caught:
        load_model(bundle, REGISTRY)
    assert "zoo plugins install" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nor_of_another_version_of_one_that_is_here(tmp_path: Path):
    entry = REGISTRY.find("architecture", "simple_rnn")
    told = changes({"architecture": {**entry.provenance(), "version": "0.0.1; touch x #"}}, REGISTRY)
    assert len(told) == 1
    assert "zoo plugins install" not in told[0]


def test_a_kind_that_there_is_not_is_missing():
    (told,) = missing({"loss": {"kind": "spell", "id": "acme/net"}}, REGISTRY)
    assert "spell 'acme/net' is not available" in told


@pytest.mark.parametrize("said", [{"distribution": "zoo-acme; touch x #"}, {"version": "1.0; touch x #"}])
def test_nor_in_the_readme_of_a_shared_model(said: dict[str, str]):
    card = {"architecture": {"id": "acme/net", "distribution": "zoo-acme", "version": "1.0", **said}}
    assert list(_plugin(card)) == []


# -- values that no job may have ------------------------------------------------------------------------

NAN = float("nan")
OUT_OF_BOUNDS: dict[str, tuple[Change, str]] = {
    "no deviation": (lambda c: c["preprocessing"].update(std=[0.0]), "std must be positive"),
    "a mean that is no number": (lambda c: c["preprocessing"].update(mean=[NAN]), "mean"),
    "an endless deviation": (lambda c: c["preprocessing"].update(std=[float("inf")]), "std"),
    "no mean": (lambda c: c["preprocessing"].update(mean=[]), "mean"),
    "more means than channels": (lambda c: c["preprocessing"].update(mean=[0.5, 0.5]), "mean needs 1 value"),
    "channels without end": (lambda c: c["preprocessing"].update(in_chans=200_000), "in_chans"),
    "a side without end": (lambda c: c["preprocessing"].update(image_size=100_000), "image_size"),
    "an image without end": (lambda c: c["preprocessing"].update(image_size=8192, in_chans=4096), "values"),
    "a side in words": (lambda c: c["preprocessing"].update(image_size="32"), "image_size"),
    "a crop of nothing": (lambda c: c["preprocessing"].update(crop_pct=0.5), "crop_pct"),
    "one class twice": (lambda c: c.update(classes=["a", "a", "b"]), "two classes with the same name"),
    "one class": (lambda c: c.update(classes=["a"]), "classes"),
    "a class without a name": (lambda c: c.update(classes=["a", " ", "b"]), "without a name"),
    "a temperature in words": (lambda c: c.update(temperature="2.0"), "temperature"),
    "a threshold too few": (lambda c: c.update(thresholds=[0.5, 0.5]), "thresholds"),
    "a threshold that is no number": (lambda c: c.update(thresholds=[NAN, 0.5, 0.5]), "thresholds"),
    "familiar with nothing": (
        lambda c: c.update(familiar={"score": "energy", "least": NAN, "most": 1.0}),
        "familiar.least",
    ),
    "a source that is a list": (lambda c: c.update(provenance=[1]), "provenance"),
    "a kind that is a list": (
        lambda c: c.update(provenance={"loss": {"id": "a/b", "kind": []}}),
        "provenance.loss.kind",
    ),
    "a source without an id": (lambda c: c.update(provenance={"loss": {"kind": "loss"}}), "provenance.loss.id"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_bundle(tmp_path_factory.mktemp("whole") / "model", "simple_rnn")


@pytest.mark.parametrize("case", OUT_OF_BOUNDS)
def test_a_card_has_the_bounds_of_a_job(whole: Path, tmp_path: Path, case: str):
    change, said = OUT_OF_BOUNDS[case]
    bundle = changed(Path(shutil.copytree(whole, tmp_path / "model")), change)
    with pytest.raises(BundleError, match=re.escape(said)) as caught:
        load_model(bundle, REGISTRY)
    assert "zoo.json is damaged" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_job_has_them_too(zoo):
    for setting, said in (("data.in_chans=200000", "in_chans"), ("train.image_size=100000", "image_size")):
        code, _, err = zoo("run", "simple_cnn", "digits", "--dry-run", "--set", setting)
        assert code == 2
        assert said in err
