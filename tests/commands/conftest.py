"""What the commands' tests share: tiny jobs, and two trained runs to read and use, never to change."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

TINY = ("--epochs", "1", "--set", "architecture.channels=[8,16]")
COLOURS = {"blue": (30, 60, 220), "green": (20, 200, 60), "red": (230, 40, 30)}
CROPPED = ("--set", "data.resize=crop", "--set", "data.crop_pct=0.8", "--set", "data.interpolation=bicubic")
ON_COLOURS = (
    *("--recipe", "none", "--image-size", "16", "--batch-size", "8", "--lr", "0.02", "--epochs", "4"),
    *("--set", "architecture={channels: [8], batch_norm: true, global_pool: avg, dropout: 0.0}"),
)


@pytest.fixture
def tiny() -> tuple[str, ...]:
    """Options that make a run on digits a matter of a second."""
    return TINY


@pytest.fixture
def on_colours() -> tuple[str, ...]:
    """Options with which simple_cnn learns a folder of colours in a second."""
    return ON_COLOURS


@pytest.fixture
def refused(zoo: Callable[..., tuple[int, str, str]]) -> Callable[..., str]:
    """Type a command that must be refused, politely and without a trace; gives what it said."""

    def typed(*words: object, code: int = 2) -> str:
        before = sorted(Path().rglob("*"))
        got, out, err = zoo(*words)
        assert got == code, (got, out, err)
        assert "Traceback" not in out + err
        assert "defect" not in err
        assert err.startswith("zoo: ")
        assert "\n\n" not in err.strip(), "one paragraph"
        assert len(err) < 900, "a short one"
        assert sorted(Path().rglob("*")) == before, "nothing is left on the disk"
        return err

    return typed


@contextmanager
def _world(cache: Path, work: Path) -> Iterator[None]:
    """What conftest's own world is for a test, for a fixture that outlives one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(cache))
        patch.setenv("ZOO_OFFLINE", "1")
        patch.setenv("XDG_CONFIG_HOME", str(work / "config"))
        patch.chdir(work)
        yield


def _train(cache: Path, work: Path, *words: str) -> Path:
    from zoo.__main__ import main

    with _world(cache, work):
        assert main(["run", "simple_cnn", *words, "--name", "trained", "--quiet"]) == 0
    return work / "runs" / "trained"


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, str]]:
    """Type a command in a folder of its own; gives its runs, and what was printed."""
    from zoo.__main__ import main

    def typed(*words: str) -> tuple[Path, str]:
        work, printed = tmp_path_factory.mktemp("once"), io.StringIO()
        with _world(work / "cache", work), pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdout", printed)
            assert main(list(words)) == 0
        return work / "runs", printed.getvalue()

    return typed


@pytest.fixture(scope="session")
def digits_run(session_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of simple_cnn on digits."""
    return _train(session_cache, tmp_path_factory.mktemp("digits"), "digits", *TINY)


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three class folders, 15 pictures each, with no val folder."""
    from PIL import Image

    root = tmp_path_factory.mktemp("data") / "colours"
    for name, colour in COLOURS.items():
        (root / name).mkdir(parents=True)
        for i in range(15):
            noise = np.random.default_rng([sum(colour), i]).integers(-30, 30, (20, 20, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i:02}.png")
    return root


@pytest.fixture(scope="session")
def colours_run(session_cache: Path, colours: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of simple_cnn that has learned the colours."""
    run = _train(session_cache, tmp_path_factory.mktemp("colours"), str(colours), *ON_COLOURS)
    result = json.loads((run / "result.json").read_text("utf-8"))
    assert result["metrics"]["val"]["accuracy"] == 1.0
    return run


@pytest.fixture(scope="session")
def cropped_run(session_cache: Path, colours: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, of images cut out of the middle, as most of timm's are."""
    return _train(session_cache, tmp_path_factory.mktemp("cropped"), str(colours), *ON_COLOURS, *CROPPED)
