"""Files that a stranger has written, or a disk has damaged: only typed errors, no hang, no memory without a bound.

Two thousand inputs of each kind; ZOO_FAULTS_FUZZ=20000 for more.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from zoo.data.decode import to_pixels
from zoo.errors import ZooError
from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import resolve
from zoo.model.bundle import load_model
from zoo.registry.config import RegistryConfig, read_layer

pytestmark = pytest.mark.slow


COUNT = int(os.environ.get("ZOO_FAULTS_FUZZ", "2000"))
BOUND_MIB = 1500
"""That reading any of them may add to what the process has held; a picture of the most pixels takes half of it."""

quickly = settings(
    max_examples=COUNT,
    deadline=10_000,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(autouse=True)
def bounded() -> Any:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < BOUND_MIB


def mutated(base: bytes, words: tuple[bytes, ...] = (b"\0", b"\xff")) -> st.SearchStrategy[bytes]:
    """The bytes with some cut out and others put in, cut off, or repeated; now and then any bytes at all."""
    piece = st.one_of(st.sampled_from(words), st.binary(max_size=8))
    edit = st.tuples(st.integers(0, len(base)), st.integers(0, 12), piece)

    def apply(edits: list[tuple[int, int, bytes]], end: int | None) -> bytes:
        found = base
        for place, gone, put in edits:
            found = found[:place] + put + found[place + gone :]
        return found[:end]

    changed = st.builds(apply, st.lists(edit, min_size=1, max_size=6), st.none() | st.integers(0, len(base)))
    return st.one_of(changed, changed, changed, st.binary(max_size=64))


YAML = (
    *(b"*a", b"&a ", b"[[[[[[", b"{{{{", b"!!python/object/apply:os.system ['touch owned']", b"1e999", b": ", b"- "),
    *(b"<<: *a", b"\n  ", b"'", b'"', b"|", b"\t", b"null", b"-1", b"2020-99-99", b"9" * 5000, b"../"),
    b"\xf0\x9f\x90\x88",
)
REGISTRY = b"""version: 1
plugins: {disable: [acme]}
aliases: {architecture: {small: simple_cnn}}
components:
  architecture:
    tiny: {target: "./nets.py:Tiny", params: {width: 16}}
  dataset:
    flowers: {base: image_folder, params: {root: ./flowers}}
recipes:
  simple_cnn+flowers: &one
    loss: focal
    train: {epochs: 3, lr: 1.0e-3, schedule: {name: cosine, warmup: 0.1}}
    expect: {metric: val/accuracy, value: 0.8}
  simple_cnn+weeds: {<<: *one}
catalogue:
  keras: {package: zoo-keras, summary: Keras, provides: {architecture: [keras/*]}}
"""


def refused_or_read(read: Callable[[], object]) -> None:
    """A typed error that says something is right; any other fails the test."""
    said = "read"
    try:
        read()
    except ZooError as error:
        said = str(error)
    assert said
    assert "Traceback" not in said


@pytest.fixture(scope="module")
def job_text() -> bytes:
    import yaml

    job = resolve(make_request({"architecture": "simple_cnn", "dataset": "digits"}), open_registry()).job
    return yaml.safe_dump(job.plain()).encode()


@pytest.fixture(scope="module")
def registry() -> Any:
    return open_registry()


def test_jobs(job_text: bytes, registry: Any):
    @quickly
    @given(content=mutated(job_text, YAML))
    def fuzz(content: bytes) -> None:
        Path("job.yaml").write_bytes(content)
        refused_or_read(lambda: resolve(make_request({}, file=Path("job.yaml")), registry))

    fuzz()
    assert not Path("owned").exists()


def test_registries():
    @quickly
    @given(content=mutated(REGISTRY, YAML))
    def fuzz(content: bytes) -> None:
        Path("registry.yaml").write_bytes(content)
        refused_or_read(lambda: list(RegistryConfig([read_layer(Path("registry.yaml"))]).recipes))

    fuzz()
    assert not Path("owned").exists()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import zoo

    home = tmp_path_factory.mktemp("bundle")
    parts = {"architecture.channels": [4]}
    return Path(zoo.run("simple_cnn", "digits", epochs=1, set=parts, out=home, name="b").dir) / "model"


@pytest.mark.parametrize("name", ["zoo.json", "model.safetensors"])
def test_bundles(bundle: Path, registry: Any, name: str):
    whole = (bundle / name).read_bytes()
    words = (b"null", b"-1", b"[]", b"{}", b'"', b"1e999", b"9" * 30, b"\0", b"\xff" * 8, b"../../x")

    @quickly
    @given(content=mutated(whole, words))
    def fuzz(content: bytes) -> None:
        (bundle / name).write_bytes(content)
        refused_or_read(lambda: load_model(bundle, registry))

    try:
        fuzz()
    finally:
        (bundle / name).write_bytes(whole)


def pictures() -> dict[str, bytes]:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 31, 3), np.uint8)
    found = {}
    for form in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"):
        file = BytesIO()
        Image.fromarray(pixels).save(file, form)
        found[form] = file.getvalue()
    file = BytesIO()
    np.save(file, pixels)
    return {**found, "npy": file.getvalue()}


PICTURES = pictures()


@pytest.mark.parametrize("form", PICTURES)
def test_pictures(form: str):
    path = Path(f"picture.{form.lower()}")

    words = (b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff", b"\xff\xd8", b"999999999")

    @settings(quickly, max_examples=COUNT // 4)
    @given(content=mutated(PICTURES[form], words))
    def fuzz(content: bytes) -> None:
        path.write_bytes(content)
        refused_or_read(lambda: to_pixels(path, 16, 3))

    fuzz()


def test_results(bundle: Path):
    from zoo.__main__ import main

    result = bundle.parent / "result.json"
    whole = result.read_bytes()
    words = (b"null", b"-1", b"[]", b"{}", b'"', b"1e999", b"9" * 5000, b"NaN", b"[" * 2000, b"true", b"\xff")

    @settings(quickly, max_examples=COUNT // 4)  # each is read by two commands
    @given(content=mutated(json.dumps(json.loads(whole)).encode(), words))
    def fuzz(content: bytes) -> None:
        result.write_bytes(content)
        for words in (["show", str(bundle.parent)], ["list", "--out", str(bundle.parent.parent)]):
            said = StringIO()
            with contextlib.redirect_stdout(StringIO()), contextlib.redirect_stderr(said):
                code = main(["runs", *words])
            assert code in (0, 2), said.getvalue()  # else it is no typed error

    try:
        fuzz()
    finally:
        result.write_bytes(whole)
