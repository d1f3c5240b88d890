"""A run takes the fastest execution, remembers it, and records it, so that a repeat is the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

import zoo
from zoo.engine import autotune, execution
from zoo.errors import RequestError
from zoo.evaluation.evaluate import evaluate_run
from zoo.host.loader import open_registry
from zoo.runner import fastest_execution
from zoo.storage.files import cache_folder, cannot_write

Patch = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def cheap(monkeypatch: Patch) -> None:
    """An epoch of the digits is worth a trial."""
    monkeypatch.setattr(autotune, "SHARE", 1.0)


@pytest.fixture
def trials(monkeypatch: Patch, tmp_path: Path) -> list[int]:
    """How many candidates each trial was given; the last of them wins. On a processor with bfloat16, nothing known."""
    found: list[int] = []
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))

    def last(candidates: Any, images: int, long_enough: Any) -> autotune.Trial:
        for candidate in candidates:
            candidate()
        found.append(len(candidates))
        return autotune.Trial(len(candidates) - 1, tuple(range(1, len(candidates) + 1)))

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    monkeypatch.setattr(fastest_execution, "race", last)
    return found


def run(out: Path, name: str, **options: Any) -> dict[str, Any]:
    small = {"architecture.channels": [8], **options.pop("set", {})}
    result = zoo.run("simple_cnn", "digits", epochs=1, device="cpu", out=out, name=name, set=small, **options)
    return json.loads((result.dir / "result.json").read_text("utf-8"))


def job_of(out: Path, name: str) -> dict[str, Any]:
    return yaml.safe_load((out / name / "job.yaml").read_text("utf-8"))


def test_what_was_fastest_is_recorded_and_remembered(tmp_path: Path, trials: list[int]):
    first, second = run(tmp_path, "first"), run(tmp_path, "second")
    assert trials == [4, 2]  # the second run remembers
    assert (first["trial"]["how"], second["trial"]["how"]) == ("measured", "measured before")
    assert first["trial"]["candidates"] == second["trial"]["candidates"]
    for name, result in (("first", first), ("second", second)):
        assert job_of(tmp_path, name)["precision"] == "fp32"
        assert job_of(tmp_path, name)["memory_format"] == "channels_first"
        assert result["environment"]["execution"].endswith("float32 · channels first")
        assert result["job_sources"]["precision"] == result["trial"]["how"]
    assert first["epochs"][0]["train"] == second["epochs"][0]["train"]


@pytest.mark.slow
def test_answers_have_a_precision_of_their_own(tmp_path: Path, monkeypatch: Patch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    monkeypatch.setattr(fastest_execution, "race", lambda ways, *_: autotune.Trial(0, (1.0,) * len(ways)))
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    result = run(tmp_path, "first", precision="auto")
    assert job_of(tmp_path, "first")["precision"] == "bf16"
    assert [way["precision"] for way in result["trial"]["evaluation"]] == ["bf16", "fp32"]
    monkeypatch.setattr(
        fastest_execution, "race", lambda ways, *_: autotune.Trial(int(len(ways) == 2), (1.0,) * len(ways))
    )
    other = run(tmp_path, "other", precision="auto", image_size=24)
    assert (job_of(tmp_path, "other")["precision"], job_of(tmp_path, "other")["evaluation_precision"]) == (
        "bf16",
        "fp32",
    )
    assert other["environment"]["execution"].endswith("bfloat16 · channels last · inference in fp32")
    again = evaluate_run(tmp_path / "other", registry=open_registry(), device="cpu")
    assert again["metrics"]["val"]["loss"] == pytest.approx(other["metrics"]["val"]["loss"], rel=1e-6)
    told = run(tmp_path, "told", set={"evaluation_precision": "bf16"})
    assert "evaluation" not in told["trial"]


@pytest.mark.slow
def test_a_long_training_is_compiled_where_that_was_faster(tmp_path: Path, monkeypatch: Patch):
    """The choice alone: CI has no GPU, and a CPU gains nothing."""
    compiled: list[nn.Module] = []
    told = [autotune.Trial(0, (1.0,) * 4), autotune.Trial(0, (1.0,) * 2), autotune.Trial(1, (1.0, 2.0))]
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    monkeypatch.setattr(fastest_execution, "race", lambda *_: told.pop(0))
    monkeypatch.setattr(fastest_execution, "COMPILE_ON", ("cpu",))
    monkeypatch.setattr(torch, "compile", lambda model: compiled.append(model) or model)
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    result = run(tmp_path, "first")
    assert told == []
    assert len(compiled) == 1
    assert [way.get("compiled", False) for way in result["trial"]["compiled"]] == [False, True]
    assert job_of(tmp_path, "first")["compile"] is True
    assert "channels last · compiled" in result["environment"]["execution"]
    run(tmp_path, "second")
    assert len(compiled) == 2, "remembered"
    run(tmp_path, "never", set={"compile": False, "precision": "fp32", "memory_format": "channels_last"})
    assert len(compiled) == 2


@pytest.mark.slow
def test_a_compiled_run_learns_and_its_bundle_is_as_any_other(tmp_path: Path):
    """In a process of its own: setuptools, once imported, is in the compiler's way."""
    made = {"compile": True, "architecture.channels": [8]}
    sets = [word for path, value in made.items() for word in ("--set", f"{path}={json.dumps(value)}")]
    words = ["simple_cnn", "digits", "--epochs", "1", "--precision", "fp32", "--device", "cpu", *sets]
    command = [sys.executable, "-m", "zoo", "run", *words, "--out", str(tmp_path), "--name", "compiled", "--quiet"]
    subprocess.run(command, check=True)
    result = json.loads((tmp_path / "compiled" / "result.json").read_text("utf-8"))
    assert result["environment"]["execution"].endswith("compiled")
    plain = run(tmp_path, "plain", precision="fp32", set={**made, "compile": False})
    assert result["metrics"]["val"]["loss"] == pytest.approx(plain["metrics"]["val"]["loss"], rel=0.05)
    again = evaluate_run(tmp_path / "compiled", registry=open_registry(), device="cpu")
    assert again["metrics"]["val"]["loss"] == pytest.approx(result["metrics"]["val"]["loss"], rel=1e-6)


