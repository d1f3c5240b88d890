"""A hub on this machine, for the hub's own library to talk to, and a trained run to share. The real one isn't asked."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

MAY_WRITE, MAY_READ = "hf_may_write", "hf_may_read"


@pytest.fixture(scope="session")
def run(session_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of simple_cnn on digits, trained for an epoch."""
    from zoo.__main__ import main

    work = tmp_path_factory.mktemp("home of alice") / "secret place"
    work.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(session_cache))
        patch.setenv("ZOO_OFFLINE", "1")
        patch.setenv("XDG_CONFIG_HOME", str(work / "config"))
        patch.chdir(work)
        words = ("--epochs", "1", "--set", "architecture.channels=[8,16]", "--name", "digits", "--quiet")
        assert main(["run", "simple_cnn", "digits", *words]) == 0
    return work / "runs" / "digits"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A few grey pictures."""
    import numpy as np
    from PIL import Image

    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 256, (20, 20), np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


@pytest.fixture
def answers(zoo: Callable[..., tuple[int, str, str]], pictures: Path) -> Callable[[object], str]:
    """What ``zoo predict --json`` prints of a model, to the byte."""

    def asked(model: object) -> str:
        code, out, err = zoo("predict", model, pictures, "--json", "--device", "cpu")
        assert code == 0, err
        return out

    return asked


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, to which nobody is logged in, and a cache that has nothing of it; downloads are allowed."""
    from huggingface_hub import constants

    monkeypatch.delenv("ZOO_OFFLINE")
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True, raising=False)  # its server is another, in no Python
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(Path("no-token").absolute()))
    monkeypatch.setenv("ZOO_CACHE", str(Path("cache").absolute()))
    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    with Hub() as served:
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        yield served


class Hub:
    """The hub's protocol, as far as models need it. ``repos`` is its content, ``asked`` the requests so far.

    ``broken`` is a file that breaks off half-way; ``status`` an answer to everything, such as 503.
    """

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.asked: list[tuple[str, str]] = []
        self.stored: dict[str, bytes] = {}
        self.broken: str | None = None
        self.status: int | None = None
        self.refuses_commits = self.gone = False
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Hub:
        Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def stop(self) -> None:
        """No longer there, for those either who have a connection."""
        self.gone = True
        self.server.shutdown()
        self.server.server_close()

    def make(self, name: str, files: dict[str, bytes], **known: Any) -> Repo:
        """A repository with one commit."""
        repo = self.repos[name] = Repo(**known)
        repo.commit("main", files)
        return repo


