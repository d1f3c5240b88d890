"""What an engine owes: a row for each item, in the order of the items. Resuming by position depends on it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from zoo.errors import ContractError
from zoo_predict.many.items import ImageItem
from zoo_predict.many.predictor import Predictor, Row

__all__ = ["Engine", "checked"]

Engine = Callable[[Iterator[ImageItem], Predictor], Iterator[list[Row]]]


def checked(engine: Engine, title: str) -> Engine:
    """Return an engine whose rows are compared with the items.

    Args:
        engine: the engine.
        title: the component, for errors.

    Raises:
        ContractError: from the iterator, where a row is missing, or is of another item.
    """

    def predict(items: Iterator[ImageItem], predictor: Predictor) -> Iterator[list[Row]]:
        due: deque[str] = deque()
        given = _noted(items, due)
        batches = engine(given, predictor)
        try:
            for rows in batches:
                for row in rows:
                    _check(row.get("path"), due.popleft() if due else None, title)
                yield rows
            left = due[0] if due else getattr(next(given, None), "name", None)
            _check(None, left, title)
        finally:
            if hasattr(batches, "close"):
                batches.close()

    return predict


def _noted(items: Iterator[ImageItem], due: deque[str]) -> Iterator[ImageItem]:
    for item in items:
        due.append(item.name)
        yield item


def _check(found: str | None, due: str | None, title: str) -> None:
    if found != due:
        rows = ["no row" if name is None else f"the row of {name}" for name in (found, due)]
        raise ContractError(
            f"{title} yields {rows[0]} where {rows[1]} is due. An engine yields a row for each item, in their order."
        )
