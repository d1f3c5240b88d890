"""Two jobs on the same data at once: one decodes while the other waits, and takes over from one that is killed."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo.data.store import Decoded, decode_split
from zoo.storage.lock import held

SHAPE = (8, 3)
COUNT = 70
FILES = {"images.npy", "labels.npy", "kept.npy", "store.json"}

# A process that says when it is ready, begins when it is told to, and writes down every file that it opens. Its last
# picture takes until another process has opened its first, and a while more.
JOB = """
import hashlib, json, os, sys, time
from pathlib import Path
from PIL import Image
from zoo.data.store import decode_split

folder, log, hang_at = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

class Written:
    classes = ("a", "b")
    paths = sorted(folder.glob("*.png"))
    targets = [i % 2 for i in range(len(paths))]

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        with open(log, "a") as file:
            file.write(f"{os.getpid()} {index}\\n")
        while index == len(self) - 1 and len({line.split()[0] for line in open(log)}) < 2:
            time.sleep(0.02)
        time.sleep(3600 if index == hang_at else 0.01 + (index == len(self) - 1))
        return Image.open(self.paths[index]), self.targets[index]

    def name_of(self, index):
        return str(self.paths[index])

def say(**what):
    print(json.dumps(what), flush=True)

say(ready=True)
sys.stdin.readline()
found = decode_split(Written(), (8, 3), "disk", lambda done, total: say(done=done, total=total))
say(digest=hashlib.sha256(found.images.tobytes()).hexdigest(), labels=found.labels.tolist(), names=list(found.names))
"""


class Job:
    """A process that decodes the folder."""

    def __init__(self, folder: Path, log: Path, hang_at: int):
        command = [sys.executable, "-c", JOB, str(folder), str(log), str(hang_at)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.next() == {"ready": True}

    def begin(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def next(self) -> dict[str, Any]:
        """What it says next."""
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def rest(self) -> tuple[list[int], dict[str, Any]]:
        """How far it said to be, each time, and what it found."""
        out, _ = self.process.communicate(timeout=60)
        *told, found = map(json.loads, out.splitlines())
        assert self.process.returncode == 0
        assert {line["total"] for line in told} == {COUNT}
        return [line["done"] for line in told], found


@pytest.fixture
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "stores"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "images"
    place.mkdir()
    for i in range(COUNT):
        Image.new("RGB", (12, 10), (3 * i, 255 - i, i)).save(place / f"{i:03}.png")
    return place


@pytest.fixture
def start(stores: Path, folder: Path, tmp_path: Path) -> Iterator[Callable[..., Job]]:
    started: list[Job] = []

    def begin(hang_at: int = -1) -> Job:
        started.append(Job(folder, tmp_path / "log", hang_at))
        return started[-1]

    yield begin
    for job in started:
        job.process.kill()
        job.process.communicate()


def opened(log: Path) -> Counter[int]:
    """How many files each process opened, by its number."""
    return Counter(int(line.split()[0]) for line in log.read_text().splitlines())


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.slow
def test_of_two_processes_that_begin_together_one_decodes(start: Callable[..., Job], stores: Path, tmp_path: Path):
    jobs = [start(), start()]
    for job in jobs:
        job.begin()
    (one, first), (two, second) = (job.rest() for job in jobs)
    assert first == second, "the same pixels, labels and names"
    waited, decoded = sorted(opened(tmp_path / "log").values())
    assert decoded >= COUNT
    assert waited <= 2, "a look at the first picture"
    told = [one, two] if one == list(range(1, COUNT + 1)) else [two, one]
    assert told[0] == list(range(1, COUNT + 1))
    assert told[1][0] < COUNT
    assert told[1][-1] == COUNT, "told how far the other is, and when it is done"
    assert told[1] == sorted(told[1])
    (store,) = stores.iterdir()
    assert {file.name for file in store.iterdir()} == FILES


@pytest.mark.slow
def test_one_that_waits_takes_over_from_one_that_is_killed(start: Callable[..., Job], stores: Path, tmp_path: Path):
    hanging, waiting = start(hang_at=30), start()
    hanging.begin()
    until(lambda: (tmp_path / "log").exists() and " 30\n" in (tmp_path / "log").read_text())
    waiting.begin()
    assert waiting.next() == {"done": 0, "total": COUNT}, "the other's word, which isn't one yet"
    assert opened(tmp_path / "log")[waiting.process.pid] <= 2, "it waits, after a look at the first picture"
    hanging.process.kill()
    told, found = waiting.rest()
    assert told[-COUNT:] == list(range(1, COUNT + 1))
    assert len(found["names"]) == COUNT
    (store,) = stores.iterdir()
    assert {file.name for file in store.iterdir()} == FILES, "and nothing is left of the other's"


def test_what_a_killed_job_left_is_removed_by_the_next_one_of_other_data(
    start: Callable[..., Job], stores: Path, tmp_path: Path
):
    """But what another job is at work on is not."""
    hanging = start(hang_at=30)
    hanging.begin()
    until(lambda: (tmp_path / "log").exists() and " 30\n" in (tmp_path / "log").read_text())
    unfinished = {path.name for path in stores.iterdir()}
    assert len(unfinished) == 2
    assert all(name.startswith(".building-") for name in unfinished)
    decode_split(Made("v1"), SHAPE)
    assert {path.name for path in stores.iterdir()} > unfinished
    hanging.process.kill()
    hanging.process.wait()
    decode_split(Made("v2"), SHAPE)
    assert {path.name for path in stores.iterdir()}.isdisjoint(unfinished)
    assert not list(stores.glob(".*"))


@pytest.mark.parametrize(
    ("name", "days", "goes"),
    [
        (".building-abc12345", 0.0, True),  # as they were called before there were locks
        (".building-0123-another1", 0.0, False),
        (".building-0123-another1", 0.9, False),
        (".building-0123-another1", 1.1, True),
        (".unlocked-0123", 1.1, False),
    ],
)
def test_what_another_machine_is_at_work_on_stays_for_a_day(stores: Path, name: str, days: float, goes: bool):
    """It may hold a lock that isn't seen here."""
    left = stores / name
    left.mkdir(parents=True)
    (left / "images.npy").write_text("unfinished")
    for path in (left / "images.npy", left):
        os.utime(path, (time.time() - days * 86400,) * 2)
    decode_split(Made("v1"), SHAPE)
    assert left.exists() != goes
    assert not list(stores.glob("*.lock"))


