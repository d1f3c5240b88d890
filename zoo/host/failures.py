"""Attribution of exceptions to components by their tracebacks, so that calls of components need no ``try``."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from types import FrameType

from zoo.registry import entry as registered
from zoo.registry.entry import Entry
from zoo.registry.tracebacks import where

_Frames = list[tuple[FrameType, int]]
_LONGEST = 300


def describe_failure(error: BaseException) -> str | None:
    """Describe the failed component and a remedy in a paragraph; None where the traceback has no component."""
    blamed = _blamed(error)
    if blamed is None:
        return None
    sentence, entry = blamed
    return f"{sentence}. {_advice(entry)} For the traceback, type the command again with --debug."


def reason_of(error: BaseException) -> str:
    """Reason for an end in a sentence without a full stop, naming the failed component where there is one."""
    blamed = _blamed(error)
    return summary_of(error) if blamed is None else blamed[0]


def _blamed(error: BaseException) -> tuple[str, Entry] | None:
    """Failed component, and a sentence with its name, distribution, version and line of code."""
    frames = list(traceback.walk_tb(error.__traceback__))
    found = _in_code(frames) or _in_objects(frames)
    if found is None:
        unseen = _in_calls(error)
        return unseen if unseen or error.__cause__ is None else _blamed(error.__cause__)
    owners, frame, line = found
    return _sentence(owners, error, where(frame.f_code.co_filename, line)), owners[-1]


def _sentence(owners: list[Entry], error: BaseException, place: str) -> str:
    whose = " or ".join(dict.fromkeys(each.title_of_fault for each in owners))
    return f"{whose} failed: {summary_of(error)}{f' ({place})' if place else ''}"


def summary_of(error: BaseException) -> str:
    """Type of an exception and the first line of its message."""
    try:
        text = str(error)
    except Exception:  # from a component's own class
        text = ""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {first:.{_LONGEST}}" if first else type(error).__name__


def _in_code(frames: _Frames) -> tuple[list[Entry], FrameType, int] | None:
    """Innermost frame in the code of used components."""
    for i in reversed(range(len(frames))):
        frame, line = frames[i]
        owners = [each for each in registered.used.values() if each.holds(frame.f_code.co_filename)]
        if owners:  # a package may lie beside the file of a local component
            packaged = [each for each in owners if each.file is None]
            return _narrowed(packaged or owners, frames[i::-1]), frame, line
    return None


def _in_objects(frames: _Frames) -> tuple[list[Entry], FrameType, int] | None:
    """Innermost frame in a method of an object of a library's class that a component created."""
    for frame, line in reversed(frames):
        owner = _maker(frame)
        # Skip inherited methods: an error in forward() may end in nn.Module.__getattr__.
        if owner is not None and type(frame.f_locals["self"]).__module__ == frame.f_globals.get("__name__"):
            return [owner], frame, line
    return None


def _in_calls(error: BaseException) -> tuple[str, Entry] | None:
    """Objects of components in a failing expression of the zoo's own code."""
    from zoo.host.failed_calls import culprits

    found = culprits(error)
    if not found:
        return None
    return _sentence([each.entry for each in found], error, found[0].place), found[-1].entry


def _narrowed(owners: list[Entry], outwards: Iterable[tuple[FrameType, int]]) -> list[Entry]:
    """Choose among components with the same code the one whose object or factory appears in the frames."""
    for frame, _ in outwards if len(owners) > 1 else ():
        maker = _maker(frame)
        if maker is not None and maker in owners:
            return [maker]
        name = frame.f_code.co_qualname.partition(".")[0]
        named = [each for each in owners if each.component.target.partition(":")[2].partition(".")[0] == name]
        if named and all(each.holds(frame.f_code.co_filename) for each in named):
            return named
    return owners


def _maker(frame: FrameType) -> Entry | None:
    """Component that created the object whose method a frame belongs to."""
    its = frame.f_locals.get("self")
    return None if its is None else registered.maker_of(its)


def _advice(entry: Entry) -> str:
    if entry.origin.bundled:
        return f"Choose another: zoo list {entry.kind}."
    if entry.origin.distribution is None:
        return "Fix it there."
    return f"Check for a newer version: zoo plugins install --upgrade {entry.origin.distribution}."
