"""The hint at a pretrained network: where images are few, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zoo.host.loader import open_registry
from zoo.job.request import Request
from zoo.job.resolve import resolve
from zoo.runner.components import build_components
from zoo.runner.hints import hints_of
from zoo.runner.observer import Observer


def hints(dataset: Any, *sets: str, **options: Any) -> list[str]:
    words = ("architecture.channels=[4]", "train.epochs=1", *sets)
    asked = {"architecture": "simple_cnn", "dataset": dataset, **options}
    return hints_of(build_components(resolve(Request(options=asked, sets=words), open_registry()), Observer()))


@pytest.fixture
def photos(make_folder) -> Path:
    return make_folder({"train/a": 12, "train/b": 12, "val/a": 2, "val/b": 2}, size=100)


def test_few_photos_are_better_served_by_trained_weights(photos: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ZOO_OFFLINE", raising=False)
    (hint,) = hints(str(photos))
    assert hint.startswith("24 images are few for training from scratch.")
    assert hint.endswith(f"Type: zoo run timm/tf_efficientnet_lite0 {photos} --pretrained --freeze backbone")


def test_a_folder_below_the_working_folder_is_typed_as_such(photos: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(photos.parent)
    (hint,) = hints(str(photos))
    assert f" ./{photos.name} --" in hint


def test_an_address_is_typed_with_its_scheme(photos: Path, monkeypatch: pytest.MonkeyPatch):
    """The hub's dataset is a folder of this machine here."""
    from zoo_formats import hub

    library = pytest.importorskip(
        "datasets", reason="the hub's datasets are an extra: pip install 'visionzoo[datasets]'"
    )
    load = library.load_dataset
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setattr(library, "load_dataset", lambda name, *more, **how: load(str(photos), *more, **how))
    hub._loaded.cache_clear()
    (hint,) = hints("hf:owner/photos@v1")
    assert " hf:owner/photos@v1 --" in hint


def test_without_a_network_it_says_where_weights_come_from(photos: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    (hint,) = hints(str(photos))
    assert f"{photos} --weights FILE --freeze backbone" in hint


def test_small_pictures_and_drawings_have_none(make_folder):
    small = make_folder({"train/a": 12, "train/b": 12, "val/a": 2, "val/b": 2}, size=28)
    assert hints(str(small)) == []
    assert hints("cats_dogs", "dataset.drawn_images=16") == []
    assert hints("digits") == []


def test_many_photos_have_none(photos: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("zoo.runner.hints.FEW_PER_CLASS", 5)
    assert hints(str(photos)) == []
