"""A real cluster of two raylets on this machine, and commands typed beside it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT))
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

Typed = Callable[..., subprocess.CompletedProcess[str]]
_STORE = 80 << 20
"""Bytes of each raylet's object store, the least that Ray accepts."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests on a cluster where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        skip = pytest.mark.skip(reason="Ray is not installed: pip install 'ray[data,train,tune]'")
        for item in items:
            if {"cluster", "typed"}.intersection(getattr(item, "fixturenames", ())):
                item.add_marker(skip)


@contextlib.contextmanager
def environment(variables: dict[str, str]) -> Iterator[None]:
    """Environment variables of the processes that a block starts."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class RealCluster:
    """Two raylets with one CPU each; the second one can be killed and replaced.

    Args:
        variables: environment variables of the raylets and their workers.
    """

    def __init__(self, variables: dict[str, str]) -> None:
        from ray.cluster_utils import Cluster

        self.variables = variables
        system = {"enable_worker_prestart": False, "prestart_worker_first_driver": False}
        head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": _STORE, "_system_config": system}
        with environment(variables):
            self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.second = self.add()

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def add(self) -> Any:
        """Start a raylet."""
        with environment(self.variables):
            return self.cluster.add_node(num_cpus=1, object_store_memory=_STORE)

    def kill_second(self) -> None:
        """Kill the second raylet by SIGKILL, and start another one in its place."""
        self.second.kill_raylet()
        self.cluster.remove_node(self.second, allow_graceful=False)
        self.second = self.add()


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which commands are typed, and which the raylets share."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="session")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment variables of the commands and of the raylets' workers: the plugin as if it were installed."""
    home = tmp_path_factory.mktemp("home")
    info = home / "site" / "zoo_ray-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-ray\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[zoo.plugins]\nray = zoo_ray.plugin\n")
    paths = [str(home / "site"), str(PROJECT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    own = {"ZOO_CACHE": str(home / "cache"), "XDG_CONFIG_HOME": str(home / "config"), "ZOO_OFFLINE": "1"}
    own |= {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", "COLUMNS": "100"}
    own |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0"}
    return {**os.environ, **own}


@pytest.fixture(scope="session")
def cluster(variables: dict[str, str]) -> Iterator[RealCluster]:
    """A cluster of two raylets."""
    found = RealCluster(variables)
    yield found
    found.cluster.shutdown()


@pytest.fixture(scope="session")
def typed(work: Path, variables: dict[str, str]) -> Typed:
    """Type a command: ``typed("ray", "run", …)``."""

    def run(*words: object, python: tuple[str, ...] = ("-m", "zoo"), **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *python, *map(str, words)]
        return subprocess.run(
            command, cwd=work, env={**variables, **more}, capture_output=True, text=True, check=False, timeout=200
        )

    return run


@pytest.fixture
def start(work: Path, variables: dict[str, str]) -> Callable[..., subprocess.Popen[str]]:
    """Start a command, and return its process."""

    def begin(*words: object, **more: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "zoo", *map(str, words)]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=work, env={**variables, **more}, **pipes)

    return begin
