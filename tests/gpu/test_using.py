"""What is done with a network that was trained on the GPU: compile, export, predict, measure, look at the machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import zoo as api
from zoo.engine.execution import Execution

Train = Callable[..., dict[str, Any]]


@pytest.mark.timeout(130)
def test_a_compiled_run_learns_what_an_eager_one_learns_and_resumes(train: Train, zoo: Any):
    eager = train("eager", "--epochs", 2, "--precision", "fp32")
    compiled = train("compiled", "--epochs", 2, "--precision", "fp32", "--set", "compile=true")
    assert compiled["environment"]["execution"].endswith("compiled")
    for mine, theirs in zip(compiled["epochs"], eager["epochs"], strict=True):
        assert mine["train"]["loss"] == pytest.approx(theirs["train"]["loss"], rel=0.05)
    names = [sorted(load_file(f"runs/{run}/model/model.safetensors")) for run in ("eager", "compiled")]
    assert names[0] == names[1], "they are the network's own"
    code, out, err = zoo("run", "--resume", "runs/compiled", "--epochs", 3, "--quiet")
    assert code == 0, (out, err)


@pytest.mark.parametrize("form", ["onnx", "pt2", "torchscript", "safetensors"])
def test_a_network_trained_on_the_device_is_exported(train: Train, zoo: Any, device: torch.device, form: str):
    if form == "onnx":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
    train("run", "--epochs", 2)
    code, out, err = zoo("export", "runs/run", "--format", form, "--json")
    assert code == 0, (out, err)
    file = next(Path("runs/run").rglob(f"model.{form}*"), None) or next(Path("runs/run").rglob("*.pt"))
    images = [np.random.default_rng(i).integers(0, 256, (16, 16), np.uint8) for i in range(8)]
    if form == "safetensors":
        return  # weights alone
    mine = api.load("runs/run", device=device.type).predict(images)
    theirs = api.load(file).predict(images)
    assert [p["label"] for p in mine] == [p["label"] for p in theirs]


def test_the_loaded_network_is_on_the_device_and_says_what_the_cpu_says(train: Train, device: torch.device):
    train("run", "--epochs", 2)
    images = [np.random.default_rng(i).integers(0, 256, (16, 16), np.uint8) for i in range(8)]
    here, there = (api.load("runs/run", device=name).predict(images) for name in (device.type, "cpu"))
    for mine, theirs in zip(here, there, strict=True):
        assert mine["label"] == theirs["label"]
        assert mine["confidence"] == pytest.approx(theirs["confidence"], abs=0.01)


def test_bench_measures_the_device(zoo: Any, device: torch.device):
    small = ("--set", "architecture.channels=[8,16]", "--image-size", "32", "--batch-size", "16")
    code, out, err = zoo("bench", "simple_cnn", "--device", device.type, "--steps", 3, "--json", *small)
    assert code == 0, err
    found = json.loads(out)["benchmarks"][0]
    assert found["device"].startswith(device.type)
    assert found["train"]["images_per_second"] > 0
    assert found["peak_memory_mib"] > 0


def test_the_doctor_knows_the_gpu(zoo: Any, gpu_only: None):
    _, out, err = zoo("doctor")
    assert torch.cuda.get_device_name(0).split()[-1] in out, (out, err)


def test_the_execution_chosen_by_rule_is_bfloat16_on_the_device(gpu_only: None):
    from zoo.engine.execution import choose_execution

    chosen = choose_execution()
    half = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    assert chosen == Execution(torch.device("cuda:0"), half)
    assert torch.cuda.get_device_name(0) in chosen.describe()


# -- processes


def torchrun(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "1", *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=80, env={**os.environ, "OMP_NUM_THREADS": "2"}
    )


@pytest.mark.timeout(90)
def test_under_torchrun_a_run_is_what_it_is_without(train: Train, device: torch.device):
    """One process has nothing to average."""
    same = ("--epochs", "2", "--precision", "fp32", "--set", "memory_format=channels_last")
    alone = train("alone", *same)
    model = "architecture={channels: [8, 16], batch_norm: true, padding: true, global_pool: avg, dropout: 0.1}"
    words = ("run", "simple_cnn", "digits", "--device", device.type, "--quiet", "--set", model, *same)
    done = torchrun("-m", "zoo", *words, "--name", "under")
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(Path("runs/under/result.json").read_text("utf-8"))
    for mine, theirs in zip(result["epochs"], alone["epochs"], strict=True):
        assert mine["train"]["loss"] == pytest.approx(theirs["train"]["loss"], rel=1e-2)


COLLECTIVE = """
import os, sys
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.functional import cross_entropy

from zoo.engine.execution import Execution
from zoo.engine.gradient_sync import APART, Together
from zoo.engine.ranks import Ranks
from zoo.engine.step import StepConfig, TrainStep

device = torch.device(sys.argv[1])
dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
assert dist.get_world_size() == 1

class Twice(Ranks):
    '''Says that there are two processes, so that all is sent; the group has one, so the average is what was given.'''

ranks = Twice(0, 2, device)
torch.manual_seed(0)
images, targets = torch.rand(8, 3, 16, 16, device=device), torch.arange(8, device=device) % 4

def gradients(together, accumulate, precision):
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    execution = Execution(device, precision)
    model = execution.place(nn.Sequential(*layers)).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    found = []
    step = TrainStep(model, cross_entropy, optimizer, execution, StepConfig(accumulate=accumulate), together)
    for _ in range(3):  # from the second step on, gradients are sent during the backward pass
        step(images, targets)
        found.append([p.grad.clone() for p in model.parameters()])
        optimizer.zero_grad()
        for p in model.parameters():
            p.data.copy_(p.data * 0 + 0.01)
    return found

for precision in (torch.float32, torch.bfloat16):
    for accumulate in (1, 2):
        alone = gradients(APART, accumulate, precision)
        sent = gradients(Together(ranks, wishes=lambda: (True, False)), accumulate, precision)
        for mine, theirs in zip(sent, alone):
            for a, b in zip(mine, theirs):
                torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
assert ranks.agreed == (True, False), ranks.agreed
weight = nn.Linear(2, 2).to(device)
before = weight.weight.detach().clone()
ranks.broadcast_weights(weight)
assert torch.equal(weight.weight, before)
assert ranks.broadcast({"a": 1}) == {"a": 1}
group = ranks.short_timeout_group()
total = torch.ones(3, device=device)
dist.all_reduce(total, group=group)
assert total.tolist() == [1, 1, 1]
rows = [None]
dist.all_gather_object(rows, "here", group=group)
assert rows == ["here"]
dist.destroy_process_group()
print("all is sent")
"""


@pytest.mark.timeout(90)
def test_gradients_are_sent_by_nccl_bucket_by_bucket(tmp_path: Path, device: torch.device):
    script = tmp_path / "collective.py"
    script.write_text(COLLECTIVE, "utf-8")
    done = torchrun(script, device)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "all is sent" in done.stdout


@pytest.mark.timeout(100)
def test_more_processes_than_gpus_are_refused_in_bounded_time(gpu_only: None):
    """Two processes with one GPU must end with an error, not hang."""
    if torch.cuda.device_count() > 1:
        pytest.skip("needs a machine with one GPU")
    words = ("run", "simple_cnn", "digits", "--epochs", "1", "--nproc", "2", "--name", "two", "--quiet")
    done = subprocess.run([sys.executable, "-m", "zoo", *words], capture_output=True, text=True, timeout=80)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr, done.stderr[-2000:]
    assert "zoo: " in done.stderr
