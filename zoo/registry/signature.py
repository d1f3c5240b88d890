"""Component parameters, read and checked from the signature of the factory."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from zoo.registry.docstrings import descriptions
from zoo.registry.kinds import ALL
from zoo.registry.suggest import did_you_mean, listing

NAME = "name"
"""Key of the component's name in a job; no parameter can have this name."""

_ELSEWHERE = {
    "pretrained": "--pretrained",
    "image_size": "--image-size N",
    "in_chans": "--set data.in_chans=N",
    "lr": "--lr X",
    "weight_decay": "--set train.weight_decay=X",
}
"""Options that set the reserved parameters elsewhere in a job."""


@dataclass(frozen=True)
class Parameter:
    """One parameter that a user can set."""

    name: str
    type: str
    default: Any
    required: bool
    annotation: Any
    description: str = ""

    def as_dict(self) -> dict[str, object]:
        default = None if self.required else plain(self.default)
        words = {"description": self.description}
        return {"name": self.name, "type": self.type, "default": default, "required": self.required, **words}


def parameters(kind: str, factory: Callable[..., Any]) -> list[Parameter]:
    """List the parameters of a factory that a job can set, in order, with descriptions from its docstring."""
    hints, texts = type_hints(factory), descriptions(factory)
    found = []
    for name, parameter in inspect.signature(factory).parameters.items():
        if name in ALL[kind].reserved or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        annotation = hints.get(name, Any)
        # The root of a dataset is always optional: the dataset finds its images, or raises a helpful error.
        required = parameter.default is parameter.empty and (kind, name) != ("dataset", "root")
        default = None if parameter.default is parameter.empty else parameter.default
        text = texts.get(name, "")
        found.append(Parameter(name, type_name(annotation), default, required, annotation, text))
    return found


def defaults(kind: str, factory: Callable[..., Any]) -> dict[str, Any]:
    """Defaults of the optional parameters."""
    return {p.name: p.default for p in parameters(kind, factory) if not p.required}


def accepts(factory: Callable[..., Any], name: str) -> bool:
    """Check that the factory has a parameter of this name."""
    return name in inspect.signature(factory).parameters


def open_ended(factory: Callable[..., Any]) -> bool:
    """Check that the factory takes any keyword (``**kwargs``), as a wrapper of a library does."""
    if inspect.isclass(factory):
        # The class that defines the constructor, since torch's tracers replace the constructor itself.
        maker = next(cls for cls in inspect.getmro(factory) if "__init__" in vars(cls))
        if maker.__module__ == "torch.nn.modules.module":
            return False  # torch's Module takes keywords only to refuse them
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(factory).parameters.values())


def check(
    kind: str, factory: Callable[..., Any], given: Mapping[str, Any], where: str
) -> tuple[dict[str, Any], list[str]]:
    """Convert the given parameters to the factory's types.

    Args:
        kind: kind of the component.
        factory: factory of the component.
        given: parameters from the job.
        where: dotted path of the component in the job, for the messages.

    Returns:
        The converted values, and the problems, one sentence each.
    """
    known = {p.name: p for p in parameters(kind, factory)}
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in given.items():
        if name in known:
            _convert(known[name], value, where, values, problems)
        elif name in ALL[kind].reserved and name in _ELSEWHERE and accepts(factory, name):
            problems.append(f"{where}.{name} is set elsewhere in the job. Type: {_ELSEWHERE[name]}")
        elif name in ALL[kind].reserved or not open_ended(factory):
            problems.append(
                f"{where} has no parameter {name!r}.{did_you_mean(name, known)} "
                f"It has: {listing(known) if known else 'none'}."
            )
        else:
            values[name] = value
    missing = [p.name for p in known.values() if p.required and p.name not in given]
    problems += [f"{where}.{name} is required: --set {where}.{name}=…" for name in missing]
    return values, problems + _needs_name(kind, factory, where)


def _needs_name(kind: str, factory: Callable[..., Any], where: str) -> list[str]:
    """Problem of a factory with a required parameter that no job can set; empty without one."""
    own = inspect.signature(factory).parameters.get(NAME)
    if NAME not in ALL[kind].reserved or own is None or own.default is not own.empty or own.kind is own.VAR_KEYWORD:
        return []
    return [
        f"{where} needs a parameter 'name', which is reserved for the name of the component. Rename the parameter "
        "of the factory, or give it a default."
    ]


def _convert(parameter: Parameter, value: Any, where: str, values: dict[str, Any], problems: list[str]) -> None:
    from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

    if value == "none" and parameter.default is None and "'none'" not in parameter.type:
        value = None  # as --dry-run prints it
    try:
        adapter = TypeAdapter(parameter.annotation, config=ConfigDict(arbitrary_types_allowed=True))
        values[parameter.name] = adapter.validate_python(value)
    except PydanticUserError:  # a type with its own configuration, or unknown to pydantic
        values[parameter.name] = value
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        problems.append(f"{where}.{parameter.name} must be {parameter.type}, not {value!r} ({reason}).")


def type_hints(factory: Callable[..., Any]) -> Mapping[str, object]:
    while isinstance(factory, functools.partial):
        factory = factory.func
    target = factory.__init__ if inspect.isclass(factory) else factory
    try:
        return typing.get_type_hints(target)
    except (NameError, TypeError):  # an annotation for type checkers only
        return {}


def type_name(annotation: Any) -> str:
    """Format a type for users: ``float``, ``'macro' | 'micro'``, ``list[str] | None``."""
    if annotation is Any:
        return "any"
    if typing.get_origin(annotation) is typing.Literal:
        return " | ".join(repr(a) for a in typing.get_args(annotation))
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return " | ".join(type_name(a) for a in typing.get_args(annotation))
    if annotation is types.NoneType:
        return "None"
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation.__name__
    return str(annotation).replace("typing.", "").replace("pathlib.", "").replace("collections.abc.", "")


def plain(value: Any) -> Any:
    """Convert a value for JSON and YAML: tuples become lists, other types their text."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(v) for v in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
