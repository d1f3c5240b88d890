"""The base of typed documents: attributes for the keys of this version, with all other keys preserved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, PrivateAttr, ValidationError, model_validator

__all__ = ["Number", "Record", "plain"]

Number = int | float
"""A JSON number; a float field would turn 1 into 1.0."""


class Record(BaseModel):
    """A part of a JSON document, as a typed and immutable object.

    A missing key takes its field's default, and so does null where a field can't be None: an interrupted run, or an
    older version, wrote null for an empty mapping. Keys of other versions are preserved.
    """

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())
    _keys: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="wrap")
    @classmethod
    def _keep_keys(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Record the keys and their order, so that :meth:`document` reproduces the document."""
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
        """Validate a document and convert it to a record.

        Raises:
            ValueError: a known key has a value of the wrong type; the message names the first one.
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

    def get(self, key: str, default: Any = None) -> Any:
        """Look up an entry as a mapping does: observers of zoo 0.1 were given mappings."""
        return self[key] if key in self.keys() else default

    def items(self) -> list[tuple[str, Any]]:
        """The entries of the document, in its order."""
        return [(key, self[key]) for key in self.keys()]

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    @property
    def extra(self) -> dict[str, Any]:
        """The entries that are not fields of this class."""
        return self.model_extra or {}

    def document(self) -> dict[str, Any]:
        """Return the plain mapping that was read or made: the same keys in the same order, without defaults."""
        return {key: plain(self[key]) for key in self.keys()}

    def changed(self, **entries: Any) -> Self:
        """Return a copy with changed or additional entries."""
        return type(self).read({**self, **entries})


def plain(value: Any) -> Any:
    """Convert records within a value to plain mappings, recursively."""
    if isinstance(value, Record):
        return value.document()
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], int | float | str):
        return list(value)  # a row of a large matrix
    return [plain(each) for each in value] if isinstance(value, list) else value


def _first_problem(error: ValidationError) -> str:
    """Format the first problem in one line: ``metrics.val.accuracy: Input should be a valid number``."""
    found = error.errors()[0]
    where, said = ".".join(map(str, found["loc"])), found["msg"]
    return f"{where}: {said}" if where else said
