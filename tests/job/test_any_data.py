"""Defaults for any data: a job resolves whatever the images are, and the same data have the same job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import Resolved, resolve
from zoo.registry.registry import Registry
from zoo.runner.components import build_components
from zoo.runner.observer import Observer
from zoo.runner.speed import measure_speed


class Made:
    """So many images of noise, made when they are asked for."""

    def __init__(self, images: int, size: int, channels: int, classes: int):
        self.images, self.size, self.channels = images, size, channels
        self.classes = [f"class {i:03}" for i in range(classes)]
        self.targets = [i % classes for i in range(images)]

    def __len__(self) -> int:
        return self.images

    def __getitem__(self, index: int) -> tuple[Any, int]:
        noise = np.random.default_rng(index).integers(0, 256, (self.channels, self.size, self.size))
        return noise.astype(np.uint8), self.targets[index]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return open_registry()


ANY = {
    "images": st.integers(20, 100_000),
    "size": st.integers(8, 500),
    "channels": st.integers(1, 12),
    "classes": st.integers(2, 200),
}
NETWORKS = ("simple_cnn", "simple_rnn", "timm/resnet18")


def job(registry: Registry, made: Made, architecture: str = "simple_cnn", **options: Any) -> Resolved:
    asked = {"architecture": architecture, "dataset": made, "set": {"data.in_chans": made.channels}, **options}
    return resolve(make_request(asked), registry)


@given(architecture=st.sampled_from(NETWORKS), **ANY)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_default_job_always_resolves(registry, architecture, images, size, channels, classes):
    made = Made(images, size, channels, min(classes, images // 4))
    resolved = job(registry, made, architecture)
    train = resolved.job.train
    assert resolved.job == job(registry, Made(images, size, channels, len(made.classes)), architecture).job
    assert 1 <= train.batch_size <= max(images, 8)
    assert train.start_size is None or train.start_size <= train.train_size
    assert images * train.epochs <= 1_000_000, "no default is an endless one"
    if architecture == "simple_cnn":
        assert train.image_size <= 112
        assert train.image_size >= min(size, 16)


@given(**ANY)
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_network_of_a_default_job_takes_its_images(registry, images, size, channels, classes):
    from zoo.model.build import build_model

    resolved = job(registry, Made(images, size, channels, min(classes, images // 4)))
    train, network = resolved.job.train, resolved.job.architecture
    entry = resolved.entry("architecture")
    for side in {train.image_size, train.train_size, train.size_of(1)}:
        build_model(entry, network.params, len(resolved.facts.dataset.measured["classes"] * "."), channels, side)


@pytest.mark.parametrize(("architecture", "size"), [("timm/test_vit", 160), ("timm/resnet10t", 64)])
def test_a_network_that_takes_no_small_images_has_those_that_it_was_designed_for(registry, architecture, size):
    """An image size by a rule is a proposal."""
    from zoo.errors import RequestError
    from zoo.model import build

    whole = build.check_takes

    def picky(model: Any, entry: Any, in_chans: int, image_size: int) -> Any:
        if "vit" in entry.id and image_size < 100:
            raise RequestError("too small")
        return whole(model, entry, in_chans, image_size)

    resolved = job(registry, Made(40, 20, 3, 2), architecture, epochs=1)
    assert resolved.job.train.image_size == 64
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "check_takes", picky)
        parts = build_components(resolved, Observer())
    assert parts.job.train.image_size == size
    assert parts.train_batches.split.images.shape[1:] == (size, size, 3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("images", "size", "channels", "classes"), [(20, 8, 1, 2), (60, 500, 3, 3), (400, 32, 12, 200), (90, 100, 3, 2)]
)
def test_it_starts_and_its_estimate_is_near(tmp_path: Path, registry, images, size, channels, classes):
    """On a machine that others use too, in one of three tries."""
    import zoo

    made = Made(images, size, channels, min(classes, images // 4))
    resolved = job(registry, made, epochs=2)

    class Timer(Observer):
        seconds = 0.0

        def epoch_ended(self, record: dict[str, Any]) -> None:
            self.seconds += record["seconds"]

    pairs = []
    for number in range(3):
        speed = measure_speed(build_components(resolved, Observer()))
        assert speed is not None
        timer, name = Timer(), f"run{number}"
        zoo.run("simple_cnn", made, epochs=2, set={"data.in_chans": channels}, out=tmp_path, name=name, observer=timer)
        pairs.append((speed.seconds(2), timer.seconds))
        # An epoch of a few images is over in a blink: a fraction of a second more or less is the machine's.
        if timer.seconds / 1.5 - 0.3 < speed.seconds(2) < timer.seconds * 1.5 + 0.3:
            return
    pytest.fail(f"estimated and real seconds: {pairs}")
