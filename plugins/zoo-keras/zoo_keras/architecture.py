"""Convert a builder of Keras models to an architecture of the zoo."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from zoo.errors import RequestError
from zoo_keras.backend import building, load
from zoo_keras.ending import network_of

__all__ = ["as_architecture", "keras_architecture"]

_GIVEN = ("num_classes", "in_chans", "image_size", "input_shape", "separate_outputs")
_SIZE = 224


def keras_architecture(build: Callable[..., Any]) -> Callable[..., nn.Module]:
    """Convert a function that builds a keras.Model to an architecture; usable as a decorator.

    ::

        @keras_architecture
        def leaves(num_classes, input_shape=(96, 96, 3), width=32):
            return keras.Sequential([keras.Input(input_shape), ..., keras.layers.Dense(num_classes, "softmax")])

    Args:
        build: ``f(num_classes, **params)``. It can have any of ``input_shape`` (given as (H, W, C)), ``image_size``,
            ``in_chans`` and ``separate_outputs`` (True where num_classes outputs are values, of which two can't share
            one); its other parameters become the architecture's, with their types and defaults. The model takes
            one image and returns one output per class, or a single one for two classes. A final softmax or sigmoid is
            removed, as the zoo's losses take logits.

    Returns:
        ``f(num_classes, in_chans=3, image_size=…, **params)``: for registry.yaml, plugins, ``zoo.run(architecture=…)``.

    Raises:
        TypeError: ``build`` has no parameter num_classes.
    """
    own = inspect.signature(build).parameters
    if "num_classes" not in own:
        raise TypeError(
            f"{getattr(build, '__name__', build)}() needs a parameter num_classes, the width of its last layer"
        )

    @functools.wraps(build)
    def factory(
        num_classes: int,
        in_chans: int = 3,
        image_size: int | None = None,
        separate_outputs: bool = False,
        **params: Any,
    ) -> nn.Module:
        side = image_size or _side(own)
        given = {"num_classes": num_classes, "in_chans": in_chans, "image_size": side}
        given |= {"input_shape": (side, side, in_chans), "separate_outputs": separate_outputs}
        with building():
            model = build(**{k: v for k, v in given.items() if k in own}, **params)
            return network_of(model, num_classes, in_chans, side, separate_outputs=separate_outputs)

    factory.__signature__ = _signature(own)  # type: ignore[attr-defined]
    return factory


def as_architecture(model: Any) -> Callable[..., nn.Module]:
    """Convert a builder, or a keras.Model with its weights, to an architecture for ``zoo.run(architecture=…)``.

    Args:
        model: a function for :func:`keras_architecture`, or a model, which is not changed: every network is a copy of
            it.

    Raises:
        RequestError: it is neither.
    """
    if hasattr(model, "get_weights") and hasattr(model, "layers"):
        return keras_architecture(functools.partial(_copy_of, model))
    if not callable(model):
        raise RequestError(f"as_architecture() takes a keras.Model or a function that returns one, not {model!r}.")
    return keras_architecture(model)


def _copy_of(model: Any, num_classes: int) -> Any:
    keras = load()
    try:
        copy = keras.models.clone_model(model)
    except (ValueError, NotImplementedError, TypeError) as error:
        raise RequestError(
            f"The model {model.name!r} can't be copied ({_first(error)}). Give the function that builds it instead: "
            "as_architecture(build)"
        ) from error
    copy.set_weights(model.get_weights())
    return copy


def _side(own: Mapping[str, inspect.Parameter]) -> int:
    """Default side of the builder's images in pixels."""
    if "image_size" in own and isinstance(own["image_size"].default, int):
        return own["image_size"].default
    shape = own["input_shape"].default if "input_shape" in own else None
    return shape[0] if isinstance(shape, tuple | list) and shape and isinstance(shape[0], int) else _SIZE


def _signature(own: Mapping[str, inspect.Parameter]) -> inspect.Signature:
    """Signature of the factory: the zoo's arguments, then the builder's own parameters."""
    plain, named = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    given = [
        inspect.Parameter("num_classes", plain),
        inspect.Parameter("in_chans", plain, default=3),
        inspect.Parameter("image_size", plain, default=_side(own)),
        inspect.Parameter("separate_outputs", plain, default=False),
    ]
    settings = [p for p in own.values() if p.name not in _GIVEN and p.kind is not p.VAR_POSITIONAL]
    return inspect.Signature([*given, *(p if p.kind is p.VAR_KEYWORD else p.replace(kind=named) for p in settings)])


def _first(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
