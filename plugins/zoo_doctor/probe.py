"""Test torch and torchvision in a separate process, as a broken installation may crash it."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
import types
from typing import Any

from zoo.api.plugins import Child

_LIMIT_S = 60.0
_MIB = 1 << 20


class Probe(Child):
    """The test process, started at construction, so that other checks can run meanwhile."""

    def __init__(self, limit_s: float = _LIMIT_S):
        super().__init__("zoo_doctor.probe", limit_s=limit_s)

    def answer(self) -> dict[str, Any]:
        """Wait for the result; ``{"died": reason}`` where the process crashed or timed out."""
        found = super().answer()
        last = str(found.get("stderr") or "").splitlines()[-1:]
        return {"died": ". ".join([found["died"], *last])} if "died" in found else found


def look() -> dict[str, Any]:
    """Collect torch's account of itself and the machine, and test that torchvision works with it."""
    found: dict[str, Any] = {"torch": _error_of(lambda: importlib.import_module("torch"))}
    if found["torch"] is None:
        found["torchvision"] = _error_of(_torchvision)
        found["versions"] = _versions()
        found["cpu"] = _cpu()
        found["cuda"] = _cuda()
        found["mps"] = _mps()
    return found


def _error_of(action: Any) -> str | None:
    try:
        action()
    except BaseException as error:  # includes SystemExit
        return f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"
    return None


def _torchvision() -> None:
    """Load torchvision's compiled operators without its models, which would take two seconds.

    Its ``__init__`` begins with these two modules; where modules of these names are missing, the whole package is
    imported.
    """
    spec = importlib.util.find_spec("torchvision")
    if spec is None:
        raise ModuleNotFoundError("No module named 'torchvision'")
    package = types.ModuleType("torchvision")
    package.__path__ = list(spec.submodule_search_locations or ())
    package.__spec__ = spec
    sys.modules["torchvision"] = package
    try:
        importlib.import_module("torchvision.extension")
        importlib.import_module("torchvision._meta_registrations")
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("torchvision"):
            raise
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        importlib.import_module("torchvision")
        return
    import torch

    if not hasattr(torch.ops.torchvision, "nms"):
        raise RuntimeError("operator torchvision::nms does not exist")


def _versions() -> dict[str, str]:
    """Versions reported by the libraries themselves, with their compute platform, which package metadata may lack."""
    found = {}
    for name in ("torch", "torchvision"):
        try:
            found[name] = str(importlib.import_module(f"{name}.version").__version__)
        except Exception:  # torchvision may be damaged
            continue
    return found


def _cpu() -> dict[str, Any]:
    import torch

    flags = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return {
        "threads": torch.get_num_threads(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "bf16": bool(flags.get("avx512_bf16") or flags.get("amx_bf16") or flags.get("bf16")),
    }


def _cuda() -> dict[str, Any]:
    import torch

    found: dict[str, Any] = {"built": torch.version.cuda or torch.version.hip, "devices": [], "error": None}
    if found["built"]:
        found["error"] = _error_of(torch.cuda.init)
        if found["error"] is None:
            found["archs"] = torch.cuda.get_arch_list()
            found["devices"] = [_device(i) for i in range(torch.cuda.device_count())]
    return found


def _device(index: int) -> dict[str, Any]:
    import torch

    about = torch.cuda.get_device_properties(index)
    found: dict[str, Any] = {"name": about.name, "capability": [about.major, about.minor]}
    found["memory_mib"] = about.total_memory // _MIB

    def try_it() -> None:
        found["free_mib"] = torch.cuda.mem_get_info(index)[0] // _MIB
        torch.ones(8, device=f"cuda:{index}").sum().item()

    return {**found, "error": _error_of(try_it)}


def _mps() -> bool:
    import torch

    return bool(torch.backends.mps.is_available())


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(look()) + "\n")
    sys.stdout.flush()
    os._exit(0)  # threads of a driver must not delay the exit