@pytest.mark.slow
def test_the_job_of_a_run_does_the_same_again_without_a_trial(tmp_path: Path, trials: list[int]):
    run(tmp_path, "first")
    for file in (cache_folder() / "execution").iterdir():
        file.unlink()
    again = zoo.run(job=tmp_path / "first" / "job.yaml", out=tmp_path, name="again")
    assert trials == [4, 2]
    assert job_of(tmp_path, "again")["memory_format"] == "channels_first"
    assert again.metrics == json.loads((tmp_path / "first" / "result.json").read_text("utf-8"))["metrics"]


def test_a_choice_of_ones_own_is_not_tried_against_others(tmp_path: Path, trials: list[int]):
    result = run(tmp_path, "own", precision="bf16", set={"memory_format": "channels_first"})
    assert trials == []
    assert "trial" not in result
    assert result["environment"]["execution"].endswith("bfloat16 · channels first")


@pytest.mark.parametrize(
    ("asked", "instead"),
    [
        ({"precision": "bf16"}, "--precision fp32"),
        ({"precision": "fp32", "set": {"evaluation_precision": "bf16"}}, "--set evaluation_precision=fp32"),
    ],
)
def test_what_the_processor_cannot_compute_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: Patch, asked: dict[str, Any], instead: str
):
    monkeypatch.setattr(execution, "cpu_has_lstm_in", lambda dtype: dtype is torch.float32)
    with pytest.raises(RequestError, match=re.escape(f"an LSTM in bf16. Type: {instead}")):
        zoo.run("simple_rnn", "digits", device="cpu", out=tmp_path / "runs", **asked)
    assert not (tmp_path / "runs").exists()


