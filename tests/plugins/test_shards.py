"""``webdataset``: real shards, by this zoo, by tar and by the webdataset library; in a folder, and behind https."""

from __future__ import annotations

import io
import json
import random
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webdataset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from zoo.errors import DataError
from zoo_images.shards.dataset import WebDataset
from zoo_images.shards.listing import read_listing
from zoo_images.shards.tars import read_contents

Typed = Callable[..., tuple[int, str, str]]
SHADES = {"dark": 40, "light": 210}


def picture(name: str, seed: int, kind: str = "PNG") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 40, (20, 20, 3)) + SHADES[name]
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of class folders: 60 to train on, 20 to validate."""
    root = tmp_path_factory.mktemp("images")
    for split, count in (("train", 30), ("val", 10)):
        for name in SHADES:
            (root / split / name).mkdir(parents=True)
            for i in range(count):
                (root / split / name / f"{i}.png").write_bytes(picture(name, 1000 * len(split) + i))
    return root


@pytest.fixture
def shards(folder: Path, tmp_path: Path, zoo: Typed) -> Path:
    code, out, _ = zoo("shards", "pack", folder, tmp_path / "shards", "--images", "8")
    assert code == 0
    assert "train: 60 images in 8 shards" in out
    return tmp_path / "shards"


def pixels(dataset: Any) -> dict[bytes, str]:
    return {np.asarray(dataset[i][0]).tobytes(): dataset.classes[dataset[i][1]] for i in range(len(dataset))}


def tar(path: Path, members: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as out:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return path.parent


def two(first: str = "1.cls", second: str = "2.cls", a: bytes = b"dark", b: bytes = b"light") -> dict[str, bytes]:
    return {"1.png": picture("dark", 1), first: a, "2.png": picture("light", 2), second: b}


def test_packing_loses_no_image_and_no_name(shards: Path, folder: Path):
    from zoo_images.folders import ImageFolder

    for split in ("train", "val"):
        assert pixels(WebDataset(shards, split)) == pixels(ImageFolder(folder, split))
    assert WebDataset.available_splits(shards) == ("train", "val")
    assert len(np.unique(WebDataset(shards, "train").shards)) == 8


def test_the_same_folder_packs_to_the_same_bytes(folder: Path, shards: Path, tmp_path: Path, zoo: Typed):
    assert zoo("shards", "pack", folder, tmp_path / "again", "--images", "8")[0] == 0
    assert [f.read_bytes() for f in sorted((tmp_path / "again").iterdir())] == [
        f.read_bytes() for f in sorted(shards.iterdir())
    ]


def test_shards_of_the_webdataset_library_are_read(tmp_path: Path):
    (tmp_path / "made").mkdir()
    with webdataset.ShardWriter(str(tmp_path / "made" / "train-%04d.tar"), maxcount=5, verbose=0) as writer:
        for i in range(12):
            name = list(SHADES)[i % 2]
            writer.write({"__key__": f"s{i:03d}", "png": picture(name, i), "cls": i % 2})
    (tmp_path / "made" / "classes.txt").write_text("dark\nlight\n")
    dataset = WebDataset(tmp_path / "made", "train")
    assert (dataset.classes, list(dataset.targets)) == (["dark", "light"], [0, 1] * 6)
    assert [dataset.name_of(i) for i in (0, 5)] == ["train-0000.tar:s000", "train-0001.tar:s005"]
    assert pixels(dataset) == {
        np.asarray(Image.open(io.BytesIO(picture(list(SHADES)[i % 2], i)))).tobytes(): list(SHADES)[i % 2]
        for i in range(12)
    }


def test_the_librarys_own_reader_finds_in_ours_what_we_do(shards: Path):
    files = sorted(str(p) for p in shards.glob("train-*.tar"))
    theirs = [(s["png"], s["cls"].decode()) for s in webdataset.WebDataset(files, shardshuffle=False)]
    ours = WebDataset(shards, "train")
    assert [name for _, name in theirs] == [ours.classes[t] for t in ours.targets]
    assert [np.asarray(Image.open(io.BytesIO(data))).tobytes() for data, _ in theirs] == [
        np.asarray(ours[i][0]).tobytes() for i in range(len(ours))
    ]


@pytest.mark.parametrize(
    ("members", "classes"),
    [
        (two(), ["dark", "light"]),
        (two(a=b"10", b=b"9"), ["9", "10"]),
        (two("1.json", "2.json", b'{"label": "dark"}', b'{"label": "light"}'), ["dark", "light"]),
        (two("1.json", "2.json", b'{"label": 3}', b'{"label": 1}'), ["1", "3"]),
        ({"dark/1.png": picture("dark", 1), "light/1.png": picture("light", 1)}, ["dark", "light"]),
        ({"./a/dark/1.png": picture("dark", 1), "./a/light/1.png": picture("light", 1)}, ["dark", "light"]),
    ],
    ids=["names", "numbers", "json", "json numbers", "folders", "folders below"],
)
def test_where_a_label_may_stand(tmp_path: Path, members: dict[str, bytes], classes: list[str]):
    dataset = WebDataset(tar(tmp_path / "s" / "0.tar", members), "train")
    assert dataset.classes == classes
    dark = next(i for i in range(2) if np.asarray(dataset[i][0]).mean() < 100)
    assert [dataset.classes[t] for t in dataset.targets][dark] in ("dark", "10", "3")
    assert (dataset.notices != []) == all(name.isdigit() for name in classes)


def test_names_with_dots_are_images_of_their_own_where_the_folder_is_the_class(tmp_path: Path):
    members = {f"{name}/{name}.{i}.png": picture(name, i) for name in SHADES for i in range(3)}
    dataset = WebDataset(tar(tmp_path / "s" / "0.tar", members), "train")
    assert [dataset.name_of(i) for i in range(6)] == [f"0.tar:{n.removesuffix('.png')}" for n in members]
    assert [dataset.classes[t] for t in dataset.targets] == ["dark"] * 3 + ["light"] * 3


def test_masks_beside_an_image_are_not_images(tmp_path: Path):
    members = {**two(), "3.seg.png": picture("dark", 5), "3.png": picture("dark", 6), "3.cls": b"dark"}
    dataset = WebDataset(tar(tmp_path / "s" / "0.tar", members), "train")
    assert len(dataset) == 3
    assert np.array_equal(np.asarray(dataset[2][0]), np.asarray(Image.open(io.BytesIO(picture("dark", 6)))))


def test_another_field_of_the_json_is_named(tmp_path: Path):
    root = tar(tmp_path / "s" / "0.tar", two("1.json", "2.json", b'{"kind": "a"}', b'{"kind": "b"}'))
    with pytest.raises(DataError, match=r"dataset[.]field=NAME"):
        WebDataset(root, "train")
    assert WebDataset(root, "train", field="kind").classes == ["a", "b"]


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"1.png": b"x"}, "1 in .* has no label"),
        (two("1.json", "2.json", b"{", b"{}"), "1.json in .* has no 'label'"),
        (two("1.json", "2.json", b'{"label": [1]}', b"{}"), r"'label' is \[1\], not a name or number"),
        ({"1.txt": b"x"}, "contains no images"),
        (two(b=b"dark"), "only one class"),
        ({"1.png": b"x", "1.cls": b"x" * 70_000}, "is not a label"),
    ],
)
def test_what_is_wrong_in_a_shard_is_said(tmp_path: Path, members: dict[str, bytes], words: str):
    root = tar(tmp_path / "s" / "0.tar", members)
    with pytest.raises(DataError, match=words):
        WebDataset(root, "train")


def test_a_number_without_a_name_is_refused(tmp_path: Path):
    root = tar(tmp_path / "s" / "0.tar", two(a=b"0", b=b"2"))
    (root / "classes.txt").write_text("dark\nlight\n")
    with pytest.raises(DataError, match=r"The label 2 .* has no name: classes[.]txt names 2, from 0 to 1"):
        WebDataset(root, "train")


def test_splits_by_folder_and_by_name(tmp_path: Path):
    for name in ("train/a.tar", "valid/a.tar"):
        tar(tmp_path / "folders" / name, two())
    assert WebDataset.available_splits(tmp_path / "folders") == ("train", "val")
    for name in ("train-0.tar", "test_0.tar"):
        tar(tmp_path / "names" / name, two())
    assert WebDataset.available_splits(tmp_path / "names") == ("train", "test")
    tar(tmp_path / "names" / "more.tar", two())
    with pytest.raises(DataError, match=r"more[.]tar has no split"):
        WebDataset.available_splits(tmp_path / "names")


@pytest.mark.parametrize("bytes_left", [700, 1600, 2100])
def test_a_shard_that_is_cut_short_is_named(tmp_path: Path, bytes_left: int):
    root = tar(tmp_path / "s" / "0.tar", two())
    whole = (root / "0.tar").read_bytes()
    (root / "0.tar").write_bytes(whole[:bytes_left])
    with pytest.raises(DataError, match=r"0\.tar"):
        WebDataset(root, "train")


def test_a_compressed_shard_is_refused(tmp_path: Path):
    import gzip

    root = tar(tmp_path / "s" / "0.tar", two())
    (root / "0.tar").write_bytes(gzip.compress((root / "0.tar").read_bytes()))
    with pytest.raises(DataError, match="not an uncompressed tar file"):
        WebDataset(root, "train")


def test_links_out_of_a_shard_are_never_followed(tmp_path: Path):
    """A naive reader that unpacks would give the secret's bytes as an image."""
    (tmp_path / "secret.png").write_bytes(picture("dark", 9))
    root = tar(tmp_path / "s" / "0.tar", two())
    with tarfile.open(root / "0.tar", "a") as out:
        link = tarfile.TarInfo("dark/3.png")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret.png")
        out.addfile(link)
    with tarfile.open(root / "0.tar") as naive:
        naive.extractall(tmp_path / "naive", filter="fully_trusted")
    assert (tmp_path / "naive" / "dark" / "3.png").read_bytes() == (tmp_path / "secret.png").read_bytes()
    assert len(WebDataset(root, "train")) == 2


