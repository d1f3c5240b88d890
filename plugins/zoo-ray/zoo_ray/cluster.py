"""Connections to a Ray cluster: one that exists, or one of this machine that ends with the command."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from zoo.errors import RequestError

LOCAL = "local"
"""Address that stands for a new cluster of this machine."""
_CONNECT_S = 5.0
_POLL_S = 1.0
FREE_S = 60.0
"""Seconds to wait for resources that other jobs use."""


@dataclass(frozen=True)
class WorkerSize:
    """Resources of one worker.

    Args:
        cpus: CPUs that Ray reserves; fractions let several workers share one.
        gpus: GPUs that Ray reserves.
    """

    cpus: float = 1.0
    gpus: float = 0.0

    @property
    def resources(self) -> dict[str, float]:
        """The resources by Ray's names, without those that a worker does not need."""
        return {name: amount for name, amount in (("CPU", self.cpus), ("GPU", self.gpus)) if amount}

    def __str__(self) -> str:
        return " and ".join(f"{amount:g} {name}" for name, amount in self.resources.items()) or "no resources"


def import_ray() -> Any:
    """Import Ray with its usage statistics disabled.

    Raises:
        RequestError: Ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ["RAY_CHDIR_TO_TRIAL_DIR"] = "0"
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"  # else a thread of Ray Tune starts a new cluster after an interruption
    try:
        import pandas  # noqa: F401  (ray.train needs it, and its own message names no distribution)
        import pyarrow  # noqa: F401
        import ray
    except ImportError as error:
        raise RequestError(
            f"zoo-ray needs Ray with its parts data, train and tune, and {error.name} is not installed. Type: "
            "pip install 'ray[data,train,tune]'"
        ) from error
    return ray


def address_of(typed: str | None) -> str:
    """The address to connect to: as typed, else of ``RAY_ADDRESS``, else a new cluster of this machine."""
    return typed or os.environ.get("RAY_ADDRESS") or LOCAL


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Connect to a cluster for the length of a block; a process that is connected already keeps its connection.

    Args:
        address: ``HOST:PORT``, ``auto`` for the cluster of this machine, or None for ``RAY_ADDRESS``; without
            that, a cluster of this machine is started, and ends with the block.

    Yields:
        The module ``ray``. Nothing that is printed in the block appears; reports need a stream from before it.

    Raises:
        RequestError: Ray is not installed, or the cluster does not answer.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield ray
        return
    with contextlib.redirect_stdout(io.StringIO()):  # Ray prints a raylet's log there when its node is lost
        _connect(ray, address_of(address))
        try:
            yield ray
        finally:
            ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    """Call ``ray.init``, without the dashboard, and without the workers' output in this terminal."""
    _check_answers(address)
    own = {"include_dashboard": False} if address == LOCAL else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", runtime_env=_worker_environment(), **own)
    except Exception as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RequestError(
            f"There is no Ray cluster at {address!r} that this command can use: {first} {_ADVICE}"
        ) from error


def _worker_environment() -> dict[str, Any]:
    """Environment of the workers: the zoo's own variables are those of the command."""
    return {"env_vars": {name: value for name, value in os.environ.items() if name.startswith("ZOO_")}}


_ADVICE = (
    "Start a cluster with ray start --head and give the address that it prints: --address HOST:PORT. Without "
    "--address and RAY_ADDRESS, a cluster of this machine is started."
)


def _check_answers(address: str) -> None:
    """Refuse a host and port where nothing listens; Ray itself would try for minutes.

    Raises:
        RequestError: nothing listens there.
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
    except OSError as error:
        raise RequestError(f"There is no Ray cluster at {address!r}: {error.strerror or error}. {_ADVICE}") from error


def require_room(ray: Any, count: int, size: WorkerSize, wait_s: float = 0.0) -> None:
    """Check that a cluster can hold the workers when nothing else runs on it.

    Args:
        count: number of workers.
        size: resources of each.
        wait_s: seconds to wait for further nodes, as of a cluster that grows on demand.

    Raises:
        RequestError: it can't.
    """
    end = time.monotonic() + wait_s
    while (room := room_for(ray, size)) < count:
        if time.monotonic() >= end:
            raise RequestError(_too_small(ray, room, count, size, wait_s))
        time.sleep(_POLL_S)


def _nodes(ray: Any) -> list[Mapping[str, float]]:
    """Resources of each node that is alive."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def require_free(ray: Any, size: WorkerSize, wait_s: float = FREE_S) -> None:
    """Wait until other jobs leave room for a worker.

    Args:
        size: resources of the worker.
        wait_s: most seconds to wait.

    Raises:
        RequestError: they don't.
    """
    end = time.monotonic() + wait_s
    while True:
        free = ray.available_resources()
        if all(free.get(name, 0.0) >= part for name, part in size.resources.items()):
            return
        if time.monotonic() >= end:
            raise RequestError(
                f"Other jobs use the Ray cluster, and left no {size} for a worker in {wait_s:g} s. To see its use, "
                "type: ray status. Then type the command again."
            )
        time.sleep(_POLL_S)


def room_for(ray: Any, size: WorkerSize) -> int:
    """Number of workers that fit on the nodes when nothing else runs, each of them on one node."""
    need = size.resources.items()
    return sum(min(int(node.get(name, 0.0) / part + 1e-9) for name, part in need) for node in _nodes(ray))


def has_gpus(ray: Any) -> bool:
    """Return True if a node has a GPU."""
    return any(node.get("GPU", 0.0) >= 1 for node in _nodes(ray))


def _too_small(ray: Any, room: int, count: int, size: WorkerSize, wait_s: float) -> str:
    nodes = _nodes(ray)
    has = ", ".join(f"{sum(node.get(name, 0.0) for node in nodes):g} {name}s" for name in ("CPU", "GPU"))
    fewer = f"--workers {room}, " if room else ""
    instead = "--cpus-per-worker 0.5, " if size.cpus >= 1 else ""
    waited = f" after {wait_s:g} s" if wait_s else ""
    return (
        f"The Ray cluster{waited} has no room for {workers_in_words(count, size)}: it has {nodes_in_words(ray)} with "
        f"{has} in all, room for {room}. Type {fewer}{instead}or --wait 10m for a cluster that grows; or add a node: "
        "ray start --address HOST:PORT"
    )


def workers_in_words(count: int, size: WorkerSize) -> str:
    """Number and size of workers, as in ``2 workers with 1 CPU each``."""
    return f"a worker with {size}" if count == 1 else f"{count} workers with {size} each"


def nodes_in_words(ray: Any) -> str:
    """Number of nodes of the cluster, as in ``2 nodes``."""
    count = len(_nodes(ray))
    return "one node" if count == 1 else f"{count} nodes"


def logs_of(ray: Any) -> str:
    """Folder of Ray's logs, on each of its nodes."""
    context = ray.get_runtime_context()
    return f"{context.get_temp_dir()}/{context.get_session_name()}/logs"
