"""Execution of a model: device, precision, memory format, compilation, allocator."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import nn

from zoo.engine.ranks import local_rank
from zoo.errors import RequestError

_IN_CACHE = 16 * 3 * 224 * 224
_NAMED = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Execution:
    """Device and numeric form of a model's computation.

    Args:
        device: device of the model and the batches.
        dtype: float32, or the dtype of autocast.
        channels_last: memory format of images and convolutions.
        compiled: training steps use torch.compile.
    """

    device: torch.device
    dtype: torch.dtype = torch.float32
    channels_last: bool = True
    compiled: bool = False

    def in_steps(self, model: nn.Module) -> nn.Module:
        """Return the callable for training steps: the model itself, or its compiled form with shared weights."""
        return torch.compile(model) if self.compiled else model  # type: ignore[return-value]

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Context of mixed precision; a null context for float32."""
        if self.dtype is torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    def place(self, model: nn.Module) -> nn.Module:
        """Move the model to the device and into the memory format, in place."""
        model = model.to(self.device)
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        for weight in (w for w in (*model.parameters(), *model.buffers()) if w.ndim == 4):
            weight.data = weight.data.contiguous(memory_format=layout)
        return model

    def suited(self, model: nn.Module) -> Execution:
        """Return this execution, with channels first where channels last would crash torch.

        On a CPU the backward pass of a 1x1 convolution that skips pixels and has 3, 4 or 6 channels ends the process
        (torch 2.15), when channels come last.
        """
        convolutions = (m for m in model.modules() if isinstance(m, nn.Conv2d))
        fatal = any(
            c.in_channels // c.groups < 8 and c.groups == 1 and max(c.stride) > 1 and max(c.kernel_size) == 1
            for c in convolutions
        )
        return replace(self, channels_last=False) if fatal and self.device.type == "cpu" else self

    def check(self, model: nn.Module, option: str = "--precision ") -> None:
        """Check that torch can run the model in this precision on this device.

        Args:
            option: command-line option of the precision, for the error message.

        Raises:
            RequestError: the model has a layer that this processor can't run in this precision.
        """
        lstm = self.device.type == "cpu" and any(isinstance(m, nn.LSTM) for m in model.modules())
        if lstm and not cpu_has_lstm_in(self.dtype):
            raise RequestError(f"This processor can't compute an LSTM in {self.precision}. Type: {option}fp32")

    def evaluation_batch(self, most: int, values: int) -> int:
        """Batch size for evaluation; no number depends on it.

        On a CPU a batch whose activations stay in its caches is faster: EfficientNet-Lite0 at 224 px evaluates a fifth
        more images per second in batches of 16 than of 64.

        Args:
            most: maximum batch size, set by the memory.
            values: number of values in an image, C * H * W.
        """
        return most if self.device.type != "cpu" else max(1, min(most, max(16, _IN_CACHE // values)))

    def computing_in(self, precision: str) -> Execution:
        """Return this execution in another precision; ``auto`` keeps the current one."""
        return self if precision == "auto" else replace(self, dtype=_choose_dtype(self.device, precision))

    @property
    def precision(self) -> str:
        """Name of the precision in a job: ``fp32``, ``bf16`` or ``fp16``."""
        return next(name for name, dtype in _NAMED.items() if dtype is self.dtype)

    @property
    def memory_format(self) -> str:
        """Name of the memory format in a job: ``channels_last`` or ``channels_first``."""
        return "channels_last" if self.channels_last else "channels_first"

    def describe(self) -> str:
        """Describe the execution, such as ``2 CPU threads · float32 · channels last``."""
        threads = torch.get_num_threads()
        where = f"{threads} CPU {'thread' if threads == 1 else 'threads'}"
        if self.device.type == "cuda":
            where = torch.cuda.get_device_name(self.device)
        words = [where, str(self.dtype).removeprefix("torch."), self.memory_format.replace("_", " ")]
        return " · ".join([*words, *(["compiled"] if self.compiled else [])])


def choose_execution(
    device: str = "auto", precision: str = "auto", memory_format: str = "auto", compiled: bool = False
) -> Execution:
    """Choose the execution from the requested options; ``auto`` takes the usually fastest one.

    Args:
        memory_format: ``channels_last``, ``channels_first``, or ``auto``.

    Raises:
        RequestError: the device or precision is not available.
    """
    chosen = choose_device(device)
    dtype = _choose_dtype(chosen, precision)
    return Execution(chosen, dtype, memory_format != "channels_first", compiled)


def alternatives(usual: Execution, precision: str, memory_format: str) -> list[Execution]:
    """Candidate executions that keep all explicitly requested options, the default one first."""
    dtypes = [usual.dtype, *([torch.float32] if precision == "auto" and usual.dtype is not torch.float32 else [])]
    layouts = [usual.channels_last, *([not usual.channels_last] if memory_format == "auto" else [])]
    return [replace(usual, dtype=dtype, channels_last=layout) for dtype in dtypes for layout in layouts]


def precision_here(device: str, precision: str) -> str:
    """Return the precision of a trained model, or ``auto`` where this device would have to emulate it."""
    usual = _choose_dtype(choose_device(device), "auto")
    return precision if _NAMED.get(precision) in (torch.float32, usual) else "auto"


def choose_device(name: str) -> torch.device:
    """Resolve ``auto``, ``cpu``, ``cuda``, ``cuda:i`` or ``mps`` to an available device."""
    here = ["cpu"]
    if torch.backends.mps.is_available():
        here.insert(0, "mps")
    if torch.cuda.is_available():
        here[:0] = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    mine = f"cuda:{local_rank() or 0}"  # one GPU per process of a machine
    wanted = {"auto": mine if mine in here else here[0], "cuda": mine}.get(name, name)
    if wanted not in here:
        raise RequestError(
            f"Device {name!r} is not available. This machine has: {', '.join(here)}. Type: --device {here[0]}"
        )
    return torch.device(wanted)


def _choose_dtype(device: torch.device, precision: str) -> torch.dtype:
    if precision == "fp16" and device.type != "cuda":
        raise RequestError(f"Precision fp16 needs a CUDA device, not {device}. Type: --precision fp32")
    if precision != "auto":
        return _NAMED[precision]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16 if device.type == "cpu" and _cpu_has_bf16() else torch.float32


def _cpu_has_bf16() -> bool:
    """Check that the processor multiplies bfloat16 in hardware; emulated, it is ten times slower than float32."""
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16"))


@cache
def cpu_has_lstm_in(dtype: torch.dtype) -> bool:
    """Check that torch can run an LSTM in this dtype; bfloat16 needs AVX-512 on x86 (torch 2.14, oneDNN)."""
    if dtype is torch.float32:
        return True
    with torch.random.fork_rng(devices=[]), torch.no_grad(), torch.autocast("cpu", dtype):
        try:
            nn.LSTM(1, 1)(torch.zeros(1, 1, 1))
        except RuntimeError:
            return False
    return True


@cache
def keep_freed_memory(device: torch.device) -> bool:
    """Make glibc keep freed memory, since the next step needs activations of the same sizes again.

    The allocator of the whole process changes, so this is for runs and the zoo's own commands, not for programs that
    use a model as a library. ``ZOO_KEEP_MEMORY=0`` in the environment leaves it alone.

    By default each large activation is mapped and unmapped, and its pages are cleared, at every step: on 2 CPU
    cores that is half of the time of a small network. Other C libraries are left alone.

    Args:
        device: device of the computation; only the CPU's memory comes from malloc.

    Returns:
        True if the allocator was configured.
    """
    if device.type != "cpu" or platform.libc_ver()[0] != "glibc" or os.environ.get("ZOO_KEEP_MEMORY") == "0":
        return False
    m_trim_threshold, m_top_pad, m_mmap_max = -1, -2, -4  # malloc.h
    libc = ctypes.CDLL(None)
    return all((libc.mallopt(m_mmap_max, 0), libc.mallopt(m_trim_threshold, 1 << 30), libc.mallopt(m_top_pad, 1 << 28)))
