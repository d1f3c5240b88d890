"""Lists: each fits 80 columns, shows what one came for, and survives rows that lack things."""

from __future__ import annotations

import io

from rich.cells import cell_len
from rich.console import Console, RenderableType

from zoo.reports import tables
from zoo.runner.record import Run


def shown(renderable: RenderableType) -> str:
    out = io.StringIO()
    Console(file=out, width=80, color_system=None).print(renderable)
    assert max(map(cell_len, out.getvalue().splitlines())) <= 80
    return out.getvalue()


def test_component_info_shows_parameters() -> None:
    info = {
        "id": "simple/simple_cnn",
        "kind": "architecture",
        "summary": "The tutorial's network",
        "plugin": "simple",
        "distribution": "visionzoo",
        "version": "0.1.0",
        "source": "/usr/lib/python3/" + "folder/" * 20 + "cnn.py",
        "aliases": ["cnn"],
        "tags": [],
        "parameters": [
            {"name": "dropout", "type": "float", "default": 0.5, "required": False},
            {"name": "norm", "type": "Literal['batch', 'layer', 'group', 'instance', 'none'] | None", "default": None},
            {"name": "depth", "type": "int", "required": True},
        ],
        "model_parameters": 19034177,
        "input_size": 150,
    }
    text = shown(tables.component_info(info))
    for word in (
        "19,034,177 parameters",
        "0.5",
        "required",
        "none",
        "--set architecture.NAME=VALUE",
        "visionzoo 0.1.0",
        "150",
    ):
        assert word in text
    assert "cnn.py" in text
    assert "x/y" in shown(tables.component_info({"id": "x/y"}))


def test_runs_newest_as_given() -> None:
    rows = [
        {
            "run": "brave-otter",
            "status": "completed",
            "architecture": "simple_cnn",
            "dataset": "cats_dogs",
            "val_accuracy": 0.913,
            "best_epoch": 57,
            "epochs": 60,
            "total_s": 784.0,
            "when": "2026-01-02T15:12:03+00:00",
        },
        {"run": "r" * 90, "status": "interrupted"},
        {"run": "[red]x", "status": "not ended", "when": "2026-01-02T15:12:03+00:00"},
    ]
    text = shown(tables.runs_table(rows))
    for word in (
        "brave-otter",
        "simple_cnn on cats_dogs",
        "91.3%",
        "57/60",
        "13:04",
        "2026-01-02 15:12",
        "interrupted",
        "[red]x",
    ):
        assert word in text
    assert text.count("r" * 20) >= 2  # a name is folded, never cut
    assert "zoo run simple_cnn digits" in shown(tables.runs_table([]))


def test_job_with_the_source_of_every_value(run: Run) -> None:
    text = shown(tables.job_table(run.job.document(), run.sources))
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert "60" in lines["train.epochs"]
    assert "command line" in lines["train.epochs"]
    assert "recipe" in lines["train.lr"]
    assert "none" in lines["train.patience"]
    assert "flip (p 0.5), affine (degrees 15)" in text
