"""The server: who may ask, what is refused, and that no answer is lost."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from zoo_label.journal import read_journal
from zoo_label.server import LabelServer
from zoo_label.session import Session


@pytest.fixture
def ask(make_session: Callable[..., Session], asking: Any) -> Iterator[Any]:
    """A server in this process, and requests to it."""
    server = LabelServer(make_session(), 0, "ann <&>")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()

    def asked(path: str, given: Any = None, **heads: str) -> tuple[int, Any]:
        return asking(server.server_port, path, given, **heads)

    asked.server = server  # type: ignore[attr-defined]
    yield asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_picture_is_labelled(ask: Any):
    status, found = ask("/api/next", {"client": "a", "count": 2})
    assert status == 200
    first, second = (picture["id"] for picture in found["pictures"])
    status, state = ask("/api/answer", {"client": "a", "event": "label", "label": "red", "ids": [first]})
    assert (status, state["labelled"]) == (200, 1)
    status, state = ask("/api/answer", {"client": "a", "who": "Bo\n", "event": "skip", "ids": [second]})
    assert (status, state["skipped"]) == (200, 1)
    answers = read_journal(ask.server.session.labelling.journal.path)
    assert [answer.who for answer in answers] == ["ann <&>", "Bo"]
    status, undone = ask("/api/undo", {"client": "a"})
    assert (undone["pictures"][0]["id"], undone["state"]["skipped"]) == (second, 0)
    assert ask("/api/classes", {"client": "a", "name": "grey"}) == (200, {"name": "grey"})
    assert ask("/api/leave", {"client": "a"}) == (200, {})
    assert len(ask("/api/grid", {"client": "b", "count": 30})[1]["pictures"]) == 29


def test_the_page_and_pictures_are_served(ask: Any):
    status, page = ask("/")
    assert status == 200
    assert b'data-user="ann &lt;&amp;&gt;"' in page
    for side in (256, 1280, 4096, 77):
        status, picture = ask(f"/picture?id=0&side={side}")
        assert (status, picture[:3]) == (200, b"\xff\xd8\xff")
    for wrong in ("30", "-1", "x", ""):
        assert ask(f"/picture?id={wrong}")[0] == 404


def test_an_unreadable_picture_is_reported(ask: Any, pool: Path):
    (pool / "0-blue.png").write_bytes(b"no picture")
    status, found = ask("/picture?id=0")
    assert status == 422
    assert "can't be read: not a readable image" in found["detail"]


@pytest.mark.parametrize(
    "heads",
    [
        {"Host": "evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
def test_pages_of_other_sites_are_refused(ask: Any, heads: dict[str, str]):
    for path, given in (("/", None), ("/api/state", None), ("/picture?id=0", None), ("/api/undo", {"client": "a"})):
        status, found = ask(path, given, **heads)
        assert (status, found["detail"]) == (403, "This page is available on this machine only.")
    assert ask("/api/undo", {"client": "a"}, Origin=ask.server.url.rstrip("/"))[0] == 200


@pytest.mark.parametrize(
    ("path", "given", "status", "said"),
    [
        ("/api/answer", {"client": "a", "event": "label", "label": "grey", "ids": [0]}, 422, "no class 'grey'"),
        ("/api/answer", {"client": "a", "event": "label", "label": "red", "ids": [99]}, 422, "0 to 29"),
        ("/api/answer", {"client": "a", "event": "label", "label": "red", "ids": []}, 422, "0 to 29"),
        ("/api/answer", {"client": "a", "event": "label", "label": "red", "ids": ["0"]}, 422, "list of at most"),
        ("/api/answer", {"client": "a", "event": "guess", "ids": [0]}, 422, "label, none or skip"),
        ("/api/answer", {"client": "a b", "event": "skip", "ids": [0]}, 422, "The client"),
        ("/api/answer", {"event": "skip", "ids": [0]}, 422, "The client"),
        ("/api/next", {"client": "a", "count": -1}, 422, "from 0 to"),
        ("/api/classes", {"client": "a", "name": ""}, 422, "can't be a class"),
        ("/api/answer", [1], 400, "JSON object"),
        ("/api/nothing", {}, 404, "Not found"),
    ],
)
def test_a_wrong_request_changes_nothing(ask: Any, path: str, given: Any, status: int, said: str):
    got, found = ask(path, given)
    assert got == status
    assert said in found["detail"]
    assert read_journal(ask.server.session.labelling.journal.path) == []


def test_a_page_of_an_earlier_server_is_refused(ask: Any):
    """Its numbers of pictures may mean others."""
    given = {"client": "a", "event": "label", "label": "red", "ids": [0]}
    status, found = ask("/api/answer", {**given, "session": "other"})
    assert (status, found["detail"]) == (409, "The server was started again: reload this page.")
    assert ask("/api/answer", {**given, "session": ask("/api/state")[1]["session"]})[0] == 200


def test_only_json_of_limited_length_is_taken(ask: Any):
    assert ask("/api/undo", {"client": "a"}, **{"Content-Type": "text/plain"})[0] == 415
    assert ask("/api/undo", {"client": "a"}, **{"Content-Length": str(2**21)})[0] == 413


@pytest.mark.slow
def test_killed_processes_lose_no_answer(pool: Path, labelling: Any):
    """SIGKILL while two clients label: what was answered with 200 is in the file, and the next process goes on."""
    acknowledged: dict[str, str] = {}
    for round in range(4):
        process = labelling(pool, "--classes", "blue,green,red")
        timer = threading.Timer(0.15 + 0.1 * round, process.process.kill)
        threads = [threading.Thread(target=_work, args=(process, client, acknowledged)) for client in "ab"]
        for thread in threads:
            thread.start()
        timer.start()
        for thread in threads:
            thread.join(60)
        process.process.wait(20)
        held = {answer.path: answer.label for answer in read_journal(pool / "labels.csv")}
        assert acknowledged.items() <= held.items()
    assert len(acknowledged) > 10
    process = labelling(pool)
    status, state = process.ask("/api/state")
    assert status == 200
    assert state["labelled"] >= len(acknowledged)
    assert "next: zoo run simple_cnn" in process.end()


def _work(process: Any, client: str, acknowledged: dict[str, str]) -> None:
    try:
        while pictures := process.ask("/api/next", {"client": client, "count": 1})[1]["pictures"]:
            label = random.choice(("blue", "green", "red"))
            given = {"client": client, "event": "label", "label": label, "ids": [pictures[0]["id"]]}
            if process.ask("/api/answer", given)[0] == 200:
                acknowledged[pictures[0]["name"]] = label
    except (OSError, ValueError, EOFError):
        return
    except Exception as error:
        if "http.client" not in type(error).__module__:
            raise
