"""``zoo list`` and ``zoo info``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from zoo.plugin import KINDS

_DROPOUT = "dropout probability before the output."


def test_list_shows_every_kind_within_80_columns(zoo):
    code, out, err = zoo("list")
    assert code == 0
    assert err == ""
    for heading in ("Architectures", "Datasets", "Losses", "Metrics", "Augmentations", "Optimizers", "Schedules"):
        assert heading in out
    assert "simple/simple_cnn" in out
    assert max(map(len, out.splitlines())) <= 80


def test_list_folds_a_family_and_says_how_to_unfold_it(zoo):
    _, out, _ = zoo("list")
    assert "timm/*" in out
    assert "timm/resnet18" not in out
    _, unfolded, _ = zoo("list", "architecture", "--search", "resnet18")
    assert "timm/resnet18" in unfolded


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("exporter", "importer", "command")])
def test_list_of_a_kind_takes_singular_and_plural(zoo, kind):
    plural = {"loss": "losses", "analysis": "analyses"}.get(kind, f"{kind}s")
    code, out, _ = zoo("list", kind, "--json")
    assert code == 0
    assert zoo("list", plural, "--json")[1] == out
    rows = json.loads(out)
    assert rows
    assert {row["kind"] for row in rows} == {kind}


def test_list_json_says_where_each_component_comes_from(zoo):
    rows = json.loads(zoo("list", "--json")[1])
    by_id = {(row["kind"], row["id"]): row for row in rows}
    assert len(by_id) == len(rows)
    row = by_id["architecture", "simple/simple_cnn"]
    assert row["plugin"] == "simple"
    assert row["distribution"] == "visionzoo"
    assert row["target"] == "zoo_simple.cnn:simple_cnn"
    assert row["summary"]
    assert sum(row["id"].startswith("timm/") for row in rows if row["kind"] == "architecture") > 1000


def test_search_looks_into_names_summaries_and_tags(zoo):
    assert [row["id"] for row in json.loads(zoo("list", "--search", "tutorial", "--json")[1])] == ["simple/simple_cnn"]
    assert "losses/focal" in zoo("list", "losses", "--search", "RARE")[1]
    code, out, _ = zoo("list", "--search", "zebrafish")
    assert code == 0
    assert "zebrafish" in out


def test_list_leaves_variants_out_and_says_how_to_see_them(zoo):
    _, out, err = zoo("list", "architectures")
    assert not [line for line in out.splitlines() if line.startswith("timm/") and "." in line.split()[0]]
    assert "1,826 variants (NAME.WORD) not listed: zoo list --variants, or --search NAME" in err
    _, out, err = zoo("list", "--variants", "architectures")
    names = [line.split()[0] for line in out.splitlines() if line.startswith(("simple/", "timm/", "torchvision/"))]
    assert names.count("timm/resnet50.a1_in1k") == 1
    assert sum("." in name for name in names) == 1826
    assert "not listed" not in err
    assert names == sorted(names)


def test_search_finds_variants_by_their_names_and_only_by_them(zoo):
    _, out, err = zoo("list", "--search", "resnet50.A1")
    assert [line.split()[0] for line in out.splitlines() if line.startswith("timm/resnet50.")] == [
        "timm/resnet50.a1_in1k",
        "timm/resnet50.a1h_in1k",
    ]
    assert "not listed" not in out + err
    _, out, err = zoo("list", "architectures", "--search", "backbone")
    assert "timm/resnet50.a1_in1k" not in out, "all of them have that tag"
    assert "variants" in err


def test_list_json_has_each_variant_under_its_base_or_as_a_row_where_it_is_asked_for(zoo):
    by_id = {row["id"]: row for row in json.loads(zoo("list", "architectures", "--json")[1])}
    assert "timm/resnet50.a1_in1k" in by_id["timm/resnet50"]["variants"]
    assert sum(len(row["variants"]) for row in by_id.values()) == 1826
    assert {row["variant_of"] for row in by_id.values()} == {None}
    rows = json.loads(zoo("list", "architectures", "--json", "--variants")[1])
    assert {row["id"] for row in rows} == {*by_id, *(name for row in by_id.values() for name in row["variants"])}
    assert {row["id"]: row["variant_of"] for row in rows}["timm/resnet50.a1_in1k"] == "timm/resnet50"


def test_info_names_variants_and_what_differs_in_one(zoo):
    assert "a1_in1k (default), a1h_in1k" in zoo("info", "timm/resnet50")[1]
    assert "timm/resnet50, the default" in zoo("info", "resnet50.a1_in1k")[1]
    assert "timm/resnet50, which has input_size 224, crop_pct 0.95" in zoo("info", "resnet50.a1h_in1k")[1]
    assert "timm/resnet50, with the same preprocessing" in zoo("info", "resnet50.a2_in1k")[1]
    base, one = (json.loads(zoo("info", name, "--json")[1]) for name in ("resnet50", "timm/resnet50.a1h_in1k"))
    assert base["default_variant"] == "timm/resnet50.a1_in1k"
    assert (one["is_default"], one["base_has"]) == (False, {"input_size": 224, "crop_pct": 0.95})
    assert (one["input_size"], one["model_parameters"]) == (176, base["model_parameters"])


def test_info_of_a_wrong_word_names_its_bases(refused):
    assert "Did you mean 'timm/resnet50.a1_in1k'" in refused("info", "timm/resnet50.a1_in2k")
    assert "Did you mean 'timm/resnet50.a1_in1k'" in refused("info", "timm/resnet5O.a1_in1k")


def test_list_of_an_unknown_kind(refused):
    error = refused("list", "architecturs")
    assert "'architecturs'" in error
    assert "Did you mean 'architectures'" in error


def test_info_of_simple_cnn_is_the_tutorials_network(zoo):
    code, out, err = zoo("info", "simple_cnn")
    assert code == 0
    assert err == ""
    assert "19,034,177" in out
    assert "visionzoo" in out
    assert "dropout" in out


def test_info_json_has_parameters_source_and_size(zoo):
    details = json.loads(zoo("info", "simple_cnn", "--json")[1])
    assert details["model_parameters"] == 19_034_177
    assert Path(details["source"]).name == "cnn.py"
    assert Path(details["source"]).is_file()
    by_name = {p["name"]: p for p in details["parameters"]}
    assert by_name["dropout"] == {
        "name": "dropout",
        "type": "float",
        "default": 0.5,
        "required": False,
        "description": _DROPOUT,
    }
    assert by_name["channels"]["default"] == [32, 64, 128]
    assert not {"num_classes", "in_chans", "image_size"} & by_name.keys(), "those are the job's to give"


@pytest.mark.parametrize("name", ["images/cats_dogs", "cats_vs_dogs"])
def test_info_finds_by_id_and_by_alias(zoo, name):
    details = json.loads(zoo("info", name, "--json")[1])
    assert details["id"] == "images/cats_dogs"
    assert "drawn_images" in [p["name"] for p in details["parameters"]]


def test_info_of_a_familys_member_counts_its_parameters(zoo):
    details = json.loads(zoo("info", "timm/resnet10t", "--json")[1])
    assert 4_000_000 < details["model_parameters"] < 6_000_000
    assert details["plugin"] == "timm"


def test_info_of_what_needs_a_parameter_shows_it_without_a_size(zoo):
    Path("needy.py").write_text("def needy(num_classes, in_chans=3, *, config: str): ...\n")
    Path("registry.yaml").write_text('components: {architecture: {needy: {target: "./needy.py:needy"}}}')
    code, out, err = zoo("info", "needy")
    assert (code, err) == (0, "")
    assert "required" in out
    assert "size" not in out


def test_info_shows_presets_of_registry_yaml_as_defaults(zoo):
    Path("registry.yaml").write_text(
        'components: {architecture: {needy: {target: "./needy.py:needy", params: {config: wide, width: 16}}}}'
    )
    Path("needy.py").write_text(
        "from torch import nn\n\n\ndef needy(num_classes, in_chans=3, *, config: str, width: int = 8):\n"
        "    return nn.Linear(width, num_classes)\n"
    )
    code, out, err = zoo("info", "needy")
    assert (code, err) == (0, "")
    assert "required" not in out
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "config str = wide" in lines
    assert "width int = 16" in lines
    rows = json.loads(zoo("info", "needy", "--json")[1])["parameters"]
    assert [(row["name"], row["default"], row["required"]) for row in rows] == [
        ("config", "wide", False),
        ("width", 16, False),
    ]


def test_info_shows_both_where_two_kinds_have_a_name(zoo):
    Path("registry.yaml").write_text("components: {loss: {accuracy: {base: focal, params: {gamma: 3.0}}}}")
    both = json.loads(zoo("info", "accuracy", "--json")[1])
    assert sorted(d["kind"] for d in both) == ["loss", "metric"]
    one = json.loads(zoo("info", "accuracy", "--kind", "losses", "--json")[1])
    assert one["presets"] == {"gamma": 3.0}
    out = zoo("info", "accuracy")[1]
    assert "losses" in out
    assert "metrics" in out


def test_info_of_nothing(refused):
    error = refused("info", "simple_cn")
    assert "'simple_cn'" in error
    assert "'simple_cnn'" in error
    assert "zoo list" in error
