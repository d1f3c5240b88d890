"""The table: in 80 columns, with wide characters aligned and low confidences dim."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from zoo_predict.answers import is_low
from zoo_predict.table import predictions_table


def shown(renderable: RenderableType) -> str:
    out = io.StringIO()
    Console(file=out, width=80, color_system=None).print(renderable)
    assert max(map(cell_len, out.getvalue().splitlines())) <= 80
    return out.getvalue()


@pytest.mark.parametrize("classes", [2, 5])
def test_predictions(classes: int) -> None:
    top = [{"class": f"class [{i}]", "probability": 0.6 / (i + 1)} for i in range(classes)]
    rows: list[dict[str, Any]] = [
        {"path": "p/" * 60 + "IMG_1.jpg", "label": "class [0]", "confidence": 0.6, "top": top},
        {"path": "a.jpg", "label": "猫" * 30, "confidence": 0.123, "top": []},
    ]
    text = shown(predictions_table(rows))
    assert "IMG_1.jpg" in text
    assert "class [0]" in text
    assert "60.0%" in text
    assert ("30% class [1]" in text) == (classes > 2)
    header, first, second, doubt = text.splitlines()
    assert doubt.strip() == "1 of 2 below 60%: check by eye"
    assert header.split()[:2] == ["image", "predicted"]
    assert cell_len(first[: first.index("%")]) == cell_len(second[: second.index("%")]), "wide names are aligned"


def test_what_is_low() -> None:
    assert is_low({"label": "a", "confidence": 0.59})
    assert not is_low({"label": "a", "confidence": 0.6})
    assert is_low({"label": "a", "confidence": 0.9, "sure": False}), "the model's own threshold decides"
    assert not is_low({"label": "a", "confidence": 0.3, "sure": True})
    assert is_low({"labels": []})
    assert not is_low({"labels": ["a"]})


def test_many_pictures_are_counted() -> None:
    rows = [{"path": f"{i}.jpg", "label": "ab"[i % 2], "confidence": 0.5 + i / 40, "top": []} for i in range(15)]
    assert "15 images: 8 a, 7 b, 4 of these below 60%" in shown(predictions_table(rows))
    assert "images:" not in shown(predictions_table(rows[:10]))
    rows[0]["sure"] = False
    assert "15 images: 7 a, 7 b, 1 not sure, 3 of these below 60%" in shown(predictions_table(rows))


def typed(*words: object) -> str:
    """Type a command into a terminal of 80 columns; gives all that appears, colours included."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    command = [sys.executable, "-m", "zoo", *map(str, words)]
    process = subprocess.Popen(command, stdin=side, stdout=side, stderr=side, env={**kept, "TERM": "xterm-256color"})
    os.close(side)
    text = b""
    while True:
        try:
            if not (block := os.read(main, 4096)):
                break
        except OSError:  # the other side is closed
            break
        text += block
    os.close(main)
    assert process.wait(60) == 0, text.decode()
    return text.decode()


@pytest.mark.slow
def test_on_a_terminal_wide_names_are_aligned_and_low_confidences_dim(colours_run: Path, colours: Path) -> None:
    """Chinese, Japanese and Korean characters take two columns each."""
    names = ("a.png", "假日照片.png", "とても長い名前のとても長い写真のファイル名です.png", "사진 한 장.png")
    Path("photos").mkdir()
    for name in names:
        shutil.copy(colours / "red" / "00.png", Path("photos", name))
    from PIL import Image

    mixed = Image.new("RGB", (20, 20), (130, 50, 125))  # between red and blue
    mixed.save("photos/zz.png")
    text = typed("predict", colours_run, "photos", "--reject-below", "0")
    lines = [line for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines() if "%" in line]
    assert len(lines) == 5
    assert all(cell_len(line) <= 80 for line in lines)
    places = {cell_len(line[: line.index("%")]) for line in lines}
    assert len(places) == 1, lines
    assert "假日照片.png" in text
    assert any("…" in line and line.split("  ")[0].endswith("です.png") for line in lines), "the end of a name is kept"


@pytest.mark.slow
def test_on_a_terminal_a_low_confidence_is_dim(colours_run: Path, colours: Path) -> None:
    from PIL import Image

    Path("photos").mkdir()
    shutil.copy(colours / "red" / "00.png", "photos/sure.png")
    Image.new("RGB", (20, 20), (110, 110, 110)).save("photos/grey.png")
    lines = typed("predict", colours_run, "photos").splitlines()
    sure, low = (next(line for line in lines if f"{name}.png" in line) for name in ("sure", "grey"))
    assert "\x1b[1;32mred" in sure
    assert re.search(r"\x1b\[2;32m(red|green|blue)", low)
    assert not re.search(r"\x1b\[1;32m", low)
