"""Trainings on the GPU: precisions, options, memory that is too small, resuming to the last bit."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import zoo as api
from zoo.engine.execution import Execution
from zoo.engine.step import StepConfig, TrainStep
from zoo.errors import Interrupted, TrainingError
from zoo.runner.observer import Observer

Train = Callable[..., dict[str, Any]]
PRECISIONS = ("fp32", "bf16", "fp16")


def on(device: torch.device, precision: str = "fp32") -> Execution:
    return Execution(device, {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision])


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16, 4))


def batch(count: int = 24) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, 3, 16, 16, generator=generator), torch.arange(count) % 4


def weights_after(execution: Execution, steps: int = 3, **options: Any) -> list[Tensor]:
    """Weights after a few SGD steps on one batch, on the CPU."""
    model = execution.place(network()).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    half = execution.dtype is torch.float16
    scaler = torch.amp.GradScaler(execution.device.type, init_scale=1024.0, enabled=half)
    images, targets = (part.to(execution.device) for part in batch())
    config = StepConfig(scaler=scaler, **options)
    step = TrainStep(model, cross_entropy, optimizer, execution, config)
    for _ in range(steps):
        assert math.isfinite(float(step(images.contiguous(memory_format=torch.channels_last), targets).loss))
    return [parameter.detach().cpu() for parameter in model.parameters()]


def test_the_steps_are_those_of_the_cpu(device: torch.device, exact: None):
    for mine, theirs in zip(weights_after(on(device)), weights_after(on(torch.device("cpu"))), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_the_steps_in_16_bits_are_nearly_those_in_32(device: torch.device, precision: str):
    if precision == "fp16" and device.type == "cpu":
        pytest.skip("has no meaning on a CPU")
    for mine, theirs in zip(weights_after(on(device, precision)), weights_after(on(device)), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0.05, atol=0.02)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_run_learns_in_every_precision(train: Train, precision: str, device: torch.device):
    if precision == "fp16" and device.type == "cpu":
        pytest.skip("has no meaning on a CPU")
    result = train("run", "--epochs", 4, "--precision", precision)
    assert result["metrics"]["val"]["accuracy"] > 0.5
    assert result["environment"]["device"] == str(device)
    assert result["job"]["precision"] == precision
    state = torch.load(max(Path("runs/run/checkpoints").glob("*.pt")), weights_only=True)
    assert bool(state["parts"]["scaler"]) == (precision == "fp16"), "only float16 needs its loss scaled"


def test_half_precision_skips_a_step_that_overflows_and_goes_on(device: torch.device, gpu_only: None):
    execution = on(device, "fp16")
    model = execution.place(network()).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cuda", init_scale=2.0**40)
    images, targets = (part.to(device) for part in batch())
    before = [p.detach().clone() for p in model.parameters()]
    config = StepConfig(scaler=scaler, clip_norm=1.0)
    step = TrainStep(model, cross_entropy, optimizer, execution, config)
    step(images, targets)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert scaler.get_scale() < 2.0**40
    for _ in range(40):
        step(images, targets)
    assert not all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert all(p.isfinite().all() for p in model.parameters())


PLAIN = ("--recipe", "none", "--image-size", "16", "--batch-size", "64", "--set", "train.images_per_epoch=640")
OPTIONS: dict[str, tuple[str, ...]] = {
    "adamw": ("--set", "train.optimizer=adamw"),
    "muon": ("--set", "train.optimizer=muon", "--lr", "0.02"),
    "sgd": ("--set", "train.optimizer=sgd", "--lr", "0.05"),
    "average": ("--set", "train.ema_decay=0.9"),
    "swa": ("--set", "train.swa_epochs=1"),
    "accumulated": ("--set", "train.accumulate=3"),
    "clipped": ("--set", "train.clip_norm=1.0"),
    "penalty": ("--set", "train.l2=0.0001"),
    "mixed": ("--set", "augment=[mixup,cutmix,flip,affine,colour,random_erasing]"),
    "weighted": ("--set", "train.class_weights=balanced"),
    "sampled": ("--set", "train.sampler=balanced"),
    "views": ("--tta", "flip"),
    "frozen": ("--freeze", "backbone"),
    "partly frozen": ("--freeze", "1"),
    "channels first": ("--set", "memory_format=channels_first"),
    "growing": ("--set", "train.start_size=8"),
    "metrics": ("--set", "metrics=[f1,auroc]"),
    "rate found": ("--lr", "auto"),
    "batch found": ("--batch-size", "auto"),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_works_on_the_device(train: Train, option: str):
    result = train("run", "--epochs", 2, *PLAIN, *OPTIONS[option])
    assert math.isfinite(result["metrics"]["val"]["loss"])


@pytest.mark.parametrize(
    "network", ["simple_rnn", "timm/resnet18", "timm/vit_tiny_patch16_224", "torchvision/resnet18"]
)
def test_every_kind_of_network_trains_on_the_device(train: Train, network: str):
    sizes = () if network == "simple_rnn" else ("--image-size", 224 if "vit" in network else 32)
    images = ("--set", "train.images_per_epoch=64", "--set", "data.val_fraction=0.1")
    result = train("run", "--epochs", 1, "--batch-size", 32, *sizes, *images, network=network)
    assert math.isfinite(result["metrics"]["val"]["loss"])


def test_a_run_measured_on_the_cpu_has_the_same_numbers(train: Train, zoo: Any):
    result = train("run", "--epochs", 3, "--precision", "fp32")
    code, out, err = zoo("evaluate", "runs/run", "--device", "cpu", "--json")
    assert code == 0, err
    again = json.loads(out)["metrics"]["val"]
    assert again["loss"] == pytest.approx(result["metrics"]["val"]["loss"], rel=5e-3)
    assert again["accuracy"] == pytest.approx(result["metrics"]["val"]["accuracy"], abs=0.01)


def test_a_student_learns_from_a_teacher_on_the_device(train: Train):
    train("teacher", "--epochs", 2)
    assert math.isfinite(train("student", "--epochs", 1, "--teacher", "runs/teacher")["metrics"]["val"]["loss"])


# -- a loss that is not finite


NAN = """
import torch

