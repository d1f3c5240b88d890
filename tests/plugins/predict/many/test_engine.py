"""An engine that owes a row, or gives them in another order, is named."""

from __future__ import annotations

import pytest

from zoo.errors import ContractError
from zoo_predict.many.engine import checked
from zoo_predict.many.items import ImageItem

ITEMS = [ImageItem(str(i), str(i)) for i in range(4)]


def rows_of(engine) -> list[str]:
    found = checked(engine, "predict_engine 'acme/farm' (zoo-acme 1.0)")(iter(ITEMS), None)
    return [row["path"] for rows in found for row in rows]


def row(item: ImageItem) -> dict:
    return {"path": item.name}


def test_rows_in_order_pass_however_they_are_cut():
    def engine(items, predictor):
        yield [row(next(items))]
        yield []
        yield [row(item) for item in items]

    assert rows_of(engine) == ["0", "1", "2", "3"]
    assert rows_of(lambda items, predictor: [[row(item) for item in items]]) == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (lambda items, _: [[row(item) for item in list(items)[::-1]]], "the row of 3 where the row of 0 is due"),
        (lambda items, _: [[row(item) for item in list(items)[:3]]], "no row where the row of 3 is due"),
        (lambda items, _: [], "no row where the row of 0 is due"),
        (lambda items, _: [[row(item) for item in [*items, ITEMS[3]]]], "the row of 3 where no row is due"),
        (lambda items, _: [[{}]] if next(items) else [], "no row where the row of 0 is due"),
    ],
)
def test_a_missing_or_misplaced_row_names_the_engine(engine, said):
    with pytest.raises(ContractError, match=said) as raised:
        rows_of(engine)
    assert "zoo-acme 1.0" in str(raised.value)


def test_the_engine_is_closed_with_the_rows():
    closed = []

    def engine(items, predictor):
        try:
            yield [row(next(items))]
            yield [row(next(items))]
        finally:
            closed.append(True)

    rows = checked(engine, "")(iter(ITEMS), None)
    next(rows)
    rows.close()
    assert closed == [True]
