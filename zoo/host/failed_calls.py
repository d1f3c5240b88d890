"""Attribution of exceptions that no frame of a component shows: a call with another signature, or an invalid result.

The innermost frame of the zoo then holds the object at fault. The names in its failing expression are looked up among
the objects that components created, then those in the statement, then the calls that the function has made before.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

from zoo.registry import entry as registered
from zoo.registry.entry import Entry
from zoo.registry.tracebacks import is_core, where

Span = tuple[int, int, int, int]
"""First line and column, last line and column."""


@dataclass(frozen=True)
class Culprit:
    """An object that a component created, and its component."""

    entry: Entry
    found: Any

    @property
    def place(self) -> str:
        """Line of the object's definition; empty where Python doesn't know it."""
        its = self.found if inspect.isroutine(self.found) else type(self.found)
        try:
            return where(inspect.getsourcefile(its) or "", inspect.findsource(its)[1] + 1)
        except (TypeError, OSError):
            return ""


def culprits(error: BaseException) -> list[Culprit]:
    """Objects of components that an exception from the zoo's own code is about; empty where there are none."""
    innermost = [trace for trace in _traces(error) if is_core(trace.tb_frame.f_code.co_filename)][-1:]
    for trace in innermost:
        frame, span = trace.tb_frame, _span(trace)
        try:
            tree = ast.parse("".join(linecache.getlines(frame.f_code.co_filename)))
        except (SyntaxError, ValueError):
            return []
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.expr | ast.stmt)]
        statements = [node for node in nodes if isinstance(node, ast.stmt) and _holds(_of(node), span)]
        parts = (
            (node for node in nodes if _holds(span, _of(node))),
            (node for node in nodes if statements and _holds(_of(statements[-1]), _of(node))),
            _calls_before(statements, span),
        )
        return next(filter(None, (_objects(part, frame) for part in parts)), [])
    return []


def _traces(error: BaseException) -> Iterator[TracebackType]:
    trace = error.__traceback__
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _span(trace: TracebackType) -> Span:
    """Position of the failing instruction's expression."""
    positions = trace.tb_frame.f_code.co_positions()
    first, last, begin, end = next(itertools.islice(positions, trace.tb_lasti // 2, None))
    line = trace.tb_lineno
    return first or line, begin or 0, last or line, 10_000 if end is None else end


def _of(node: ast.expr | ast.stmt) -> Span:
    return node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or 0


def _holds(outer: Span, inner: Span) -> bool:
    return outer[:2] <= inner[:2] and inner[2:] <= outer[2:]


def _calls_before(statements: list[ast.stmt], span: Span) -> Iterator[ast.expr]:
    """Functions that the innermost function around a statement has called by then, and those that it has passed on."""
    for function in [each for each in statements if isinstance(each, ast.FunctionDef)][-1:]:
        calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
        for call in (call for call in calls if _of(call)[:2] <= span[:2]):
            yield from (call.func, *call.args)


def _objects(nodes: Iterator[Any], frame: FrameType) -> list[Culprit]:
    """Objects of components among the values of names and attributes, each component once."""
    found: dict[str, Culprit] = {}
    for node in nodes:
        for value in _behind(_value(node, frame)):
            entry = registered.maker_of(value)
            if entry is not None:
                found.setdefault(f"{entry.kind} {entry.id}", Culprit(entry, value))
    return list(found.values())


def _behind(value: Any) -> Iterator[Any]:
    """The object, that of a bound method, and those that a function of the core calls."""
    if not inspect.isfunction(value):
        yield getattr(value, "__self__", value)
        return
    yield value
    if is_core(value.__code__.co_filename):
        yield from (cell.cell_contents for cell in value.__closure__ or ())


def _value(node: Any, frame: FrameType) -> Any:
    """Value of a name or of an attribute of one in a frame; None for any other expression."""
    if isinstance(node, ast.Name):
        return frame.f_locals.get(node.id)
    if not isinstance(node, ast.Attribute):
        return None
    owner = _value(node.value, frame)
    try:
        return None if owner is None else getattr(owner, node.attr)
    except Exception:  # a property of the object at fault
        return None