def nan():
    calls = []
    def loss(logits, targets):
        value = torch.nn.functional.cross_entropy(logits, targets)
        if not logits.requires_grad:
            return value
        calls.append(1)
        return value * (float("nan") if len(calls) > 40 else 1.0)
    return loss
"""


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_loss_that_is_not_finite_ends_the_run_and_is_not_kept(device: torch.device, precision: str):
    Path("nan.py").write_text(NAN, "utf-8")
    Path("registry.yaml").write_text("components: {loss: {nan: {target: './nan.py:nan'}}}\n", "utf-8")
    with pytest.raises(TrainingError, match="Stopped in epoch"):
        api.run(
            *("simple_cnn", "digits"), epochs=4, device=device.type, precision=precision, name="run", batch_size=64,
            observer=Observer(), set={"loss": "nan", "architecture.channels": [8]},
        )  # fmt: skip
    for file in Path("runs/run/checkpoints").glob("*.pt"):
        state = torch.load(file, weights_only=True)
        assert all(w.isfinite().all() for w in state["parts"]["model"].values() if w.is_floating_point())


# -- memory that is too small


@pytest.fixture
def little_memory() -> Iterator[Callable[[int], None]]:
    """Let torch take only so many MiB more than it has now."""

    def limit(mib: int) -> None:
        torch.cuda.empty_cache()
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + mib * 2**20) / total)

    yield limit
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


def wide() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 4)
    )


def gradients(device: torch.device, pieces: list[int]) -> list[Tensor]:
    """Gradients of a batch whose activations take some 400 MiB."""
    model = on(device).place(wide()).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    images = torch.rand(256, 3, 64, 64, generator=torch.Generator().manual_seed(0)).to(device)
    targets = torch.arange(256, device=device) % 4
    TrainStep(model, cross_entropy, optimizer, on(device), StepConfig(), on_pieces=pieces.append)(images, targets)
    return [p.grad.cpu() for p in model.parameters() if p.grad is not None]


def test_a_batch_that_does_not_fit_gives_the_same_gradients_in_pieces(
    device: torch.device, gpu_only: None, exact: None, little_memory: Any
):
    whole = gradients(device, [])
    pieces: list[int] = []
    little_memory(300)
    cut = gradients(device, pieces)
    assert pieces, "this test says nothing: the batch fits"
    for mine, theirs in zip(cut, whole, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def deep(width: int) -> tuple[str, ...]:
    network = f"{{channels: [{width}, {width}], convs_per_stage: 3, batch_norm: true, padding: true, global_pool: avg}}"
    return ("--set", f"architecture={network}", "--recipe", "none", "--precision", "fp32")


def test_a_run_with_too_little_memory_goes_on_in_pieces_and_says_so(train: Train, gpu_only: None, little_memory: Any):
    little_memory(1000)  # training takes over 2 GiB, and evaluation half of one
    result = train("run", "--epochs", 1, "--image-size", 64, "--batch-size", 512, *deep(32))
    assert [n for n in result["notices"] if "Out of memory with a batch of 512" in n], result["notices"]


def test_a_single_image_that_does_not_fit_is_refused(zoo: Any, gpu_only: None, little_memory: Any):
    little_memory(48)
    few = ("--set", "train.images_per_epoch=8", "--image-size", 512, "--batch-size", 4, "--device", "cuda")
    code, out, err = zoo("run", "simple_cnn", "digits", "--epochs", 1, *few, *deep(64), "--quiet")
    assert code != 0
    assert "Out of memory with a single image" in err, (out, err)


# -- resuming


class Interrupt(Observer):
    """Interrupts the run at a step of an epoch."""

    def __init__(self, epoch: int, step: int):
        self.at, self.place = (epoch, step), (0, 0)

    def epoch_started(self, epoch: int, epochs: int, images: int) -> None:
        self.place = (epoch, 0)

    def step(self, seen: int, totals: Any) -> None:
        self.place = (self.place[0], self.place[1] + 1)
        if self.place == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_resumed_run_is_the_uninterrupted_one_to_the_last_bit(device: torch.device, exact: None, precision: str):
    if precision == "fp16" and device.type == "cpu":
        pytest.skip("has no meaning on a CPU")
    sets = {
        "architecture.channels": [8, 16],
        "architecture.batch_norm": True,
        "architecture.dropout": 0.1,
        "train.checkpoint_s": 1e-6,
        "train.ema_decay": 0.9,
        "memory_format": "channels_last",
    }
    job: dict[str, Any] = {"augment": ["flip", "shift"], "precision": precision, "device": device.type, "set": sets}

    def run(name: str, observer: Observer | None = None, **more: Any) -> None:
        api.run("simple_cnn", "digits", epochs=3, name=name, observer=observer or Observer(), **job, **more)

    run("whole")
    run("again")
    with pytest.raises(Interrupted):
        run("part", Interrupt(2, 5))
    run("part", resume=True)
    weights = {n: Path("runs", n, "model", "model.safetensors").read_bytes() for n in ("whole", "again", "part")}
    assert weights["again"] == weights["whole"], "the same job twice is not the same, so resuming can't be either"
    assert weights["part"] == weights["whole"]


def test_runs_leave_no_memory_behind(train: Train, gpu_only: None):
    import gc

    def used(name: str) -> int:
        train(name, "--epochs", 1)
        gc.collect()
        torch.cuda.empty_cache()
        return torch.cuda.memory_allocated()

    used("first")
    second, third = used("second"), used("third")
    assert third <= second + 2**20
