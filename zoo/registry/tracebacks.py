"""Tracebacks reduced to a plugin's own frames."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path

from zoo.errors import PluginError
from zoo.storage.files import short_path

_MACHINERY = ("<frozen importlib", "/importlib/", "/pluggy/", "/concurrent/futures/", "/threading.py", "/contextlib.py")
_FRAME = re.compile(r'\s*File "([^"]+)", line \d+')
CORE = __name__.partition(".")[0]
_CORE = str(Path(__file__).parents[1]) + os.sep
LIBRARIES = ("torch", "torchvision", "timm", "numpy", "tensorflow", "keras", "jax", "sklearn", "pandas", "matplotlib")
"""Libraries that many components use, so that a frame in one of them doesn't identify a component."""


def plugin_frames(error: BaseException, target: str) -> str:
    """Format a traceback with the plugin's own frames and the last one, without those of the zoo and of imports.

    Args:
        error: the exception.
        target: entry point of the plugin; its package is the plugin's code.
    """
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not _machinery(f.filename)]
    own = own_frames(frames, target) or frames[:1]
    kept = [*own, *(frames[-1:] if frames and frames[-1] not in own else [])]
    left_out = len(frames) - len(kept)
    lines = ["Traceback (the plugin's frames, most recent call last):\n", *traceback.format_list(kept)] if kept else []
    lines += [f"  … and {left_out} more in other libraries\n"] if left_out else []
    if isinstance(error, PluginError) and not kept:
        return ""  # an error of the zoo itself, whose message is the problem's line
    return "".join([*lines, *traceback.format_exception_only(error)])


def stack_of(thread: int, target: str, *, whole: bool = False) -> str:
    """Format a thread's stack within the plugin's code; empty where the thread is in none of it.

    Args:
        thread: identifier of the thread.
        target: entry point of the plugin.
        whole: the thread is known to be the plugin's; return the whole stack where no frame is in its code.
    """
    frame = sys._current_frames().get(thread)
    frames = list(reversed(traceback.StackSummary.extract(traceback.walk_stack(frame)))) if frame else []
    own = own_frames(frames, target)
    kept = [*own, *(frames[-1:] if frames[-1:] != own[-1:] else [])] if own else frames if whole else []
    lines = ["It is here (the plugin's frames, most recent call last):\n", *traceback.format_list(kept)] if kept else []
    return "".join(lines)


def crash_frames(stderr: str) -> str:
    """Extract code lines from a crashed process's stderr, without those of the zoo and of imports."""
    lines = [line for line in stderr.splitlines() if (found := _FRAME.match(line)) and not _machinery(found[1])]
    return "\n".join(["It was here:", *lines]) if lines else "\n".join(stderr.splitlines()[-1:])


def place_in(error: BaseException, holds: Callable[[str], bool]) -> str | None:
    """Last line of a traceback in files of some kind, such as ``parts.py:12``.

    Args:
        error: the exception.
        holds: predicate on file names.
    """
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if holds(frame.f_code.co_filename):
            return where(frame.f_code.co_filename, line)
    return None


def where(file: str, line: int) -> str:
    """Format a line of a file, with a path relative to the working folder where possible."""
    return f"{short_path(Path(file))}:{line}"


def code_of(module: str) -> str | None:
    """Folder of the module's package with a trailing slash, or the file of a module without package.

    Returns:
        None for ``LIBRARIES`` and the core, which are no component's code, and for a module that is not found.
    """
    package = module.partition(".")[0]
    try:
        spec = None if package in (*LIBRARIES, CORE) else importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.origin:
        return None
    return f"{Path(spec.origin).parent}{os.sep}" if spec.submodule_search_locations else spec.origin


@cache
def installed_places() -> tuple[str, ...]:
    """Folders of installed packages, which may lie in the user's working folder, and of the zoo itself."""
    import sysconfig

    places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return (_CORE, *(f"{place}{os.sep}" for place in places))


def own_frames(frames: list[traceback.FrameSummary], target: str) -> list[traceback.FrameSummary]:
    """Frames in the code of a plugin, by the package of its entry point."""
    package = target.partition(":")[0].partition(".")[0]
    return [f for f in frames if package in Path(f.filename).with_suffix("").parts]


def is_core(filename: str) -> bool:
    """Check that a file is one of the zoo's core."""
    return filename.startswith(_CORE)


def _machinery(filename: str) -> bool:
    return is_core(filename) or any(part in filename.replace("\\", "/") for part in _MACHINERY)
