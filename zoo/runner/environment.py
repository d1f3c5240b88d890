"""The machine and library versions that a result depends on."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from zoo.runner.result_parts import ExecutionEnvironment
from zoo.version import __version__


def versions() -> dict[str, str]:
    """Versions of the zoo, Python and the libraries that affect numerical results."""
    found = {"zoo": __version__, "python": platform.python_version()}
    for name in ("torch", "torchvision", "timm", "numpy", "pillow"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def environment(execution: str, device: str) -> ExecutionEnvironment:
    """Collect the machine, command line and versions for result.json."""
    return ExecutionEnvironment(
        platform=platform.platform(),
        processor=platform.processor() or platform.machine(),
        cpus=os.cpu_count(),
        device=device,
        execution=execution,
        versions=versions(),
        command=[os.path.basename(sys.argv[0]), *sys.argv[1:]],  # noqa: PTH119 - an argument, not a file
    )
