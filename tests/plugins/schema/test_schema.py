"""JSON schemas of job files and registry.yaml: they take what the zoo takes, describe each key, refuse mistakes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from zoo.host.loader import open_registry
from zoo.job import recipes, rules
from zoo.job.schema import Job
from zoo.registry import config, kinds
from zoo.registry.config import read_layer, shipped_path
from zoo.storage.safe_yaml import parse_typed, read_yaml
from zoo_schema import registry_file
from zoo_schema.job_file import job_schema
from zoo_schema.registry_file import registry_schema

ROOT = Path(__file__).parents[3]
JOBS = sorted([*(ROOT / "tests/older").rglob("job.yaml"), *(ROOT / "tests/older").glob("*/jobs/*.yaml")])
Typed = Callable[..., tuple[int, str, str]]


def blocks() -> Iterator[Any]:
    """Blocks of registry.yaml in the pages."""
    for page in sorted((ROOT / "docs").glob("*.md")):
        for number, text in enumerate(re.findall(r"^```yaml\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)):
            found = parse_typed(text)
            if isinstance(found, dict) and found.keys() <= set(registry_schema()["properties"]):
                yield pytest.param(found, id=f"{page.stem}-{number}")


def problems(schema: dict[str, Any], document: Any) -> list[str]:
    return [
        f"{'.'.join(map(str, e.absolute_path))}: {e.message}" for e in Draft7Validator(schema).iter_errors(document)
    ]


def test_they_are_valid_schemas():
    Draft7Validator.check_schema(job_schema())
    Draft7Validator.check_schema(registry_schema())


@pytest.mark.parametrize("file", JOBS, ids=lambda file: str(file.relative_to(ROOT / "tests/older")))
def test_every_job_file_of_an_older_version_is_valid(file: Path):
    assert problems(job_schema(), read_yaml(file)) == []


def test_the_shipped_recipes_are_valid():
    content = read_yaml(shipped_path())
    assert len(content["recipes"]) > 10
    assert problems(registry_schema(), content) == []


@pytest.mark.parametrize("content", list(blocks()))
def test_the_blocks_of_the_pages_are_valid(content: dict[str, Any]):
    assert problems(registry_schema(), content) == []


def test_the_options_of_a_local_analysis_are_a_list_of_mappings():
    def content(**option: object) -> dict[str, Any]:
        return {"components": {"analysis": {"mine": {"target": "./a.py:A", "options": [option]}}}}

    option = {"name": "--mine", "parameter": "most", "help": "Most of them."}
    assert problems(registry_schema(), content(**option, type="int")) == []
    assert problems(registry_schema(), content(**option, type="list")) != []
    assert problems(registry_schema(), content(name="--mine")) != []


def test_there_are_blocks_in_the_pages():
    assert len(list(blocks())) >= 3


@pytest.mark.parametrize(
    "job",
    [
        {"architecture": "tiny", "train": {"epochs": {"images_seen": 30_000, "at_least": 3}, "lr": "auto"}},
        {"augment": [{"name": "flip", "if": {"symmetry": "horizontal_flip"}}], "metrics": "auroc", "teacher": "none"},
        {"train": {"freeze": 3, "clip_norm": None}, "data": {"mean": [0.5], "std": [0.25]}},
    ],
)
def test_values_that_the_zoo_takes_are_valid(job: dict[str, Any]):
    assert problems(job_schema(), job) == []


@pytest.mark.parametrize(
    ("job", "place"),
    [
        ({"learning_rate": 0.1}, ""),
        ({"train": {"learning_rate": 0.1}}, "train"),
        ({"train": {"epochs": 0}}, "train.epochs"),
        ({"train": {"lr": "fast"}}, "train.lr"),
        ({"data": {"resize": "stretch"}}, "data.resize"),
        ({"loss": {"gamma": 2}}, "loss"),
        ({"loss": 3}, "loss"),
        ({"device": "gpu"}, "device"),
    ],
)
def test_mistakes_in_jobs_are_found_at_their_place(job: dict[str, Any], place: str):
    (found,) = problems(job_schema(), job)
    assert found.startswith(f"{place}: ")


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"recipe": {}}, ""),
        ({"version": 2}, "version"),
        ({"plugins": {"disable": "acme"}}, "plugins.disable"),
        ({"components": {"los": {}}}, "components"),
        ({"components": {"loss": {"mine": {"target": "a:b", "base": "focal"}}}}, "components.loss.mine"),
        ({"components": {"loss": {"mine": {"target": "a:b", "input_size": 32}}}}, "components.loss.mine"),
        ({"recipes": {"mine": {"train": {"epoch": 3}}}}, "recipes.mine.train"),
        ({"recipes": {"mine": {"when": {"pictures": {"at_least": 3}}}}}, "recipes.mine.when"),
        ({"recipes": {"mine": {"when": {"images": 3}}}}, "recipes.mine.when.images"),
    ],
)
def test_mistakes_in_a_registry_are_found_at_their_place(content: dict[str, Any], place: str):
    (found,) = problems(registry_schema(), content)
    assert found.startswith(f"{place}: ")


def test_the_schema_of_a_registry_has_every_key_that_the_zoo_reads():
    whole = registry_schema()["properties"]
    assert tuple(whole) == config._SECTIONS
    assert set(whole["components"]["properties"]) == set(whole["aliases"]["properties"]) == set(kinds.KINDS)
    recipe = whole["recipes"]["additionalProperties"]["properties"]
    chosen = {kind.path for kind in kinds.ALL.values() if kind.path and "." not in kind.path}
    assert set(recipe) == {*Job.model_fields, *recipes._OF_THE_SHELF, *chosen}
    assert tuple(recipe["when"]["properties"]) == config.CONDITIONS
    assert registry_file.RANGES == config.RANGES


def test_the_schema_of_a_job_has_every_key_of_a_job():
    whole = job_schema()
    paths = {path for path in (*kinds.CHOICES, *kinds.CHOICE_LISTS) if "." not in path}
    assert set(whole["properties"]) == {*Job.model_fields, *paths}
    for section in ("train", "data"):
        assert list(whole["properties"][section]["properties"]) == list(
            Job.model_fields[section].annotation.model_fields
        )
    assert set(whole["$defs"]["rule"]["properties"]) == {word for words in rules._WORDS.values() for word in words}


KIND = """
from zoo.plugin import Component, Kind, hookimpl

