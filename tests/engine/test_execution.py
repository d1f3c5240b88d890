"""How a model is executed: the device and precision asked for, or the best that is here."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from zoo.engine import execution
from zoo.engine.execution import Execution, choose_device, choose_execution, cpu_has_lstm_in, keep_freed_memory
from zoo.errors import RequestError


@pytest.fixture
def cpu_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.mark.usefixtures("cpu_only")
def test_auto_is_the_processor_where_there_is_nothing_else():
    assert choose_device("auto") == torch.device("cpu")


@pytest.mark.usefixtures("two_gpus")
def test_auto_is_the_first_gpu():
    names = {"auto": "cuda:0", "cuda": "cuda:0", "cuda:1": "cuda:1", "cpu": "cpu"}
    assert {name: str(choose_device(name)) for name in names} == names


@pytest.mark.usefixtures("cpu_only")
@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps", "gpu", ""])
def test_a_device_that_is_not_here_is_told_with_those_that_are(name: str):
    with pytest.raises(
        RequestError, match=rf"Device {name!r} is not available\. This machine has: cpu\. Type: --device cpu"
    ):
        choose_device(name)


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_too_many_is_told_with_those_that_are_here():
    with pytest.raises(RequestError, match=r"This machine has: cuda:0, cuda:1, .*cpu"):
        choose_device("cuda:2")


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_the_precision_is_the_one_asked_for(precision: str, dtype: torch.dtype):
    assert choose_execution("cpu", precision).dtype is dtype


def test_half_precision_needs_cuda():
    with pytest.raises(RequestError, match=r"fp16 needs a CUDA device, not cpu\. Type: --precision fp32"):
        choose_execution("cpu", "fp16")


@pytest.mark.parametrize(
    ("capabilities", "dtype"),
    [
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
        ({"avx512_bf16": False, "avx2": True}, torch.float32),
        ({}, torch.float32),
    ],
)
def test_auto_takes_bfloat16_where_the_processor_has_it(
    capabilities: dict[str, bool], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert choose_execution("cpu", "auto").dtype is dtype


def test_autocast_is_only_where_the_precision_is_mixed():
    layer, image = nn.Linear(4, 4), torch.ones(2, 4)
    seen = []
    for dtype in (torch.float32, torch.bfloat16):
        with Execution(torch.device("cpu"), dtype).autocast():
            seen.append(layer(image).dtype)
    assert seen == [torch.float32, torch.bfloat16]


@pytest.mark.parametrize("channels_last", [True, False])
def test_a_model_is_placed_in_the_memory_format(channels_last: bool):
    placed = Execution(torch.device("cpu"), channels_last=channels_last).place(nn.Conv2d(3, 8, 3))
    assert placed.weight.is_contiguous(memory_format=torch.channels_last) == channels_last


def test_the_description_is_in_words(monkeypatch: pytest.MonkeyPatch):
    for threads, words in ((1, "1 CPU thread"), (2, "2 CPU threads")):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        described = Execution(torch.device("cpu"), torch.bfloat16).describe()
        assert described.split(" · ") == [words, "bfloat16", "channels last"]
    assert Execution(torch.device("cpu"), channels_last=False).describe().endswith("float32 · channels first")


CPU = torch.device("cpu")


def test_freed_memory_is_kept_with_glibc_alone(monkeypatch: pytest.MonkeyPatch):
    keep_freed_memory.cache_clear()
    assert keep_freed_memory(torch.device("cuda:0")) is False
    monkeypatch.setattr(execution.platform, "libc_ver", lambda: ("musl", "1.2"))
    assert keep_freed_memory(CPU) is False
    monkeypatch.undo()
    keep_freed_memory.cache_clear()
    monkeypatch.setenv("ZOO_KEEP_MEMORY", "0")
    assert keep_freed_memory(CPU) is False
    monkeypatch.delenv("ZOO_KEEP_MEMORY")
    keep_freed_memory.cache_clear()
    if execution.platform.libc_ver()[0] == "glibc":
        assert keep_freed_memory(CPU) is True
    images = torch.rand(64, 1024)
    assert torch.equal(images.clone(), images), "the allocator still works"


def test_weights_that_are_no_convolutions_are_left_as_they_lie():
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv3d(3, 8, 3))
    placed = Execution(torch.device("cpu")).place(model)
    assert placed[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert placed[1].weight.is_contiguous()


@pytest.mark.parametrize(("channels", "stride", "last"), [(3, 2, False), (6, 2, False), (3, 1, True), (8, 2, True)])
def test_channels_come_first_where_torch_would_end_the_process(channels: int, stride: int, last: bool):
    model = nn.Sequential(nn.Conv2d(channels, 8, 1, stride=stride))
    assert Execution(torch.device("cpu")).suited(model).channels_last is last
    assert Execution(torch.device("cuda")).suited(model).channels_last


BF16 = Execution(torch.device("cpu"), torch.bfloat16)


def test_an_lstm_that_the_processor_lacks_is_refused(monkeypatch: pytest.MonkeyPatch):
    model = nn.Sequential(nn.Flatten(), nn.LSTM(4, 4))
    monkeypatch.setattr(execution, "cpu_has_lstm_in", lambda dtype: dtype is torch.float32)
    with pytest.raises(RequestError, match="an LSTM in bf16"):
        BF16.check(model)
    Execution(torch.device("cpu")).check(model)
    Execution(torch.device("cuda"), torch.bfloat16).check(model)
    BF16.check(nn.Sequential(nn.GRU(4, 4)))


def test_whether_there_is_one_is_what_torch_says():
    state = torch.get_rng_state()
    cpu_has_lstm_in.cache_clear()
    said = cpu_has_lstm_in(torch.bfloat16)
    assert torch.equal(torch.get_rng_state(), state), "no number of a run may depend on the question"
    layer, steps = nn.LSTM(6, 5), torch.rand(3, 2, 6)
    with BF16.autocast():
        if said:
            assert layer(steps)[0].isfinite().all()
        else:
            with pytest.raises(RuntimeError):
                layer(steps)


@pytest.mark.slow
def test_fastvit_trains():
    """Its stem is such a convolution: with channels last the process dies."""
    code = (
        "import torch, timm; from zoo.engine.execution import Execution\n"
        "model = timm.create_model('fastvit_t8', num_classes=3)\n"
        "execution = Execution(torch.device('cpu')).suited(model)\n"
        "images = torch.rand(2, 3, 64, 64)\n"
        "images = images.contiguous(memory_format=torch.channels_last) if execution.channels_last else images\n"
        "execution.place(model)(images).sum().backward()"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