def test_a_list_of_shards_that_lie_elsewhere_is_refused(shards: Path):
    listed = json.loads((shards / "shards.json").read_text())
    for bad in ("../secret.tar", "/etc/passwd", "a/../../b.tar", "a//b.tar", ""):
        listed["splits"]["train"][0]["file"] = bad
        (shards / "shards.json").write_text(json.dumps(listed))
        with pytest.raises(DataError, match="is not a shard"):
            WebDataset(shards, "train")


def test_a_shard_that_was_changed_since_it_was_listed_is_named(shards: Path, zoo: Typed):
    tar(shards / "train-000000.tar", two())
    with pytest.raises(DataError, match=r"it was changed.*zoo shards index"):
        WebDataset(shards, "train")
    assert zoo("shards", "index", shards)[0] == 0
    assert len(WebDataset(shards, "train")) == 54
    (shards / "train-000001.tar").unlink()
    with pytest.raises(DataError, match=r"train-000001[.]tar is missing.*zoo shards index"):
        WebDataset(shards, "train")


def test_training_on_shards_is_as_on_the_same_images_streamed(shards: Path, zoo: Typed, tmp_path: Path, numbers: Any):
    """Decoded once or for every batch: the same order, the same numbers."""
    words = [
        "run",
        "simple_cnn",
        "webdataset",
        "--data",
        shards,
        "--epochs",
        "2",
        "--image-size",
        "20",
        "--device",
        "cpu",
        "--set",
        "architecture.channels=[8]",
    ]
    found = []
    for store in ("disk", "stream"):
        code, _, error = zoo(*words, "--set", f"data.store={store}", "--out", tmp_path, "--name", store, "--quiet")
        assert code == 0, error
        result = json.loads((tmp_path / store / "result.json").read_text())
        found.append((numbers(result), result["metrics"]))
    assert found[0] == found[1]
    assert result["splits"]["train"]["images"] == 60


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["webdataset"], "webdataset needs a folder of .tar files"),
        (["webdataset", "--data", "nowhere"], "nowhere. Give the folder"),
        (["webdataset", "--data", "."], "There are no .tar files"),
        (["webdataset", "--set", "dataset.url=http://localhost/s.json"], "only https"),
    ],
)
def test_what_can_be_wrong_is_said_before_anything_starts(zoo: Typed, words: list[str], said: str):
    code, _, error = zoo("run", "simple_cnn", *words)
    assert code == 2
    assert said in " ".join(error.split())


