"""How reports write numbers, times and names."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from zoo.reports import words


@pytest.mark.parametrize(
    ("fraction", "shown"), [(0.9104, "91.0%"), (1.0, "100.0%"), (0.0, "0.0%"), (None, "–"), (math.nan, "–")]
)
def test_percent(fraction: float | None, shown: str) -> None:
    assert words.percent(fraction) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.22614, "0.2261"),
        (99.99999, "100.0000"),
        (1234.56, "1234.6"),
        (1.5e7, "1.5e+07"),
        (math.nan, "nan"),
        (None, "–"),
    ],
)
def test_number(value: float | None, shown: str) -> None:
    assert words.number(value) == shown


@pytest.mark.parametrize(
    ("seconds", "long", "short"),
    [
        (8.24, "8.2 s", "8.2s"),
        (59.97, "1 min 00 s", "1:00"),
        (552.0, "9 min 12 s", "9:12"),
        (3840.0, "1 h 04 min", "1:04:00"),
        (None, "–", "–"),
        (math.inf, "–", "–"),
    ],
)
def test_times(seconds: float | None, long: str, short: str) -> None:
    assert (words.duration(seconds), words.clock(seconds)) == (long, short)


def test_component_shows_name_and_parameters() -> None:
    assert words.component({"name": "focal", "gamma": 2.0, "weight": None}) == "focal (gamma 2)"
    assert words.component({"name": "flip"}) == "flip"
    assert words.component("adam") == "adam"


@settings(deadline=None)
@given(st.floats(allow_nan=True), st.integers(1, 30))
def test_bar_is_as_wide_as_asked_and_grows_with_the_fraction(fraction: float, width: int) -> None:
    drawn = words.bar(fraction, width)
    assert len(drawn) == width
    if not math.isnan(fraction):
        share = min(max(fraction, 0.0), 1.0)
        assert drawn.count("━") + drawn.count("╸") / 2 == pytest.approx(share * width, abs=0.26)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=200), st.integers(1, 60))
def test_sparkline_is_never_wider_than_asked(values: list[float], width: int) -> None:
    assert len(words.sparkline(values, 0.0, 1.0, width)) == min(len(values), width)


def test_sparkline_rises_with_the_values() -> None:
    assert words.sparkline([0.0, 0.5, 1.0], 0.0, 1.0, 10) == "▁▅█"
    assert words.sparkline([0.0, 0.0, 1.0, 1.0], 0.0, 1.0, 2) == "▁█"


@settings(deadline=None)
@given(st.text(), st.sampled_from(["ascii", "latin-1", "cp1252", "cp437", "utf-8"]))
def test_legible_text_can_be_written_in_its_encoding(text: str, encoding: str) -> None:
    words.legible(text, encoding).encode(encoding)


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"])))
def test_legible_text_keeps_its_width(text: str) -> None:
    assert cell_len(words.legible(text, "ascii", cell_len)) == sum(map(cell_len, text))


def test_legible_text_of_utf8_is_left_alone() -> None:
    assert words.legible("★ Größe 猫 ━╸", "utf-8") == "★ Größe 猫 ━╸"
    assert words.legible("★ ━╸ 猫", "ascii") == "* =- ??"
    assert words.legible("unpaired \udcff", "utf-8") == "unpaired ?"


@settings(deadline=None)
@given(st.text())
def test_clean_text_prints_on_one_line(text: str) -> None:
    assert words.clean(text).isprintable()


def test_clean_text_has_no_escape_codes() -> None:
    assert words.clean("cat\x1b[31m\ndog\t!") == "cat�[31m dog !"