class Made:
    """Pictures without files, of which each is counted; two jobs can meet in one."""

    classes = ("a", "b")

    def __init__(self, fingerprint: str, meet: threading.Barrier | None = None):
        self.fingerprint, self.meet, self.made = fingerprint, meet, 0

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> tuple[Any, int]:
        self.made += 1
        if self.meet is not None and index == 5:
            self.meet.wait(timeout=20)  # neither is done before both have begun
        return np.full((3, 8, 8), index, np.uint8), index % 2


def at_once(datasets: list[Made]) -> list[Decoded]:
    results: list[Decoded] = []
    jobs = [threading.Thread(target=lambda d=d: results.append(decode_split(d, SHAPE))) for d in datasets]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert len(results) == 2
    assert np.array_equal(results[0].images, results[1].images)
    return results


def test_two_threads_are_two_jobs_as_well(stores: Path):
    datasets = [Made("v1"), Made("v1")]
    at_once(datasets)
    assert sorted(dataset.made for dataset in datasets) == [0, 6]
    assert len(list(stores.iterdir())) == 1


@pytest.mark.parametrize(
    ("function", "number"),
    [
        ("fcntl.flock", errno.ENOLCK),
        ("fcntl.flock", errno.EOPNOTSUPP),
        ("fcntl.flock", errno.ENOSYS),
        ("os.open", errno.EROFS),
        ("os.open", errno.EACCES),
    ],
)
def test_where_nothing_can_be_locked_each_decodes_and_the_first_wins(
    stores: Path, monkeypatch: pytest.MonkeyPatch, function: str, number: int
):
    possible = os.open

    def impossible(file: Any, *settings: Any, **more: Any) -> int:
        if function == "os.open" and not str(file).endswith(".lock"):
            return possible(file, *settings, **more)
        raise OSError(number, "no locks here")

    monkeypatch.setattr(function, impossible)
    meeting = threading.Barrier(2)
    datasets = [Made("v1", meeting), Made("v1", meeting)]
    at_once(datasets)
    assert [dataset.made for dataset in datasets] == [6, 6]
    (store,) = stores.iterdir()
    assert {file.name for file in store.iterdir()} == FILES


