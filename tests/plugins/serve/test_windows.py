"""A model with a window behind a socket: every format of the same values gets the same answer."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import zoo


@pytest.fixture
def classifier(tmp_path: Path) -> Any:
    """A model of 12-bit values, one epoch."""
    for kind, base in (("low", 1000), ("high", 1200)):
        (tmp_path / "deep" / kind).mkdir(parents=True)
        for number in range(10):
            values = base + np.random.default_rng(number).integers(0, 60, (16, 16))
            np.save(tmp_path / "deep" / kind / f"{number}.npy", values.astype(np.uint16))
    chosen = {"data.in_chans": 1, "architecture.channels": [4]}
    zoo.run("simple_cnn", tmp_path / "deep", epochs=3, image_size=16, set=chosen, name="deep")
    return zoo.load("runs/deep")


def test_the_values_of_every_format_are_kept(serving: Callable[..., Any], classifier: Any, tmp_path: Path):
    import tifffile

    values = np.load(tmp_path / "deep" / "high" / "3.npy")
    bodies = []
    for save in (
        lambda file: np.save(file, values),
        lambda file: Image.fromarray(values).save(file, "PNG"),
        lambda file: Image.fromarray(values).save(file, "TIFF"),
        lambda file: tifffile.imwrite(file, values.astype(np.float64)),
    ):
        written = BytesIO()
        save(written)
        bodies.append(written.getvalue())
    server = serving()
    (wanted,) = classifier.predict(values)
    for body in bodies:
        status, _, found = server.ask(body=body)
        assert status == 200
        (answer,) = found["predictions"]
        assert answer["label"] == wanted["label"]
        assert answer["confidence"] == pytest.approx(wanted["confidence"], abs=1e-5)


def test_an_explanation_shows_the_window(serving: Callable[..., Any], classifier: Any, tmp_path: Path):
    content = (tmp_path / "deep" / "low" / "1.npy").read_bytes()
    status, _, found = serving().ask("/predict?explain=true", content)
    assert status == 200
    assert found["predictions"][0]["explanation"]["seen"].startswith("data:image/jpeg")
