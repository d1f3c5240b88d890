"""Parquet files: whole or absent, continued after the last one, with the record of the model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zoo.errors import OutputError, RequestError

pq = pytest.importorskip("pyarrow.parquet", reason="parquet is an extra: pip install 'visionzoo[parquet]'")

from zoo_predict.many import parts  # noqa: E402
from zoo_predict.many.output import FileShard  # noqa: E402
from zoo_predict.many.parts import PartsWriter  # noqa: E402

EXAMPLE = {"label": "a", "confidence": 0.5, "sure": True, "top": [{"class": "a", "probability": 0.5}], "error": None}
OUT = Path("out")


def row(number: int) -> dict:
    return {**EXAMPLE, "path": f"{number}.jpg"}


def begun(example: dict = EXAMPLE, shard: FileShard | None = None, *, fresh: bool = True) -> PartsWriter:
    out = PartsWriter(OUT, shard)
    out.prepare(example, 0)
    out.open({"model": "é"}, fresh=fresh)
    return out


def names() -> list[str]:
    return sorted(path.name for path in OUT.iterdir())


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(parts, "ROWS", 10)
    monkeypatch.setattr(parts, "GROUP", 4)


def test_a_file_has_so_many_rows(small):
    out = begun()
    for start in range(0, 24, 6):
        out.add([row(i) for i in range(start, start + 6)])
    assert [pq.read_table(path).num_rows for path in out.parts()] == [10, 10]
    out.close()
    assert names() == ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]
    assert pq.read_table(OUT)["path"].to_pylist() == [f"{i}.jpg" for i in range(24)]
    assert [each.path for each in begun(fresh=False).done()] == [f"{i}.jpg" for i in range(24)]


def test_an_unfinished_file_has_a_hidden_name_and_is_removed_by_the_next_process(small):
    out = begun()
    out.add([row(i) for i in range(15)])
    assert [name for name in names() if not name.startswith(".")] == ["part-00000.parquet"]
    left = [name for name in names() if name.startswith(".")]
    assert len(left) == 1
    out._writer.is_open = False  # as in a process that was killed
    again = begun(fresh=False)
    assert names() == ["part-00000.parquet"]
    again.add([row(i) for i in range(10, 15)])
    again.close()
    assert pq.read_table(OUT)["path"].to_pylist() == [f"{i}.jpg" for i in range(15)]


def test_a_file_is_finished_in_time(small, monkeypatch):
    out = begun()
    out.add([row(i) for i in range(5)])
    assert out.parts() == []
    monkeypatch.setattr(parts, "SECONDS", -1)
    out.add([row(5)])
    assert pq.read_table(out.parts()[0]).num_rows == 6


def test_rows_of_errors_are_null_but_for_the_reason():
    out = begun({**EXAMPLE, "embedding": np.zeros(3, np.float32)})
    out.add([{**row(1), "embedding": np.arange(3, dtype=np.float32)}, {"path": "2.jpg", "error": "no such file"}])
    out.close()
    good, bad = pq.read_table(OUT).to_pylist()
    assert good == {**row(1), "embedding": [0.0, 1.0, 2.0]}
    assert bad == {**dict.fromkeys(good), "path": "2.jpg", "error": "no such file"}
    assert str(pq.read_schema(out.parts()[0]).field("embedding").type) == "fixed_size_list<element: float>[3]"
    assert [each.failed for each in begun(fresh=False).done()] == [False, True]


def test_several_labels():
    out = begun({"labels": ["a"], "top": EXAMPLE["top"], "error": None})
    out.add([{"path": "1.jpg", "labels": ["a", "b"], "top": EXAMPLE["top"], "error": None}])
    out.close()
    assert pq.read_table(OUT)["labels"].to_pylist() == [["a", "b"]]


def test_the_record_is_in_the_metadata():
    out = begun()
    out.add([row(1)])
    out.close()
    assert PartsWriter(OUT).record() == {"model": "é"}
    pq.write_table(pq.read_table(OUT).replace_schema_metadata({}), OUT / "part-00000.parquet")
    with pytest.raises(RequestError, match="was not written by zoo predict"):
        PartsWriter(OUT).record()


def test_shards_write_beside_each_other_and_begin_again_alone(small):
    for number in (1, 2):
        out = begun(shard=FileShard(number, 2))
        out.add([row(i) for i in range(number, 30, 2)])
        out.close()
    begun(shard=FileShard(2, 2))
    assert names() == ["part-1-of-2-00000.parquet", "part-1-of-2-00001.parquet"]
    assert not PartsWriter(OUT).exists()


def test_without_a_row_there_is_a_file_with_the_columns():
    begun().close()
    assert pq.read_table(OUT).column_names == ["path", *EXAMPLE]


def test_a_name_that_is_not_utf8_is_legible():
    out = begun()
    out.add([{**EXAMPLE, "path": "\udcff.jpg"}])
    out.close()
    assert pq.read_table(OUT)["path"].to_pylist() == ["\\xff.jpg"]


def test_a_full_disk_leaves_the_finished_files(small, monkeypatch):
    out = begun()
    out.add([row(i) for i in range(12)])

    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(OutputError, match="No space left"):
        out.add([row(i) for i in range(12, 20)])
    assert names() == ["part-00000.parquet"]


def test_a_file_in_place_of_the_folder_is_refused():
    OUT.write_text("")
    with pytest.raises(RequestError, match="out is a file"):
        PartsWriter(OUT)
