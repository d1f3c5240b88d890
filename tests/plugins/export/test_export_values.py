"""``zoo export`` and ``zoo evaluate`` of regressions: the file gives values, and what it loses is in their unit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from zoo import load

pytest.importorskip("onnx", reason="ONNX is an extra: pip install 'visionzoo[export]'")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

Zoo = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(values_run: Path, tmp_path: Path) -> Path:
    """A copy of the run, whose folder receives files."""
    return Path(shutil.copytree(values_run, tmp_path / "runs" / "aged"))


def test_values_are_compared_and_evaluated(zoo: Zoo, run: Path):
    code, out, err = zoo("export", run, "onnx")
    assert code == 0, err
    assert "all 360 val images compared with the run; values within" in out
    assert "standard deviations" in out
    assert "accuracy" not in out
    measured = json.loads(zoo("evaluate", run / "model.onnx", "--json")[1])
    own = json.loads(zoo("evaluate", run, "--json")[1])
    assert measured["task"] == "regression"
    assert measured["metrics"]["val"]["mae"] == pytest.approx(own["metrics"]["val"]["mae"], rel=0.01)
    assert measured["metrics"]["val"]["loss"] == pytest.approx(own["metrics"]["val"]["loss"], rel=0.03)


def test_another_program_reads_the_values(zoo: Zoo, run: Path):
    import numpy as np
    import onnxruntime

    assert zoo("export", run, "onnx", "--out", "aged.onnx")[0] == 0
    session = onnxruntime.InferenceSession("aged.onnx", providers=["CPUExecutionProvider"])
    assert [each.name for each in session.get_outputs()] == ["values"]
    assert session.get_modelmeta().custom_metadata_map["output"].startswith("values: float32 (N, K)")
    (values,) = session.run(None, {"images": np.zeros((2, 31, 17, 1), np.uint8)})
    assert values.shape == (2, 1)
    predicted = json.loads(zoo("evaluate", run, "--json")[1])
    assert -20 < values[0, 0] < 30, predicted


@pytest.mark.slow
def test_what_int8_loses_is_the_error(zoo: Zoo, run: Path):
    code, out, err = zoo("export", run, "onnx", "--quantize", "int8", "--json")
    assert code == 0, err
    found = json.loads(out)["lossy"]
    assert set(found["mae"]) == {"before", "after"}
    assert found["loss"] <= 0.01
    assert found["unit"] == "standard deviations"


@pytest.mark.slow
def test_a_loss_above_the_limit_is_refused(zoo: Zoo, run: Path, monkeypatch: pytest.MonkeyPatch):
    from zoo_export.measures import ValueMeasure

    monkeypatch.setattr(ValueMeasure, "loss", lambda *given: 0.3)
    code, _, err = zoo("export", run, "onnx", "--half")
    assert code == 1
    assert "its mean absolute error on the 360 validation images is" in err
    assert "the loss is 0.3000 standard deviations, above --max-loss 0.01" in err
    assert not (run / "model.half.onnx").exists()


def test_a_file_of_other_values_is_not_kept(zoo: Zoo, run: Path, monkeypatch: pytest.MonkeyPatch):
    from zoo_export import onnx_answer

    monkeypatch.setattr(onnx_answer, "_values", lambda nodes, read, name, scale: nodes.add("Identity", [read], name))
    code, _, err = zoo("export", run, "onnx")
    assert code == 1
    assert "with values off by up to" in err
    assert "standard deviations (allowed: less than 0.001)" in err
    assert not (run / "model.onnx").exists()


def test_a_loss_of_raw_outputs_is_not_measured_of_a_file(zoo: Zoo):
    words = ("--task", "ordinal", "--set", "loss=corn", "--set", "architecture.channels=[8,16]", "--quiet")
    assert zoo("run", "simple_cnn", "digits", "--epochs", 1, "--name", "ranks", *words)[0] == 0
    assert zoo("export", "ranks", "safetensors")[0] == 0
    found = json.loads(zoo("evaluate", "runs/ranks/model.safetensors", "--json")[1])
    assert "loss" not in found["metrics"]["val"]
    assert any("raw outputs of the network" in notice for notice in found["notices"])
    own = json.loads(zoo("evaluate", "ranks", "--json")[1])["metrics"]["val"]
    assert found["metrics"]["val"]["mae_ranks"] == pytest.approx(own["mae_ranks"], abs=0.05)
    assert "loss" in own


@pytest.fixture(scope="module")
def quantile_run(made_once: Callable[..., tuple[Path, str]]) -> Path:
    """A regression of digits with quantiles."""
    loss = "loss={name: quantile, quantiles: [0.1, 0.3, 0.5, 0.7, 0.9]}"
    how = ("--epochs", "1", "--set", "architecture.channels=[8,16]", "--task", "regression", "--set", loss)
    runs, _ = made_once("run", "simple_cnn", "digits", *how, "--name", "spread", "--quiet")
    return runs / "spread"


def test_onnx_answers_quantiles_with_the_intervals_of_the_run(zoo: Zoo, quantile_run: Path, tmp_path: Path):
    run = Path(shutil.copytree(quantile_run, tmp_path / "runs" / "spread"))
    code, _, err = zoo("export", run, "onnx")
    assert code == 0, err
    pixels = np.random.default_rng(0).integers(0, 256, (3, 12, 12), np.uint8)
    own, other = load(run), load(run / "model.onnx")
    for one, two in zip(own.predict(list(pixels)), other.predict(list(pixels)), strict=True):
        assert two["interval"] == pytest.approx(one["interval"], abs=2e-3)
        assert two["value"] == pytest.approx(one["value"], abs=2e-3)
        assert two["coverage"] == one["coverage"] == 0.9
    for split in ("val", "train"):
        numbers = [
            json.loads(zoo("evaluate", each, "--split", split, "--coverage", "0.8", "--json")[1])
            for each in (run, run / "model.onnx")
        ]
        first, second = (each["metrics"][split]["conformal"] for each in numbers)
        assert second["covered"] == pytest.approx(first["covered"], abs=0.02)
        assert second["width"] == pytest.approx(first["width"], rel=0.01)


def test_a_file_that_answers_the_median_alone_promises_no_interval(zoo: Zoo, quantile_run: Path, tmp_path: Path):
    run = Path(shutil.copytree(quantile_run, tmp_path / "runs" / "spread"))
    code, out, err = zoo("export", run, "torchscript", "--json")
    assert code == 0, err
    assert "answers the median alone" in out
    file = Path(json.loads(out)["file"])
    assert "interval" not in load(file).predict([np.zeros((12, 12), np.uint8)])[0]
    for split in ("val", "train"):
        code, _, err = zoo("evaluate", file, "--split", split, "--coverage", "0.8")
        assert code == 2
        assert "has no quantiles" in err
        assert "--format onnx" in err
