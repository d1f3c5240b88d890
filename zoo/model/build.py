"""Construction of components from their factories, and of networks that are checked with blank images."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zoo.engine.outputs import give_logits
from zoo.errors import ContractError, JobError, RequestError, ZooError
from zoo.registry.entry import Entry
from zoo.registry.protocols import check_methods
from zoo.registry.signature import accepts, check


def build(entry: Entry, params: Mapping[str, Any], path: str, *positional: Any, **given: Any) -> Any:
    """Call a component's factory with the runner's arguments and the job's parameters.

    Args:
        entry: registry entry of the component.
        params: parameters of the job.
        path: dotted path of the component in the job, for messages.
        positional: positional arguments of the runner.
        given: keyword arguments of the runner, passed where the factory has them (``image_size``, ``num_classes``).

    Raises:
        RequestError: the factory refuses its parameters.
        ContractError: the object declares a method that nothing calls; see :mod:`zoo.registry.protocols`.
    """
    factory = entry.factory()
    params, twice = entry.with_new_names(params, path)
    values, problems = check(entry.kind, factory, params, path)
    if twice or problems:
        raise JobError(twice + problems)
    by_place = list(inspect.signature(factory).parameters)[: len(positional)]  # whatever they are called
    extra = {k: v for k, v in given.items() if accepts(factory, k) and k not in by_place}
    try:
        made = entry.make(*positional, **extra, **values)
        check_methods(entry, made)
        return made
    except ZooError:
        raise
    except FileNotFoundError as error:
        named = next((name for name, value in values.items() if _is_file(value, error.filename)), None)
        if named is None:
            raise
        raise RequestError(
            f"{entry.title} needs {str(values[named])!r}, which is not there (its parameter {named}"
            f"{entry.place_in(error)}). Give its place: --set {path}.{named}=PATH"
        ) from error
    except (ValueError, TypeError) as error:
        raise RequestError(
            f"{entry.title} rejects its parameters: {error}{entry.place_in(error)}. See: zoo info {entry.id}"
        ) from error


def _is_file(value: Any, file: Any) -> bool:
    """Check that a parameter's value is the path of a file, or of a folder around the file."""
    if not isinstance(value, str | Path) or not str(value) or not isinstance(file, str | Path):
        return False
    return Path(file).absolute().is_relative_to(Path(value).absolute())


def build_model(
    entry: Entry,
    params: dict[str, Any],
    num_classes: int,
    in_chans: int,
    image_size: int,
    *,
    pretrained: bool = False,
    classes: Sequence[str] = (),
    separate_outputs: bool = False,
) -> nn.Module:
    """Build a network and check it with blank images.

    A network that returns a mapping returns its logits; see :mod:`zoo.engine.outputs`.

    Args:
        entry: registry entry of the architecture.
        params: parameters of the job.
        num_classes: number of classes, or of other outputs.
        in_chans: number of channels of the images.
        image_size: side of the images in pixels.
        pretrained: load the pretrained weights of the architecture's library.
        classes: names, for a factory that takes them; numbers where they are unknown, or not one for each output.
        separate_outputs: each output has its own weights; else two classes may share one.

    Raises:
        RequestError: the network can't be built, or doesn't take images of that size.
        ContractError: the factory's result is not a module, or its logits have the wrong shape.
    """
    names = list(classes) if len(classes) == num_classes else [str(i) for i in range(num_classes)]
    given: Any = {"in_chans": in_chans, "image_size": image_size, "classes": names}
    given["separate_outputs"] = separate_outputs
    if pretrained:
        if not accepts(entry.factory(), "pretrained"):
            raise RequestError(f"architecture {entry.id!r} has no pretrained weights. Give a file: --weights FILE")
        given["pretrained"] = True
    model = build(entry, params, "architecture", num_classes, **given)
    if not isinstance(model, nn.Module):
        raise ContractError(f"architecture {entry.id!r} gave {type(model).__name__}, not a torch.nn.Module")
    factory = getattr(entry.factory(), "func", entry.factory())  # of a family, without the member's name
    if callable(adapt := getattr(factory, "adapt_weights", None)) and not hasattr(model, "adapt_weights"):
        model.adapt_weights = adapt
    try:
        logits = give_logits(model, check_takes(model, entry, in_chans, image_size))
    except ContractError as error:
        raise ContractError(f"architecture {entry.id!r} {error}") from error
    shape = tuple(getattr(logits, "shape", ()))
    if shape != (2, num_classes):
        raise ContractError(
            f"architecture {entry.id!r} must return logits (N, {num_classes}); for 2 images it returned {shape}"
        )
    return model


def check_takes(model: nn.Module, entry: Entry, in_chans: int, image_size: int) -> torch.Tensor:
    """Compute the logits of two blank images of this size, (2, num_classes).

    Raises:
        RequestError: the network doesn't take such images.
    """
    blank = torch.zeros(2, in_chans, image_size, image_size, device=next(model.parameters(), torch.zeros(())).device)
    model.eval()
    try:
        with torch.no_grad():  # not inference_mode: cached tensors of the network must remain trainable
            return model(blank)  # type: ignore[no-any-return]
    except (RuntimeError, ValueError, AssertionError) as error:
        raise RequestError(
            f"{entry.title} can't take images of {in_chans}x{image_size}x{image_size}: "
            f"{(str(error).splitlines() or [type(error).__name__])[0]}{entry.place_in(error)}. Try another --image-size"
        ) from error


def count_parameters(model: nn.Module) -> int:
    """Number of parameters of the model."""
    return sum(p.numel() for p in model.parameters())
