"""The page by HTTP, over real sockets: what it gives, to whom, and what it refuses."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import RequestError
from zoo.reports.kit.pages import page_of
from zoo_dashboard import scan
from zoo_dashboard.server import Dashboard


@pytest.fixture
def server() -> Iterator[Dashboard]:
    """Serves ``runs`` in the working folder."""
    with Dashboard(Path("runs"), 0) as served:
        threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield served
        served.shutdown()


def ask(server: Dashboard, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content


def raw(server: Dashboard, text: bytes) -> bytes:
    address = ("127.0.0.1", server.server_port)
    # It may have closed the connection before all was sent.
    with socket.create_connection(address, timeout=10) as connection, contextlib.suppress(OSError):
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))
    return b""


def test_the_page_and_the_runs(server, write_run):
    write_run("a", [0.5, 0.8])
    status, headers, content = ask(server, "/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert content.decode() == server.page
    status, headers, content = ask(server, "/api/runs")
    assert (status, headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert [row["run"] for row in json.loads(content)["runs"]] == ["a"]
    found = json.loads(ask(server, "/api/run?name=a&after=1")[2])
    assert [e["epoch"] for e in found["epochs_after"]] == [2]


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/..%2f..%2fetc/passwd",
        "//etc/passwd",
        "/runs/a/job.yaml",
        "/api/run?name=../secret",
        "/api/run?name=..%2fsecret",
        "/api/run?name=/etc/passwd",
        "/api/run?name=a/../../secret",
        "/api/run",
        "/api/run?name=%00",
        "/page.html",
        "/page.css",
        "/api",
        "/report",
        "/report?name=a",
        "/report?name=../secret",
        "/report?name=..%2fsecret",
        "/runs/a/report.html",
    ],
)
def test_there_is_nothing_else_to_be_had(server, write_run, path: str):
    write_run("a", [0.5])
    Path("secret").mkdir()
    Path("secret/job.yaml").write_text("secret: hidden-word", "utf-8")
    Path("secret/report.html").write_text("hidden-word", "utf-8")
    status, _, content = ask(server, path)
    assert status == 404
    assert b"root:" not in content
    assert b"hidden-word" not in content


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "NONSENSE"])
def test_it_can_only_be_read(server, method: str):
    status, headers, _ = ask(server, "/api/runs", method)
    assert status == 405
    assert headers["allow"] == "GET"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost:1", "", "127.0.0.1:{port}.evil.example"]
)
def test_a_name_that_an_attacker_points_here_is_refused(server, write_run, host: str):
    write_run("hidden-run", [0.5])
    for path in ("/", "/api/runs"):
        status, _, content = ask(server, path, Host=host.format(port=server.server_port))
        assert status == 403
        assert b"hidden-run" not in content


def test_this_machines_names_are_answered(server):
    for host in ("127.0.0.1", "localhost", "LocalHost"):
        assert ask(server, "/api/runs", Host=f"{host}:{server.server_port}")[0] == 200


def test_without_a_host_or_with_two_it_is_refused(server):
    here = f"127.0.0.1:{server.server_port}".encode()
    assert b" 403 " in raw(server, b"GET /api/runs HTTP/1.0\r\n\r\n")
    assert b" 403 " in raw(server, b"GET /api/runs HTTP/1.1\r\nHost: " + here + b"\r\nHost: evil.example\r\n\r\n")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_may_not_read_it(server, site: str):
    assert ask(server, "/api/runs", **{"Sec-Fetch-Site": site})[0] == 403
    assert ask(server, "/api/runs", Origin="http://evil.example")[0] == 403
    status, headers, _ = ask(server, "/api/runs", **{"Sec-Fetch-Site": "same-origin"})
    assert status == 200
    assert "access-control-allow-origin" not in headers


def test_every_answer_says_what_a_browser_may_do(server):
    for path in ("/", "/api/runs", "/nothing"):
        headers = ask(server, path)[1]
        assert headers["content-security-policy"] == server.policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
    assert "unsafe" not in server.policy
    assert "default-src 'none'" in server.policy


def test_a_report_is_served_and_can_do_nothing(server, write_run):
    (write_run("a", [0.5]) / "report.html").write_text("<h1>ü</h1>", "utf-8")
    Path("runs/s").mkdir()
    Path("runs/s/sweep.yaml").touch()
    Path("runs/s/report.html").write_text("<h1>sweep</h1>", "utf-8")
    for name, text in (("a", "<h1>ü</h1>"), ("s", "<h1>sweep</h1>")):
        status, headers, content = ask(server, f"/report?name={name}")
        assert (status, headers["content-type"], content.decode()) == (200, "text/html; charset=utf-8", text)
        policy_of_it = headers["content-security-policy"]
        assert policy_of_it.startswith("sandbox allow-scripts; default-src 'none'; ")
        assert "allow-same-origin" not in policy_of_it
        assert "connect-src" not in policy_of_it  # falls back to default-src


def test_the_page_asks_nobody_else_for_anything():
    page = page_of("zoo_dashboard")
    assert not re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?(?:https?:)?//", page)
    assert "innerHTML" not in page
    assert "@import" not in page


@pytest.mark.parametrize(
    "text", [b"\r\n\r\n", b"GET\r\n\r\n", b"\x00\xff\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 100_000]
)
def test_what_is_no_request_ends_nothing(server, text: bytes):
    raw(server, text)
    assert ask(server, "/api/runs")[0] == 200


def test_it_listens_to_this_machine_alone(server):
    assert server.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_told(server):
    with pytest.raises(RequestError, match=f"Port {server.server_port} can't be used.*any free one: --port 0"):
        Dashboard(Path("runs"), server.server_port)


def test_the_command_serves_until_it_is_interrupted(write_run):
    write_run("a", [0.5])
    process = subprocess.Popen(
        [sys.executable, "-m", "zoo", "dashboard", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    port = int(re.match(r"http://127\.0\.0\.1:(\d+)/ shows runs\. Ctrl-C stops it\.", said)[1])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/api/runs")
    assert b'"run": "a"' in connection.getresponse().read()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")


def test_a_file_is_no_folder_for_runs(zoo):
    Path("file").touch()
    code, _, err = zoo("dashboard", "file")
    assert code == 2
    assert "Give the folder of the runs" in err


def test_it_needs_nothing_heavy():
    code = "import sys, zoo_dashboard.server; sys.exit(bool({'torch', 'numpy', 'rich', 'matplotlib'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# -- in a browser --------------------------------------------------------------------------------------

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def browse(url: str, profile: Path, *more: str) -> subprocess.CompletedProcess[str]:
    switches = "headless=new no-sandbox disable-gpu disable-quic no-first-run disable-background-networking"
    rest = "disable-component-update disable-sync enable-logging=stderr hide-scrollbars"
    flags = [f"--{flag}" for flag in f"{switches} {rest}".split()]
    command = [str(CHROMIUM), *flags, f"--user-data-dir={profile}", *more, url]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def shown(server: Dashboard, profile: Path, place: str = "") -> str:
    """The page's elements once its script has run; nothing may stand in the browser's console."""
    done = browse(f"{server.url}{place}", profile, "--dump-dom", "--virtual-time-budget=10000")
    assert "CONSOLE" not in done.stderr, done.stderr
    return done.stdout


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
def test_a_browser_shows_a_run_as_it_goes_on(server, write_run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    evil = "<img src=x onerror=console.log(1)>"
    folder = write_run("live", [0.5, 0.6], status=None, architecture={"name": evil})
    write_run("done", [0.5, 0.9])

    whole = server.runs.run

    def goes_on(name: str, after: int = 0) -> dict[str, Any] | None:
        """The next epoch ends just after the page was shown the one before."""
        found = whole(name, after)
        if after == 0:
            val = {"loss": 0.3, "accuracy": 0.777}
            record = {"epoch": 3, "train": val, "val": val, "lr": 0.1, "seconds": 1.0, "best": True}
            with (folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
        return found

    monkeypatch.setattr(server.runs, "run", goes_on)
    monkeypatch.setattr(scan, "AGAIN_S", 0.0)
    text = shown(server, tmp_path / "profile", "#live")
    assert "2 runs, 1 running" in text
    assert ">done</a>" in text
    assert "89.0%" in text
    assert 'aria-valuetext="epoch 3: train 77.7%, val 77.7%"' in text
    assert "about 2 s left" in text  # two epochs of a second
    assert "&lt;img src=x onerror" in text
    assert "<img" not in text


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
def test_a_browser_shows_what_to_type_where_there_is_no_run(server, tmp_path: Path):
    text = shown(server, tmp_path / "profile")
    assert "No runs yet" in text
    assert "zoo run simple_cnn digits</pre>" in text
    assert '<section id="list" tabindex="-1" aria-label="List of runs" hidden="">' in text


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
def test_a_browser_shows_a_sweep_as_one_row_with_its_best(server, write_run, tmp_path: Path):
    for number, accuracy in enumerate((0.6, 0.8, 0.7), 1):
        write_run(f"s/trial-{number:04}", [accuracy])
    Path("runs/s/sweep.yaml").touch()
    Path("runs/s/report.html").touch()
    text = shown(server, tmp_path / "profile")
    row = re.search(r'<tr class="group">.*?</tr>', text, re.DOTALL)[0]
    assert 'aria-expanded="false"' in row
    assert "sweep, 3 runs" in row
    assert "79.0%" in row
    assert "trial-0002" in row
    assert 'href="report?name=s"' in row
    assert 'class="inner"' not in text


@pytest.fixture
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.slow
def test_curves_of_chosen_runs_are_compared_by_keyboard(server, write_run, browser: Any):
    from playwright.sync_api import expect

    write_run("first", [0.5, 0.8])
    write_run("second", [0.6, 0.7, 0.9])
    page, problems = browser.new_page(), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(server.url)
    for name in ("first", "second"):
        page.get_by_label(f"Compare {name}").focus()
        page.keyboard.press("Space")
    chart = page.locator("#overlay")
    expect(page.locator("#overlay path")).to_have_count(2)
    chart.focus()
    page.keyboard.press("Home")
    assert chart.get_attribute("aria-valuetext") == "epoch 1: first 49.0%, second 59.0%"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("End")
    assert chart.get_attribute("aria-valuetext") == "epoch 3: first –, second 89.0%"
    page.get_by_label("val loss").check()
    page.reload()
    expect(page.locator("#overlay path")).to_have_count(2)
    page.get_by_label("Remove first").click()
    expect(page.locator("#overlay path")).to_have_count(1)
    assert page.get_by_label("Compare first").is_checked() is False
    assert problems == []


@pytest.mark.slow
def test_a_report_is_opened_and_its_script_reaches_nothing(server, write_run, browser: Any):
    script = "document.title = 'ran'; fetch('/api/runs').then(() => { document.title = 'reached' }, () => {})"
    (write_run("a", [0.5]) / "report.html").write_text(f"<h1>of a</h1><script>{script}</script>", "utf-8")
    page = browser.new_page()
    page.goto(f"{server.url}#a")
    page.locator("#report").click()
    page.wait_for_selector("h1:has-text('of a')")
    page.wait_for_timeout(300)
    assert page.title() == "ran"
    assert page.evaluate("origin") == "null"
