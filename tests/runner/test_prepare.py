"""A prepared job leaves nothing open: its image size and its execution are settled once, and its run keeps to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from zoo.engine import autotune
from zoo.errors import RequestError
from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import Resolved, resolve
from zoo.model import build
from zoo.registry.registry import Registry
from zoo.runner import fastest_execution, network
from zoo.runner.components import RunComponents, build_components
from zoo.runner.observer import Observer
from zoo.runner.prepare import PreparedJob, prepare_job

Patch = pytest.MonkeyPatch


class Noise:
    """Forty images of noise, 20 pixels wide, of two classes."""

    classes = ("a", "b")

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return np.random.default_rng(index).integers(0, 256, (3, 20, 20)).astype(np.uint8), index % 2


@pytest.fixture(scope="module")
def registry() -> Registry:
    return open_registry()


def job(registry: Registry, architecture: str = "timm/test_vit", **options: Any) -> Resolved:
    return resolve(make_request({"architecture": architecture, "dataset": Noise(), "epochs": 1, **options}), registry)


@pytest.fixture
def built(monkeypatch: Patch) -> list[int]:
    """The image sizes that a network was built for, in order."""
    sizes: list[int] = []
    whole = network.build_model

    def counted(entry: Any, params: Any, num_classes: int, in_chans: int, image_size: int, **more: Any) -> Any:
        sizes.append(image_size)
        return whole(entry, params, num_classes, in_chans, image_size, **more)

    monkeypatch.setattr(network, "build_model", counted)
    return sizes


@pytest.fixture
def picky(monkeypatch: Patch) -> None:
    """Networks take no images under 100 pixels."""
    whole = build.check_takes

    def check(model: Any, entry: Any, in_chans: int, image_size: int) -> torch.Tensor:
        if image_size < 100:
            raise RequestError("too small")
        return whole(model, entry, in_chans, image_size)

    monkeypatch.setattr(build, "check_takes", check)


def weights(prepared: PreparedJob) -> dict[str, torch.Tensor]:
    return prepared.learner.model.state_dict()


def test_a_network_that_takes_its_images_is_built_once(registry: Registry, built: list[int]):
    resolved = job(registry)
    prepared = prepare_job(resolved, Observer())
    RunComponents(prepared, Observer())
    assert built == [resolved.job.train.image_size] == [64]
    assert prepared.resolved.job == resolved.job


@pytest.mark.usefixtures("picky")
def test_a_provisional_size_gives_way_to_the_networks_own(registry: Registry, built: list[int]):
    resolved = job(registry)
    prepared = prepare_job(resolved, Observer())
    train = prepared.resolved.job.train
    assert (resolved.job.train.image_size, train.image_size) == (64, 160)
    assert built == [64, 160]
    assert prepared.resolved.reasons["train.image_size"] == (
        "the network does not support 64 px; it was designed for 160"
    )
    assert prepared.opened.opener.shape.size == 160
    prepare_job(prepared.resolved, Observer())
    assert built == [64, 160, 160], "the size is settled"


@pytest.mark.usefixtures("picky")
def test_a_size_that_was_asked_for_stays(registry: Registry, built: list[int]):
    with pytest.raises(RequestError, match="too small"):
        prepare_job(job(registry, image_size=64), Observer())
    assert built == [64]


def test_a_measured_execution_is_the_jobs_and_measured_once(registry: Registry, monkeypatch: Patch, tmp_path: Any):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    raced: list[int] = []

    def last(candidates: Any, images: int, long_enough: Any) -> autotune.Trial:
        raced.append(len(candidates))
        return autotune.Trial(len(candidates) - 1, tuple(range(1, len(candidates) + 1)))

    monkeypatch.setattr(fastest_execution, "race", last)
    resolved = job(registry, "simple_cnn", device="cpu", set={"architecture.channels": [8]})
    prepared = prepare_job(resolved, Observer())
    settled = prepared.resolved.job
    assert (settled.precision, settled.memory_format) == ("fp32", "channels_first")
    assert prepared.resolved.sources["precision"] == fastest_execution.MEASURED
    assert (resolved.job.precision, resolved.job.memory_format) == ("auto", "auto")
    trials = list(raced)
    again = prepare_job(prepared.resolved, Observer())
    assert raced == trials, "nothing is left to measure"
    assert again.plan.train == prepared.plan.train
    assert again.resolved.job == settled
    assert all(torch.equal(a, b) for a, b in zip(weights(prepared).values(), weights(again).values(), strict=True))


def test_components_keep_to_the_job_that_was_prepared(registry: Registry):
    prepared = prepare_job(job(registry, "simple_cnn", set={"architecture.channels": [8]}), Observer())
    before = prepared.resolved.job.plain()
    parts = RunComponents(prepared, Observer())
    assert parts.resolved is prepared.resolved
    assert parts.job is prepared.resolved.job
    assert parts.job.plain() == before
    assert (parts.execution, parts.answering) == (prepared.plan.train, prepared.plan.answer)


def test_preparing_and_building_is_what_building_does(registry: Registry):
    resolved = job(registry, "simple_cnn", set={"architecture.channels": [8]})
    alone = build_components(resolved, Observer())
    prepared = RunComponents(prepare_job(resolved, Observer()), Observer())
    pairs = zip(alone.model.state_dict().values(), prepared.model.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert alone.setup_s > 0
