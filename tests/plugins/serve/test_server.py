"""A server by real sockets: what it answers, and what it refuses with which word."""

from __future__ import annotations

import base64
import io
import json
import socket
import struct
import threading
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from zoo.errors import RequestError
from zoo_serve.schemas import PredictResponse
from zoo_serve.server import listen


def test_it_answers_as_predict_does(server, classifier, picture, tmp_path: Path):
    files = []
    for i in range(3):
        files.append(tmp_path / f"{i}.png")
        files[-1].write_bytes(picture(seed=i))
    expected = classifier.predict(files)
    status, _, found = server.form(*((file.name, file.read_bytes()) for file in files))
    assert status == 200
    for got, wanted in zip(found["predictions"], expected, strict=True):
        assert got["path"] == Path(wanted["path"]).name
        assert got["label"] == wanted["label"]
        assert [each["class"] for each in got["top"]] == [each["class"] for each in wanted["top"]]
        assert got["confidence"] == pytest.approx(wanted["confidence"], abs=1e-5)
        assert got.keys() == wanted.keys()


def test_a_model_with_a_coverage_answers_with_sets(server, classifier, picture, monkeypatch):
    monkeypatch.setattr(server.service.classifier, "coverage", 0.95)
    status, _, found = server.ask(body=picture())
    assert status == 200
    assert found["predictions"][0]["set"] == classifier.predict(picture(), coverage=0.95)[0]["set"]
    assert PredictResponse.model_validate(found).predictions[0].set == found["predictions"][0]["set"]


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "application/octet-stream", ""])
def test_a_pictures_own_bytes(server, picture, kind: str):
    status, _, found = server.ask(body=picture(), **({"Content_Type": kind} if kind else {}))
    assert status == 200
    (one,) = found["predictions"]
    assert one["path"] is None
    assert len(one["top"]) == 5


def test_how_many_classes_are_named(server, picture):
    for top_k, many in ((1, 1), (3, 3), (99, 10)):
        assert len(server.ask(f"/predict?top_k={top_k}", picture())[2]["predictions"][0]["top"]) == many
    for wrong in ("0", "-1", "x", "1e9", "1001"):
        status, _, found = server.ask(f"/predict?top_k={wrong}", picture())
        assert status == 422
        assert found["detail"].startswith("top_k: ")


def test_what_it_saw_and_where_it_looked(server, picture):
    found = server.ask("/predict?explain=true", picture())[2]["predictions"][0]
    assert found["explanation"]["class"] == found["label"]
    for name in ("seen", "looked"):
        kind, _, content = found["explanation"][name].partition(",")
        assert kind == "data:image/jpeg;base64"
        assert Image.open(io.BytesIO(base64.b64decode(content))).size == (240, 240)
    kind, _, content = found["explanation"]["heat"].partition(",")
    assert kind == "data:image/png;base64"
    heat = Image.open(io.BytesIO(base64.b64decode(content)))
    assert (heat.mode, heat.width) == ("RGB", heat.height)


def test_samples_are_what_the_service_was_given(server, serving):
    assert server.ask("/samples")[2] == {"samples": []}
    other = serving()
    other.service.samples.append({"label": "4", "image": "data:image/jpeg;base64,AA"})
    assert other.ask("/samples")[2] == {"samples": [{"label": "4", "image": "data:image/jpeg;base64,AA"}]}
    assert other.ask("/samples", Host="evil.example")[0] == 403


def test_a_threshold_is_told(serving, classifier, picture):
    classifier.reject_below = 1.0
    server = serving()
    assert server.ask(body=picture())[2]["predictions"][0]["sure"] is False
    assert b"zoo_not_sure_total 1.0" in server.ask("/metrics")[2]


def test_what_it_tells_of_itself(serving, classifier, picture):
    server = serving()
    assert server.ask("/health")[::2] == (200, {"status": "ok", "model": "simple/simple_cnn"})
    assert server.ask("/model")[2] == json.loads(json.dumps(classifier.card))
    server.ask(body=picture())
    server.ask(body=b"no picture")
    text = server.ask("/metrics")[2].decode()
    assert 'zoo_requests_total{path="/predict",status="200"} 1.0' in text
    assert 'zoo_requests_total{path="/predict",status="422"} 1.0' in text
    assert "zoo_batch_images_count 1.0" in text
    assert "zoo_waiting_images 0.0" in text
    described = server.ask("/openapi.json")[2]
    assert set(described["paths"]) == {"/predict", "/model", "/health", "/metrics"}
    assert "multipart/form-data" in described["paths"]["/predict"]["post"]["requestBody"]["content"]


