"""Bundles: weights and a card, no pickle, whole or not at all, and a clear word for one that is damaged."""

from __future__ import annotations

import json
import pickletools
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import zoo
from zoo.engine.execution import choose_execution
from zoo.errors import BadImage, BundleError
from zoo.evaluation.evaluate import evaluate_run
from zoo.host.loader import discover, open_registry
from zoo.job.request import entry_of
from zoo.model.build import build_model
from zoo.model.bundle import (
    CARD,
    WEIGHTS,
    Preprocessing,
    copied_weights,
    find_bundle,
    load_model,
    read_card,
    read_weights,
    write_card,
    write_weights,
)
from zoo.model.classifier import Classifier
from zoo.registry.config import open_shelf
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.registry.registry import Registry
from zoo.storage.files import cache_folder

PARAMS = {"hidden": 4, "cell": "gru"}
PREPROCESSING = {
    "image_size": 8,
    "in_chans": 1,
    "resize": "squash",
    "mean": [0.5],
    "std": [0.25],
}  # as older ones say it
Damage = Callable[[dict[str, Any]], object]


@cache
def plugins() -> list[LoadedPlugin]:
    return discover()


def registry() -> Registry:
    return Registry(plugins(), open_shelf())


def small_model() -> nn.Module:
    entry = registry().find("architecture", "simple_rnn")
    return build_model(entry, dict(PARAMS), 3, 1, 8)


def card(**changes: Any) -> dict[str, Any]:
    entry = registry().find("architecture", "simple_rnn")
    return {
        "classes": ["a", "b", "c"],
        "preprocessing": dict(PREPROCESSING),
        "architecture": {**entry.provenance(), "params": dict(PARAMS)},
        **changes,
    }


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "run" / "model"
    folder.mkdir(parents=True)
    write_weights(folder, copied_weights(small_model()))
    write_card(folder, card())
    return folder


def rewrite(bundle: Path, damage: Damage) -> None:
    content = json.loads((bundle / CARD).read_text())
    damage(content)
    (bundle / CARD).write_text(json.dumps(content))


def test_a_model_comes_back_as_it_was(tmp_path: Path):
    model = small_model()
    write_weights(tmp_path, copied_weights(model))
    write_card(tmp_path, card())
    again, found = load_model(tmp_path, registry())
    images = torch.rand(5, 1, 8, 8)
    assert not again.training
    assert torch.equal(again(images), model.eval()(images))
    assert found["classes"] == ["a", "b", "c"]
    assert found["preprocessing"] == PREPROCESSING
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == [WEIGHTS, CARD]


def test_a_bundle_from_before_there_was_a_choice_of_resizing_means_what_was_done(bundle: Path):
    assert Preprocessing(**read_card(bundle)["preprocessing"]).shape == (8, 1, "squash", "bilinear", 1.0, "8-bit")
    rewrite(bundle, lambda c: c["preprocessing"].update(resize="crop", interpolation="bicubic", crop_pct=0.875))
    assert Preprocessing(**read_card(bundle)["preprocessing"]).shape == (8, 1, "crop", "bicubic", 0.875, "8-bit")


@pytest.mark.parametrize(
    ("window", "values"), [([0, 4095], "own"), ([-60.5, 140.0], "own"), ("dicom", "dicom"), (None, "8-bit")]
)
def test_the_window_of_a_bundle_says_which_values_are_kept(bundle: Path, window: object, values: str):
    rewrite(bundle, lambda c: c["preprocessing"].update(window=window))
    assert Preprocessing(**read_card(bundle)["preprocessing"]).shape.values == values


@pytest.mark.parametrize("window", [[5, 1], [1], "percentile", [0, "4095"], {"low": 0}, True])
def test_a_window_of_a_bundle_that_is_none_is_damage(bundle: Path, window: object):
    rewrite(bundle, lambda c: c["preprocessing"].update(window=window))
    with pytest.raises(BundleError, match="window"):
        read_card(bundle)


def test_a_trained_model_sees_every_image_as_it_saw_those_it_was_trained_with(
    make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """In training, evaluate and predict alike: what a job says of resizing travels with the model."""
    from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    folder = make_folder({"train/red": 8, "train/blue": 8, "val/red": 4, "val/blue": 4}, size=40)
    how = {"data.resize": "crop", "data.interpolation": "bicubic", "data.crop_pct": 0.8}
    made = {"architecture.channels": [4], "architecture.hidden": 4, **how}
    zoo.run("simple_cnn", folder, set=made, image_size=16, epochs=1, recipe="none", name="cut")
    model = zoo.load("runs/cut")
    assert model.preprocessing.shape == (16, 3, "crop", "bicubic", 0.8, "8-bit")
    theirs = Compose([Resize(20, InterpolationMode.BICUBIC), CenterCrop(16)])
    files = sorted((folder / "val").rglob("*.png"))
    for path in files:
        assert np.array_equal(model.pixels(path), theirs(Image.open(path)))
    (store,) = {s for s in (cache_folder() / "stores").iterdir() if len(np.load(s / "images.npy")) == len(files)}
    stored = np.load(store / "images.npy")
    assert {image.tobytes() for image in stored} == {model.pixels(path).tobytes() for path in files}
    measured = json.loads(Path("runs/cut/result.json").read_text())["metrics"]["val"]["loss"]
    assert evaluate_run("runs/cut", registry=open_registry())["metrics"]["val"]["loss"] == pytest.approx(measured)


def test_loading_draws_no_random_numbers(bundle: Path):
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    load_model(bundle, registry())
    assert torch.equal(torch.rand(4), expected)


def test_weights_that_share_memory_or_lie_in_another_order_come_back(tmp_path: Path):
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(2, 2, 3).to(memory_format=torch.channels_last)
            self.second = self.first
            self.register_buffer("view", torch.arange(6.0).reshape(2, 3).T)

    model, again = Tied(), Tied()
    write_weights(tmp_path, copied_weights(model))
    read_weights(tmp_path, again)
    for key, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[key], value)
    assert again.first.weight is again.second.weight


