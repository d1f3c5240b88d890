"""A traceback trimmed to a plugin's own frames."""

from __future__ import annotations

import os
import sys
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
    own = _own(frames, target) or frames[:1]
    kept = [*own, *(frames[-1:] if frames and frames[-1] not in own else [])]
    left_out = len(frames) - len(kept)
    lines = ["Traceback (the plugin's frames, most recent call last):\n", *traceback.format_list(kept)] if kept else []
    lines += [f"  … and {left_out} more in other libraries\n"] if left_out else []
    if isinstance(error, PluginError) and not kept:
        return ""  # the zoo's own word on it, which is the problem's line
    return "".join([*lines, *traceback.format_exception_only(error)])


def stack_of(thread: int, target: str, *, whole: bool = False) -> str:
    """Where a thread is in the plugin's code; empty where it is in none of it.

    Args:
        thread: its identity.
        whole: give the stack all the same: it is known to be the plugin's thread.
    """
    frame = sys._current_frames().get(thread)
    frames = list(reversed(traceback.StackSummary.extract(traceback.walk_stack(frame)))) if frame else []
    own = _own(frames, target)
    kept = [*own, *(frames[-1:] if frames[-1:] != own[-1:] else [])] if own else frames if whole else []
    lines = ["It is here (the plugin's frames, most recent call last):\n", *traceback.format_list(kept)] if kept else []
    return "".join(lines)


def _own(frames: list[traceback.FrameSummary], target: str) -> list[traceback.FrameSummary]:
    package = target.partition(":")[0].partition(".")[0]
    return [f for f in frames if package in Path(f.filename).with_suffix("").parts]


def _machinery(filename: str) -> bool:
    return filename.startswith(_CORE) or any(part in filename.replace("\\", "/") for part in _MACHINERY)
