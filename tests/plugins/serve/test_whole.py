"""A server as a process of its own: under load, ended under load, fuzzed, and from every form of a model."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, picture_of: Any) -> list[Path]:
    folder = tmp_path_factory.mktemp("pictures")
    files = [folder / f"{i:02}.png" for i in range(40)]
    for i, file in enumerate(files):
        file.write_bytes(picture_of(seed=i))
    return files


def test_five_thousand_requests_from_fifty_clients_none_lost_or_wrong(run: Path, bench: Any, pictures: list[Path]):
    expected = bench.expected_of(run, pictures)
    with bench.server(run) as (port, process):
        tally = asyncio.run(bench.hammer(port, [file.read_bytes() for file in pictures], 5000, 50))
        assert process.poll() is None
    assert (len(tally.answers), tally.lost, tally.refused) == (5000, [], 0)
    assert bench.wrong(tally, expected) == []
    assert process.returncode == 0


@pytest.mark.parametrize("moment", range(2))
@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_under_load_it_answers_all_that_it_accepted(
    run: Path, bench: Any, pictures: list[Path], told: signal.Signals, moment: int
):
    contents, expected = [file.read_bytes() for file in pictures], bench.expected_of(run, pictures)

    async def load(port: int, process: Any) -> Any:
        task = asyncio.create_task(bench.hammer(port, contents, 10**6, 50))
        await asyncio.sleep(0.3 + 0.37 * moment)
        process.send_signal(told)
        return await asyncio.wait_for(task, 30)

    with bench.server(run) as (port, process):
        tally = asyncio.run(load(port, process))
        assert process.wait(20) == 0
    assert tally.lost == []
    assert bench.wrong(tally, expected) == []
    assert tally.refused == 50, "each client ends as nobody listens any longer"
    assert len(tally.answers) >= 50


@pytest.mark.parametrize("form", ["run", "bundle", "onnx"])
def test_from_a_run_a_bundle_and_an_exported_file(
    run: Path, bench: Any, pictures: list[Path], form: str, tmp_path: Path
):
    model: Path = run
    if form == "bundle":
        model = shutil.copytree(run / "model", tmp_path / "copied")
    if form == "onnx":
        pytest.importorskip("onnxruntime")
        model = tmp_path / "model.onnx"
        export = ["export", str(run), "--out", str(model)]
        subprocess.run([sys.executable, "-m", "zoo", *export], check=True, capture_output=True)
    expected = bench.expected_of(run, pictures[:8])
    with bench.server(model) as (port, _):
        tally = asyncio.run(bench.hammer(port, [file.read_bytes() for file in pictures[:8]], 64, 4))
    assert len(tally.answers) == 64
    assert bench.wrong(tally, expected) == []


def test_a_fuzz_finds_no_failure(run: Path, bench: Any, tmp_path: Path):
    tool = Path(sys.executable).with_name("schemathesis")
    with bench.server(run) as (port, process):
        command = [tool, "run", f"http://127.0.0.1:{port}/openapi.json", "--max-examples", "60", "--no-color"]
        # A schema can't say which bytes are a picture.
        done = subprocess.run(
            [*map(str, command), "--exclude-checks", "positive_data_acceptance"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=280,
        )
        assert process.poll() is None
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert "Test cases:" in done.stdout or "generated" in done.stdout