class Alarm(Component):
    kind = "alarm"

@hookimpl
def zoo_kinds():
    yield Kind(Alarm, path="alarms", use="acme_alarm:use", summary="Log a run elsewhere")

@hookimpl
def zoo_components():
    yield Alarm("board", "acme_alarm:Board", summary="A board")
"""


def test_the_kind_of_a_plugin_has_its_place(make_plugin: Callable[..., Path]):
    make_plugin("acme", KIND, acme_alarm="class Board:\n    def __init__(self, port: int = 80): ...\n")
    try:
        schema = job_schema(open_registry())
    finally:
        kinds.keep_only()
    assert schema["properties"]["alarms"]["description"] == "Log a run elsewhere"
    assert problems(schema, {"alarms": ["board", {"name": "acme/board", "port": 81}]}) == []
    assert len(problems(schema, {"alarms": [{"name": "board", "port": "high"}]})) == 1
    assert len(problems(job_schema(), {"alarms": ["board"]})) == 1


def test_every_local_component_that_the_schema_takes_is_read(tmp_path: Path):
    content = {"components": {"loss": {"mine": {"target": "./a.py:b", "tags": ["x"], "summary": "A loss"}}}}
    assert problems(registry_schema(), content) == []
    (tmp_path / "registry.yaml").write_text(json.dumps(content))
    assert read_layer(tmp_path / "registry.yaml").content == content


def undescribed(schema: dict[str, Any], place: str = "") -> list[str]:
    """Places of properties without a description."""
    found = []
    for key, each in schema.get("properties", {}).items():
        here = f"{place}.{key}"
        found += [] if each.get("description") or key in ("at_least", "at_most") else [here]
        found += undescribed(each, here)
    for key in ("additionalProperties", "items"):
        if isinstance(schema.get(key), dict):
            found += undescribed(schema[key], f"{place}.*")
    return found


def test_every_key_is_described():
    assert undescribed(job_schema()) == []
    lists = {f".catalogue.*.provides.{kind}" for kind in kinds.KINDS}
    assert [place for place in undescribed(registry_schema()) if place not in lists] == []


def test_with_components_it_has_names_and_parameters():
    schema = job_schema(open_registry())
    assert problems(schema, {"loss": {"name": "focal", "gamma": 2.5}, "architecture": "not_installed_yet"}) == []
    (found,) = problems(schema, {"loss": {"name": "focal", "gamma": "large"}})
    assert found.startswith("loss: ")
    assert "focal" in json.dumps(schema["$defs"]["loss"])
    gamma = next(
        each["then"]["properties"]["gamma"]
        for each in schema["$defs"]["loss"]["anyOf"][-1]["allOf"]
        if "losses/focal" in each["if"]["properties"]["name"]["enum"]
    )
    assert gamma["anyOf"][0]["type"] == "number"
    for file in JOBS:
        assert problems(schema, read_yaml(file)) == []


# -- the command --------------------------------------------------------------------------------------------


def test_the_schema_alone_is_on_stdout_and_the_line_for_the_editor_on_stderr(zoo: Typed):
    code, out, err = zoo("schema", "job")
    assert code == 0
    assert json.loads(out) == job_schema()
    assert err.splitlines() == [
        "For completion in an editor, begin job files with this line:",
        "# yaml-language-server: $schema=./job.schema.json",
    ]


def test_a_file_is_written_and_named_in_the_line(zoo: Typed):
    code, out, err = zoo("schema", "registry", "--out", "zoo.json")
    assert (code, err) == (0, "")
    assert out.endswith("# yaml-language-server: $schema=./zoo.json\n")
    assert json.loads(Path("zoo.json").read_text("utf-8")) == registry_schema()
    assert zoo("schema", "jobs")[0] == 2


def test_without_components_nothing_heavy_is_imported():
    code = (
        "import sys; from zoo.__main__ import main; main(['schema', 'job']); main(['schema', 'registry']); "
        "print(sorted({'torch', 'numpy', 'timm'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"
