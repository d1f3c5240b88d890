"""Losses given from Python: a function of logits and targets, a module, a class, or a factory."""

from __future__ import annotations

from functools import partial
from inspect import Parameter
from typing import Any

from zoo.errors import RequestError
from zoo.job.given.factory import (
    Given,
    around,
    class_of,
    is_plain,
    makes_objects,
    own_copy,
    parameters_of,
    required,
    titled,
)

RUNNER = ("num_classes", "multilabel")


def adapt(value: Any) -> Given:
    """Make a factory of a loss.

    Raises:
        RequestError: it is not callable.
    """
    if not callable(value):
        raise RequestError(
            f"{titled('loss', value)} is neither a name nor a factory (a class or function), nor a function of logits "
            "and targets: loss=lambda logits, targets: …"
        )
    needed = required(value)
    if makes_objects(value) or (len(needed) < 2 and class_of(value) is not type(value)) or set(needed) & {*RUNNER}:
        return Given(value, class_of(value) if isinstance(value, partial) else value)
    if class_of(value) is type(value):  # an object, perhaps with weights
        return Given(around(lambda **given: own_copy(value, "loss"), type(value), (), multilabel=False), type(value))
    return Given(_factory(value), class_of(value))


def _factory(function: Any) -> Any:
    """Factory of a function of logits and targets, whose further parameters a job can set."""
    own = [one for one in parameters_of(function)[2:] if one.default is not Parameter.empty and is_plain(one.default)]
    own = [one for one in own if one.kind not in (Parameter.POSITIONAL_ONLY, Parameter.VAR_KEYWORD)]
    defaults = {one.name: one.default for one in own}

    def build(multilabel: bool = False, **params: Any) -> Any:
        changed = {name: value for name, value in params.items() if value != defaults[name]}
        return partial(function, **changed) if changed else function

    return around(build, class_of(function), (), own, multilabel=False)
