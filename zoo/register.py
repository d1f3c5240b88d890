"""Public: names for the classes, functions and objects of a script or a notebook.

A name is valid in the process that registers it, wherever a component's name is: in ``zoo.run``, in ``set={…}``, in a
job file that ``zoo.run`` reads. There is a decorator for each kind of component, ``zoo.register.KIND``.

Example::

    import torch
    import zoo

    @zoo.register.loss("poly1")
    def poly1(logits, targets, epsilon: float = 1.0):
        "Cross-entropy with a linear term more."
        cost = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
        return (cost + epsilon * (1 - torch.exp(-cost))).mean()

    zoo.run("simple_cnn", "digits", epochs=1, loss="poly1", set={"loss.epsilon": 2.0})
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from typing import Protocol

    class Register(Protocol):
        """Decorator of one kind; the signature of :func:`of_kind` without its first parameter."""

        def __call__(self, name: Any = None, **declared: Any) -> Any: ...

    architecture: Register
    augmentation: Register
    callback: Register
    dataset: Register
    exporter: Register
    importer: Register
    loss: Register
    metric: Register
    optimizer: Register
    sampler: Register
    schedule: Register

__all__ = ["names", "of_kind"]

T = TypeVar("T")


def of_kind(kind: str, name: Any = None, **declared: Any) -> Any:
    """Register a class, a function or an object as a component; ``zoo.register.loss`` is this for losses.

    Args:
        kind: kind of the component, as ``zoo list`` has them.
        name: its name; without one, that of the class or function. The class or function itself where the decorator
            has no parentheses.
        declared: fields of the component's declaration in ``zoo.plugin``, such as ``summary`` or
            ``higher_is_better``; of a dataset's object also ``classes``.

    Returns:
        The decorator; or the class or function itself, unchanged, where the decorator has no parentheses.

    Raises:
        RequestError: it can't be a component of this kind, the kind has no such field, or another file has registered
            the name. A definition from the same file or notebook replaces the earlier one.
    """

    def decorate(value: T) -> T:
        from zoo.job.given import entry_of
        from zoo.registry import registered

        fields = {"summary": _summary(value), **declared}
        registered.add(entry_of(kind, value, name if isinstance(name, str) else None, **fields))
        return value

    return decorate if name is None or isinstance(name, str) else decorate(name)


def names(kind: str) -> list[str]:
    """Names of the components of a kind that this process has registered."""
    from zoo.registry import registered

    return registered.names(kind)


def _summary(value: Any) -> str:
    """First line of the docstring; empty without one."""
    text = getattr(value, "__doc__", None) if isinstance(value, type) or hasattr(value, "__name__") else None
    return (text or "").strip().partition("\n")[0].rstrip(".")


def _kinds(*, of_plugins: bool = True) -> list[str]:
    from zoo.registry.kinds import KINDS

    if of_plugins:
        from zoo.host.loader import open_registry

        open_registry()  # declares the kinds of plugins
    return sorted(KINDS)


def __getattr__(kind: str) -> Callable[..., Any]:
    private = kind.startswith("_")
    if private or (kind not in _kinds(of_plugins=False) and kind not in _kinds()):
        hint = "" if private else f" Kinds: {', '.join(_kinds())}."
        raise AttributeError(f"module 'zoo.register' has no attribute {kind!r}.{hint}")

    def register(name: Any = None, **declared: Any) -> Any:
        return of_kind(kind, name, **declared)

    register.__name__, register.__doc__ = kind, of_kind.__doc__
    return register


def __dir__() -> list[str]:
    return sorted([*__all__, *_kinds()])
