"""A traceback trimmed to a plugin's own frames."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

from zoo.errors import PluginError

_MACHINERY = ("<frozen importlib", "/importlib/", "/pluggy/", "/concurrent/futures/", "/threading.py", "/contextlib.py")
_CORE = str(Path(__file__).parent) + os.sep


def plugin_frames(error: BaseException, target: str) -> str:
    """The traceback without the frames of the zoo and of Python's import: the plugin's own, and where it ended.

    Args:
        target: the plugin's entry point, whose package is the plugin's own code.
    """
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not _machinery(f.filename)]
    package = target.partition(":")[0].partition(".")[0]
    own = [f for f in frames if package in Path(f.filename).with_suffix("").parts] or frames[:1]
    kept = [*own, *(frames[-1:] if frames and frames[-1] not in own else [])]
    left_out = len(frames) - len(kept)
    lines = ["Traceback (the plugin's frames, most recent call last):\n", *traceback.format_list(kept)] if kept else []
    lines += [f"  … and {left_out} more in other libraries\n"] if left_out else []
    if isinstance(error, PluginError) and not kept:
        return ""  # the zoo's own word on it, which is the problem's line
    return "".join([*lines, *traceback.format_exception_only(error)])


def _machinery(filename: str) -> bool:
    return filename.startswith(_CORE) or any(part in filename.replace("\\", "/") for part in _MACHINERY)
