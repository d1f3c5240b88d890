"""Files that are made to harm: each does so to a loader that trusts it, and is refused by the zoo's."""

from __future__ import annotations

import contextlib
import pickle
import struct
import tarfile
import zlib
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from zoo.data.decode import to_pixels
from zoo.errors import BadImage, BundleError, DataError, RequestError, ZooError
from zoo.host.loader import open_registry
from zoo.model.bundle import load_model
from zoo.registry.config import read_layer
from zoo.runner.checkpoint import load_checkpoint
from zoo.storage.downloads import unpacking
from zoo.storage.safe_yaml import parse_yaml, read_mapping

pytestmark = pytest.mark.slow


class Touch:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.fixture
def owned(tmp_path: Path) -> Path:
    """The file that an attack leaves behind where it works."""
    return tmp_path / "owned"


# -- code in what is loaded -----------------------------------------------------------------------------


def test_a_checkpoint_with_code_in_it(tmp_path: Path, owned: Path):
    path = tmp_path / "000001.pt"
    torch.save({"history": Touch(owned)}, path)
    with pytest.raises(RequestError, match="can't be read"):
        load_checkpoint(tmp_path)
    assert not owned.exists()
    torch.load(path, weights_only=False)
    assert owned.exists(), "the attack works on a loader that trusts it"


def test_weights_with_code_in_them(tmp_path: Path, owned: Path, zoo):
    path = tmp_path / "evil.pth"
    torch.save({"state_dict": Touch(owned)}, path)
    code, _, err = zoo("run", "simple_cnn", "digits", "--weights", path, "--epochs", "1")
    assert code == 2
    assert "Traceback" not in err
    assert not owned.exists()
    torch.load(path, weights_only=False)
    assert owned.exists()


@pytest.fixture
def bundle(zoo) -> Path:
    words = ("--epochs", "1", "--set", "architecture.channels=[4]", "--name", "b", "--quiet")
    assert zoo("run", "simple_cnn", "digits", *words)[0] == 0
    return Path("runs/b/model")


def test_a_bundle_with_a_pickle_for_weights(bundle: Path, owned: Path):
    (bundle / "model.safetensors").write_bytes(pickle.dumps(Touch(owned)))
    with pytest.raises(BundleError, match="can't be read"):
        load_model(bundle, open_registry())
    assert not owned.exists()
    pickle.loads((bundle / "model.safetensors").read_bytes())
    assert owned.exists()


def test_a_bundle_that_names_code_as_its_architecture(bundle: Path, owned: Path):
    card = (bundle / "zoo.json").read_text("utf-8")
    for name in ("os:system", "../evil.py:Net", str(owned)):
        (bundle / "zoo.json").write_text(card.replace('"simple/simple_cnn"', f'"{name}"'), "utf-8")
        with pytest.raises(ZooError, match=r"not available|can't be built|damaged"):
            load_model(bundle, open_registry())
    assert not owned.exists()


YAML_CODE = "components: !!python/object/apply:os.mkdir ['{}']\n"


@pytest.mark.parametrize("read", [read_layer, read_mapping])
def test_yaml_with_code_in_it(tmp_path: Path, owned: Path, read: Any):
    path = tmp_path / "registry.yaml"
    path.write_text(YAML_CODE.format(owned), "utf-8")
    with pytest.raises(RequestError, match="can't be read as YAML"):
        read(path)
    assert not owned.exists()
    yaml.unsafe_load(path.read_text("utf-8"))
    assert owned.exists()


def test_a_file_of_pixels_with_code_in_it(tmp_path: Path, owned: Path):
    path = tmp_path / "picture.npy"
    np.save(path, np.array([Touch(owned)], dtype=object), allow_pickle=True)
    with pytest.raises(BadImage, match="without pickle"):
        to_pixels(path, 8, 3)
    assert not owned.exists()
    np.load(path, allow_pickle=True)
    assert owned.exists()


# -- little that becomes much ---------------------------------------------------------------------------

LAUGHS = "a: &a [ha, ha, ha, ha, ha, ha, ha, ha, ha]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
"""Nine lists of nine of the one before: 9 ** 9 values."""


def leaves(value: Any, most: int) -> int:
    """How many values there are, as one that walks through them counts; it gives up beyond ``most``."""
    seen, rest = 0, [value]
    while rest and seen <= most:
        one = rest.pop()
        parts = list(one.values()) if isinstance(one, dict) else one if isinstance(one, list) else []
        rest += parts
        seen += not parts
    return seen


