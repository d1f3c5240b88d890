"""``zoo predict --on ray`` on a real cluster of two raylets."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

MANY = 30_000


@pytest.fixture(scope="module")
def model(typed: Any, work: Path) -> Path:
    """A small trained run."""
    done = typed("run", "simple_cnn", "digits", "--epochs", "1", "--image-size", "8", "--name", "model", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    return work / "runs" / "model"


@pytest.fixture(scope="module")
def images(work: Path) -> Path:
    """A hundred images, and a file that is none."""
    folder = work / "images"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (100, 8, 8), np.uint8)
    for number, each in enumerate(pixels):
        Image.fromarray(each).save(folder / f"{number:03}.png")
    (folder / "050.png").write_bytes(b"no image")
    return folder


@pytest.mark.usefixtures("model")
def test_a_cluster_gives_the_rows_of_one_process_though_a_node_is_killed(
    cluster: Any, start: Any, typed: Any, work: Path, images: Path
):
    listed = work / "many.csv"
    names = sorted(path for path in images.iterdir())
    listed.write_text("path\n" + "".join(f"{names[i % 100]}\n" for i in range(MANY)), "utf-8")
    words = ("predict", "model", "many.csv", "--top-k", "1")
    process = start(*words, "--out", "there.csv", "--on", "ray", RAY_ADDRESS=cluster.address)
    end, out = time.monotonic() + 120, work / "there.csv"
    while not out.is_file() or out.stat().st_size < 10_000:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    cluster.kill_second()
    said = process.communicate(timeout=200)
    assert process.returncode == 2, said  # one of a hundred images can't be read
    here = typed(*words, "--out", "here.csv")
    assert here.returncode == 2, here.stderr
    assert out.read_bytes() == (work / "here.csv").read_bytes()
