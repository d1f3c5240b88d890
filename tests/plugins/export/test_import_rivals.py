"""Importers of several plugins that recognise one file, and what an import records of its importer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from zoo.errors import RequestError
from zoo.host.loader import open_registry
from zoo_export.import_reading import Reader

Zoo = Callable[..., tuple[int, str, str]]

IMPORTER = """
from zoo.plugin import Imported, Importer, hookimpl

@hookimpl
def zoo_importers():
    yield Importer("tiny", "MODULE:read", suffixes=(".safetensors",))

def read(file, content, architecture, scale: float = 1.0):
    if FAILS:
        raise ValueError("not mine")
    return Imported(architecture="simple/simple_cnn", num_classes=2, tensors=content) if "tiny" in content else None
"""


@pytest.fixture
def read(make_plugin: Callable[..., Path], tmp_path: Path) -> Callable[..., str]:
    """Read a file with plugins that may import it; gives the id of the importer."""

    def reading(names: str, format: str | None = None, architecture: str | None = None, content: str = "tiny") -> str:
        for name in names.split():
            source = IMPORTER.replace("MODULE", f"zoo_{name}").replace("FAILS", str(name == "broken"))
            make_plugin(name, source)
        save_file({content: torch.zeros(1)}, tmp_path / "w.safetensors")
        reader = Reader(tmp_path / "w.safetensors", open_registry(), architecture, None, {})
        return reader.read(format)[0].id

    return reading


def test_a_file_that_one_plugin_recognises_is_its(read):
    assert read("acme broken") == "acme/tiny"


def test_a_file_that_two_plugins_recognise_is_an_error_that_names_both(read):
    with pytest.raises(RequestError) as caught:
        read("acme best")
    assert "acme/tiny (zoo-acme) and best/tiny (zoo-best)" in str(caught.value)
    assert "--format acme/tiny" in str(caught.value)


@pytest.mark.parametrize("words", [{"format": "best/tiny"}, {"architecture": "best/net"}])
def test_a_format_or_an_architecture_chooses_one(read, words):
    assert read("acme best", **words) == "best/tiny"


def test_parameters_of_an_importer_are_checked_and_recorded(zoo: Zoo, refused: Callable[..., str], tmp_path: Path):
    import timm

    save_file(timm.create_model("test_resnet", num_classes=2).state_dict(), tmp_path / "w.safetensors")
    words = ("import", tmp_path / "w.safetensors", "--architecture", "timm/test_resnet", "--classes", "a,b")
    assert "ema" in refused(*words, "--set", "emma=false")
    assert "bool" in refused(*words, "--set", "ema=perhaps")
    code, out, err = zoo(*words, "--set", "ema=false", "--json")
    assert code == 0, err
    assert json.loads(out)["imported"]["params"] == {"ema": False}
    card = json.loads(Path("runs/w/model/zoo.json").read_text("utf-8"))
    assert card["imported"]["params"] == {"ema": False}