def test_one_that_waits_takes_over_from_one_that_fails(stores: Path):
    """The holder lets go, and what went wrong there goes wrong here too, or not."""
    begun, go_on = threading.Event(), threading.Event()

    class Failing(Made):
        def __getitem__(self, index: int) -> tuple[Any, int]:
            begun.set()
            go_on.wait(timeout=20)
            raise RuntimeError("boom")

    def fail() -> None:
        with pytest.raises(RuntimeError, match="boom"):
            decode_split(Failing("v1"), SHAPE)

    failing = threading.Thread(target=fail)
    failing.start()
    begun.wait(timeout=20)
    told: list[int] = []

    def tell(done: int, total: int) -> None:
        told.append(done)
        go_on.set()

    decoded = decode_split(Made("v1"), SHAPE, progress=tell)
    failing.join()
    assert told[0] == 0
    assert told[-6:] == [1, 2, 3, 4, 5, 6]
    assert len(decoded.labels) == 6
    assert len(list(stores.iterdir())) == 1


# -- the lock itself ---------------------------------------------------------------------------------


def test_a_lock_is_held_once_and_leaves_no_file(tmp_path: Path):
    path = tmp_path / "lock"
    with held(path, None) as lock:
        assert lock is not None
        with held(path, None) as second:
            assert second is None
    assert list(tmp_path.iterdir()) == []
    with held(path, None) as again:
        assert again is not None


def test_who_waits_is_told_how_far_the_holder_is(tmp_path: Path):
    path = tmp_path / "lock"
    told: list[int] = []
    heard, got = threading.Event(), threading.Event()

    def wait() -> None:
        with held(path, lambda done: (told.append(done), heard.set())) as lock:  # type: ignore[func-returns-value]
            assert lock is not None
            got.set()

    with held(path, None) as lock:
        assert lock is not None
        waiting = threading.Thread(target=wait)
        waiting.start()
        for done in (5, 1234):
            lock.tell(done)
            heard.clear()
            until(lambda done=done: heard.is_set() and told[-1] == done)  # type: ignore[misc]
        assert not got.is_set()
    waiting.join(timeout=20)
    assert got.is_set()
    assert list(tmp_path.iterdir()) == []


def test_many_that_wait_for_one_lock_hold_it_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Each removes the file when it lets go; whoever had it open already holds nothing by it."""
    monkeypatch.setattr("zoo.storage.lock._POLL_S", 0.0005)
    inside: list[int] = []
    most = []

    def work(number: int) -> None:
        for _ in range(20):
            with held(tmp_path / "lock", lambda done: None) as lock:
                assert lock is not None
                inside.append(number)
                most.append(len(inside))
                time.sleep(0.0005)
                inside.remove(number)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert most == [1] * 120


def test_a_lock_in_a_folder_that_is_not_there_is_none(tmp_path: Path):
    with held(tmp_path / "nowhere" / "lock", lambda done: pytest.fail("nobody to wait for")) as lock:
        assert lock is None
    assert not (tmp_path / "nowhere").exists()