def test_the_page_and_the_description_ask_nobody_else(server):
    import re

    for path in ("/", "/docs"):
        status, heads, content = server.ask(path)
        assert status == 200
        assert heads["x-frame-options"] == "DENY"
        assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//[^"']*""", content.decode())
    assert "script-src 'sha256-" in server.ask("/")[1]["content-security-policy"]


FORM = "multipart/form-data; boundary=edge"

# -- what it refuses -----------------------------------------------------------------------------------


def png_of(width: int, height: int) -> bytes:
    """A PNG that says it is as large as that: a few bytes that would become gigabytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")
    )


def array_of(shape: tuple[int, ...], content: bytes = b"") -> bytes:
    """A .npy that says it is as large as that."""
    written = io.BytesIO()
    said = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(written, said)
    return written.getvalue() + content


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no picture", "not a readable image"),
        (b"\x89PNG\r\n\x1a\n", "not a readable image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a readable image"),
        (png_of(50_000, 50_000), "far exceeds the limit of 50,000,000 pixels"),
        (png_of(9_000, 9_000), "81,000,000 pixels"),
        (png_of(2**31 - 1, 2**31 - 1), "pixels"),
        (array_of((3, 10**6, 10**6)), "not a readable image"),
        (array_of((3, 20, 20), bytes(1200)), ""),
        (b"\x93NUMPY\x01\x00\x10\x00cposix\nsystem\n.", "not a readable image"),
        (b"II*\x00" + bytes(range(200)), "not a readable image"),
    ],
)
def test_bytes_that_are_no_picture_or_far_too_large_a_one(server, content: bytes, words: str):
    status, _, found = server.ask(body=content)
    assert (status, words) == (200, "") or (status == 422 and words in found["detail"])


def test_a_truncated_picture_is_refused_and_named(server, picture):
    whole = picture(64, format="JPEG")
    status, _, found = server.form(("half.jpg", whole[: len(whole) // 2]), ("text.jpg", b"text"))
    assert status == 422
    assert found["detail"].startswith("half.jpg: ")
    assert "text.jpg: not a readable image" in found["detail"]


@pytest.mark.parametrize("query", ["", "?explain=true"])
def test_a_good_picture_beside_a_broken_one_is_answered(server, picture, query: str):
    whole, path = picture(64, format="JPEG"), f"/predict{query}"
    files = (("half.jpg", whole[: len(whole) // 2]), ("whole.jpg", whole), ("text.jpg", b"text"))
    status, _, found = server.form(*files, path=path)
    assert status == 200
    half, good, text = found["predictions"]
    assert good == server.form(("whole.jpg", whole), path=path)[2]["predictions"][0]
    assert [half["path"], text["path"]] == ["half.jpg", "text.jpg"]
    assert [half["top"], text["top"]] == [[], []], "what every answer has had"
    assert half["error"].startswith("half.jpg: ")
    assert text["error"] == "text.jpg: not a readable image"
    PredictResponse.model_validate(found)


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", "video/mp4", "nonsense"]
)
def test_a_body_of_another_type(server, picture, kind: str):
    status, _, found = server.ask(body=picture(), Content_Type=kind)
    assert status == 415
    assert "curl -F image=@photo.jpg" in found["detail"]


def test_a_body_that_is_too_long_by_its_head_or_as_it_comes(serving, picture):
    server = serving(max_bytes=5000)
    assert server.ask(body=bytes(5001))[0] == 413
    assert server.form(("a.png", bytes(6000)))[0] == 413

    def chunks():
        for _ in range(10):
            yield bytes(1000)

    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("POST", "/predict", chunks(), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()
    assert server.ask(body=picture(16))[0] == 200
    assert server.service.intake.held == 0


def test_too_many_pictures_at_once(serving, picture):
    server = serving(max_images=3)
    assert server.form(*((f"{i}.png", picture()) for i in range(3)))[0] == 200
    assert server.form(*((f"{i}.png", picture()) for i in range(4)))[0] == 413


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("multipart/form-data", b"", 400),
        ("multipart/form-data; boundary=", b"x", 400),
        (FORM, b"", 400),
        (FORM, b"nothing of a form", 400),
        (FORM, b"--edge\r\n\r\nx\r\n--edge--\r\n", 400),
        (FORM, b'--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--edge--\r\n', 422),
        ("multipart/form-data; boundary=edge; charset=nonsense", b"--edge--\r\n", 422),
        ("multipart/form-data; boundary=" + "e" * 5000, b"--e", 400),
        ("image/png", b"", 422),
    ],
)  # fmt: skip
def test_forms_that_are_none(server, kind: str, body: bytes, status: int):
    got, _, found = server.ask(body=body, Content_Type=kind)
    assert got == status, found
    assert found["detail"]


def test_a_form_without_its_end_is_not_taken_for_whole(server, form_of, picture):
    kind, body = form_of(("a.png", picture()), ("b.png", picture()), end=b"")
    status, _, found = server.ask(body=body, Content_Type=kind)
    assert status == 400
    assert "it is incomplete" in found["detail"]


def test_more_than_may_wait_is_told_to_try_again(serving, picture, monkeypatch: pytest.MonkeyPatch):
    server = serving(max_waiting=2)
    go_on, compute = threading.Event(), server.service.batcher._compute
    monkeypatch.setattr(server.service.batcher, "_compute", lambda works: go_on.wait(10) and compute(works))
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(server.ask(body=picture())[0])) for _ in range(2)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 5
    while server.service.intake.waiting < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    status, heads, document = server.ask(body=picture())
    assert (status, heads["retry-after"]) == (429, "1")
    assert "2 images are queued" in document["detail"]
    go_on.set()
    for thread in threads:
        thread.join()
    assert found == [200, 200]
    assert server.service.intake.waiting == 0


def test_an_answer_that_takes_too_long(serving, picture, monkeypatch: pytest.MonkeyPatch):
    server = serving(timeout_s=0.3)
    go_on, compute = threading.Event(), server.service.batcher._compute
    monkeypatch.setattr(server.service.batcher, "_compute", lambda works: go_on.wait(10) and compute(works))
    assert server.ask(body=picture())[0] == 503
    go_on.set()
    assert server.ask(body=picture())[0] == 200


def test_a_network_that_fails_is_no_traceback(serving, picture, monkeypatch: pytest.MonkeyPatch):
    server = serving()

    def fail(works: Any) -> Any:
        raise RuntimeError("secret words")

    monkeypatch.setattr(server.service.batcher, "_compute", fail)
    status, _, found = server.ask(body=picture())
    assert status == 500
    assert found == {"detail": "Internal error; see the log of the server."}


def test_an_answer_that_is_no_number_is_none(serving, classifier, picture, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(classifier, "_outputs", lambda pixels, tta=None: torch.full((len(pixels), 10), torch.nan))
    status, _, found = serving().ask(body=picture())
    assert status == 422
    assert "the prediction is NaN" in found["detail"]


def test_a_body_that_comes_drop_by_drop(serving):
    server = serving(timeout_s=0.5)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as slow:
        slow.sendall(
            f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: 1000\r\n\r\n".encode()
        )
        begin = time.monotonic()
        answer = b""
        while not answer and time.monotonic() - begin < 5:
            slow.sendall(b"x")
            slow.settimeout(0.05)
            try:
                answer = slow.recv(65536)
            except TimeoutError:
                continue
    assert b" 408 " in answer
    assert time.monotonic() - begin < 3


@pytest.mark.parametrize("head", [b"", b"POST /predict HTTP/1.1\r\nX-A: "])
def test_who_never_says_what_he_wants_is_let_go(serving, head: bytes):
    server = serving(header_s=0.4)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as slow:
        begin = time.monotonic()
        slow.sendall(head)
        slow.settimeout(0.05)
        ended = False
        while not ended and time.monotonic() - begin < 5:
            try:
                if head:
                    slow.sendall(b"x")
                ended = slow.recv(65536) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                ended = True
    assert ended
    assert time.monotonic() - begin < 3


def test_many_who_say_nothing_keep_nobody_out_for_long(serving, picture):
    server = serving(max_connections=20, header_s=0.5)
    silent = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(60)]
    try:
        status = 0
        deadline = time.monotonic() + 8
        while status != 200 and time.monotonic() < deadline:
            try:
                status = server.ask(body=picture())[0]
            except OSError:
                status = 0
            time.sleep(0.05)
        assert status == 200
    finally:
        for connection in silent:
            connection.close()


def told(server: Any, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """All that a connection is answered to bytes that arrive in these pieces."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause_s)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def halved(content: bytes, size: int) -> list[bytes]:
    return [content[i : i + size] for i in range(0, len(content), size)]


