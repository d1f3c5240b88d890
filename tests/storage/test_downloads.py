"""A download comes whole, by https, as its checksum says; or nothing of it is left."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import DataError
from zoo.storage import downloads
from zoo.storage.downloads import download

BODY = bytes(range(256)) * 5000
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads.time, "sleep", lambda seconds: None)


def begun(server: Any, length: int, body: bytes, status: int = 200, **headers: str) -> None:
    server.send_response(status)
    server.send_header("Content-Length", str(length))
    for name, value in headers.items():
        server.send_header(name, value)
    server.end_headers()
    server.wfile.write(body)


def test_a_file_arrives_and_nothing_else(https: Any, tmp_path: Path):
    (https.folder / "a.bin").write_bytes(BODY)
    file = download(f"{https.url}/a.bin", tmp_path / "in" / "a.bin", most=len(BODY), sha256=SHA256)
    assert file.read_bytes() == BODY
    assert [p.name for p in file.parent.iterdir()] == ["a.bin"]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"most": 1000}, "exceeds the limit of 1,000 bytes"),
        ({"most": 10**9, "sha256": "0" * 64}, "changed or damaged"),
    ],
)
def test_what_is_not_as_it_should_be_is_not_kept(https: Any, tmp_path: Path, how: dict[str, Any], words: str):
    (https.folder / "a.bin").write_bytes(BODY)
    (tmp_path / "a.bin").write_bytes(b"the one before")
    with pytest.raises(DataError, match=words):
        download(f"{https.url}/a.bin", tmp_path / "a.bin", **how)
    assert (tmp_path / "a.bin").read_bytes() == b"the one before"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_connection_that_breaks_is_tried_again(https: Any, tmp_path: Path):
    tries = []

    def answer(server: Any) -> None:
        tries.append(1)
        begun(server, len(BODY), BODY if len(tries) == 3 else BODY[:70_000])
        server.close_connection = True

    https.answers["/a.bin"] = answer
    assert download(f"{https.url}/a.bin", tmp_path / "a.bin", most=10**9, sha256=SHA256).read_bytes() == BODY
    assert len(tries) == 3


def test_one_that_breaks_every_time_is_said(https: Any, tmp_path: Path):
    https.answers["/a.bin"] = lambda server: begun(server, len(BODY), BODY[:70_000])
    with pytest.raises(DataError, match="bytes early"):
        download(f"{https.url}/a.bin", tmp_path / "a.bin", most=10**9)
    assert not list(tmp_path.iterdir())


def test_what_is_not_there_is_asked_for_once(https: Any, tmp_path: Path):
    with pytest.raises(DataError, match="404"):
        download(f"{https.url}/nothing", tmp_path / "a.bin", most=10)
    assert https.asked == ["/nothing"]


@pytest.mark.parametrize("url", ["http://localhost/a", "file:///etc/hostname", "ftp://localhost/a", "a.bin"])
def test_anything_but_https_is_refused(https: Any, tmp_path: Path, url: str):
    with pytest.raises(DataError, match="only https"):
        download(url, tmp_path / "a.bin", most=10)


def test_a_server_that_leads_away_from_https_is_not_followed(https: Any, tmp_path: Path):
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    (https.folder / "a.bin").write_bytes(BODY)
    plain = ThreadingHTTPServer(("localhost", 0), partial(SimpleHTTPRequestHandler, directory=str(https.folder)))
    Thread(target=plain.serve_forever, daemon=True).start()
    https.answers["/a.bin"] = lambda server: begun(
        server, 0, b"", 302, Location=f"http://localhost:{plain.server_port}/a.bin"
    )
    try:
        with pytest.raises(DataError, match="redirects away from https"):
            download(f"{https.url}/a.bin", tmp_path / "a.bin", most=10**9, sha256=SHA256)
    finally:
        plain.shutdown()
        plain.server_close()


def test_a_certificate_that_nobody_vouches_for_is_refused(https: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(DataError, match="CERTIFICATE_VERIFY_FAILED"):
        download(f"{https.url}/a.bin", tmp_path / "a.bin", most=10)


def test_offline_nothing_is_asked_for(https: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(DataError, match="downloads are disabled"):
        download(f"{https.url}/a.bin", tmp_path / "a.bin", most=10)
    assert https.asked == []
