"""``zoo list architectures``: a table, filtered and sorted."""

from __future__ import annotations

import json
from typing import Any

import pytest


def rows(zoo: Any, *words: str) -> list[dict[str, Any]]:
    code, out, err = zoo("list", "architectures", "--json", *words)
    assert code == 0, err
    return json.loads(out)


def test_the_table_is_of_80_columns_with_names_first(zoo, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, out, err = zoo("list", "architectures", "--search", "resnet50")
    header, *lines = out.splitlines()
    assert header.split() == ["architecture", "params", "px", "top-1", "license"]
    assert ["torchvision/resnet50", "25.6", "M", "224", "80.9%", "–"] in [line.split() for line in lines]
    assert next(line for line in lines if line.startswith("timm/resnet50 ")).split()[1:] == [
        *("25.6", "M", "224", "81.2%", "apache-2.0")
    ]
    assert max(len(line) for line in lines) <= 80
    assert "narrow" not in err


def test_filters_and_order(zoo):
    found = rows(zoo, "--filter", "params<6", "--filter", "accuracy > 77", "--sort", "accuracy")
    assert found
    assert all(row["num_parameters"] < 6e6 and row["top1"] > 0.77 for row in found)
    assert [row["top1"] for row in found] == sorted((row["top1"] for row in found), reverse=True)
    by_size = [row["num_parameters"] for row in rows(zoo, "--sort", "params")]
    known = [number for number in by_size if number is not None]
    assert by_size[: len(known)] == sorted(known)
    assert {row["license"] for row in rows(zoo, "--filter", "license=MIT")} == {"mit"}
    assert {row["input_size"] for row in rows(zoo, "--filter", "size=512")} == {512}


def test_a_long_name_is_whole(zoo, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    name = "timm/convnext_large_mlp.clip_laion2b_soup_ft_in12k_in1k_384"
    lines = zoo("list", "architectures", "--search", name)[1].splitlines()
    assert lines[1] == name
    assert lines[2].split() == ["200.1", "M", "384", "88.3%", "apache-2.0"]


@pytest.mark.parametrize("condition", ["params", "depth<3", "license<mit", "accuracy>good"])
def test_no_condition(refused, condition):
    assert repr(condition) in refused("list", "architectures", "--filter", condition)


def test_other_kinds_have_no_such_facts(refused):
    assert "zoo list architectures --sort accuracy" in refused("list", "losses", "--sort", "accuracy")
    assert "need architectures" in refused("list", "--filter", "params<3")


def test_a_table_that_cannot_be_read_is_reported_and_the_rest_is_listed(zoo, make_plugin):
    site = make_plugin(
        "acme",
        "from zoo.plugin import Family, hookimpl\n@hookimpl\ndef zoo_architectures():\n"
        "    yield Family('architecture', 'm:f', 'zoo_acme_nets:n.txt', summary='Nets', facts='zoo_acme_nets:f.tsv')\n",
        zoo_acme_nets="",
    )
    (site / "n.txt").write_text("leafnet\nbarknet\n")
    (site / "f.tsv").write_text("name\theight\nleafnet\t3\n")
    code, out, err = zoo("list", "architectures", "--search", "acme")
    assert code == 0
    assert "acme/leafnet" in out
    assert err.count("zoo_acme_nets:f.tsv can't be read: 'height=3' in the table f.tsv") == 1


def test_no_summary_is_repeated(zoo):
    for words in (("list",), ("list", "optimizers"), ("list", "--search", "resnet50")):
        lines = [line.split(maxsplit=1)[-1] for line in zoo(*words)[1].splitlines() if "/" in line]
        assert max(lines.count(line) for line in lines) <= 3, words


def test_every_optimizer_of_timm_is_described(zoo):
    found = [row for row in json.loads(zoo("list", "optimizers", "--json")[1]) if row["name"] == "lion"]
    assert [row["summary"] for row in found] == ["Evolved Sign Momentum optimizer for improved convergence"]