LONG_HEADS = {
    "one head": b"X-A: " + b"a" * 60_000 + b"\r\n",
    "many heads": b"".join(b"X-%d: %s\r\n" % (i, b"a" * 100) for i in range(600)),
}


@pytest.mark.parametrize("size", [200_000, 8_000], ids=["at once", "in pieces"])
@pytest.mark.parametrize("heads", LONG_HEADS.values(), ids=LONG_HEADS)
def test_a_whole_head_that_is_too_long_however_it_arrives(server, heads: bytes, size: int):
    host = b"Host: 127.0.0.1:%d\r\n" % server.port
    request = b"GET /health HTTP/1.1\r\n" + host + heads + b"\r\n"
    answer = told(server, *halved(request, size), pause_s=0.01)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    small = request.replace(heads, b"X-A: " + b"a" * 30_000 + b"\r\nConnection: close\r\n")
    for each in (size, 1000):
        assert told(server, *halved(small, each)).startswith(b"HTTP/1.1 200 ")


def test_an_address_that_is_too_long(server):
    request = b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % server.port
    assert told(server, request).startswith(b"HTTP/1.1 431 ")


def test_a_head_that_is_too_long_behind_a_request(server):
    """The first is answered, the second not, and nothing of it is kept."""
    first = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % server.port
    answer = told(server, first + b"\r\n" + first + LONG_HEADS["one head"] + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1 200") == 1


@pytest.mark.parametrize("size", [400_000, 8_000], ids=["at once", "in pieces"])
def test_a_body_that_is_too_long_is_answered_once_however_it_arrives(serving, picture, size: int):
    server = serving(max_bytes=5000)
    host = b"Host: 127.0.0.1:%d\r\n" % server.port
    body = bytes(150_000)
    head = b"POST /predict HTTP/1.1\r\n" + host + b"Content-Length: %d\r\n\r\n" % len(body)
    alive = b"GET /health HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n"
    answer = told(server, head, *halved(body, size), alive, pause_s=0.02)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert [word.split()[0] for word in answer.split(b"HTTP/1.1 ")[1:]] == [b"413", b"200"], "none in between"
    assert server.service.intake.held == 0


def test_a_head_without_end(serving):
    server = serving(max_head=4096)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as long:
        long.sendall(b"GET / HTTP/1.1\r\nX-A: " + b"a" * 100_000)
        answer = long.recv(65536)
    assert answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "localhost:1"])
def test_a_name_that_an_attacker_points_here_is_refused(server, picture, host: str):
    assert server.ask(body=picture(), Host=host.format(port=server.port))[0] == 403
    assert server.ask("/", Host=host.format(port=server.port))[0] == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_is_refused(server, picture, site: str):
    assert server.ask(body=picture(), Sec_Fetch_Site=site)[0] == 403


def test_other_methods_and_places(server, picture):
    assert server.ask("/predict")[0] == 405
    assert server.ask("/nothing")[0] == 404
    assert server.ask("/../../etc/passwd")[0] == 404
    assert server.ask("/static-offline-docs/../../../../etc/passwd")[0] == 404


# -- its socket ----------------------------------------------------------------------------------------


def test_a_port_that_is_taken_and_a_host_that_is_none():
    with listen("127.0.0.1", 0) as taken, pytest.raises(RequestError, match="zoo serve RUN --port 0"):
        listen("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(RequestError, match="not an address"):
        listen("no.such.host.invalid", 0)
