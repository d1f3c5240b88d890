"""Checks of components of every kind: summary, target, typed signature, source file."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

from zoo.errors import RequestError
from zoo.registry.signature import Parameter, check, parameters, plain, type_name
from zoo.registry.suggest import listing
from zoo.testing.checking import EVERY, contract
from zoo.testing.outcome import fail, need
from zoo.testing.subject import Subject, first_line

SUMMARY_WIDTH = 120
# Required parameters of each kind's factory, which the runner sets; the first ones by position.
ASKED: dict[str, tuple[str, ...]] = {
    "architecture": ("num_classes", "in_chans"),
    "dataset": ("root", "split"),
    "loss": (),
    "metric": ("num_classes",),
    "augmentation": ("size",),
    "optimizer": ("params", "lr"),
    "schedule": ("optimizer", "total_steps"),
    "exporter": ("bundle", "path"),
    "importer": ("file",),
    "command": ("arguments",),
    "analysis": (),
    "model_source": ("word",),
    "picture_reader": ("file",),
    "health_check": (),
    "function": (),
    "display": (),
}
BY_POSITION = {"architecture": 1, "dataset": 0}  # number of positional ones; all for other kinds


@contract(EVERY, "summary", "Set summary='…' of the component, for `zoo list`.")
def _has_a_summary(subject: Subject) -> None:
    summary = subject.component.summary
    need(isinstance(summary, str) and summary.strip(), "it has no summary.")
    need("\n" not in summary, "its summary has more than one line.")
    need(len(summary) <= SUMMARY_WIDTH, f"its summary has {len(summary)} characters; the limit is {SUMMARY_WIDTH}.")


@contract(EVERY, "target", "Fix the component's target, 'package.module:attribute', or its module.")
def _can_be_imported(subject: Subject) -> None:
    try:
        factory = subject.entry.factory()
    except RequestError as error:
        fail(f"its target can't be imported: {error}")
    need(callable(factory), f"its target {subject.component.target!r} is neither a function nor a class.")


@contract(
    EVERY,
    "parameters from the runner",
    ("Name the first parameters of the factory as its kind requires: see zoo.plugin."),
)
def _takes_what_the_runner_gives(subject: Subject) -> None:
    if _is_click_command(subject):
        return
    found = list(inspect.signature(_function(subject)).parameters)[0 if subject.entry.member is None else 1 :]
    asked = ASKED.get(subject.entry.kind, ())
    missing = [name for name in asked if name not in found]
    need(not missing, f"its factory has no parameter {listing(missing)}; it has: {listing(found) or 'none'}.")
    first = list(asked[: BY_POSITION.get(subject.entry.kind)])
    in_place = found[: len(first)] == first
    need(in_place, f"its factory gets {listing(first)} first, by position; it starts with {listing(found[:3])}.")


def _is_click_command(subject: Subject) -> bool:
    """Return whether a command's target is click's, which parses its own arguments."""
    import click

    return subject.entry.kind == "command" and isinstance(subject.entry.factory(), click.Command)


@contract(EVERY, "typed parameters", "Annotate the parameter with a type, by which jobs and --set are checked.")
def _has_typed_parameters(subject: Subject) -> None:
    from pydantic import ConfigDict, TypeAdapter

    for parameter in _parameters(subject):
        need(parameter.annotation is not Any, f"its parameter {parameter.name!r} has no type.")
        try:
            TypeAdapter(parameter.annotation, config=ConfigDict(arbitrary_types_allowed=True))
        except Exception as error:
            shown = type_name(parameter.annotation)
            fail(f"no value can be checked against the type {shown} of {parameter.name!r}: {first_line(error)}.")


@contract(EVERY, "valid defaults", "Set a default of the annotated type, or a value in the example.")
def _has_valid_defaults(subject: Subject) -> None:
    factory, set_by_example = subject.factory(), set(subject.params)
    for parameter in _parameters(subject):
        if (subject.entry.kind, parameter.name) == ("dataset", "root") and parameter.default is None:
            continue  # None also stands for no default: the runner gives the root
        if parameter.required:
            need(parameter.name in set_by_example, f"its parameter {parameter.name!r} has no default.")
        else:
            _check_default(subject.entry.kind, factory, parameter)


def _check_default(kind: str, factory: Callable[..., Any], parameter: Parameter) -> None:
    """Check a default in its original form and in that of job.yaml."""
    for value in (parameter.default, plain(parameter.default)):
        values, _ = check(kind, factory, {parameter.name: value}, kind)
        same = parameter.name in values and values[parameter.name] == parameter.default
        need(same, f"the default {value!r} of {parameter.name!r} does not match its type, {parameter.type}.")


@contract(EVERY, "example", "Fix the component's example: a mapping of parameters of the factory to values.")
def _has_a_fitting_example(subject: Subject) -> None:
    example = subject.component.example
    need(isinstance(example, Mapping), f"its example is {example!r}, not a mapping.")
    _, problems = check(subject.entry.kind, subject.factory(), example, "example")
    # Missing required parameters are reported by another check.
    wrong = [problem for problem in problems if " is required" not in problem]
    need(not wrong, f"its example doesn't fit: {' '.join(wrong)}")


@contract(EVERY, "docstring", "Write a docstring with the parameters (range, unit), the result and the errors.")
def _has_a_docstring(subject: Subject) -> None:
    function = _function(subject)
    own = function.__doc__ or (function.__init__.__doc__ if _has_own_init(function) else None)
    need(own and own.strip(), "its factory has no docstring.")


@contract(EVERY, "source", "Define the target in a Python file, whose hash is recorded in results.")
def _has_a_known_source(subject: Subject) -> None:
    subject.factory()
    found = subject.entry.provenance()
    need(found["sha256"], "the file of its factory is unknown, so its hash can't be recorded.")
    need(json.loads(json.dumps(found)) == found, "its record for results can't be written as JSON.")


def _parameters(subject: Subject) -> list[Parameter]:
    if subject.entry.kind in ("command", "function"):
        return []  # no job sets their parameters
    return parameters(subject.entry.kind, subject.factory())


def _function(subject: Subject) -> Any:
    """Unwrap the function or class from bound arguments."""
    factory = subject.factory()
    while isinstance(factory, functools.partial):
        factory = factory.func
    return factory


def _has_own_init(function: Any) -> bool:
    return inspect.isclass(function) and "__init__" in vars(function)