def test_yaml_that_stands_for_a_billion_values(tmp_path: Path):
    path = tmp_path / "job.yaml"
    path.write_text(LAUGHS, "utf-8")
    with pytest.raises(RequestError, match="more than 100,000 values"):
        read_mapping(path)
    assert leaves(yaml.safe_load(LAUGHS), 1_000_000) > 1_000_000


def test_yaml_that_is_a_part_of_itself():
    endless = "a: &a {b: *a}\n"
    with pytest.raises(yaml.YAMLError, match="it contains itself"):
        parse_yaml(endless)
    found = yaml.safe_load(endless)
    assert found["a"]["b"] is found["a"]


@pytest.mark.parametrize("text", ["[" * 500 + "]" * 500, "a: " + "9" * 5000, "a: 2020-99-99", "[" * 100_000])
def test_yaml_that_breaks_its_reader(text: str):
    with pytest.raises(yaml.YAMLError):
        parse_yaml(text)


def test_yaml_without_end(tmp_path: Path):
    path = tmp_path / "job.yaml"
    path.write_bytes(b"# " + b"x" * (1 << 20))
    with pytest.raises(RequestError, match="exceeds 1,048,576 bytes"):
        read_mapping(path)


def png(width: int, height: int) -> bytes:
    """A small file that says to be a large picture."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(width + 1) * height, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_picture_that_fills_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "bomb.png"
    path.write_bytes(png(20_000, 10_000))
    assert path.stat().st_size < 300_000
    with pytest.raises(BadImage, match="decompression bomb"):
        to_pixels(path, 8, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert Image.open(path).size == (20_000, 10_000), "200 MB, for one that doesn't count"


def test_pixels_that_are_not_there(tmp_path: Path):
    path = tmp_path / "bomb.npy"
    file = BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (2**20, 2**20, 3)})
    path.write_bytes(file.getvalue() + b"\0" * 100)
    with pytest.raises(BadImage, match="not a NumPy array"):
        to_pixels(path, 8, 3)


# -- archives that leave their folder -------------------------------------------------------------------


def archive(path: Path, *members: tarfile.TarInfo, data: bytes = b"owned") -> Path:
    with tarfile.open(path, "w:gz") as file:
        for member in members:
            member.size = 0 if member.issym() or member.islnk() else len(data)
            file.addfile(member, BytesIO(data) if member.size else None)
    return path


def link(name: str, to: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, to
    return member


@pytest.mark.parametrize("how", ["up", "absolute", "link"])
def test_an_archive_that_leaves_its_folder(tmp_path: Path, owned: Path, how: str):
    from torchvision.datasets.utils import extract_archive

    inside = tmp_path / "inside"
    inside.mkdir()
    members = {
        "up": [tarfile.TarInfo("../owned")],
        "absolute": [tarfile.TarInfo(str(owned))],
        "link": [link("way", ".."), tarfile.TarInfo("way/owned")],
    }
    path = archive(tmp_path / "data.tar.gz", *members[how])
    outside = pytest.raises(DataError, match=r"An archive was rejected.*outside the destination")
    refused = contextlib.nullcontext() if how == "absolute" else outside
    with refused, unpacking(inside):  # an absolute name is taken as one in the folder
        extract_archive(str(path), str(inside))
    assert not owned.exists()
    with tarfile.open(path) as file:
        file.extractall(inside, filter="fully_trusted")
    assert owned.exists(), "the attack works on a loader that trusts it"


def test_an_archive_that_fills_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = archive(tmp_path / "data.tar.gz", tarfile.TarInfo("large"), data=bytes(2_000_000))
    assert path.stat().st_size < 10_000
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=10**6))
    with pytest.raises(DataError, match="not enough space"), unpacking(inside), tarfile.open(path) as file:
        file.extractall(inside)
    assert not (inside / "large").exists()


def test_a_harmless_archive_comes_out_whole(tmp_path: Path):
    path = archive(tmp_path / "data.tar.gz", tarfile.TarInfo("cats/1.txt"), link("cats/2.txt", "1.txt"))
    with unpacking(tmp_path), tarfile.open(path) as file:
        file.extractall(tmp_path)
    assert (tmp_path / "cats" / "2.txt").read_text() == "owned"
    assert "extraction_filter" not in tarfile.TarFile.__dict__, "as it was"
