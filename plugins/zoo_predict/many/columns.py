"""Columns of the output: cells of CSV, and the schema of parquet."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo_predict.many.lists import need_pyarrow
from zoo_predict.many.predictor import Row
from zoo_predict.values import columns_of, has_values

if TYPE_CHECKING:
    import pyarrow

__all__ = ["cells", "csv_header", "schema_of", "table_of"]

ERROR = "error"
_LIST_SEPARATOR = ";"
_FLAGS = ("sure", "familiar", "set")


def csv_header(example: Row, top: int) -> list[str]:
    """Columns of a CSV file, as ``--csv`` prints them, with the ``top`` classes and the error.

    Those of a regression are ``value``, or the name of each value.

    Args:
        example: a row with a prediction.
        top: number of classes with columns of their own; 0 for none.
    """
    if has_values(example):
        return ["path", *columns_of(example), ERROR]
    ranks = range(1, min(top, len(example["top"])) + 1)
    tops = [name for rank in ranks for name in (f"class_{rank}", f"probability_{rank}")]
    named = ["labels"] if "labels" in example else ["label", "confidence"]
    return ["path", *named, *(name for name in _FLAGS if name in example), *tops, ERROR]


def cells(row: Row, header: Sequence[str]) -> list[str]:
    """Cells of a row in the order of a header; a row with an error has only its path and the error."""
    if row[ERROR]:
        return [{"path": row["path"], ERROR: row[ERROR]}.get(name, "") for name in header]
    if has_values(row):
        shown = {name: f"{value:.7g}" for name, value in columns_of(row).items()}
        return [{"path": row["path"], **shown}.get(name, "") for name in header]
    ranked = {
        name: value
        for rank, each in enumerate(row["top"], 1)
        for name, value in ((f"class_{rank}", each["class"]), (f"probability_{rank}", f"{each['probability']:.6f}"))
    }
    return [_cell(row, name) if name not in ranked else ranked[name] for name in header]


def _cell(row: Row, name: str) -> str:
    value = row[name]
    if name in ("labels", "set"):
        return _LIST_SEPARATOR.join(value)
    if name == "confidence":
        return f"{value:.6f}"
    return str(value).lower() if isinstance(value, bool) else value or ""


def schema_of(example: Row, record: Mapping[str, Any]) -> pyarrow.Schema:
    """Schema of the parquet files, with the record of the model under the key ``zoo`` of its metadata.

    Raises:
        RequestError: pyarrow is not installed.
    """
    pa = need_pyarrow("An output in parquet")
    top = pa.list_(pa.struct([("class", pa.string()), ("probability", pa.float32())]))
    named = {"labels": pa.list_(pa.string())} if "labels" in example else {"label": pa.string()}
    kinds = {"path": pa.string(), **named, "confidence": pa.float32(), "sure": pa.bool_(), "familiar": pa.bool_()}
    kinds |= {"set": pa.list_(pa.string()), "top": top}
    kinds |= {**dict.fromkeys(columns_of(example), pa.float32()), ERROR: pa.string()}
    if example.get("embedding") is not None:
        kinds["embedding"] = pa.list_(pa.float32(), len(example["embedding"]))
    present = {"path", *example, *columns_of(example)}
    fields = [(name, kind) for name, kind in kinds.items() if name in present]
    return pa.schema(fields, metadata={"zoo": json.dumps(record, ensure_ascii=False)})


def table_of(rows: Sequence[Row], schema: pyarrow.Schema) -> pyarrow.Table:
    """Rows as a table; what a row lacks is null."""
    pa = need_pyarrow("An output in parquet")
    flat = [{**row, **columns_of(row)} for row in rows]
    arrays = [pa.array([row.get(field.name) for row in flat], field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)
