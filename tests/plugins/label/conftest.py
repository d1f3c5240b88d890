"""Pools of pictures, sessions in this process, and real processes of ``zoo label``."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo_label.features import PlainFeatures
from zoo_label.journal import Journal
from zoo_label.labelling import Labelling
from zoo_label.pool import open_pool
from zoo_label.session import Session, SessionOptions

COLOURS = {"blue": (40, 60, 210), "green": (30, 190, 60), "red": (220, 50, 40)}


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """A folder of 30 pictures in three colours; the name of a picture tells its colour."""
    folder = tmp_path / "pool"
    folder.mkdir()
    for name, colour in COLOURS.items():
        for number in range(10):
            noise = np.random.default_rng([number, *colour]).integers(-30, 30, (24, 24, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}-{name}.png")
    return folder


@pytest.fixture
def make_session(pool: Path) -> Iterator[Callable[..., Session]]:
    """Open a session on the pool; its model is started on demand."""
    opened: list[Session] = []

    def make(classes: tuple[str, ...] = ("blue", "green", "red"), *, start: bool = False, **options: Any) -> Session:
        file = pool / "labels.csv"
        labelling = Labelling(open_pool(pool, file), Journal(file), classes)
        session = Session(labelling, PlainFeatures(), SessionOptions(**options))
        opened.append(session)
        if start:
            session.model.start()
        return session

    yield make
    for session in opened:
        session.close()
        session.labelling.journal.close()


class LabelProcess:
    """A process of ``zoo label``, and requests to it."""

    def __init__(self, *words: object, cwd: Path | None = None):
        typed = [sys.executable, "-m", "zoo", "label", *map(str, words), "--no-browser", "--port", "0"]
        self.process = subprocess.Popen(
            typed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=cwd, env=dict(os.environ)
        )
        assert self.process.stdout is not None
        self.said: list[str] = []
        while not (found := re.match(r"http://127\.0\.0\.1:(\d+)/", self.said[-1] if self.said else "")):
            line = self.process.stdout.readline()
            assert line, self.said
            self.said.append(line)
        self.port = int(found[1])
        self.url = f"http://127.0.0.1:{self.port}/"

    def ask(self, path: str, given: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and document."""
        return ask(self.port, path, given, **headers)

    def end(self) -> str:
        """Stop the process by SIGTERM; gives all that it printed."""
        self.process.terminate()
        rest, _ = self.process.communicate(timeout=20)
        return "".join(self.said) + rest


def ask(port: int, path: str, given: Any = None, **headers: str) -> tuple[int, Any]:
    """Status and document of a request; a document is posted."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        if given is None:
            connection.request("GET", path, headers=headers)
        else:
            sent = {"Content-Type": "application/json", **headers}
            connection.request("POST", path, json.dumps(given), sent)
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body) if answer.getheader("Content-Type", "").startswith("app") else body
    finally:
        connection.close()


@pytest.fixture
def asking() -> Callable[..., tuple[int, Any]]:
    """Ask a server at a port: ``asking(port, path, document) -> (status, document)``."""
    return ask


@pytest.fixture
def labelling() -> Iterator[Callable[..., LabelProcess]]:
    """Start processes of ``zoo label``, which are ended with the test."""
    started: list[LabelProcess] = []

    def start(*words: object, **how: Any) -> LabelProcess:
        started.append(LabelProcess(*words, **how))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
        each.process.communicate()
