"""A small model that is served in this process by a real socket, and the means to ask it."""

from __future__ import annotations

import http.client
import importlib.util
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "serving.py"


@pytest.fixture(scope="session")
def bench() -> Any:
    """The benchmark's module: its client is what the tests of a whole server ask with."""
    spec = importlib.util.spec_from_file_location("serving_benchmark", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def run(session_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of simple_cnn on digits, one epoch."""
    import zoo

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(session_cache))
        patch.setenv("ZOO_OFFLINE", "1")
        patch.chdir(tmp_path_factory.mktemp("served"))
        result = zoo.run("simple_cnn", "digits", epochs=1, set={"architecture.channels": [8, 16]}, name="served")
        return Path(result.dir).resolve()


@pytest.fixture
def classifier(run: Path) -> Any:
    import zoo

    return zoo.load(run)


@dataclass
class Asking:
    """A server in this process, and questions to it."""

    port: int
    service: Any

    def ask(
        self, path: str = "/predict", body: bytes | None = None, method: str | None = None, **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        """Status, heads and document."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method or ("GET" if body is None else "POST"), path, body, named)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        heads = {name.lower(): value for name, value in answer.getheaders()}
        is_json = heads.get("content-type", "").startswith("application/json")
        return answer.status, heads, json.loads(content) if is_json else content

    def form(self, *files: tuple[str, bytes], path: str = "/predict") -> tuple[int, dict[str, str], Any]:
        """Ask with a form of files."""
        kind, body = form_of(*files)
        return self.ask(path, body, Content_Type=kind)


def form_of(*files: tuple[str, bytes], end: bytes = b"--edge--\r\n") -> tuple[str, bytes]:
    """The type and the body of a form."""
    parts = [
        f'--edge\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n\r\n'.encode()
        + content
        + b"\r\n"
        for name, content in files
    ]
    return "multipart/form-data; boundary=edge", b"".join(parts) + end


@contextmanager
def served(classifier: Any, max_batch: int | None = None, **limits: Any) -> Iterator[Asking]:
    """The model behind a socket as long as the block lasts."""
    import asyncio

    from zoo_serve.limits import Limits
    from zoo_serve.server import Server, listen
    from zoo_serve.service import Service

    listening = listen("127.0.0.1", 0)
    service = Service(classifier, replace(Limits(), **limits), max_batch)
    server = Server(service, listening)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True)
    thread.start()
    yield Asking(listening.getsockname()[1], service)
    server.should_exit = True
    thread.join(30)
    assert not thread.is_alive()
    service.close()


@pytest.fixture(scope="module")
def server(run: Path) -> Iterator[Asking]:
    """The model with the usual limits."""
    import zoo

    classifier = zoo.load(run)
    classifier.settle()
    with served(classifier) as asking:
        yield asking


@pytest.fixture
def serving(classifier: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Asking]]:
    """The model with limits of one's own: ``serving(max_bytes=1000).ask(…)``."""
    monkeypatch.setattr("zoo_serve.server._GRACE_S", 0.01)
    with ExitStack() as stack:
        yield lambda **limits: stack.enter_context(served(classifier, **limits))


def picture(side: int = 20, seed: int = 0, format: str = "PNG") -> bytes:
    """A picture of noise."""
    written = BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    Image.fromarray(pixels).save(written, format)
    return written.getvalue()


@pytest.fixture(name="picture")
def _picture() -> Callable[..., bytes]:
    return picture


@pytest.fixture(name="form_of")
def _form_of() -> Callable[..., tuple[str, bytes]]:
    return form_of


@pytest.fixture(scope="session")
def picture_of() -> Callable[..., bytes]:
    """As ``picture``, for fixtures that outlive a test."""
    return picture
