"""Tests that need a CUDA device; ``ZOO_GPU_DEVICE=cpu`` runs those that can on the CPU, to test their own code."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

DEVICE = os.environ.get("ZOO_GPU_DEVICE", "cuda")


ENDS_AT = time.monotonic() + float(os.environ.get("ZOO_GPU_SECONDS", "inf")) - 60
"""Tests that have not begun by then are skipped: run.sh kills the session at its limit, which would have no summary."""


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep each result as soon as it is known."""
    here = "ZOO_GPU_SECONDS" in os.environ and "PYTEST_XDIST_WORKER" not in os.environ
    if here and (report.when == "call" or report.outcome != "passed"):
        with Path(os.environ["OUT"], "tests.txt").open("a", encoding="utf-8") as file:
            file.write(f"{report.outcome} {report.duration:.1f} s {report.nodeid}\n")
            if report.failed:
                file.write(f"{report.longreprtext[-2500:]}\n")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    own, others = ([item for item in items if (item.path.parent == here) is mine] for mine in (True, False))
    for item in own:
        item.add_marker(pytest.mark.cuda)
    items[:] = [*others, *sorted(own, key=_turn)]  # the hook gets the tests of all folders


def _turn(item: pytest.Item) -> int:
    """What takes longest begins first, and what is tried with many options ends the session."""
    return 0 if item.path.name == "test_using.py" else 2 if "_every_" in item.name else 1


@pytest.fixture(autouse=True)
def _needs_the_device(request: pytest.FixtureRequest) -> None:
    """Skip without a GPU; on the CPU, skip what has no meaning there."""
    import torch

    if time.monotonic() > ENDS_AT:
        pytest.skip("no time is left")
    if DEVICE == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    if DEVICE != "cuda" and "gpu_only" in request.fixturenames:
        pytest.skip("has no meaning on a CPU")


@pytest.fixture
def gpu_only() -> None:
    """Mark a test of what only a GPU has: its own memory, pinned copies, nccl."""


@pytest.fixture
def device() -> Any:
    """The device under test."""
    import torch

    return torch.device("cuda:0" if DEVICE == "cuda" else DEVICE)


@pytest.fixture
def exact() -> Iterator[None]:
    """float32 products in full precision, and the same kernels in every run."""
    import torch

    before = os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    benchmark = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = benchmark
    if before is None:
        del os.environ["CUBLAS_WORKSPACE_CONFIG"]


SMALL = ("--set", "architecture={channels: [8, 16], batch_norm: true, padding: true, global_pool: avg, dropout: 0.1}")


@pytest.fixture
def train(zoo: Callable[..., tuple[int, str, str]]) -> Callable[..., dict[str, Any]]:
    """Train on the device: ``train("name", "--epochs", 2) -> result.json``; simple_cnn on digits unless said."""

    def trained(name: str, *words: object, network: str = "simple_cnn", data: object = "digits") -> dict[str, Any]:
        small = SMALL if network == "simple_cnn" else ()
        place = ("--device", DEVICE, "--name", name, "--quiet")
        code, out, err = zoo("run", network, data, *place, *small, *words)
        assert code == 0, (out, err)
        result: dict[str, Any] = json.loads((Path("runs") / name / "result.json").read_text("utf-8"))
        return result

    return trained
