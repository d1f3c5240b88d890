"""Exporters that write a folder, and parameters of exporters that are set by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Zoo = Callable[..., tuple[int, str, str]]

FOLDER = """
from pathlib import Path
from typing import Literal
from zoo.plugin import Exporter, hookimpl
from zoo_export import weights_file

@hookimpl
def zoo_exporters():
    yield Exporter("ir", "zoo_acme:save", suffix=".ir", reader="zoo_acme:read", summary="A folder")
    yield Exporter("strict", "zoo_acme:strict", suffix=".strict", reader="zoo_acme:read", summary="A folder")
    yield Exporter("empty", "zoo_acme:empty", summary="An empty folder")

def save(bundle, path, network, half: bool = False, note: str = "", level: Literal[1, 2] = 1):
    \"\"\"Write a folder.

    Args:
        note: text of a file in it.
    \"\"\"
    (path / "parts").mkdir(parents=True)
    weights_file.export(bundle, path / "parts" / "w.bin", network, half)
    (path / "note.txt").write_text(note)
    if note == "absolute":
        (path / "note.txt").write_text(str((path / "parts" / "w.bin").absolute()))

def strict(bundle, path, network, opset: int, half: bool = False):
    save(bundle, path, network, half, str(opset))

def empty(bundle, path):
    path.mkdir()

def read(path, build):
    place = Path((path / "note.txt").read_text())
    return weights_file.read(place if place.is_absolute() else path / "parts" / "w.bin", build)
"""


@pytest.fixture
def acme(make_plugin: Callable[..., Path]) -> None:
    make_plugin("acme", FOLDER)


@pytest.fixture
def exported(acme: None, zoo: Zoo, digits_run: Path, tmp_path: Path) -> Callable[..., dict]:
    """Export the digits' run to ``m.ir``; gives the document."""

    def typed(*words: object, form: str = "acme/ir") -> dict:
        code, out, err = zoo("export", digits_run, "--format", form, "--out", tmp_path / "m.ir", *words, "--json")
        assert code == 0, err
        return json.loads(out)

    return typed


def test_a_folder_is_moved_whole_and_describes_itself(exported, tmp_path):
    found = exported()
    made = tmp_path / "m.ir"
    assert sorted(path.relative_to(made).as_posix() for path in made.rglob("*")) == [
        "note.txt",
        "parts",
        "parts/w.bin",
        "zoo.json",
    ]
    assert found["check"]["disagreements"] == 0
    assert found["bytes"] == sum(path.stat().st_size for path in made.rglob("*") if path.is_file())
    card = json.loads((made / "zoo.json").read_text("utf-8"))
    assert card["exported"]["exporter"]["id"] == "acme/ir"
    assert card["exported"]["exporter"]["version"] == "1.2.3"
    assert card["exported"]["params"] == {"half": False, "note": "", "level": 1}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".m.ir")] == []


def test_a_folder_is_opened_by_its_reader_under_any_name(exported, zoo, digits_run, tmp_path):
    from zoo.host.loader import open_registry
    from zoo.model.exported import open_file

    exported()
    (tmp_path / "m.ir").rename(tmp_path / "deployed")
    artifact = open_file(tmp_path / "deployed", open_registry())
    assert artifact(np.zeros((2, 9, 9, 1), np.uint8)).shape == (2, 10)
    from PIL import Image

    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "a.png")
    code, out, err = zoo("predict", tmp_path / "deployed", tmp_path / "a.png", "--json")
    assert code == 0, err
    assert len(json.loads(out)["predictions"]) == 1
    code, out, err = zoo("evaluate", tmp_path / "deployed", "digits", "--json")
    assert code == 0, err
    code, out, err = zoo("bench", tmp_path / "deployed", "--steps", "2", "--json")
    assert code == 0, err
    assert json.loads(out)["benchmarks"][0]["bytes"] > 4096
    assert "already an exported" in zoo("export", tmp_path / "deployed")[2]


def test_an_exported_folder_without_its_plugin_names_it(exported, refused, tmp_path, monkeypatch):
    exported()
    Path("registry.yaml").write_text("plugins:\n  disable: [acme]\n")
    text = refused("predict", tmp_path / "m.ir", "a.png")
    assert "acme/ir" in text
    assert "zoo-acme" in text


def test_an_exported_folder_is_replaced_only_when_asked(exported, zoo, digits_run, tmp_path):
    exported()
    (tmp_path / "m.ir" / "stale").write_text("old")
    words = ("export", digits_run, "--format", "acme/ir", "--out", tmp_path / "m.ir")
    code, _, err = zoo(*words)
    assert code == 2
    assert "--overwrite" in err
    assert (tmp_path / "m.ir" / "stale").is_file()
    exported("--overwrite", "--set", "note=new")
    assert not (tmp_path / "m.ir" / "stale").exists()
    assert (tmp_path / "m.ir" / "note.txt").read_text() == "new"


