"""The base of typed documents: attributes for the keys of this version, and every other key kept as it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, PrivateAttr, ValidationError, model_validator

__all__ = ["Number", "Record", "plain"]

Number = int | float
"""A JSON number; a float field would turn 1 into 1.0."""


class Record(BaseModel):
    """A part of a document.

    A key that is absent has its field's default. So has a key with null where a field can't be None: a run that was
    cut short, or an older version, wrote null for an empty mapping. Keys of other versions are kept.
    """

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())
    _keys: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="wrap")
    @classmethod
    def _keep_keys(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Remember the keys and their order, so that :meth:`document` gives the same document back."""
        if not isinstance(data, Mapping):
            return handler(data)
        given = {key: value for key, value in data.items() if value is not None or key not in cls._never_none()}
        found = handler(given)
        found._keys = tuple(data)
        return found

    @classmethod
    def _never_none(cls) -> set[str]:
        return {name for name, field in cls.model_fields.items() if type(None) not in get_args(field.annotation)}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Check a document and give its keys types.

        Raises:
            ValueError: a known key has a value of another type; names the first one.
        """
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise ValueError(_first_problem(error)) from error

    def __getitem__(self, key: str) -> Any:
        """Look up an entry by its JSON key: ``result["metrics"]["val"]["accuracy"]``."""
        if key in type(self).model_fields:
            return getattr(self, key)
        return self.extra[key]

    def keys(self) -> tuple[str, ...]:
        """The keys of the document, in its order."""
        return self._keys

    @property
    def extra(self) -> dict[str, Any]:
        """The entries that are not fields of this class."""
        return self.model_extra or {}

    def document(self) -> dict[str, Any]:
        """The plain mapping as it was read or made: the same keys in the same order, and no default filled in."""
        return {key: plain(self[key]) for key in self.keys()}

    def changed(self, **entries: Any) -> Self:
        """A copy with other or additional entries."""
        return type(self).read({**self, **entries})


def plain(value: Any) -> Any:
    """The same value with a plain mapping in the place of every record."""
    if isinstance(value, Record):
        return value.document()
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], int | float | str):
        return list(value)  # a row of a large matrix
    return [plain(each) for each in value] if isinstance(value, list) else value


def _first_problem(error: ValidationError) -> str:
    """The first problem in one line: ``metrics.val.accuracy: Input should be a valid number``."""
    found = error.errors()[0]
    where, said = ".".join(map(str, found["loc"])), found["msg"]
    return f"{where}: {said}" if where else said
