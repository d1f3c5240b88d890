"""Lists without rich: each fits 80 columns, and shows what one came for."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from zoo.reports.lists import component_lines, plugin_lines, plural, print_lines
from zoo.reports.words import cells

LONG = "vit_base_patch16_clip_quickgelu_224.openai_ft_in12k_in1k"


def shown(lines: Iterator[str]) -> str:
    text = click.unstyle("\n".join(lines)) + "\n"
    assert max(map(len, text.splitlines())) <= 80
    return text


def test_components_by_kind_with_names_that_can_be_typed() -> None:
    rows = [
        {"kind": "dataset", "id": "images/cats_dogs", "summary": "Photos [bold]of cats and dogs, " * 4},
        {"kind": "loss", "id": "losses/focal", "summary": ""},
        {"kind": "architecture", "id": f"timm/{LONG}", "summary": "A large one"},
        {"kind": "architecture", "id": "timm/resnet18", "summary": "A small one"},
    ]
    text = shown(component_lines(rows, 80))
    assert f"timm/{LONG}\n" in text
    assert "[bold]of cats" in text
    assert [word in text for word in ("Datasets", "Losses", "Architectures")] == [True] * 3
    assert shown(component_lines([], 80)).strip() == ""


def test_wide_names_are_aligned() -> None:
    rows = [
        {"kind": "loss", "id": "losses/focal", "summary": "SUMMARY"},
        {"kind": "loss", "id": "local/花朵损失", "summary": "SUMMARY"},
    ]
    lines = [line for line in shown(component_lines(rows, 80)).splitlines() if "SUMMARY" in line]
    assert len({cells(line[: line.index("SUMMARY")]) for line in lines}) == 1


def test_plugins_with_their_problems() -> None:
    rows = [
        {
            "name": "simple",
            "distribution": "visionzoo",
            "version": "0.1.0",
            "state": "enabled",
            "provides": {"loss": 2},
        },
        {
            "name": "acme" * 3,
            "distribution": "zoo-acme" * 2,
            "version": "1",
            "state": "failed",
            "problem": "No [red]module",
        },
        {},
    ]
    text = shown(plugin_lines(rows, 80))
    assert "2 losses" in text
    assert "No [red]module" in text
    assert "plugin" in shown(plugin_lines([], 80))


def test_kinds_have_their_plurals() -> None:
    assert [plural(kind) for kind in ("loss", "dataset")] == ["losses", "datasets"]


def test_no_colour_where_it_is_not_wanted(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    print_lines(iter([click.style("red", fg="red")]))
    assert capsys.readouterr().out == "red\n"
