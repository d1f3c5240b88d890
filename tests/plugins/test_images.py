"""image_folder, image_csv and digits: layouts, order, and what is said when something is wrong."""

from __future__ import annotations

import inspect
import pickle
import shutil
import subprocess
import sys
import unicodedata
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, UnidentifiedImageError

from zoo.errors import DataError
from zoo.plugin import Dataset
from zoo_images import plugin
from zoo_images.digits import digits, to_uint8
from zoo_images.files import did_you_mean, shorten
from zoo_images.folders import ImageFolder
from zoo_images.tables import ImageCsv


def put(root: Path, *names: str) -> Path:
    """Make each named image: 4x4, with a colour that follows from its name."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (len(name) * 5 % 256, 0, 0)).save(root / name)
    return root


def error_of(call: object, *args: object, **params: object) -> str:
    with pytest.raises(DataError) as caught:
        call(*args, **params)  # type: ignore[operator]
    return str(caught.value)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return put(tmp_path / "pets", "dogs/2.jpg", "cats/10.png", "cats/9.JPEG", "cats/sub/1.bmp", "dogs/1.webp")


# --- the components ---------------------------------------------------------------------------------------


def test_components_have_factories_with_typed_parameters() -> None:
    components = {component.name: component for component in plugin.zoo_datasets()}
    assert set(components) == {"cats_dogs", "image_folder", "image_csv", "webdataset", "digits"}
    for component in components.values():
        assert isinstance(component, Dataset)
        module, attribute = component.target.split(":")
        parameters = inspect.signature(getattr(import_module(module), attribute), eval_str=True).parameters
        assert list(parameters)[:2] == ["root", "split"]
        assert all(p.annotation is not p.empty for p in parameters.values())
        assert all(p.default is not p.empty for p in list(parameters.values())[2:])


def test_describing_and_listing_files_import_nothing_heavy(plain: Path) -> None:
    code = (
        "import sys; from pathlib import Path; import zoo_images.plugin, zoo_images.cats_dogs, zoo_images.digits\n"
        "from zoo_images.tables import ImageCsv; from zoo_images.folders import ImageFolder\n"
        f"assert len(ImageFolder(Path({str(plain)!r}), 'train')) == 5\n"
        "print([m for m in ('torch', 'torchvision', 'sklearn', 'numpy', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- image_folder: layouts --------------------------------------------------------------------------------


def test_plain_folder_is_train_and_all_of_it(plain: Path) -> None:
    assert ImageFolder.available_splits(plain) == ("train",)
    train, everything = ImageFolder(plain, "train"), ImageFolder(plain, "all")
    assert train.classes == ["cats", "dogs"]
    assert train.targets == [0, 0, 0, 1, 1]
    # By class, then by path as text, folders among the files.
    assert [Path(p).relative_to(plain).as_posix() for p in train.paths] == [
        "cats/10.png",
        "cats/9.JPEG",
        "cats/sub/1.bmp",
        "dogs/1.webp",
        "dogs/2.jpg",
    ]
    assert everything.paths == train.paths
    assert train.notices == []
    assert str(plain) in train.source


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Val"])
def test_split_folders_in_the_order_train_val_test(tmp_path: Path, val: str) -> None:
    put(tmp_path, "test/a/1.png", "test/b/1.png", f"{val}/a/1.png", "train/a/1.png", "train/b/1.png", "train/b/2.png")
    assert ImageFolder.available_splits(tmp_path) == ("train", "val", "test")
    assert len(ImageFolder(tmp_path, "train")) == 3
    assert ImageFolder(tmp_path, "val").classes == ["a"]
    assert "no split 'all'" in error_of(ImageFolder, tmp_path, "all")


@pytest.mark.parametrize("only", ["test", "val"])
def test_a_folder_with_one_split_offers_that(tmp_path: Path, only: str) -> None:
    put(tmp_path, f"{only}/a/1.png", f"{only}/b/1.png")
    assert ImageFolder.available_splits(tmp_path) == (only,)
    assert len(ImageFolder(tmp_path, only)) == 2
    message = error_of(ImageFolder, tmp_path, "train")
    assert "no split 'train'" in message
    assert f"It has: {only}." in message


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    put(tmp_path, "bus/1.png", "train/1.png")
    assert ImageFolder(tmp_path, "train").classes == ["bus", "train"]


def test_hidden_and_junk_is_ignored(plain: Path) -> None:
    put(plain, ".cache/1.png", "cats/.hidden.png", "cats/.thumbs/1.png", "__MACOSX/cats/1.png")
    (plain / "cats" / "Thumbs.db").write_bytes(b"x")
    (plain / "cats" / "notes.txt").write_text("x")
    assert len(ImageFolder(plain, "train")) == 5
    assert ImageFolder(plain, "train").notices == []


def test_links_are_followed_and_loops_end(plain: Path, tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", "1.png", "2.png")
    (plain / "foxes").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (plain / "cats" / "loop").symlink_to(plain / "cats", target_is_directory=True)
    data = ImageFolder(plain, "train")
    assert [data.targets.count(i) for i in range(3)] == [3, 2, 2]


def test_class_names_are_in_unicode_composed_form(tmp_path: Path) -> None:
    put(tmp_path, unicodedata.normalize("NFD", "café") + "/1.png", "bar/1.png")
    assert ImageFolder(tmp_path, "train").classes == ["bar", unicodedata.normalize("NFC", "café")]


def test_what_is_not_used_is_said(tmp_path: Path) -> None:
    put(tmp_path, "train/a/1.png", "train/b/1.png", "train/loose.png", "extra/1.png", "test/7.png")
    (tmp_path / "train" / "a" / "2.PSD").write_bytes(b"x")
    notices = "\n".join(ImageFolder(tmp_path, "train").notices)
    assert ImageFolder.available_splits(tmp_path) == ("train",)
    assert "extra/, test/" in notices
    assert "1 images in" in notices
    assert "1 .psd file in" in notices
    assert "convert .psd to .jpg" in notices


def test_heic_without_its_package_is_named_with_what_to_type(tmp_path: Path, without_heif: None) -> None:
    put(tmp_path, "a/1.png", "b/1.png")
    for name in ("2.HEIC", "3.heic", "4.psd"):
        (tmp_path / "a" / name).write_bytes(b"x")
    (notice,) = ImageFolder(tmp_path, "train").notices
    assert notice == (
        f"Not used: 2 .heic files, 1 .psd file in {tmp_path}; to read .heic: pip install 'visionzoo[heif]'; "
        "convert .psd to .jpg."
    )


def test_heic_webp_avif_and_jfif_are_images_like_any(tmp_path: Path) -> None:
    pytest.importorskip("pi_heif", reason="HEIC is an extra: pip install 'visionzoo[heif]'")
    put(tmp_path, "a/1.webp", "a/2.avif", "a/3.jfif", "b/1.png")
    shutil.copy(Path(__file__).parents[1] / "data/formats/red.heic", tmp_path / "a" / "4.HEIC")
    data = ImageFolder(tmp_path, "train")
    assert data.notices == []
    assert [data[i][0].format for i in range(5)] == ["WEBP", "AVIF", "JPEG", "HEIF", "PNG"]
    (tmp_path / "list.csv").write_text("path,label\na/4.HEIC,a\nb/1.png,b\n")
    assert ImageCsv(tmp_path / "list.csv", "train")[0][0].size == (48, 32)


# --- image_folder: the object -----------------------------------------------------------------------------


def test_images_are_opened_lazily_and_labelled(plain: Path) -> None:
    data = ImageFolder(plain, "train")
    image, label = data[4]
    assert image.size == (4, 4)
    assert not getattr(image, "_im", None), "the pixels were decoded"
    assert data.classes[label] == "dogs"
    assert data.name_of(4) == str(plain / "dogs" / "2.jpg")
    assert [data[i][1] for i in range(len(data))] == data.targets


def test_broken_images_raise_what_the_core_catches(plain: Path) -> None:
    (plain / "cats" / "0.jpg").write_text("not an image")
    (plain / "cats" / "00.jpg").write_bytes(b"")
    data = ImageFolder(plain, "train")
    for i in (0, 1):
        with pytest.raises(UnidentifiedImageError):
            data[i]
    Path(data.paths[0]).unlink()
    with pytest.raises(FileNotFoundError):
        data[0]


def test_pickles(plain: Path) -> None:
    data = pickle.loads(pickle.dumps(ImageFolder(plain, "train")))
    assert data[0][0].size == (4, 4)
    assert data.classes == ["cats", "dogs"]


@given(names=st.sets(st.text("abcXYZ019-_ .é", min_size=1, max_size=6).map(str.strip), max_size=12))
def test_order_is_that_of_the_sorted_paths(names: set[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("order")
    names = {name for name in names if name and not name.startswith(".")} | {"x"}
    for name in names:
        for of_class in ("one", "two"):
            (root / of_class).mkdir(exist_ok=True)
            (root / of_class / f"{name}.png").touch()
    data = ImageFolder(root, "train")
    found = [Path(path).relative_to(root).as_posix() for path in data.paths]
    assert found == sorted(found)
    assert len(found) == 2 * len({f"{name}.png" for name in names})


# --- image_folder: errors ---------------------------------------------------------------------------------


def test_missing_folder_suggests_a_sibling(plain: Path) -> None:
    for call in (ImageFolder.available_splits, lambda root: ImageFolder(root, "train")):
        message = error_of(call, plain.with_name("petts"))
        assert "There is no folder" in message
        assert "Did you mean 'pets'?" in message
        assert "FOLDER/train/cats/1.jpg" in message
    assert "There is no folder" in error_of(ImageFolder, plain / "no" / "such" / "place", "train")


def test_no_folder_given() -> None:
    assert "zoo run simple_cnn FOLDER" in error_of(ImageFolder, None, "train")


def test_a_file_is_no_folder(plain: Path) -> None:
    assert "is a file" in error_of(ImageFolder, plain / "dogs" / "2.jpg", "train")
    (plain / "list.csv").write_text("path,label\n")
    assert "image_csv" in error_of(ImageFolder, plain / "list.csv", "train")


def test_empty_folder(tmp_path: Path) -> None:
    assert f"The folder {tmp_path} is empty" in error_of(ImageFolder, tmp_path, "train")
    (tmp_path / "readme.txt").touch()
    assert "contains no images" in error_of(ImageFolder, tmp_path, "train")


def test_class_without_images_is_named(plain: Path) -> None:
    (plain / "birds").mkdir()
    (plain / "fish").mkdir()
    (plain / "fish" / "1.psd").touch()
    message = error_of(ImageFolder, plain, "train")
    assert str(plain / "birds") in message
    assert str(plain / "fish") in message
    assert "1 .psd file in it; convert .psd to .jpg." in message
    assert "cats" not in message.replace(str(plain), "")


def test_one_class_only(tmp_path: Path) -> None:
    put(tmp_path, "cats/1.png")
    message = error_of(ImageFolder, tmp_path, "train")
    assert "only one class, 'cats'" in message
    # Evaluating a model on images of one class is sound.
    assert len(ImageFolder(tmp_path, "all")) == 1


def test_a_folder_around_the_folder_is_seen_through(tmp_path: Path) -> None:
    put(tmp_path, "archive/cats/1.png", "archive/dogs/1.png")
    assert f"zoo run simple_cnn {tmp_path / 'archive'}" in error_of(ImageFolder, tmp_path, "train")


def test_images_without_class_folders(tmp_path: Path) -> None:
    put(tmp_path, "1.png", "2.png")
    message = error_of(ImageFolder.available_splits, tmp_path)
    assert "2 images are in" in message
    assert "FOLDER/cats/1.jpg" in message


def test_split_folders_without_class_folders(tmp_path: Path) -> None:
    put(tmp_path, "train/1.png", "val/2.png")
    assert "train/, val/" in error_of(ImageFolder, tmp_path, "train")


def test_unknown_split_is_suggested(tmp_path: Path) -> None:
    put(tmp_path, "train/a/1.png", "train/b/1.png", "val/a/1.png")
    message = error_of(ImageFolder, tmp_path, "vall")
    assert "Did you mean 'val'?" in message
    assert "train, val" in message


def test_two_words_for_a_split(tmp_path: Path) -> None:
    put(tmp_path, "train/a/1.png", "val/a/1.png", "valid/a/1.png")
    message = error_of(ImageFolder.available_splits, tmp_path)
    assert str(tmp_path / "val") in message
    assert str(tmp_path / "valid") in message


def test_classes_that_differ_by_case_only(plain: Path) -> None:
    put(plain, "Cats/1.png")
    if len([p for p in plain.iterdir() if p.name.casefold() == "cats"]) < 2:
        pytest.skip("this disk does not tell case apart")
    message = error_of(ImageFolder, plain, "train")
    assert "'Cats'" in message
    assert "'cats'" in message


# --- image_csv --------------------------------------------------------------------------------------------


def table(folder: Path, text: str, name: str = "images.csv", encoding: str = "utf-8") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding=encoding)
    return folder / name


def test_csv_without_splits(tmp_path: Path) -> None:
    put(tmp_path, "x/1.png", "2.png")
    path = table(tmp_path, f"path,label\nx/1.png,dog\n{tmp_path / '2.png'},cat\n")
    for root in (path, tmp_path):
        assert ImageCsv.available_splits(root) == ("train",)
        data = ImageCsv(root, "train")
        assert data.classes == ["cat", "dog"]
        assert data.targets == [1, 0]
        assert [image.size for image, _ in (data[0], data[1])] == [(4, 4), (4, 4)]
    assert len(ImageCsv(path, "all")) == 2
    assert pickle.loads(pickle.dumps(data)).name_of(0) == str(tmp_path / "x" / "1.png")


def test_csv_with_splits_and_other_columns(tmp_path: Path) -> None:
    rows = "1.png,a,,train\n2.png,b,9,Train\n3.png,a,,valid\n4.png,b,,validation\n5.png,c,,val\n6.png,a,,test\n"
    path = table(tmp_path, "file, kind ,age,part\n" + rows, encoding="utf-8-sig")
    columns = {"path_column": "file", "label_column": "kind", "split_column": "part"}
    assert ImageCsv.available_splits(path, **columns) == ("train", "val", "test")
    assert ImageCsv(path, "train", **columns).classes == ["a", "b"]
    assert ImageCsv(path, "val", **columns).targets == [0, 1, 2]
    assert ImageCsv(path, "test", **columns).classes == ["a"]
    assert "no split 'all'" in error_of(ImageCsv, path, "all", **columns)
    with pytest.raises(FileNotFoundError):
        ImageCsv(path, "train", **columns)[0]


def test_csv_quotes_commas_and_newlines(tmp_path: Path) -> None:
    path = table(tmp_path, 'path,label\n"a,1.png","big\ndog"\nb.png,cat\n')
    assert ImageCsv(path, "train").classes == ["big\ndog", "cat"]
    assert ImageCsv(path, "train").name_of(0) == str(tmp_path / "a,1.png")


ACCENT = "caf\u00e9", "cafe\u0301"  # composed, and as some editors and disks spell it


def test_csv_one_class_in_two_spellings_of_unicode(tmp_path: Path) -> None:
    one, other = ACCENT
    file = table(tmp_path, f"path,label\na.png,{one}\nb.png,{other}\nc.png,bar\n")
    assert ImageCsv(file, "train").classes == ["bar", one]
    assert ImageCsv(file, "train").targets == [1, 1, 0]
    several = table(tmp_path, f"path,labels\na.png,{one};bar\nb.png,{other}\n", "several.csv")
    assert ImageCsv(several, "train").classes == ["bar", one]
    columns = table(tmp_path, f"path,{other},bar\na.png,1,0\nb.png,0,1\n", "columns.csv")
    for asked in ACCENT:
        assert ImageCsv(columns, "train", class_columns=[asked, "bar"]).classes == ["bar", one]


@pytest.mark.parametrize(
    "text",
    ["path,label\na.png,cat\nb.png,Cat\nc.png,dog\n", "path,labels\na.png,cat;dog\nb.png,Cat\n"],
    ids=["label", "labels"],
)
def test_csv_classes_that_differ_by_case_only(tmp_path: Path, text: str) -> None:
    """As folders are: what is one class on one disk would be two on another."""
    file = table(tmp_path, text)
    for call in (ImageCsv, ImageCsv.peek):
        message = error_of(call, file, *(["train"] if call is ImageCsv else []))
        assert str(file) in message
        assert "'Cat' and 'cat'" in message
        assert "differ by case only" in message


def test_csv_splits_that_call_a_class_otherwise(tmp_path: Path) -> None:
    file = table(tmp_path, "path,label,split\na.png,cat,train\nb.png,dog,train\nc.png,Cat,val\n")
    assert "'Cat' and 'cat'" in error_of(ImageCsv, file, "train")


def test_csv_folder_with_several_files(tmp_path: Path) -> None:
    table(tmp_path, "path,label\n1.png,a\n2.png,b\n", "one.csv")
    table(tmp_path, "path,label\n1.png,a\n2.png,b\n3.png,c\n", "two.csv")
    message = error_of(ImageCsv.available_splits, tmp_path)
    assert "one.csv, two.csv" in message
    assert "dataset.file=" in message
    assert len(ImageCsv(tmp_path, "train", file="two.csv")) == 3
    assert len(ImageCsv(tmp_path / "one.csv", "train", file="two.csv")) == 3
    assert "Did you mean 'two.csv'?" in error_of(ImageCsv, tmp_path, "train", file="tow.csv")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["is empty", "path,label"]),
        ("path,label\n", ["lists no images"]),
        (
            "path,Labels\n1.png,a\n",
            ["no column 'label'", "It has: path, Labels", "Did you mean 'Labels'?", "label_column"],
        ),
        ("path;label\n1.png;a\n", ["no column 'path'", "separated by ';'"]),
        ("path,label\n1.png,a\n2.png,  \n", ["line 3", "label is blank"]),
        ("path,label\n1.png\n", ["line 2", "label is blank"]),
        ("path,label\n,a\n", ["line 2", "path is blank"]),
        ("path,label,split\n1.png,a,train\n2.png,b,tran\n", ["line 3", "'tran'", "Did you mean 'train'?"]),
        ("path,label,split\n1.png,a,\n", ["line 2", "split is blank"]),
        ("path,label\n1.png,a\n2.png,a\n", ["only one class, 'a'"]),
        ("path,label,split\n1.png,a,test\n", ["no split 'train'", "It has: test"]),
    ],
)
def test_csv_errors(tmp_path: Path, text: str, words: list[str]) -> None:
    message = error_of(ImageCsv, table(tmp_path, text), "train")
    assert str(tmp_path / "images.csv") in message
    for word in words:
        assert word in message


def test_csv_that_is_not_there(tmp_path: Path) -> None:
    table(tmp_path, "path,label\n1.png,a\n", "pets.csv")
    assert "Did you mean 'pets.csv'?" in error_of(ImageCsv, tmp_path / "pet.csv", "train")
    (tmp_path / "sub").mkdir()
    assert "no .csv file" in error_of(ImageCsv, tmp_path / "sub", "train")
    assert "--data FILE.csv" in error_of(ImageCsv, None, "train")


def test_csv_that_is_no_text(tmp_path: Path) -> None:
    path = table(tmp_path, "path,label\n1.png,café\n", encoding="latin-1")
    assert "not UTF-8" in error_of(ImageCsv, path, "train")


# --- digits -----------------------------------------------------------------------------------------------


def test_digits_are_scikit_learns_scans() -> None:
    from sklearn.datasets import load_digits

    train, val = digits(None, "train"), digits(None, "val")
    assert (len(train), len(val)) == (1437, 360)
    assert train.classes == [str(i) for i in range(10)]
    image, label = train[0]
    assert (tuple(image.shape), str(image.dtype), type(label)) == ((1, 8, 8), "torch.uint8", int)
    scans, labels = load_digits(return_X_y=True)
    both = np.concatenate([d.images.numpy().reshape(-1, 64) for d in (train, val)])
    pairs = sorted((tuple(x), y) for x, y in zip(both.tolist(), train.targets + val.targets, strict=True))
    expected = np.floor(scans * 255 / 16 + 0.5).astype(int)
    assert pairs == sorted((tuple(x), y) for x, y in zip(expected.tolist(), labels.tolist(), strict=True))


def test_digits_split_is_stratified_and_fixed() -> None:
    val = digits(None, "val")
    counts = np.bincount(val.targets)
    assert counts.min() >= 34
    assert counts.max() <= 37
    assert (digits(None, "val").images == val.images).all()
    assert pickle.loads(pickle.dumps(val)).targets == val.targets


def test_digits_split_is_scikit_learns_to_the_byte() -> None:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    scans, labels = load_digits(return_X_y=True)
    parts = train_test_split(scans, labels, test_size=0.2, random_state=0, stratify=labels)
    for split, images, targets in (("train", parts[0], parts[2]), ("val", parts[1], parts[3])):
        data = digits(None, split)
        assert data.images.numpy().tobytes() == to_uint8(images).tobytes()
        assert data.targets == targets.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("file", ["datasets/data/digits.csv.gz", "gone.csv.gz"])
def test_digits_are_read_from_the_file_or_else_by_scikit_learn(file: str) -> None:
    code = (
        f"import sys; from zoo_images import digits as m; m._FILE = {file!r}\n"
        "scans, labels = m.read_scans()\n"
        "print(scans.shape, scans.dtype, scans.sum(), labels.dtype, labels[:5], 'sklearn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"(1797, 64) float64 561718.0 int64 [0 1 2 3 4] {file == 'gone.csv.gz'}"


def test_digits_scale() -> None:
    assert to_uint8(np.array([[0.0] * 63 + [16.0]])).ravel()[[0, -1]].tolist() == [0, 255]


def test_digits_errors(tmp_path: Path) -> None:
    assert "train, val" in error_of(digits, None, "test")
    assert f"zoo run simple_cnn {tmp_path}" in error_of(digits, tmp_path, "train")


# --- words ------------------------------------------------------------------------------------------------


def test_words_of_errors() -> None:
    assert did_you_mean("LABLE", ["path", "Label"]) == " Did you mean 'Label'?"
    assert did_you_mean("xyz", ["path", "label"]) == ""
    assert shorten(["a", "b", "c"], most=2) == "a, b and 1 more"