def test_there_is_no_pickle_in_a_bundle(bundle: Path):
    for path in bundle.rglob("*"):
        content = path.read_bytes()
        assert not content.startswith((b"\x80", b"PK\x03\x04")), f"{path} is a pickle, or torch's zip of one"
        with pytest.raises(ValueError, match=r"."):
            list(pickletools.genops(content))
    (length,) = (int.from_bytes((bundle / WEIGHTS).read_bytes()[:8], "little"),)
    header = json.loads((bundle / WEIGHTS).read_bytes()[8 : 8 + length])
    assert {v["dtype"] for k, v in header.items() if k != "__metadata__"} == {"F32"}


def test_a_pickle_in_place_of_weights_is_not_run(bundle: Path, tmp_path: Path):
    class Boom:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "boom",)

    torch.save({"weight": Boom()}, bundle / WEIGHTS)
    with pytest.raises(BundleError, match=r"model\.safetensors can't be read"):
        load_model(bundle, registry())
    assert not (tmp_path / "boom").exists()


def test_a_bundle_is_found_by_its_folder_and_by_its_runs(bundle: Path):
    assert find_bundle(bundle) == find_bundle(bundle.parent) == bundle


@pytest.mark.parametrize("missing", [WEIGHTS, CARD])
def test_half_a_bundle_is_none(bundle: Path, missing: str):
    (bundle / missing).unlink()
    with pytest.raises(BundleError, match=r"run contains no trained model .* See: zoo runs list") as caught:
        find_bundle(bundle.parent)
    assert caught.value.exit_code == 2


CARDS: dict[str, tuple[Damage, str]] = {
    "newer": (lambda c: c.update(schema=2), r"was written by a newer zoo\. Type: pip install -U visionzoo"),
    "no schema": (lambda c: c.pop("schema"), "is damaged (KeyError: 'schema')"),
    "schema of another type": (lambda c: c.update(schema="one"), "is damaged"),
    "no classes": (lambda c: c.pop("classes"), "is damaged (classes: Field required)"),
    "classes of another type": (lambda c: c.update(classes=3), "is damaged"),
    "no architecture": (lambda c: c.pop("architecture"), "is damaged"),
    "architecture of another type": (lambda c: c.update(architecture="simple_rnn"), "is damaged"),
    "no params": (lambda c: c["architecture"].pop("params"), "is damaged (architecture.params: Field required)"),
    "params of another type": (lambda c: c["architecture"].update(params=[1]), "is damaged"),
    "no preprocessing": (lambda c: c.pop("preprocessing"), "is damaged"),
    "part of preprocessing": (lambda c: c["preprocessing"].pop("mean"), "is damaged"),
    "more preprocessing": (lambda c: c["preprocessing"].update(crop=1), "is damaged"),
    "size of another type": (lambda c: c["preprocessing"].update(image_size="large"), "is damaged"),
    "size out of range": (
        lambda c: c["preprocessing"].update(image_size=0),
        "is damaged (preprocessing.image_size: Input should be",
    ),
    "mean of another type": (lambda c: c["preprocessing"].update(mean="grey"), "is damaged"),
    "unknown interpolation": (lambda c: c["preprocessing"].update(interpolation="cubic"), "is damaged"),
    "nothing left of a crop": (lambda c: c["preprocessing"].update(crop_pct=0.0), "is damaged"),
    "a temperature below nothing": (lambda c: c.update(temperature=-1.0), "is damaged (temperature"),
    "a temperature without end": (lambda c: c.update(temperature=1e999), "is damaged"),
    "a threshold in words": (lambda c: c.update(reject={"below": "often"}), "is damaged"),
    "familiar by an unknown score": (lambda c: c.update(familiar={"score": "x", "least": 0, "most": 1}), "is damaged"),
    "unknown resize": (lambda c: c["preprocessing"].update(resize="stretch"), "is damaged"),
}


