"""A plugin's reader: its files are trained on, predicted and served, and its errors are those of pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.host.loader import open_registry
from zoo.plugin import PictureReader

PLUGIN = """
from zoo.plugin import PictureReader, hookimpl

@hookimpl
def zoo_picture_readers():
    yield PictureReader("raw", "zoo_acme:read", summary="Raw values of a camera", suffixes=(".araw",))

def read(file):
    import numpy as np

    from zoo.plugin import PictureValues

    values = np.frombuffer(file.read(), "<u2")
    if values.size != 256:
        raise ZeroDivisionError("a bug, or a damaged file")
    return PictureValues(values.reshape(1, 16, 16), window=(0, 2**14 - 1))
"""


@pytest.fixture
def raw(make_plugin: Callable[..., Path], tmp_path: Path) -> Path:
    """A folder of 14-bit values, and the plugin that reads them."""
    make_plugin("acme", PLUGIN)
    for kind, base in (("dark", 2000), ("light", 12_000)):
        (tmp_path / "raw" / kind).mkdir(parents=True)
        for number in range(8):
            values = base + np.random.default_rng(number).integers(0, 900, 256)
            (tmp_path / "raw" / kind / f"{number}.araw").write_bytes(values.astype("<u2").tobytes())
    return tmp_path / "raw"


def test_a_format_of_a_plugin_is_like_any_other(zoo: Callable[..., Any], raw: Path):
    how = ("--image-size", "16", "--epochs", "1", "--set", "data.in_chans=1", "--set", "architecture.channels=[4]")
    code, _, err = zoo("run", "simple_cnn", raw, "--name", "raw", *how)
    assert code == 0, err
    code, _, err = zoo("predict", "raw", raw, "--out", "all.csv")
    assert code == 0, err
    assert len(Path("all.csv").read_text("utf-8").splitlines()) == 17
    (raw / "dark" / "0.araw").write_bytes(b"short!")
    code, _, err = zoo("predict", "raw", raw / "dark" / "0.araw")
    assert code == 2
    assert "not a readable raw file (a bug, or a damaged file)" in err


def test_without_the_plugin_the_files_are_no_pictures(zoo: Callable[..., Any], raw: Path):
    (raw.parent / "registry.yaml").write_text("plugins: {disabled: [acme]}\n")
    code, _, err = zoo("run", "simple_cnn", raw, "--no-plugins")
    assert code == 2
    assert "decoded" not in err
    assert str(raw) in err


def test_a_malformed_suffix_is_refused():
    with pytest.raises(ValueError, match=r"suffix 'dcm' is not of the form '\.dcm'"):
        PictureReader("x", "x:y", suffixes=("dcm",))


def test_the_bundled_readers_pass_their_checks():
    registry = open_registry()
    for name in ("DICOM", "TIFF"):
        entry = registry.find("picture_reader", name)
        assert entry.origin.bundled
        assert callable(entry.factory())