def test_a_folder_of_something_else_is_never_replaced(acme, zoo, digits_run, tmp_path):
    mine = tmp_path / "photos"
    mine.mkdir()
    (mine / "a.txt").write_text("mine")
    code, _, err = zoo("export", digits_run, "--format", "acme/ir", "--out", mine, "--overwrite")
    assert code == 2
    assert "model.ir" in err
    assert (mine / "a.txt").read_text() == "mine"


def test_a_replaced_folder_is_restored_if_the_new_one_fails_where_it_lies(exported, zoo, digits_run, tmp_path):
    exported("--set", "note=first")
    words = ("export", digits_run, "--format", "acme/ir", "--out", tmp_path / "m.ir", "--overwrite")
    code, _, err = zoo(*words, "--set", "note=absolute", "--max-loss", "1")
    assert code == 1
    assert "was not kept" in err
    assert (tmp_path / "m.ir" / "note.txt").read_text() == "first"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.ir", "sites"]


def test_an_empty_folder_is_no_export(acme, zoo, digits_run, tmp_path):
    code, _, err = zoo("export", digits_run, "--format", "acme/empty", "--out", tmp_path / "m.empty")
    assert code == 1
    assert "wrote nothing" in err
    assert not (tmp_path / "m.empty").exists()


# -- parameters -----------------------------------------------------------------------------------------


def test_parameters_are_set_by_name_typed_and_recorded(exported, tmp_path):
    found = exported("--set", "half=true", "--set", "level=2")
    assert found["lossy"]["params"] == {"half": True, "level": 2}
    card = json.loads((tmp_path / "m.ir" / "zoo.json").read_text("utf-8"))
    assert card["exported"]["params"] == {"half": True, "note": "", "level": 2}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "haf=true"], ["has no parameter 'haf'", "'half'"]),
        (["--set", "level=3"], ["level", "1 | 2", "3"]),
        (["--set", "half=perhaps"], ["half", "bool", "perhaps"]),
        (["--set", "half"], ["NAME=VALUE"]),
        (["--half", "--set", "half=false"], ["--half", "--set half"]),
    ],
)
def test_a_wrong_parameter_is_told_before_the_model_is_loaded(acme, refused, digits_run, monkeypatch, words, said):
    def never(*_: object) -> None:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr("zoo_export.exporting.load_model", never)
    text = refused("export", digits_run, "--format", "acme/ir", *words)
    assert all(word in text for word in said), text


def test_a_required_parameter_is_told_and_not_measured_as_a_loss(exported, zoo, digits_run, tmp_path):
    code, _, err = zoo("export", digits_run, "--format", "acme/strict", "--out", tmp_path / "m.ir")
    assert code == 2
    assert "--set opset=…" in err
    found = exported("--set", "opset=17", "--set", "half=false", form="acme/strict")
    assert found["lossy"] is None
    assert found["check"]["disagreements"] == 0
    assert (tmp_path / "m.ir" / "note.txt").read_text() == "17"


def test_the_format_may_follow_the_run_and_names_the_file(acme, zoo, refused, digits_run, tmp_path):
    import shutil

    run = shutil.copytree(digits_run, tmp_path / "run")
    code, _, err = zoo("export", run, "acme/ir", "--set", "note=a/b c", "--set", "level=2")
    assert code == 0, err
    assert (run / "model.note-a-b-c.level-2.ir" / "zoo.json").is_file()
    assert "acme/ir" in refused("export", run, "acme/ir", "--format", "onnx")


def test_info_shows_the_parameters_of_an_exporter(acme, zoo):
    code, out, _ = zoo("info", "acme/ir", "--json")
    assert code == 0
    shown = {each["name"]: each for each in json.loads(out)["parameters"]}
    assert list(shown) == ["half", "note", "level"]
    assert shown["note"]["description"] == "text of a file in it."
    assert shown["level"]["type"] == "1 | 2"


def test_a_file_records_how_it_was_exported(zoo, digits_run, tmp_path):
    from zoo.host.loader import open_registry
    from zoo.model.exported import open_file

    code, _, err = zoo("export", digits_run, "safetensors", "--set", "half=true", "--out", tmp_path / "m.safetensors")
    assert code == 0, err
    card = open_file(tmp_path / "m.safetensors", open_registry()).card
    assert card["exported"]["exporter"]["id"] == "export/safetensors"
    assert card["exported"]["params"] == {"half": True}
    assert "exported" not in json.loads((digits_run / "model" / "zoo.json").read_text("utf-8"))