@pytest.mark.parametrize("case", CARDS)
def test_a_damaged_card_is_told_with_its_path(bundle: Path, case: str):
    damage, text = CARDS[case]
    rewrite(bundle, damage)
    with pytest.raises(BundleError) as caught:
        read_card(bundle)
    assert text.replace("\\", "") in str(caught.value)
    assert str(bundle / CARD) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"zoo"'])
def test_a_card_that_is_no_card_is_told(bundle: Path, content: bytes):
    (bundle / CARD).write_bytes(content)
    with pytest.raises(BundleError, match="is damaged"):
        read_card(bundle)


def test_weights_that_are_cut_off_are_told(bundle: Path):
    whole = (bundle / WEIGHTS).read_bytes()
    for part in (b"", whole[:4], whole[:100], whole[:-1]):
        (bundle / WEIGHTS).write_bytes(part)
        with pytest.raises(BundleError, match=r"model\.safetensors can't be read: "):
            load_model(bundle, registry())


def retold(bundle: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> str:
    """What is said of weights that were changed."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(bundle / WEIGHTS)
    change(tensors)
    save_file(tensors, bundle / WEIGHTS)
    with pytest.raises(BundleError) as caught:
        load_model(bundle, registry())
    return str(caught.value)


def test_weights_that_do_not_fit_are_told_by_name(bundle: Path):
    text = retold(bundle, lambda t: t.pop("classifier.output.bias"))
    assert f"The weights in {bundle} don't fit the architecture (missing: classifier.output.bias)." in text
    assert "unknown: extra" in retold(bundle, lambda t: t.update(extra=torch.zeros(1)))
    text = retold(bundle, lambda t: t.update({"classifier.output.weight": torch.zeros(2, 2)}))
    assert "of different shape: classifier.output.weight" in text


def test_another_number_of_classes_does_not_fit(bundle: Path):
    rewrite(bundle, lambda c: c.update(classes=list("abcd")))
    with pytest.raises(BundleError, match=r"of different shape: classifier\.output\.bias, classifier\.output\.weight"):
        load_model(bundle, registry())


def test_parameters_that_the_architecture_no_longer_has_are_told_with_the_bundle(bundle: Path):
    rewrite(bundle, lambda c: c["architecture"]["params"].update(depth=3))
    with pytest.raises(BundleError, match="architecture has no parameter 'depth'") as caught:
        load_model(bundle, registry())
    assert str(bundle) in str(caught.value)


@pytest.mark.parametrize(
    ("architecture", "how"),
    [
        (
            {"id": "acme/net", "distribution": "zoo-acme", "version": "1.2"},
            "It is part of zoo-acme 1.2. Type: zoo plugins install zoo-acme==1.2",
        ),
        ({"id": "acme/net"}, "It is part of acme. Type: zoo plugins install acme"),
        (
            {"id": "local/net", "target": "/home/me/my_models.py:Net"},
            "It is local, from /home/me/my_models.py:Net: run this in the folder whose registry.yaml defines it",
        ),
        ({"id": "python/Net", "target": "mine:Net"}, "It was passed from Python: zoo.load("),
        ({"id": "simple/simple_rn"}, "needs architecture 'simple/simple_rn', which is not available"),
    ],
)
def test_an_architecture_that_is_not_here_says_how_to_get_it(bundle: Path, architecture: dict[str, str], how: str):
    rewrite(bundle, lambda c: c.update(architecture={"params": {}, **architecture}))
    with pytest.raises(BundleError) as caught:
        load_model(bundle, registry())
    assert str(bundle) in str(caught.value)
    assert how in str(caught.value)


def test_an_architecture_given_from_python_is_given_again(tmp_path: Path):
    def mine(num_classes: int, in_chans: int = 3, width: int = 2) -> nn.Module:
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(in_chans, num_classes))

    entry = entry_of("architecture", mine)
    model = build_model(entry, {}, 3, 1, 8)
    write_weights(tmp_path, copied_weights(model))
    write_card(tmp_path, card(architecture={**entry.provenance(), "params": {"width": 5}}))
    with pytest.raises(BundleError, match="python/mine"):
        load_model(tmp_path, registry())
    again, _ = load_model(tmp_path, registry(), entry)
    assert torch.equal(again(torch.ones(1, 1, 8, 8)), model(torch.ones(1, 1, 8, 8)))


class NoNumbers(nn.Module):
    """NaN for dark pictures, and the first class for all others."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        dark = images.mean(dim=(1, 2, 3)) < 0
        logits = torch.zeros(len(images), 3)
        logits[:, 0] = torch.where(dark, torch.nan, 1.0)
        return logits


def test_what_is_no_number_is_no_answer():
    classifier = Classifier(NoNumbers(), card(), choose_execution("cpu", "fp32", "channels_first"))
    light, dark = (Image.new("L", (8, 8), value) for value in (255, 0))
    light.save("light.png")
    dark.save("dark.png")
    assert classifier.predict("light.png")[0]["label"] == "a"
    with pytest.raises(BadImage, match=r"^dark\.png: the prediction is NaN"):
        classifier.predict(["light.png", "dark.png", "light.png"])
    with pytest.raises(BadImage, match=r"^the image: the prediction is NaN"):
        classifier.predict(dark)
