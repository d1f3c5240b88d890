"""A real server of pictures, by plain http."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


class Web:
    """Serves ``folder`` at ``url``; ``answers`` stands for files, ``agents`` are the clients so far."""

    def __init__(self, folder: Path):
        self.folder, self.agents = folder, []  # type: Path, list[str]
        self.answers: dict[str, Callable[[Any], None]] = {}
        outer = self

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *args: Any):
                super().__init__(*args, directory=str(folder))

            def do_GET(self) -> None:
                outer.agents.append(self.headers["User-Agent"])
                answer = outer.answers.get(self.path)
                answer(self) if answer else super().do_GET()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("localhost", 0), Handler)
        self.url = f"http://localhost:{self.server.server_port}"


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """The server; downloads are allowed."""
    monkeypatch.delenv("ZOO_OFFLINE", raising=False)
    monkeypatch.setenv("no_proxy", "localhost")
    (tmp_path / "served").mkdir()
    served = Web(tmp_path / "served")
    threading.Thread(target=served.server.serve_forever, daemon=True).start()
    yield served
    served.server.shutdown()
    served.server.server_close()
