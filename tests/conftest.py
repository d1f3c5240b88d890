"""Fixtures for every test: a cache and a configuration of its own, no network, and pictures to work on."""

from __future__ import annotations

import importlib
import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# Networks this small gain nothing by a second thread, and beside other work two threads wait for each other. It must be
# said before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Tests that share what takes long to make: an environment with its wheels, a run of several, a network of each family.
TOGETHER = (
    "installed/",
    "downstream/",
    "test_repeats.py",
    "test_repeats_command.py",
    "test_sweep_command.py",
    "test_teacher.py",
    "test_house.py",
    "test_multilabel.py",
    "engine/test_ranks.py",
)
BY_PARAMETER = ("test_timm_families.py",)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With several workers, tests that share something go to one of them: pytest makes it once for each worker.

    This is what xdist's ``loadgroup`` is for, but xdist 3.8 finds no groups with pytest 9.2.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((place for place in TOGETHER if place in nodeid), group_of(nodeid))

    return Scheduling(config, log) if config.getvalue("dist") == "load" else None


def group_of(nodeid: str) -> str:
    """A test by itself, or with those of the same parameter."""
    return nodeid[nodeid.index("[") :] if nodeid.endswith("]") and any(p in nodeid for p in BY_PARAMETER) else nodeid


# What ``pytest -m smoke`` runs, for the inner loop: rules, the registry and errors by themselves, and few whole runs.
SMOKE = (
    "job/test_budget.py", "job/test_dataset_facts.py", "job/test_layers.py", "job/test_recipes.py",
    "job/test_reconcile.py", "job/test_resolve.py", "job/test_rules.py", "job/test_schema.py",
    "registry/test_registry.py", "host/test_loader.py", "registry/test_signature.py", "registry/test_config.py",
    "registry/test_suggest.py", "storage/test_files.py", "registry/test_entry.py",
    "registry/test_local_components.py", "engine/test_evaluate.py", "engine/test_scores.py",
    "engine/test_totals.py", "runner/test_folder.py", "runner/test_checkpoint.py", "data/test_splits.py",
    "plugins/test_losses.py", "reports/test_reports_verdict.py", "test_end_to_end.py",
)  # fmt: skip


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Of a smoke test no other file is even imported: to collect all of the tests takes longer than these."""
    if config.option.markexpr != "smoke" or collection_path.is_dir():
        return None
    return None if _is_smoke(collection_path) else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _is_smoke(item.path) and item.get_closest_marker("slow") is None:
            item.add_marker(pytest.mark.smoke)


def _is_smoke(path: Path) -> bool:
    place = path.relative_to(Path(__file__).parent) if path.is_relative_to(Path(__file__).parent) else path
    return place.as_posix() in SMOKE


PHOTOS = Path(os.environ.get("ZOO_TEST_PHOTOS", Path(__file__).parents[2] / "shared" / "data" / "cats_dogs"))


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the whole session: what one test decodes another needn't."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_world(session_cache: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the user's cache or registry.yaml, or the network; each works in a folder of its own."""
    own = tmp_path_factory.mktemp("own")
    monkeypatch.setenv("ZOO_CACHE", str(session_cache))
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(own / "config"))
    monkeypatch.setenv("COLUMNS", "80")
    (own / "work").mkdir()
    monkeypatch.chdir(own / "work")


@pytest.fixture(scope="session")
def photos() -> Path:
    """The real photographs: ``{train,val}/{cats,dogs}``."""
    if not PHOTOS.is_dir():
        pytest.skip(f"no photographs: set ZOO_TEST_PHOTOS to a folder with train/ and val/ (looked in {PHOTOS})")
    return PHOTOS


