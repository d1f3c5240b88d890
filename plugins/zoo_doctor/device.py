"""Checks of the compute devices: the processor, and CUDA or MPS devices."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo_doctor.finding import Diagnosis
from zoo_doctor.machine import GROUP, processors

_VECTORS = ("AVX512", "AVX2", "NEON", "SVE256", "SVE", "VSX", "Z VECTOR")
_LEAST_FREE_MIB = 1024


def cpu(answer: dict[str, Any]) -> Iterator[Diagnosis]:
    """Check torch's threads, vector instructions and bfloat16 support."""
    about = answer.get("cpu")
    if about is None:
        return
    precision = "bfloat16 in hardware" if about["bf16"] else "no bfloat16, so float32 is used"
    threads = f"{about['threads']} thread{'' if about['threads'] == 1 else 's'}"
    text = f"{threads} of torch, {about['vectors']}, {precision}"
    usable = processors()
    if about["threads"] > usable + 1:
        remedies = (("use as many threads as processors", f"export OMP_NUM_THREADS={usable}"),)
        text = f"{text}, more than the {usable} available processors, which slows training down."
        yield Diagnosis(GROUP, "cpu", "warning", text, remedies)
    elif about["vectors"] not in _VECTORS:
        yield Diagnosis(
            GROUP, "cpu", "warning", f"{text}. This processor has no wide vector instructions: training will be slow."
        )
    else:
        yield Diagnosis(GROUP, "cpu", "ok", text)


def accelerators(answer: dict[str, Any]) -> Iterator[Diagnosis]:
    """Check CUDA and MPS devices, and explain why an expected device is missing."""
    if answer.get("mps"):
        yield Diagnosis(GROUP, "mps", "ok", "Apple GPU available: --device mps")
    about = answer.get("cuda")
    if about is None:
        return
    if about["devices"]:
        for i, device in enumerate(about["devices"]):
            yield _device(i, device, about)
    elif not answer.get("mps"):
        yield _no_device(about)


def _device(index: int, about: dict[str, Any], cuda: dict[str, Any]) -> Diagnosis:
    topic = f"cuda:{index}"
    major, minor = about["capability"]
    memory = f"{about['memory_mib'] / 1024:.0f} GiB"
    text = f"{about['name']}, {memory}, compute capability {major}.{minor}, CUDA {cuda['built']}"
    if about["error"]:
        text = f"{text}, but computations fail: {about['error'].rstrip('.')}."
        archs = [a for a in cuda.get("archs", ()) if a.startswith("sm_")]
        if archs and f"sm_{major}{minor}" not in archs:
            text = f"{text} This torch is built for {', '.join(archs)}."
        return Diagnosis(GROUP, topic, "wrong", text, (("show its state and processes", "nvidia-smi"),))
    free = about.get("free_mib", about["memory_mib"])
    if free < _LEAST_FREE_MIB:
        text = f"{text}; only {free:,} MiB free."
        return Diagnosis(GROUP, topic, "warning", text, (("show its processes", "nvidia-smi"),))
    return Diagnosis(GROUP, topic, "ok", f"{text}; {free / 1024:.0f} GiB free")


def _no_device(cuda: dict[str, Any]) -> Diagnosis:
    """Explain the absence of CUDA devices: none expected, hidden, or a fault of the driver or of torch."""
    driver = _has_driver()
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if driver and hidden is not None and hidden.strip() in ("", "-1"):
        text = "CUDA_VISIBLE_DEVICES hides every CUDA device from this process."
        return Diagnosis(GROUP, "cuda", "ok", text, (("enable them", "unset CUDA_VISIBLE_DEVICES"),))
    if driver and not cuda["built"]:
        text = "An NVIDIA driver is installed, but this torch is built for the CPU only."
        command = "python -m pip uninstall -y torch torchvision && python -m pip install torch torchvision"
        return Diagnosis(GROUP, "cuda", "warning", text, (("install torch with CUDA", command),))
    if driver:
        text = f"An NVIDIA driver is installed, but torch with CUDA {cuda['built']} finds no device: {cuda['error']}"
        return Diagnosis(GROUP, "cuda", "wrong", text, (("check the driver and its version", "nvidia-smi"),))
    made = f"torch is built for CUDA {cuda['built']}" if cuda["built"] else "torch is built for the CPU"
    return Diagnosis(GROUP, "cuda", "ok", f"no CUDA device; {made}; jobs run on the CPU")


def _has_driver() -> bool:
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
