"""Factories around objects given from Python, with the signature that the runner and a job expect."""

from __future__ import annotations

import copy
import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from inspect import Parameter, Signature
from types import ModuleType
from typing import Any

from zoo.errors import RequestError


@dataclass(frozen=True)
class Given:
    """What was given from Python, as a factory.

    Args:
        factory: called like the factory of a plugin's component.
        of: the class or function whose name, module and source are recorded.
        fields: fields of the component's declaration, as far as the object states them.
    """

    factory: Callable[..., Any]
    of: Any
    fields: Mapping[str, Any] = field(default_factory=dict)


def around(
    build: Callable[..., Any], of: Any, runner: Iterable[str], own: Iterable[Parameter] = (), **defaults: Any
) -> Callable[..., Any]:
    """Give a function the signature of a factory.

    Args:
        build: called with the runner's arguments and the job's parameters.
        of: the class or function that it stands for, whose docstring and types it has.
        runner: names of the parameters that the runner sets by position.
        own: parameters that a job can set.
        defaults: parameters that the runner sets by name, with their defaults.
    """
    named = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in runner]
    named += [Parameter(name, Parameter.KEYWORD_ONLY, default=value) for name, value in defaults.items()]
    named += [one.replace(kind=Parameter.KEYWORD_ONLY) for one in own if one.kind is not Parameter.VAR_KEYWORD]
    rest = [one for one in own if one.kind is Parameter.VAR_KEYWORD]

    def factory(*args: Any, **kwargs: Any) -> Any:
        return build(*args, **kwargs)

    factory.__dict__["__signature__"] = Signature([*named, *rest])
    factory.__annotations__ = {one.name: hint for one, hint in _hinted(of, own)}
    factory.__doc__ = getattr(of, "__doc__", None)
    return factory


def _hinted(of: Any, own: Iterable[Parameter]) -> Iterable[tuple[Parameter, Any]]:
    from zoo.registry.signature import type_hints

    known = type_hints(of)
    return [(one, known[one.name]) for one in own if one.name in known]


def parameters_of(value: Any) -> list[Parameter]:
    """Parameters of a function, a class, or a module's ``forward``; empty where Python doesn't know them."""
    module = torch_class("nn.Module")
    if module is not None and isinstance(value, module):
        value = value.forward
    try:
        return list(inspect.signature(value).parameters.values())
    except (TypeError, ValueError):
        return []


def required(value: Any) -> list[str]:
    """Names of the parameters without a default, in order."""
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return [one.name for one in parameters_of(value) if one.kind in kinds and one.default is Parameter.empty]


def class_of(value: Any) -> Any:
    """The class or function behind a value: itself, the one that a partial binds, or the class of an object."""
    if isinstance(value, functools.partial):
        return class_of(value.func)
    return value if isinstance(value, type) or inspect.isroutine(value) else type(value)


def makes_objects(value: Any) -> bool:
    """Check for a class, also with bound arguments."""
    return isinstance(class_of(value), type) and (isinstance(value, type | functools.partial))


def form_of(value: Any) -> str:
    """What was given: ``"class"``, ``"function"`` or ``"object"``."""
    if makes_objects(value):
        return "class"
    return "object" if class_of(value) is type(value) else "function"


def own_copy(value: Any, kind: str) -> Any:
    """Copy an object, so that a run doesn't change what the user holds, and a repetition begins as the first run.

    Raises:
        RequestError: it can't be copied.
    """
    try:
        return copy.deepcopy(value)
    except Exception as error:
        raise RequestError(
            f"{titled(kind, value)} can't be copied ({type(error).__name__}: {error}), and a run trains a copy. "
            f"Give a function that makes it instead: {kind}=make, with a parameter list that fits (see zoo.plugin)."
        ) from error


def described(value: Any) -> str:
    """Describe what was given in a few words: ``the class Net``, ``an object of SGD``, ``5``."""
    name = getattr(value, "__name__", None)
    if isinstance(value, type):
        return f"the class {name}"
    if inspect.isroutine(value) or isinstance(value, functools.partial):
        return f"the function {getattr(class_of(value), '__name__', value)}"
    plain = value is None or isinstance(value, bool | int | float | str | bytes)
    return repr(value) if plain else f"an object of {type(value).__name__}"


def titled(kind: str, value: Any) -> str:
    """Begin a sentence about what was given as a component: ``The loss given, an object of Focal,``."""
    return f"The {kind} given, {described(value)},"


def is_plain(value: Any) -> bool:
    """Check for a value that a job file can hold as it is."""
    if isinstance(value, list | tuple):
        return all(map(is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def loaded(module: str) -> ModuleType | None:
    """A module that this process has imported; an object of a library can't exist without it."""
    return sys.modules.get(module)


def torch_class(path: str) -> Any:
    """A class of torch by its dotted path; None where torch isn't imported, so that nothing is an object of it."""
    found: Any = loaded("torch")
    for part in path.split("."):
        found = getattr(found, part, None)
    return found
