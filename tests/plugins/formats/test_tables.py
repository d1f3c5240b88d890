"""Parquet and Arrow files that datasets, pyarrow and pandas wrote."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pa = pytest.importorskip("pyarrow", reason="Parquet is an extra: pip install 'visionzoo[parquet]'")
pq = pytest.importorskip("pyarrow.parquet")
feather_files = pytest.importorskip("pyarrow.feather")
datasets = pytest.importorskip("datasets", reason="the hub's datasets are an extra: pip install 'visionzoo[datasets]'")

NAMES = ["cat", "dog"]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    datasets.disable_progress_bars()


def picture(number: int) -> Image.Image:
    return Image.fromarray(np.full((10, 12, 3), number * 9 % 256, np.uint8))


def encoded(number: int) -> bytes:
    file = io.BytesIO()
    picture(number).save(file, "png")
    return file.getvalue()


def made(count: int, begin: int = 0, labels: Any = None) -> Any:
    """A dataset of the library datasets, with the hub's descriptions of its columns."""
    features = datasets.Features(
        image=datasets.Image(),
        label=labels or datasets.ClassLabel(names=NAMES),
        camera=datasets.Value("string"),
        group=datasets.Value("int64"),
    )
    rows = range(begin, begin + count)
    several = isinstance(labels, datasets.List) if labels is not None else False
    return datasets.Dataset.from_dict(
        {
            "image": [picture(i) for i in rows],
            "label": [[0, 1][: i % 3] if several else i % 2 for i in rows],
            "camera": [f"c{i % 3}" for i in rows],
            "group": [i // 4 for i in rows],
        },
        features=features,
    )


def parquet(root: Path) -> Path:
    made(12).to_parquet(root / "pets.parquet")
    return root / "pets.parquet"


def feather(root: Path) -> Path:
    feather_files.write_feather(made(12).data.table, root / "pets.feather", compression="uncompressed")
    return root / "pets.feather"


def plain(root: Path) -> Path:
    """As pandas writes it: bytes and names, without a description."""
    table = {"image": [encoded(i) for i in range(12)], "label": [NAMES[i % 2] for i in range(12)]}
    table["camera"] = [f"c{i % 3}" for i in range(12)]
    table["group"] = [i // 4 for i in range(12)]
    pq.write_table(pa.table(table), root / "pets.parquet", row_group_size=5)
    return root / "pets.parquet"


def paths(root: Path) -> Path:
    for i in range(12):
        (root / "pictures").mkdir(exist_ok=True)
        picture(i).save(root / "pictures" / f"{i}.png")
    table = {"path": [f"pictures/{i}.png" for i in range(12)], "label": [NAMES[i % 2] for i in range(12)]}
    table["camera"] = [f"c{i % 3}" for i in range(12)]
    table["group"] = [i // 4 for i in range(12)]
    pq.write_table(pa.table(table), root / "pets.parquet")
    return root / "pets.parquet"


def saved(root: Path) -> Path:
    made(12).save_to_disk(root / "saved")
    return root / "saved"


def in_parts(root: Path) -> Path:
    (root / "data").mkdir()
    made(5).to_parquet(root / "data" / "part-0.parquet")
    made(7, 5).to_parquet(root / "data" / "part-1.parquet")
    return root


WRITERS: list[Callable[[Path], Path]] = [parquet, feather, plain, paths, saved, in_parts]


@pytest.mark.parametrize("write", WRITERS)
def test_each_file_has_its_images_labels_groups_and_attributes(
    write: Callable[[Path], Path], tmp_path: Path, look: Any
):
    from zoo.data.decode import full_size

    found = look(write(tmp_path))
    assert found.id == "formats/parquet"
    assert list(found.splits) == ["train"]
    data = found.splits["train"]
    assert found.labels["train"] == [NAMES[i % 2] for i in range(12)]
    assert data.attributes["camera"] == [f"c{i % 3}" for i in range(12)]
    assert data.groups == [str(i // 4) for i in range(12)]
    assert data.notices == []
    again = pickle.loads(pickle.dumps(data))
    for i in (11, 0, 5):
        assert (full_size(again[i][0], 3) == i * 9).all()
    assert data.fingerprint == again.fingerprint


def test_the_same_images_have_one_fingerprint_in_any_file(tmp_path: Path, look: Any):
    prints = set()
    for write in (parquet, feather, saved, in_parts):
        (tmp_path / write.__name__).mkdir()
        prints.add(look(write(tmp_path / write.__name__)).splits["train"].fingerprint)
    assert len(prints) == 1


def test_the_hubs_layouts_have_splits(tmp_path: Path, look: Any, runs: Any):
    parts = datasets.DatasetDict(train=made(12), validation=made(4, 12), test=made(6, 16))
    parts.save_to_disk(tmp_path / "saved")
    (tmp_path / "hub" / "data").mkdir(parents=True)
    (tmp_path / "hub" / "README.md").write_text("---\nlicense: mit\n---\n", "utf-8")
    for name, part in parts.items():
        part.to_parquet(tmp_path / "hub" / "data" / f"{name}-00000-of-00001.parquet")
    for folder in ("saved", "hub"):
        found = look(tmp_path / folder)
        assert found.id == "formats/parquet"
        assert {split: len(data) for split, data in found.splits.items()} == {"train": 12, "val": 4, "test": 6}
    assert runs(tmp_path / "hub")["splits"]["val"]["images"] == 4


def test_a_column_of_splits_and_a_list_of_labels(tmp_path: Path, look: Any, runs: Any):
    several = made(12, labels=datasets.List(datasets.ClassLabel(names=NAMES)))
    split = ["train"] * 8 + ["validation"] * 4
    several.add_column("split", split).to_parquet(tmp_path / "a.parquet")
    found = look(tmp_path / "a.parquet")
    assert found.labels["train"][:3] == [(), ("cat",), ("cat", "dog")]
    assert len(found.splits["val"]) == 4
    assert "split" not in found.splits["val"].attributes
    result = runs(tmp_path / "a.parquet")
    assert result["splits"]["val"]["images"] == 4


def test_rows_without_a_label_are_counted(tmp_path: Path, look: Any):
    table = pa.table({"image": [encoded(i) for i in range(6)], "label": ["a", "b", None, "a", "", "b"]})
    pq.write_table(table, tmp_path / "a.parquet")
    data = look(tmp_path / "a.parquet").splits["train"]
    assert len(data) == 4
    assert data.notices == [f"Not used: 2 of 6 rows of {tmp_path / 'a.parquet'}, which have no label."]


def test_numbers_without_names_are_said_and_can_be_named(tmp_path: Path, look: Any):
    table = pa.table({"image": [encoded(i) for i in range(6)], "label": [0, 1, 0, 1, 0, 1]})
    pq.write_table(table, tmp_path / "a.parquet")
    data = look(tmp_path / "a.parquet").splits["train"]
    assert data.classes == ["0", "1"]
    assert "name them in order with dataset.class_names" in data.notices[0]
    assert look(tmp_path / "a.parquet", class_names=NAMES).splits["train"].classes == NAMES


def test_the_same_picture_with_two_labels_is_said(tmp_path: Path, look: Any):
    table = pa.table({"image": [encoded(i) for i in (0, 1, 0, 3)], "label": ["a", "b", "b", "a"]})
    pq.write_table(table, tmp_path / "a.parquet")
    (notice,) = look(tmp_path / "a.parquet").splits["train"].notices
    assert "1 picture occurs more than once" in notice
    assert "'a' and 'b'" in notice


def test_a_row_without_an_image_is_a_bad_image(tmp_path: Path, runs: Any):
    images = [encoded(i) for i in range(12)]
    images[3], images[4] = None, b"no picture"  # type: ignore[call-overload]
    pq.write_table(pa.table({"image": images, "label": [NAMES[i % 2] for i in range(12)]}), tmp_path / "a.parquet")
    result = runs(tmp_path / "a.parquet", "--set", "data.max_bad_fraction=0.5")
    skipped = " ".join(result["notices"])
    assert "row 3 (the row has no image)" in skipped
    assert "row 4 (not a readable image)" in skipped


def test_a_folder_of_class_folders_with_a_table_beside_them_stays_one(tmp_path: Path, look: Any, colours: Path):
    import shutil

    shutil.copytree(colours, tmp_path / "colours")
    parquet(tmp_path / "colours")
    assert look(tmp_path / "colours").id == "images/image_folder"


def spoiled(root: Path, **columns: Any) -> Path:
    table = {"image": [encoded(i) for i in range(4)], "label": ["a", "b", "a", "b"], **columns}
    pq.write_table(pa.table({k: v for k, v in table.items() if v is not None}), root / "a.parquet")
    return root / "a.parquet"


def described(root: Path, **features: Any) -> Path:
    about = json.dumps({"info": {"features": features}}).encode()
    table = pa.table({"image": [encoded(0)] * 2, "label": [0, 7], "other": [0, 1]})
    pq.write_table(table.replace_schema_metadata({b"huggingface": about}), root / "a.parquet")
    return root / "a.parquet"


LABEL = {"_type": "ClassLabel", "names": NAMES}
BROKEN: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no images": (lambda root: spoiled(root, image=None), "has no column of images that the zoo knows"),
    "no labels": (lambda root: spoiled(root, label=None), "has no column of labels that the zoo knows"),
    "two labels": (lambda root: spoiled(root, target=["a"] * 4), "several columns of labels: label, target"),
    "two images": (lambda root: spoiled(root, other=[b"a"] * 4), "several columns of images: image, other"),
    "decimal labels": (lambda root: spoiled(root, label=[0.5, 1.5, 2.5, 3.5]), "has decimal numbers"),
    "unknown split": (lambda root: spoiled(root, split=["train", "dev", "x", "x"]), "unknown split 'dev'"),
    "one class": (lambda root: spoiled(root, label=["a"] * 4), "only the class 'a'"),
    "no rows": (lambda root: spoiled(root, label=[""] * 4), "has no row with an image and a label"),
    "unknown class": (lambda root: described(root, label=LABEL), "the label 7 has no name"),
    "images as numbers": (lambda root: spoiled(root, image=[[1, 2], [3, 4]] * 2), "'image' of "),
    "images as text": (lambda root: spoiled(root, image=[7] * 4), "has int64, and an image is"),
    "path outside": (lambda root: spoiled(root, image=None, path=["../a.png"] * 4), "is not in"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_table_with_other_columns_is_refused(case: str, tmp_path: Path, refused: Any):
    write, reason = BROKEN[case]
    assert reason in refused("run", "simple_cnn", write(tmp_path), "--recipe", "none")


@pytest.mark.parametrize("write", [parquet, feather])
def test_a_truncated_file_is_refused(write: Callable[[Path], Path], tmp_path: Path, refused: Any):
    path = write(tmp_path)
    data = path.read_bytes()
    for size in (3, 100, len(data) // 2, len(data) - 9):
        path.write_bytes(data[:size])
        assert f"{path} can't be read as " in refused("run", "simple_cnn", path)


def test_a_damaged_page_is_refused(tmp_path: Path, refused: Any):
    """The footer is whole, the bytes of the images are not."""
    path = plain(tmp_path)
    data = bytearray(path.read_bytes())
    data[4:200] = bytes(196)
    path.write_bytes(data)
    assert f"{path} is damaged" in refused("run", "simple_cnn", path)


def test_a_folder_of_several_datasets_asks_for_one(tmp_path: Path, refused: Any):
    for name in ("large", "small"):
        (tmp_path / name).mkdir()
        parquet(tmp_path / name)
    assert "has tables of several datasets: large, small" in refused("run", "simple_cnn", tmp_path)


def test_files_with_and_without_a_split_are_refused(tmp_path: Path, refused: Any):
    made(4).to_parquet(tmp_path / "train.parquet")
    made(4).to_parquet(tmp_path / "more.parquet")
    assert "more.parquet has no split in the name" in refused("run", "simple_cnn", tmp_path)


def test_a_saved_dataset_names_only_its_own_files(tmp_path: Path, refused: Any):
    root = saved(tmp_path)
    state = json.loads((root / "state.json").read_text("utf-8"))
    state["_data_files"] = [{"filename": "../../secret.arrow"}]
    (root / "state.json").write_text(json.dumps(state), "utf-8")
    assert "'../../secret.arrow', which is not in" in refused("run", "simple_cnn", root)
    (root / "state.json").write_text("{", "utf-8")
    assert "state.json can't be read" in refused("run", "simple_cnn", root)


def test_an_unknown_column_is_refused(tmp_path: Path, refused: Any):
    path = parquet(tmp_path)
    text = refused("run", "simple_cnn", path, "--set", "dataset.label_column=labels")
    assert "has no column 'labels'. Did you mean 'label'?" in text


def test_pyarrow_is_an_extra(tmp_path: Path, refused: Any, monkeypatch: pytest.MonkeyPatch):
    import sys

    path = parquet(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "pip install 'visionzoo[parquet]'" in refused("run", "simple_cnn", path)


# -- the hub ------------------------------------------------------------------------------------------------


def test_a_folder_of_the_hubs_layout_is_read_by_the_library(tmp_path: Path, look: Any, runs: Any):
    """An image folder of the hub, which is no table: datasets makes one of it."""
    for i in range(12):
        folder = tmp_path / "pets" / ("train" if i < 8 else "test") / NAMES[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        picture(i).save(folder / f"{i}.png")
    found = look("hf", root=str(tmp_path / "pets"))
    assert found.id == "formats/hf"
    assert found.labels == {"train": ["cat"] * 4 + ["dog"] * 4, "test": ["cat"] * 2 + ["dog"] * 2}
    assert runs("hf", "--data", str(tmp_path / "pets"))["splits"]["test"]["images"] == 4


def test_a_folder_that_was_changed_is_read_again(tmp_path: Path, look: Any):
    for i in range(6):
        (tmp_path / "pets" / NAMES[i % 2]).mkdir(parents=True, exist_ok=True)
        picture(i).save(tmp_path / "pets" / NAMES[i % 2] / f"{i}.png")
    assert len(look("hf", root=str(tmp_path / "pets")).splits["train"]) == 6
    picture(9).save(tmp_path / "pets" / "cat" / "9.png")
    assert len(look("hf", root=str(tmp_path / "pets")).splits["train"]) == 7


class Hub:
    """The hub's answers, of a folder on this machine."""

    commit = "0123456789abcdef0123456789abcdef01234567"

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
        import huggingface_hub

        self.asked: list[tuple[str, str | None]] = []
        load = datasets.load_dataset

        def info(api: object, name: str, revision: str | None = None) -> Any:
            self.asked.append((name, revision))
            return type("Info", (), {"sha": self.commit})

        def loaded(name: str, config: str | None, revision: str | None, **how: Any) -> Any:
            assert (name, revision) == ("owner/pets", self.commit)
            return load(str(root), config, **how)

        monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", info)
        monkeypatch.setattr(datasets, "load_dataset", loaded)
        monkeypatch.delenv("ZOO_OFFLINE", raising=False)


def test_an_address_is_read_at_a_commit_that_the_result_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: Any
):
    (tmp_path / "pets" / "data").mkdir(parents=True)
    made(12).to_parquet(tmp_path / "pets" / "data" / "train-00000-of-00001.parquet")
    hub = Hub(monkeypatch, tmp_path / "pets")
    result = runs("hf:owner/pets@v1.0")
    assert ("owner/pets", "v1.0") in hub.asked
    assert Hub.commit in json.dumps(result)
    assert result["classes"] == NAMES


def test_a_stream_copies_nothing_and_reads_each_row_group_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: Any, runs: Any
):
    import huggingface_hub
    from fsspec.implementations.dirfs import DirFileSystem

    root = tmp_path / "datasets" / f"owner/pets@{Hub.commit}" / "data"
    root.mkdir(parents=True)
    made(12).to_parquet(root / "train-00000-of-00002.parquet", batch_size=4)
    made(4, 12).to_parquet(root / "validation-00000-of-00001.parquet")
    Hub(monkeypatch, tmp_path)
    names = [path.relative_to(root.parent).as_posix() for path in root.iterdir()]
    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", lambda *asked, **how: [*names, "README.md"])
    monkeypatch.setattr(huggingface_hub, "HfFileSystem", lambda: DirFileSystem(str(tmp_path)))
    data = look("hf:owner/pets", stream=True).splits["train"]
    assert data.source == f"hf:owner/pets at {Hub.commit}, streamed"
    assert len(set(data.shards)) == 3
    result = runs("hf:owner/pets", "--set", "dataset.stream=true")
    assert {split: each["images"] for split, each in result["splits"].items()} == {"train": 12, "val": 4}
    (root / "train-00000-of-00002.parquet").write_bytes(b"PAR1 and no more")
    from zoo_formats.hub import _listed

    _listed.cache_clear()
    with pytest.raises(Exception, match="can't be read as a Parquet file"):
        look("hf:owner/pets", stream=True)


def test_a_stream_needs_parquet_files_and_one_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Any
):
    import huggingface_hub

    Hub(monkeypatch, tmp_path)
    files: list[str] = ["README.md"]
    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", lambda *asked, **how: files)
    words = ("run", "simple_cnn", "--set", "dataset.stream=true")
    assert "has no Parquet files to stream" in refused(*words, "hf:owner/none")
    files += ["en/train-0.parquet", "de/train-0.parquet"]
    assert "has several configurations: de, en" in refused(*words, "hf:owner/two")
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    assert "can't be streamed: downloads are disabled" in refused(*words, "hf:owner/off")


ADDRESSES = {
    "hf:owner": "is not an address such as hf:owner/name",
    "hf:": "hf needs an address such as hf:owner/name",
    "hf:./pets": "For a folder: zoo run simple_cnn hf --data ./pets",
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_wrong_address_is_refused(address: str, refused: Any):
    assert ADDRESSES[address] in refused("run", "simple_cnn", address)
    assert "There is no folder" in refused("run", "simple_cnn", "hf", "--data", "missing")


def test_offline_an_unknown_dataset_is_refused_at_once(refused: Any, monkeypatch: pytest.MonkeyPatch):
    import huggingface_hub

    monkeypatch.setenv("ZOO_OFFLINE", "1")
    text = refused("run", "simple_cnn", "hf:owner/never-fetched")
    assert "hf:owner/never-fetched is not in the cache, and downloads are disabled" in text
    assert "zoo: " in text[:5], "no word of a connection that was tried"
    assert not datasets.config.HF_HUB_OFFLINE
    assert not huggingface_hub.constants.HF_HUB_OFFLINE


def test_a_dataset_that_the_hub_does_not_have_is_refused(refused: Any, monkeypatch: pytest.MonkeyPatch):
    import huggingface_hub

    def info(*asked: object, **how: object) -> None:
        raise OSError("the connection was refused")

    monkeypatch.delenv("ZOO_OFFLINE", raising=False)
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", info)
    text = refused("run", "simple_cnn", "hf:owner/name@v2")
    assert "hf:owner/name at 'v2' can't be reached: the connection was refused." in text


def test_the_library_is_an_extra(refused: Any, monkeypatch: pytest.MonkeyPatch):
    import sys

    monkeypatch.setitem(sys.modules, "datasets", None)
    assert "pip install 'visionzoo[datasets]'" in refused("run", "simple_cnn", "hf:owner/extra")