@pytest.fixture
def zoo(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Type a command in this process: ``zoo("run", "simple_cnn", "digits") -> (exit code, stdout, stderr)``."""
    from zoo.__main__ import main

    def typed(*words: object) -> tuple[int, str, str]:
        capfd.readouterr()
        code = main([str(word) for word in words])
        out, err = capfd.readouterr()
        return code, out, err

    return typed


@pytest.fixture
def read_result() -> Callable[[str | Path], dict[str, Any]]:
    """A run's result.json."""
    return lambda run: json.loads((Path(run) / "result.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def in_two_processes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], list[dict[str, Any]]]:
    """Run a script in two processes of one group; it writes what it found into ``FOLDER/RANK.json``."""

    def run(script: Path) -> list[dict[str, Any]]:
        folder = tmp_path_factory.mktemp("ranks")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
        processes = [
            subprocess.Popen(
                [sys.executable, str(script), str(folder)],
                env={**os.environ, **group, "RANK": str(rank)},
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank in range(2)
        ]
        errors = [process.communicate(timeout=120)[1] for process in processes]
        assert [process.returncode for process in processes] == [0, 0], errors
        return [json.loads((folder / f"{rank}.json").read_text("utf-8")) for rank in range(2)]

    return run


@pytest.fixture
def numbers() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """All of a result that the job and its seed decide: no times, no names."""

    def keep(result: dict[str, Any]) -> dict[str, Any]:
        timed = ("seconds", "images_per_second")
        epochs = [{k: v for k, v in epoch.items() if k not in timed} for epoch in result["epochs"]]
        return {"epochs": epochs, **{k: result[k] for k in ("metrics", "mistakes", "best", "classes")}}

    return keep


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Write a folder of class folders: ``make_folder({"train/red": 6, "train/blue": 6})``.

    A class's pictures have its own colour with some noise, so that a network can learn them in seconds.
    """
    import numpy as np
    from PIL import Image

    def write(layout: dict[str, int], name: str = "pictures", size: int = 24) -> Path:
        root = tmp_path / name
        for place, count in layout.items():
            folder = root / place
            folder.mkdir(parents=True, exist_ok=True)
            word = Path(place).name
            colour = np.array([(hash_of(word) >> shift) % 256 for shift in (0, 8, 16)])
            for i in range(count):
                noise = np.random.default_rng([hash_of(place), i]).integers(-40, 40, (size, size, 3))
                pixels = np.clip(colour + noise, 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{i:03}.png")
        return root

    return write


@pytest.fixture
def make_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Install a plugin as pip would: ``make_plugin("acme", source)`` gives the folder that is now on sys.path.

    Its module is called as its distribution, ``zoo_acme``; nothing of it is left when the test is over.
    """
    before = set(sys.modules)

    def install(name: str, source: str, distribution: str | None = None, version: str = "1.2.3", **files: str) -> Path:
        distribution = distribution or f"zoo-{name}"
        site = tmp_path / "sites" / distribution
        module = distribution.replace("-", "_")
        info = site / f"{module}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[zoo.plugins]\n{name} = {module}\n")
        (site / f"{module}.py").write_text(source)
        for file, text in files.items():
            (site / f"{file}.py").write_text(text)
        monkeypatch.syspath_prepend(site)
        importlib.invalidate_caches()
        return site

    yield install
    for module in set(sys.modules) - before:
        if str(getattr(sys.modules[module], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[module]


def hash_of(word: str) -> int:
    """A number for a word that is the same in every process."""
    import zlib

    return zlib.crc32(word.encode())


@pytest.fixture
def without_heif(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in an environment without pi-heif, also where an earlier test has opened HEIC."""
    from PIL import Image

    from zoo_images import tree

    Image.init()
    monkeypatch.setitem(sys.modules, "pi_heif", None)  # type: ignore[arg-type]
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    monkeypatch.setattr(Image, "ID", [name for name in Image.ID if name != "HEIF"])
    tree._readable.cache_clear()
    yield
    tree._readable.cache_clear()


@pytest.fixture
def https(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Https]:
    """A real server of a folder, by https with a certificate that this test trusts; downloads are allowed."""
    import ssl

    import trustme

    folder = tmp_path_factory.mktemp("https")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    monkeypatch.delenv("ZOO_OFFLINE")
    monkeypatch.setenv("no_proxy", "localhost")
    (folder / "served").mkdir()
    with Https(folder / "served", context) as served:
        yield served


class Https:
    """Serves ``folder`` at ``url``; ``asked`` are the paths of the requests so far, ``answers`` stands for files."""

    def __init__(self, folder: Path, context: Any):
        from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

        self.folder, self.asked = folder, []
        self.answers: dict[str, Callable[[Any], None]] = {}
        outer = self

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *args: Any):
                super().__init__(*args, directory=str(folder))

            def do_GET(self) -> None:
                outer.asked.append(self.path)
                answer = outer.answers.get(self.path)
                answer(self) if answer else super().do_GET()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("localhost", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_port}"

    def __enter__(self) -> Https:
        import threading

        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.server.server_close()


# -- tiny jobs, and trained runs to read and use, never to change

TINY = ("--epochs", "1", "--set", "architecture.channels=[8,16]")
COLOURS = {"blue": (30, 60, 220), "green": (20, 200, 60), "red": (230, 40, 30)}
CROPPED = ("--set", "data.resize=crop", "--set", "data.crop_pct=0.8", "--set", "data.interpolation=bicubic")
ON_COLOURS = (
    *("--recipe", "none", "--image-size", "16", "--batch-size", "8", "--lr", "0.02", "--epochs", "4"),
    *("--set", "architecture={channels: [8], batch_norm: true, global_pool: avg, dropout: 0.0}"),
)


@pytest.fixture
def tiny() -> tuple[str, ...]:
    """Options that make a run on digits a matter of a second."""
    return TINY


@pytest.fixture
def on_colours() -> tuple[str, ...]:
    """Options with which simple_cnn learns a folder of colours in a second."""
    return ON_COLOURS


@pytest.fixture
def refused(zoo: Callable[..., tuple[int, str, str]]) -> Callable[..., str]:
    """Type a command that must be refused, politely and without a trace; gives what it said."""

    def typed(*words: object, code: int = 2) -> str:
        before = sorted(Path().rglob("*"))
        got, out, err = zoo(*words)
        assert got == code, (got, out, err)
        assert "Traceback" not in out + err
        assert "defect" not in err
        assert err.startswith("zoo: ")
        assert "\n\n" not in err.strip(), "one paragraph"
        assert len(err) < 900, "a short one"
        assert sorted(Path().rglob("*")) == before, "nothing is left on the disk"
        return err

    return typed


@contextmanager
def _world(cache: Path, work: Path) -> Iterator[None]:
    """What conftest's own world is for a test, for a fixture that outlives one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(cache))
        patch.setenv("ZOO_OFFLINE", "1")
        patch.setenv("XDG_CONFIG_HOME", str(work / "config"))
        patch.chdir(work)
        yield


def _train(cache: Path, work: Path, *words: str) -> Path:
    from zoo.__main__ import main

    with _world(cache, work):
        assert main(["run", "simple_cnn", *words, "--name", "trained", "--quiet"]) == 0
    return work / "runs" / "trained"


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, str]]:
    """Type a command in a folder of its own; gives its runs, and what was printed."""
    from zoo.__main__ import main

    def typed(*words: str) -> tuple[Path, str]:
        work, printed = tmp_path_factory.mktemp("once"), io.StringIO()
        with _world(work / "cache", work), pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdout", printed)
            assert main(list(words)) == 0
        return work / "runs", printed.getvalue()

    return typed


@pytest.fixture(scope="session")
def digits_run(session_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of simple_cnn on digits."""
    return _train(session_cache, tmp_path_factory.mktemp("digits"), "digits", *TINY)


@pytest.fixture(scope="session")
def values_run(session_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A regression of simple_cnn on digits: the value is the digit."""
    return _train(session_cache, tmp_path_factory.mktemp("values"), "digits", *TINY, "--task", "regression")


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three class folders, 15 pictures each, with no val folder."""
    import numpy as np
    from PIL import Image

    root = tmp_path_factory.mktemp("data") / "colours"
    for name, colour in COLOURS.items():
        (root / name).mkdir(parents=True)
        for i in range(15):
            noise = np.random.default_rng([sum(colour), i]).integers(-30, 30, (20, 20, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i:02}.png")
    return root


@pytest.fixture(scope="session")
def colours_run(session_cache: Path, colours: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of simple_cnn that has learned the colours."""
    run = _train(session_cache, tmp_path_factory.mktemp("colours"), str(colours), *ON_COLOURS)
    result = json.loads((run / "result.json").read_text("utf-8"))
    assert result["metrics"]["val"]["accuracy"] == 1.0
    return run


@pytest.fixture(scope="session")
def cropped_run(session_cache: Path, colours: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, of images cut out of the middle, as most of timm's are."""
    return _train(session_cache, tmp_path_factory.mktemp("cropped"), str(colours), *ON_COLOURS, *CROPPED)


SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture
def regression_result() -> dict[str, Any]:
    """Result of a regression, as simple_cnn left it: the digits as values, 4 epochs."""
    return json.loads((SAMPLES / "regression.json").read_text("utf-8"))


@pytest.fixture
def ordinal_result() -> dict[str, Any]:
    """Result of an ordinal run, as simple_cnn left it: the digits in order, 4 epochs."""
    return json.loads((SAMPLES / "ordinal.json").read_text("utf-8"))