def test_a_folder_of_shards_says_what_to_type(shards: Path, zoo: Typed):
    code, _, error = zoo("run", "simple_cnn", shards)
    assert code == 2
    assert "zoo run simple_cnn webdataset --data" in " ".join(error.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pack", "nowhere", "out"], "There is no folder nowhere"),
        (["pack", "{folder}", "{folder}"], "is not empty"),
        (["index", "nowhere"], "There is no folder nowhere"),
    ],
)
def test_the_command_refuses_what_it_cannot_do(folder: Path, zoo: Typed, words: list[str], said: str):
    code, _, error = zoo("shards", *(w.format(folder=folder) for w in words))
    assert code == 2
    assert said in " ".join(error.split())


@pytest.fixture
def served(https: Any, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    for file in shards.iterdir():
        (https.folder / file.name).write_bytes(file.read_bytes())
    return https


def test_shards_behind_https_are_those_of_the_folder(served: Any, shards: Path):
    for url in (served.url, f"{served.url}/shards.json"):
        web, here = WebDataset(None, "train", url=url), WebDataset(shards, "train")
        assert pixels(web) == pixels(here)
        assert web.fingerprint == here.fingerprint
    assert len([path for path in served.asked if path.endswith(".tar")]) == 8, "each is fetched once"


@pytest.mark.slow
def test_what_was_fetched_before_needs_no_server(served: Any):
    before = pixels(WebDataset(None, "train", url=served.url))
    served.server.shutdown()
    served.server.server_close()
    assert pixels(WebDataset(None, "train", url=served.url)) == before


def test_only_as_many_shards_are_kept_as_there_is_room_for(served: Any, tmp_path: Path):
    dataset = WebDataset(None, "train", url=served.url, room=65e3 / (1 << 30))
    whole = sum(f.stat().st_size for f in served.folder.glob("train-*.tar"))
    order = list(range(len(dataset)))
    random.Random(0).shuffle(order)
    for i in order:
        assert np.asarray(dataset[i][0]).shape == (20, 20, 3)
        kept = sum(f.stat().st_size for f in tmp_path.glob("cache/shards/web/*/tars/*"))
        assert 0 < kept <= 65e3 < whole


def test_a_shard_that_was_tampered_with_is_refused(served: Any):
    file = served.folder / "train-000003.tar"
    data = bytearray(file.read_bytes())
    data[600] ^= 1
    file.write_bytes(bytes(data))
    dataset = WebDataset(None, "train", url=served.url)
    with pytest.raises(DataError, match="changed or damaged"):
        pixels(dataset)


def test_a_list_that_was_tampered_with_is_refused_where_its_checksum_is_told(served: Any):
    with pytest.raises(DataError, match=r"changed or damaged|is not what"):
        WebDataset(None, "train", url=served.url, sha256="0" * 64)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    document=st.one_of(
        st.text(max_size=200),
        json_values.map(json.dumps),
        st.fixed_dictionaries(
            {
                "version": st.just(1),
                "splits": json_values,
                "items": json_values,
                "sha256": json_values,
                "bytes": json_values,
            }
        ).map(json.dumps),
    )
)
def test_documents_from_a_stranger_give_typed_errors_only(document: str):
    for read in (read_listing, read_contents):
        try:
            read(document, "a file")
        except DataError:
            continue


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(at=st.integers(0, 10_000), byte=st.integers(0, 255), keep=st.integers(0, 10_240))
def test_a_damaged_shard_gives_typed_errors_only(tmp_path: Path, at: int, byte: int, keep: int):
    root = tar(tmp_path / "s" / "0.tar", two())
    data = bytearray((root / "0.tar").read_bytes())
    data[at % len(data)] = byte
    (root / "0.tar").write_bytes(bytes(data[: max(keep, 1)] if keep % 2 else data))
    try:
        dataset = WebDataset(root, "train")
        for i in range(len(dataset)):
            dataset[i]
    except (DataError, OSError, SyntaxError, ValueError):
        return