class Repo:
    """Commits of files, and branches."""

    def __init__(self, private: bool = False, gated: bool = False):
        self.private, self.gated = private, gated
        self.commits: dict[str, dict[str, bytes]] = {}
        self.branches: dict[str, str] = {}
        self.lfs: set[str] = set()
        self.commit("main", {})

    def commit(self, branch: str, files: dict[str, bytes]) -> str:
        before = self.commits.get(self.branches.get(branch, ""), {})
        sha = hashlib.sha1(f"{len(self.commits)} {branch}".encode()).hexdigest()
        self.commits[sha] = {**before, **files}
        self.branches[branch] = sha
        return sha

    def find(self, revision: str) -> str | None:
        sha = self.branches.get(revision, revision)
        return sha if sha in self.commits else None

    def tags(self) -> list[str]:
        import yaml

        readme = self.commits[self.branches["main"]].get("README.md", b"").decode()
        front = yaml.safe_load(readme.split("---")[1]) if readme.startswith("---") else {}
        return [*front.get("tags", []), f"license:{front.get('license', 'unknown')}"]


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            pass

        def body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") == "chunked":
                found = b""
                while count := int(self.rfile.readline(), 16):
                    found += self.rfile.read(count)
                    self.rfile.readline()
                self.rfile.readline()
                return found
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def answer(self, status: int, content: Any = None, **headers: str) -> None:
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", headers.pop("length", str(len(body))))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def wrong(self, status: int, code: str, message: str = "no") -> None:
            self.answer(status, {"error": message}, X_Error_Code=code, X_Error_Message=message)

        @property
        def token(self) -> str | None:
            return (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None

        def do_GET(self) -> None:
            self.work(self.body())

        do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815 - http.server's own names

        def work(self, body: bytes) -> None:
            path = unquote(urlsplit(self.path).path)
            if hub.gone:
                self.close_connection = True
                return
            hub.asked.append((self.command, path))
            if hub.status is not None:
                self.answer(hub.status, {"error": "busy"})
                return
            for pattern, call in ROUTES:
                if found := re.fullmatch(pattern, f"{self.command} {path}"):
                    call(self, hub, body, **found.groupdict())
                    return
            self.wrong(404, "NotFound", f"no route for {self.command} {path}")

        def repo(self, name: str) -> Repo | None:
            """The repository, for who may see it."""
            repo = hub.repos.get(name)
            if repo is None or (repo.private and self.token not in (MAY_READ, MAY_WRITE)):
                self.wrong(404 if self.token else 401, "RepoNotFound", "Repository not found")
                return None
            return repo

    return Handler


def _info(http: Any, hub: Hub, body: bytes, name: str, revision: str | None = None) -> None:
    repo = http.repo(name)
    if repo is None:
        return
    sha = repo.find(revision or "main")
    if sha is None:
        http.wrong(404, "RevisionNotFound", "Invalid rev id")
        return
    siblings = [{"rfilename": file, "size": len(content)} for file, content in repo.commits[sha].items()]
    http.answer(200, {"id": name, "sha": sha, "private": repo.private, "siblings": siblings, "tags": repo.tags()})


def _list(http: Any, hub: Hub, body: bytes) -> None:
    asked = parse_qs(urlsplit(http.path).query)
    found = [
        {"id": name, "sha": repo.branches["main"], "private": repo.private, "tags": repo.tags()}
        for name, repo in hub.repos.items()
        if name.startswith(f"{asked['author'][0]}/") and set(asked["filter"]) <= set(repo.tags())
    ]
    http.answer(200, found)


def _file(http: Any, hub: Hub, body: bytes, name: str, revision: str, file: str) -> None:
    repo = http.repo(name)
    if repo is None:
        return
    if repo.gated:
        http.wrong(403, "GatedRepo", "Access to this model is restricted")
        return
    sha = repo.find(revision)
    content = repo.commits.get(sha or "", {}).get(file)
    if content is None:
        http.wrong(404, "EntryNotFound", "Entry not found")
        return
    known = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X_Repo_Commit": str(sha), "Accept_Ranges": "bytes"}
    if http.command == "GET" and hub.broken == file:
        http.answer(200, content[: len(content) // 2], length=str(len(content)), **known)
        http.close_connection = True
        return
    http.answer(200, content, **known)


def _may_write(http: Any) -> bool:
    if http.token != MAY_WRITE:
        http.answer(403 if http.token else 401, {"error": "You don't have the rights"})
        return False
    return True


def _create(http: Any, hub: Hub, body: bytes) -> None:
    if not _may_write(http):
        return
    asked = json.loads(body)
    name = f"{asked['organization']}/{asked['name']}"
    if name in hub.repos:
        http.answer(409, {"error": "You already created this model repo"})
        return
    hub.repos[name] = Repo(private=asked.get("private") is True or asked.get("visibility") == "private")
    http.answer(200, {"url": f"{hub.url}/{name}", "name": name})


def _branch(http: Any, hub: Hub, body: bytes, name: str, branch: str) -> None:
    if _may_write(http):
        hub.repos[name].branches.setdefault(branch, hub.repos[name].branches["main"])
        http.answer(201, {})


def _yaml(http: Any, hub: Hub, body: bytes) -> None:
    import yaml

    front = yaml.safe_load(json.loads(body)["content"].split("---")[1])
    wrong = [{"message": f"{key} is required"} for key in ("license", "tags") if not front.get(key)]
    http.answer(400 if wrong else 200, {"errors": wrong, "warnings": []})


def _preupload(http: Any, hub: Hub, body: bytes, name: str, revision: str) -> None:
    if _may_write(http):
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular",
                "shouldIgnore": False,
                "oid": None,
            }
            for file in json.loads(body)["files"]
        ]
        http.answer(200, {"files": files})


def _batch(http: Any, hub: Hub, body: bytes, name: str) -> None:
    objects = [
        {**each, "actions": {"upload": {"href": f"{hub.url}/lfs/{each['oid']}"}}}
        for each in json.loads(body)["objects"]
    ]
    http.answer(200, {"transfer": "basic", "objects": objects})


def _store(http: Any, hub: Hub, body: bytes, oid: str) -> None:
    if hub.broken == "upload":
        http.answer(403, {"error": "the store is full"})
        return
    assert hashlib.sha256(body).hexdigest() == oid
    hub.stored[oid] = body
    http.answer(200, {})


def _commit(http: Any, hub: Hub, body: bytes, name: str, revision: str) -> None:
    if not _may_write(http):
        return
    if hub.refuses_commits:
        http.answer(412, {"error": "A commit has happened since. Please refresh and try again."})
        return
    files = {}
    for line in map(json.loads, body.splitlines()):
        value = line["value"]
        if line["key"] == "file":
            files[value["path"]] = base64.b64decode(value["content"])
        elif line["key"] == "lfsFile":
            files[value["path"]] = hub.stored[value["oid"]]
            hub.repos[name].lfs.add(value["path"])
    sha = hub.repos[name].commit(revision, files)
    http.answer(200, {"commitUrl": f"{hub.url}/{name}/commit/{sha}", "commitOid": sha, "pullRequestUrl": None})


_NAME = r"(?P<name>[^/]+/[^/]+?)"
ROUTES: list[tuple[str, Callable[..., None]]] = [
    (r"GET /api/models", _list),
    (rf"GET /api/models/{_NAME}(?:/revision/(?P<revision>.+))?", _info),
    (rf"(?:GET|HEAD) /{_NAME}/resolve/(?P<revision>[^/]+)/(?P<file>.+)", _file),
    (r"POST /api/repos/create", _create),
    (r"POST /api/validate-yaml", _yaml),
    (rf"POST /api/models/{_NAME}/branch/(?P<branch>.+)", _branch),
    (rf"POST /api/models/{_NAME}/preupload/(?P<revision>.+)", _preupload),
    (rf"POST /{_NAME}.git/info/lfs/objects/batch", _batch),
    (r"PUT /lfs/(?P<oid>[0-9a-f]+)", _store),
    (rf"POST /api/models/{_NAME}/commit/(?P<revision>.+)", _commit),
]
