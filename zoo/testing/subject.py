"""A component on trial: made from its example parameters, with the same seed each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from zoo.errors import JobError, RequestError
from zoo.plugin import Component
from zoo.registry.entry import Entry
from zoo.testing.outcome import skip

T = TypeVar("T")
CLASSES = 3
"""Classes of every trial but one: that other numbers work too is a check of its own."""


class Subject:
    """One component, and what its checks have found out so far."""

    def __init__(self, entry: Entry):
        self.entry = entry
        self._known: dict[str, Any] = {}

    @property
    def component(self) -> Component:
        return self.entry.component

    @property
    def params(self) -> dict[str, Any]:
        """Presets, and the component's example on top."""
        example = self.component.example
        return {**self.entry.params, **(example if isinstance(example, Mapping) else {})}

    def once(self, key: str, find: Callable[[], T]) -> T:
        """What ``find()`` gives, found once for all checks."""
        if key not in self._known:
            self._known[key] = find()
        found: T = self._known[key]
        return found

    def factory(self) -> Callable[..., Any]:
        """The imported factory; a check of something else is skipped when it can't be had."""
        try:
            return self.entry.factory()
        except RequestError as error:
            skip(f"its target can't be imported: {error}")

    def make(self, *positional: Any, seed: int = 0, **given: Any) -> Any:
        """Call the factory as the runner does.

        Raises:
            Exception: whatever the factory raises; for the check of just that.
        """
        import torch

        from zoo.model.build import build

        torch.manual_seed(seed)
        return build(self.entry, self.params, self.entry.kind, *positional, **given)

    def try_to_make(self, *positional: Any, **given: Any) -> Any:
        """As :meth:`make`, for the check that it can be made: parameters at fault are another check's matter."""
        self.factory()
        try:
            return self.make(*positional, **given)
        except JobError as error:
            skip(f"its parameters are at fault: {error}")

    def made(self, *positional: Any, seed: int = 0, **given: Any) -> Any:
        """As :meth:`make`, for every other check, which is skipped when it can't be made."""
        try:
            return self.make(*positional, seed=seed, **given)
        except Exception as error:
            skip(f"it can't be made: {first_line(error)}")


def first_line(error: BaseException) -> str:
    """``ValueError: width must be positive``, without a full stop: it stands within a sentence."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__
