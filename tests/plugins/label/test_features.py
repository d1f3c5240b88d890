"""Features of a pool: those of a trained network beside its own logits, and those of gradients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from zoo.api.jobs import components
from zoo.api.models import build_model
from zoo.api.running import Observer
from zoo.errors import RequestError, ZooError
from zoo_label.embedder import EmbedderWithLogits
from zoo_label.features import PlainFeatures, features_of_architecture, features_of_run
from zoo_label.pool import open_pool


def test_a_run_gives_its_logits_beside_the_features(colours: Path, colours_run: Path, zoo: Any):
    """The logits are those that the run itself predicts with."""
    pool = open_pool(colours, colours / "labels.csv", folders=True)
    extractor = features_of_run(str(colours_run), components(), "cpu")
    found = extractor.of(pool, Observer())
    assert found.rows.tolist() == list(range(45))
    assert found.reference is not None
    assert found.reference.classes == ("blue", "green", "red")
    predicted = [found.reference.classes[place] for place in found.reference.logits.argmax(axis=1)]
    assert predicted == [pool.given[index] for index in range(45)]
    assert extractor.network == ("simple/simple_cnn", "--weights", str(colours_run))


def test_two_classes_of_one_logit_have_two(make_folder: Callable[..., Path], on_colours: tuple[str, ...], zoo: Any):
    root = make_folder({"cats": 8, "dogs": 8})
    assert zoo("run", "simple_cnn", root, *on_colours, "--name", "two", "--quiet")[0] == 0
    pool = open_pool(root, root / "labels.csv")
    found = features_of_run("two", components(), "cpu").of(pool, Observer())
    assert found.reference is not None
    assert found.reference.logits.shape == (16, 2)
    assert found.values.shape == (16, 8)


class Watching(Observer):
    """Counts what is computed, rather than read from the cache."""

    def __init__(self) -> None:
        self.computed = 0

    def preparing(self, what: str, done: int, total: int) -> None:
        self.computed += what.startswith("computing")


def test_an_architecture_gives_its_features_alone_and_they_are_cached(pool: Path, tmp_path: Path):
    entry = components().find("architecture", "simple_cnn")
    save_file(build_model(entry, {}, 5, 3, 150).state_dict(), tmp_path / "weights.safetensors")
    listed = open_pool(pool, pool / "labels.csv")
    found, watching = [], [Watching(), Watching()]
    for observer in watching:
        given = ("simple_cnn", str(tmp_path / "weights.safetensors"), listed, components(), "cpu")
        extractor = features_of_architecture(*given)
        found.append(extractor.of(listed, observer))
    assert extractor.network == ("simple_cnn", "--weights", str(tmp_path / "weights.safetensors"))
    assert found[0].reference is None
    assert len(found[0].values) == 30
    assert (watching[0].computed > 0, watching[1].computed) == (True, 0)
    np.testing.assert_array_equal(found[0].values, found[1].values)


def test_an_unreadable_picture_has_no_row(pool: Path):
    (pool / "1-red.png").write_bytes(b"no picture")
    listed = open_pool(pool, pool / "labels.csv")
    found = PlainFeatures().of(listed, Observer())
    assert len(found.values) == 29
    assert listed.names.index("1-red.png") not in found.rows


def test_an_unknown_run_or_architecture_is_refused(pool: Path):
    listed = open_pool(pool, pool / "labels.csv")
    with pytest.raises(RequestError, match="nowhere"):
        features_of_run("nowhere", components(), "cpu")
    with pytest.raises(ZooError, match="simple_cnm"):
        features_of_architecture("simple_cnm", None, listed, components(), "cpu")


def test_positions_are_averaged_and_a_copy_works():
    import copy

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Conv2d(3, 2, 1)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.last(images).mean(dim=(2, 3))

    embedder = copy.deepcopy(EmbedderWithLogits(Network(), "last"))
    images = torch.rand(4, 3, 5, 5)
    found = embedder(images)
    assert found.shape == (4, 5)
    np.testing.assert_allclose(found[:, :3].detach(), images.mean(dim=(2, 3)), atol=1e-6)


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """Folders of pictures of 16 bits whose high byte is the same: stripes across and down."""
    for kind in ("across", "down"):
        (tmp_path / "deep" / kind).mkdir(parents=True)
        for number in range(12):
            rows, columns = np.mgrid[:64, :64]
            stripes = (rows if kind == "across" else columns) // 8 % 2 * 100
            noise = np.random.default_rng([number, kind == "down"]).integers(0, 40, (64, 64))
            path = tmp_path / "deep" / kind / f"{number:02}.png"
            Image.fromarray((2060 + stripes + noise).astype(np.uint16)).save(path)
    return tmp_path / "deep"


def test_a_run_with_a_window_gives_the_logits_of_its_predictions(deep: Path, zoo: Any):
    from zoo.api.models import load

    small = ("--image-size", "64", "--epochs", "2", "--set", "architecture.channels=[4,8]")
    code, _, err = zoo("run", "simple_cnn", deep, "--name", "deep", *small, "--set", "data.in_chans=1")
    assert code == 0, err
    pool = open_pool(deep, deep / "labels.csv")
    registry = components()
    found = features_of_run("runs/deep", registry, "cpu").of(pool, Observer())
    assert found.reference is not None
    model = load("runs/deep", registry=registry)
    wanted = model.compute([model.pixels(path) for path in pool.paths]).logits.numpy()
    assert np.allclose(found.reference.logits, wanted, atol=5e-3)


def test_features_of_16_bits_are_those_of_what_the_page_shows(deep: Path):
    """Their high byte is the same in all of them."""
    pool = open_pool(deep, deep / "labels.csv", folders=True)
    values = PlainFeatures().of(pool, Observer()).values
    across, down = (values[[pool.given[row] == kind for row in range(len(pool))]] for kind in ("across", "down"))
    between = np.linalg.norm(across.mean(axis=0) - down.mean(axis=0))
    assert between > 2 * np.linalg.norm(across - across.mean(axis=0), axis=1).mean()
