"""Two small runs on the same images."""

from __future__ import annotations

import pytest

import zoo
from zoo.runner.observer import Observer


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[zoo.api.Result, zoo.api.Result]:
    """Runs of two epochs that differ in their learning rate."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
        out = tmp_path_factory.mktemp("runs")
        first, second = (
            zoo.run(
                "simple_cnn",
                "digits",
                epochs=2,
                lr=lr,
                set={"architecture.channels": [8, 16]},
                image_size=16,
                out=out,
                name=name,
                device="cpu",
                observer=Observer(),
            )
            for name, lr in (("first", 0.001), ("second", 0.01))
        )
    return first, second
