"""Images of lists, tar files and standard input."""

from __future__ import annotations

import io
import os
import sys
import tarfile
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import DataError, RequestError
from zoo_predict.many.items import ImageItem, content
from zoo_predict.many.lists import paths_of_stream
from zoo_predict.many.sources import Sources


def tar(path: str, **files: bytes) -> None:
    with tarfile.open(path, "w") as out:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            out.addfile(member, io.BytesIO(data))


def names(*words: str, **how) -> list[str]:
    return [item.name for item in Sources(words, **how)]


def typed(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(text))))


def test_the_words_keep_their_order():
    Path("b").mkdir()
    Path("a").mkdir()
    for name in ("b/2.jpg", "b/1.png", "b/notes.txt", "a/3.jpg"):
        Path(name).write_bytes(b"")
    sources = Sources(["b", "a/*.jpg", "photo.xyz", "https://example.org/4.jpg"])
    sources.check()
    assert [item.name for item in sources] == [
        "b/1.png",
        "b/2.jpg",
        "a/3.jpg",
        "photo.xyz",
        "https://example.org/4.jpg",
    ]
    assert sources.others == {".txt": 1}
    assert sources.countable
    assert sources.count() == 5


def test_paths_of_a_list_are_relative_to_its_folder():
    Path("lists").mkdir()
    Path("lists/all.csv").write_text(
        f'label,path\ncat,1.jpg\ndog,"sub/a,b.jpg"\n,{Path("/abs/3.jpg")}\nx,http://h/4.jpg\n'
    )
    found = list(Sources(["lists/all.csv"]))
    assert [item.name for item in found] == ["1.jpg", "sub/a,b.jpg", "/abs/3.jpg", "http://h/4.jpg"]
    assert found[0].path == str(Path("lists/1.jpg").absolute())
    assert [item.path for item in found[2:]] == ["/abs/3.jpg", "http://h/4.jpg"]


def test_a_list_without_the_column_says_what_it_has():
    Path("list.csv").write_text("file,label\n1.jpg,cat\n")
    with pytest.raises(DataError, match="no column 'path'; it has: file, label"):
        Sources(["list.csv"]).check()
    with pytest.raises(RequestError, match=r"missing\.csv can't be read"):
        Sources(["missing.csv"]).check()


def test_a_parquet_list():
    pa = pytest.importorskip("pyarrow", reason="parquet is an extra: pip install 'visionzoo[parquet]'")
    import pyarrow.parquet

    pyarrow.parquet.write_table(pa.table({"label": ["a", "b"], "path": ["1.jpg", "2.jpg"]}), "list.parquet")
    Sources(["list.parquet"]).check()
    assert names("list.parquet") == ["1.jpg", "2.jpg"]
    pyarrow.parquet.write_table(pa.table({"file": ["1.jpg"]}), "other.parquet")
    with pytest.raises(DataError, match="no column 'path'"):
        Sources(["other.parquet"]).check()
    Path("broken.parquet").write_bytes(b"PAR1")
    with pytest.raises(RequestError, match=r"broken\.parquet can't be read"):
        Sources(["broken.parquet"]).check()


def test_members_of_a_tar_file_are_read_in_place():
    tar("photos.tar", **{"a/1.jpg": b"one", "a/1.cls": b"0", "a/2.PNG": b"two!"})
    sources = Sources(["photos.tar"])
    sources.check()
    found = list(sources)
    assert [item.name for item in found] == ["a/1.jpg", "a/2.PNG"]
    for item, data in zip(found, (b"one", b"two!"), strict=True):
        with content(item) as read:
            assert read == data
    assert not sources.countable


def test_a_tar_file_that_is_cut_off_is_named_after_the_images_before():
    tar("photos.tar", **{f"{i}.jpg": bytes(2000) for i in range(3)})
    os.truncate("photos.tar", 512 + 2048 + 512 + 100)
    first, second, last = Sources(["photos.tar"])
    assert (first.name, second.name, last.name) == ("0.jpg", "1.jpg", "photos.tar")
    assert "not a readable tar file" in last.problem
    with pytest.raises(DataError, match="cut off"), content(second):
        pass


def test_a_missing_tar_file_is_an_item_with_the_reason():
    (item,) = Sources(["photos.tar"])
    assert item.problem == "no such file or directory"
    with pytest.raises(DataError, match=r"photos\.tar: no such file"), content(item):
        pass


def test_a_compressed_tar_file_is_refused():
    with pytest.raises(RequestError, match=r"Decompress it first: gunzip photos\.tar\.gz"):
        Sources(["photos.tar.gz"]).check()


def test_the_headers_of_a_tar_file_are_not_kept():
    tar("photos.tar", **{f"{i:05d}.jpg": b"" for i in range(3000)})
    tracemalloc.start()
    assert sum(1 for _ in Sources(["photos.tar"])) == 3000
    assert tracemalloc.get_traced_memory()[1] < 700_000
    tracemalloc.stop()


def test_standard_input_has_a_path_a_line(monkeypatch):
    typed(monkeypatch, "1.jpg\n\nsub/2 3.jpg\r\né.jpg".encode())
    assert names("-") == ["1.jpg", "sub/2 3.jpg", "é.jpg"]


def test_standard_input_of_find_print0(monkeypatch):
    typed(monkeypatch, b"1.jpg\0new\nline.jpg\0\xff.jpg\0")
    assert names("-", null=True) == ["1.jpg", "new\nline.jpg", os.fsdecode(b"\xff.jpg")]


@given(st.lists(st.binary(min_size=1, max_size=30).filter(lambda path: b"\0" not in path)), st.integers(1, 9))
def test_a_stream_is_cut_at_its_separators_however_it_arrives(paths, size):
    class Slow(io.RawIOBase):
        rest = b"\0".join(paths)

        def read1(self, count: int) -> bytes:
            found, self.rest = self.rest[:size], self.rest[size:]
            return found

    assert [os.fsencode(path) for path in paths_of_stream(Slow(), null=True)] == paths


def test_standard_input_is_read_once():
    with pytest.raises(RequestError, match="Standard input"):
        Sources(["-", "-"]).check()


def test_a_pattern_without_a_match_is_refused_before_the_work():
    with pytest.raises(RequestError, match=r"No file matches 'no/\*\.jpg'"):
        Sources(["no/*.jpg"]).check()


def test_an_item_can_be_sent_to_another_process():
    import pickle

    item = ImageItem("1.jpg", "/photos.tar", 512, 3)
    assert pickle.loads(pickle.dumps(item)) == item
