"""Parts that need no cluster: sizes, variables, messages, and the errors of Ray Train in a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from zoo_ray.cluster import LOCAL, WorkerSize, address_of, has_gpus, require_free, require_room, room_for
from zoo_ray.failures import explain
from zoo_ray.mailbox import Mailbox, MailboxStream, WorkerOutcome
from zoo_ray.variables import worker_count, worker_size

from zoo.errors import RequestError


class FakeRay:
    """A cluster of nodes with these resources, of which some are in use."""

    def __init__(self, *nodes: dict[str, float], free: dict[str, float] | None = None):
        self._nodes, self.free = nodes, free or {}

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": node} for node in self._nodes] + [
            {"Alive": False, "Resources": {"CPU": 99}}
        ]

    def available_resources(self) -> dict[str, float]:
        return self.free


@pytest.mark.parametrize(
    ("size", "room"),
    [(WorkerSize(1), 5), (WorkerSize(2), 2), (WorkerSize(0.5), 10), (WorkerSize(1, 1), 2), (WorkerSize(0, 0.5), 4)],
)
def test_each_worker_fits_on_one_node(size: WorkerSize, room: int):
    assert room_for(FakeRay({"CPU": 3}, {"CPU": 2, "GPU": 2}), size) == room


def test_too_small_a_cluster_is_refused_with_numbers():
    ray = FakeRay({"CPU": 2})
    require_room(ray, 2, WorkerSize())
    with pytest.raises(
        RequestError, match=r"no room for 4 workers with 1 CPU each: it has one node with 2 CPUs, 0 GPUs"
    ):
        require_room(ray, 4, WorkerSize())
    with pytest.raises(RequestError, match=r"after 0.01 s has no room for a worker with 1 CPU and 1 GPU"):
        require_room(ray, 1, WorkerSize(1, 1), wait_s=0.01)


def test_a_busy_cluster_is_refused_after_a_while():
    require_free(FakeRay(free={"CPU": 1}), WorkerSize())
    with pytest.raises(RequestError, match=r"left no 1 CPU for a worker in 0 s\. To see its use, type: ray status"):
        require_free(FakeRay(free={"CPU": 0.5}), WorkerSize(), wait_s=0)


def test_variables_size_the_workers(monkeypatch: pytest.MonkeyPatch):
    with_gpu = FakeRay({"CPU": 2, "GPU": 1})
    assert has_gpus(with_gpu)
    assert worker_size(with_gpu) == WorkerSize(1, 1)
    assert worker_size(FakeRay({"CPU": 2})) == WorkerSize(1, 0)
    assert worker_count() is None
    monkeypatch.setenv("ZOO_RAY_GPUS_PER_WORKER", "0")
    monkeypatch.setenv("ZOO_RAY_CPUS_PER_WORKER", "0.5")
    monkeypatch.setenv("ZOO_RAY_WORKERS", "3")
    assert (worker_size(with_gpu), worker_count()) == (WorkerSize(0.5, 0), 3)
    monkeypatch.setenv("ZOO_RAY_WORKERS", "many")
    with pytest.raises(RequestError, match="ZOO_RAY_WORKERS is 'many', not a number"):
        worker_count()


def test_the_address_is_typed_or_a_variable_or_this_machine(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert address_of(None) == LOCAL
    monkeypatch.setenv("RAY_ADDRESS", "a:1")
    assert (address_of(None), address_of("b:2")) == ("a:1", "b:2")


class Handle:
    """A handle of an actor that calls it directly."""

    def __init__(self, of: Mailbox):
        self.of = of

    def __getattr__(self, name: str) -> Any:
        return type("Method", (), {"remote": staticmethod(getattr(self.of, name))})


def test_a_mailbox_passes_whole_lines_and_outcomes():
    mailbox = Mailbox()
    stream = MailboxStream(Handle(mailbox))
    stream.write("one ")
    assert mailbox.take() == ("", {})
    stream.write("line\nand the next")
    assert (mailbox.begin(), mailbox.begin()) == (1, 2)
    mailbox.end(1, WorkerOutcome())
    assert not mailbox.failed()
    mailbox.end(0, WorkerOutcome(2, "no such data"))
    assert mailbox.failed()
    assert mailbox.take() == ("one line\n", {0: WorkerOutcome(2, "no such data"), 1: WorkerOutcome()})
    assert not mailbox.stopping()
    mailbox.stop()
    assert mailbox.stopping()


class ActorDiedError(Exception):
    """As Ray names a lost process."""


class StartupTimeoutError(Exception):
    """As Ray names workers that did not start."""


class GroupError(Exception):
    """As Ray Train reports failures of workers and of its controller."""

    def __init__(self, **parts: Any):
        super().__init__("many\nlines")
        self.__dict__.update(parts)


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (
            GroupError(worker_failures={0: ValueError("Connection closed"), 1: ActorDiedError("x")}),
            "Worker 1 was lost after",
        ),
        (
            GroupError(worker_failures={1: ValueError("a\nout of memory.")}),
            "Worker 1 failed after 2 restarts: ValueError: out",
        ),
        (GroupError(controller_failure=StartupTimeoutError("60 s")), "The workers did not start in time"),
        (GroupError(), "Ray Train has ended without a result: GroupError: lines."),
        (None, "Ray Train has ended without a result: no error was raised."),
    ],
)
def test_an_error_of_ray_train_is_a_sentence(problem: BaseException | None, text: str):
    assert explain(problem, 2, "/logs").startswith(text)
