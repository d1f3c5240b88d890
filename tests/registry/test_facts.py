"""Tables of a family with what only listings show."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.plugin import Family
from zoo.registry.entry import Entry, Origin, family_entries
from zoo.registry.facts import table

Make = Callable[[str], list[Entry]]


@pytest.fixture
def entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Entries of a family with the given table, and a list of two networks with a default variant."""
    package = tmp_path / "factual"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "names.txt").write_text("# input_size=224\nnet\nnet.small\nnet.large\nother\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "factual", raising=False)

    def make(text: str) -> list[Entry]:
        (package / "facts.tsv").write_text(text)
        table.cache_clear()
        family = Family("architecture", "m:f", "factual:names.txt", summary="A net", facts="factual:facts.tsv")
        return family_entries(family, Origin("factual"))

    return make


def test_a_listing_has_the_tables_values(entries: Make):
    net, other = entries(
        "name\tnum_parameters\ttop1\tlicense\nnet\t1000\t\t\nnet.small\t\t0.8\tmit\nnet.large\t\t0.9\t\n"
    )
    assert (net.listed().num_parameters, net.listed().top1, net.listed().license) == (1000, 0.8, "mit"), "its default's"
    assert net.variant("large").listed().top1 == 0.9
    assert other.listed() == other.component
    assert (net.component.top1, net.listed().input_size, net.listed().summary) == (None, 224, "A net")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name\tsize\nnet\t3\n", "'size=3' in the table facts.tsv: it takes key=value words of summary"),
        ("name\ttop1\nnet\tgood\n", "'top1=good' in the table facts.tsv: top1 is of type float"),
        ("name\ttop1\nnet\t0.5\nnet\t0.6\n", "'net' is listed twice in facts.tsv"),
        ("name\ttop1\nnet\t80\n", "top1 80.0 must be a fraction"),
    ],
)
def test_a_malformed_table(entries: Make, text: str, reason: str):
    net, _ = entries(text)
    with pytest.raises(ValueError, match=reason):
        net.listed()


def test_a_family_names_its_table_as_its_list():
    with pytest.raises(ValueError, match=r"facts .facts\.tsv. is not of the form 'package:file\.tsv."):
        Family("architecture", "m:f", "factual:names.txt", facts="facts.tsv")