def test_a_short_run_goes_by_rule_and_records_nothing(tmp_path: Path, monkeypatch: Patch):
    monkeypatch.setattr(fastest_execution, "REPAID_S", 1e6)  # a busy machine may take long over anything
    result = run(tmp_path, "short")
    assert "trial" not in result
    assert (job_of(tmp_path, "short")["precision"], job_of(tmp_path, "short")["memory_format"]) == ("auto", "auto")


@pytest.mark.slow
def test_a_short_run_goes_by_rule_whatever_a_longer_one_has_measured(
    tmp_path: Path, trials: list[int], monkeypatch: Patch
):
    assert run(tmp_path, "long")["trial"]["candidates"]
    monkeypatch.setattr(fastest_execution, "REPAID_S", 1e6)
    assert "trial" not in run(tmp_path, "short")
    assert job_of(tmp_path, "short")["precision"] == "auto"


DAMAGED = (
    '{"train": {"chosen": 0, "images_per_second": [0, 0, 0, 0]}, "answer": {"chosen": 0, "images_per_second": [1, 2]}}',
    *("", "{", "[]", '{"train": {"chosen": 0}}', '{"train": {"chosen": 0, "images_per_second": [1, 2, 3, 4]}}'),
    '{"train": {"chosen": 9, "images_per_second": [1, 2, 3, 4]}, "answer": {"chosen": 0, "images_per_second": [1, 2]}}',
)


@pytest.mark.parametrize("content", [DAMAGED[0], *(pytest.param(c, marks=pytest.mark.slow) for c in DAMAGED[1:])])
def test_a_damaged_memory_counts_for_nothing(tmp_path: Path, trials: list[int], content: str):
    run(tmp_path, "first")
    (file,) = (cache_folder() / "execution").iterdir()
    file.write_text(content, "utf-8")
    assert run(tmp_path, "again")["trial"]["how"] == "measured"
    assert trials == [4, 2] * 2


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_costs_a_trial_and_no_run(tmp_path: Path, trials: list[int], monkeypatch: Patch):
    def refuse(path: Path, text: str) -> None:
        raise cannot_write(path, OSError(30, "Read-only file system"))

    monkeypatch.setattr(fastest_execution, "write_text", refuse)
    assert run(tmp_path, "first")["trial"]["how"] == run(tmp_path, "second")["trial"]["how"] == "measured"
    assert trials == [4, 2, 4, 2]


@pytest.mark.slow
def test_another_size_of_picture_is_tried_anew(tmp_path: Path, trials: list[int]):
    run(tmp_path, "first")
    run(tmp_path, "larger", image_size=24)
    assert trials == [4, 2, 4, 2]


def test_a_resumed_run_goes_on_as_it_began(tmp_path: Path, trials: list[int]):
    run(tmp_path, "first")
    with pytest.raises(RequestError, match="another job"):
        run(tmp_path, "first", seed=9, resume=True)
    run(tmp_path, "first", resume=True)
    assert job_of(tmp_path, "first")["memory_format"] == "channels_first"
    assert len(list(tmp_path.glob("*/result.json"))) == 1


def test_a_run_is_measured_again_as_it_was_trained(tmp_path: Path, trials: list[int]):
    result = run(tmp_path, "first")
    again = evaluate_run(tmp_path / "first", registry=open_registry(), device="cpu")
    assert again["metrics"]["val"]["loss"] == pytest.approx(result["metrics"]["val"]["loss"], rel=1e-6)


def test_a_precision_that_is_not_here_gives_way_where_a_model_is_measured(monkeypatch: Patch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert execution.precision_here("cpu", "fp16") == "auto"
    assert execution.precision_here("cpu", "bf16") == "auto"
    assert execution.precision_here("cpu", "fp32") == "fp32"
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert execution.precision_here("cpu", "bf16") == "bf16"
