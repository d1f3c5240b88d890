"""A component under test, created from its example parameters with a fixed seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from zoo.errors import JobError, RequestError
from zoo.plugin import Component
from zoo.registry.entry import Entry
from zoo.testing.outcome import skip

T = TypeVar("T")
CLASSES = 3
"""Number of classes in most tests; other numbers have their own check."""


class Subject:
    """One component, with cached results of its checks."""

    def __init__(self, entry: Entry):
        self.entry = entry
        self._known: dict[str, Any] = {}

    @property
    def component(self) -> Component:
        return self.entry.component

    @property
    def params(self) -> dict[str, Any]:
        """Preset parameters, overridden by the component's example."""
        example = self.component.example
        return {**self.entry.params, **(example if isinstance(example, Mapping) else {})}

    def once(self, key: str, find: Callable[[], T]) -> T:
        """Cache the result of ``find()`` for all checks."""
        if key not in self._known:
            self._known[key] = find()
        found: T = self._known[key]
        return found

    def factory(self) -> Callable[..., Any]:
        """Import the factory; skips components that can't be imported."""
        try:
            return self.entry.factory()
        except RequestError as error:
            skip(f"its target can't be imported: {error}")

    def make(self, *positional: Any, torch_seed: int = 0, **given: Any) -> Any:
        """Call the factory as the runner does.

        Raises:
            Exception: any exception of the factory.
        """
        import torch

        from zoo.model.build import build

        torch.manual_seed(torch_seed)
        return build(self.entry, self.params, self.entry.kind, *positional, **given)

    def try_to_make(self, *positional: Any, **given: Any) -> Any:
        """Call :meth:`make` in the check of creation; skips invalid parameters, which another check reports."""
        self.factory()
        try:
            return self.make(*positional, **given)
        except JobError as error:
            skip(f"its parameters are invalid: {error}")

    def made(self, *positional: Any, torch_seed: int = 0, **given: Any) -> Any:
        """Call :meth:`make` in all other checks; skips components that can't be created."""
        try:
            return self.make(*positional, torch_seed=torch_seed, **given)
        except Exception as error:
            skip(f"it can't be created: {first_line(error)}")


def first_line(error: BaseException) -> str:
    """Summarise an error such as ``ValueError: width must be positive``, without a full stop."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__
