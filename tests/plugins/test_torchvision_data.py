"""torchvision's datasets through the zoo, each from a tiny copy in its real format that is written here.

Every image of a copy is of one shade, which tells its label: so a wrong label, or an image of another's, is seen.
Where torchvision compares files with the MD5 of the original ones, it is told those of the copy; nothing else of
its code is touched.
"""

from __future__ import annotations

import bz2
import contextlib
import csv
import dataclasses
import gzip
import hashlib
import json
import os
import pickle
import struct
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from torchvision import datasets as tv

import zoo
from zoo.data.decode import Shape, to_pixels
from zoo.data.open import Opener, open_training, training_splits
from zoo.errors import DataError
from zoo.host.loader import open_registry
from zoo.plugin import Dataset
from zoo.registry.signature import parameters
from zoo.runner.observer import Observer
from zoo.testing import checks_of, run_checks
from zoo_torchvision import download, plugin, reading, words
from zoo_torchvision.datasets import lfw_people
from zoo_torchvision.sets import SETS

Patch = pytest.MonkeyPatch
Labels = Mapping[str, Sequence[int]]  # of each split, in the order of the dataset's own classes
REGISTRY = open_registry()
COMPONENTS: dict[str, Dataset] = {component.name: component for component in plugin.zoo_datasets()}


def shade(label: int) -> int:
    """The grey that tells a label."""
    return 10 + 2 * label


def flat(labels: Iterable[int], side: int, chans: int = 0) -> np.ndarray:
    """(N, side, side) or (N, side, side, chans), uint8, each of its label's shade."""
    shades = np.array([shade(label) for label in labels], np.uint8)
    shape = (side, side, chans) if chans else (side, side)
    return np.broadcast_to(shades.reshape(-1, *[1] * len(shape)), (len(shades), *shape)).copy()


def put(path: Path, label: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 10), (shade(label),) * 3).save(path)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def twice(classes: int) -> dict[str, list[int]]:
    """Two training images of each class and a test image of each, not in the order of the classes."""
    return {"train": [*range(classes), *reversed(range(classes))], "test": [*reversed(range(classes))]}


# -- the copies: each writes a dataset below a folder, and returns the labels of its splits -----------------


def cifar(maker: type[tv.CIFAR10], key: str, names: list[str]) -> Callable[[Path, Patch], Labels]:
    def copy(root: Path, patch: Patch) -> Labels:
        labels = twice(len(names))
        folder = root / maker.base_folder
        folder.mkdir(parents=True)
        parts = np.array_split(labels["train"], len(maker.train_list))
        contents = [*zip(maker.train_list, parts, strict=True), (maker.test_list[0], np.array(labels["test"]))]
        for (name, _), part in contents:
            pixels = flat(part, 32, 3).transpose(0, 3, 1, 2).reshape(len(part), -1)
            (folder / name).write_bytes(pickle.dumps({"data": pixels, key: part.tolist()}))
        (folder / maker.meta["filename"]).write_bytes(pickle.dumps({maker.meta["key"]: names}))
        trust_cifar(maker, folder, patch)
        return labels

    return copy


def trust_cifar(maker: type[tv.CIFAR10], folder: Path, patch: Patch) -> None:
    """Take the files that are there for the originals."""
    for attribute in ("train_list", "test_list"):
        patch.setattr(maker, attribute, [[name, md5(folder / name)] for name, _ in getattr(maker, attribute)])
    patch.setattr(maker, "meta", {**maker.meta, "md5": md5(folder / maker.meta["filename"])})


def idx(path: Path, array: np.ndarray) -> None:
    """MNIST's format: big-endian, its type and shape first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = {"u1": 8, "i4": 12}[array.dtype.str[1:]]
    header = struct.pack(f">I{array.ndim}I", kind * 256 + array.ndim, *array.shape)
    path.write_bytes(header + array.astype(array.dtype.newbyteorder(">")).tobytes())


def mnist(folder: str) -> Callable[[Path, Patch], Labels]:
    def copy(root: Path, patch: Patch) -> Labels:
        labels = twice(10)
        for part, of_part in (("train", labels["train"]), ("t10k", labels["test"])):
            idx(root / folder / "raw" / f"{part}-images-idx3-ubyte", flat(of_part, 28))
            idx(root / folder / "raw" / f"{part}-labels-idx1-ubyte", np.array(of_part, np.uint8))
        return labels

    return copy


def emnist(root: Path, patch: Patch, part: str = "balanced", classes: int = 47, first: int = 0) -> Labels:
    labels = twice(classes)
    for split, of_split in labels.items():
        stem = root / "EMNIST" / "raw" / f"emnist-{part}-{split}"
        idx(Path(f"{stem}-images-idx3-ubyte"), flat(of_split, 28))
        idx(Path(f"{stem}-labels-idx1-ubyte"), np.array(of_split, np.uint8) + first)
    return labels


def qmnist(root: Path, patch: Patch) -> Labels:
    labels = twice(10)
    for split, of_split in labels.items():
        rows = np.zeros((len(of_split), 8), np.int32)
        rows[:, 0], rows[:, 2] = of_split, 417  # the writer, among others
        idx(root / "QMNIST" / "raw" / f"qmnist-{split}-images-idx3-ubyte", flat(of_split, 28))
        idx(root / "QMNIST" / "raw" / f"qmnist-{split}-labels-idx2-int", rows)
    return labels


def usps(root: Path, patch: Patch) -> Labels:
    labels = twice(10)
    for name, of_split in (("usps.bz2", labels["train"]), ("usps.t.bz2", labels["test"])):
        values = [((shade(label) + 0.25) / 255 * 2 - 1) for label in of_split]  # -1..1, cut off when it is read
        lines = [
            f"{label + 1} " + " ".join(f"{i}:{value:.6f}" for i in range(1, 257))
            for label, value in zip(of_split, values, strict=True)
        ]
        (root / name).write_bytes(bz2.compress("\n".join(lines).encode() + b"\n"))
    return labels


def semeion(root: Path, patch: Patch) -> Labels:
    """Black and white: no shades here."""
    labels = [*range(10), *range(10)]
    rows = [[*(["1.0000"] * 128 + ["0.0000"] * 128), *(str(int(i == label)) for i in range(10))] for label in labels]
    write(root / "semeion.data", "".join(" ".join(row) + " \n" for row in rows))
    patch.setattr(tv.SEMEION, "md5_checksum", md5(root / "semeion.data"))
    return {"train": labels}


def svhn(root: Path, patch: Patch) -> Labels:
    labels = twice(10)
    table = dict(tv.SVHN.split_list)
    for split, of_split in labels.items():
        file = root / f"{split}_32x32.mat"
        stored = np.array([label or 10 for label in of_split], np.uint8).reshape(-1, 1)  # 0 is written as 10
        savemat(file, {"X": flat(of_split, 32, 3).transpose(1, 2, 3, 0), "y": stored})
        table[split] = [table[split][0], file.name, md5(file)]
    patch.setattr(tv.SVHN, "split_list", table)
    return labels


def stl10(root: Path, patch: Patch) -> Labels:
    labels = twice(10)
    folder = root / "stl10_binary"
    folder.mkdir(parents=True)
    for split, of_split in labels.items():
        flat(of_split, 96, 3).transpose(0, 3, 2, 1).tofile(folder / f"{split}_X.bin")
        (np.array(of_split, np.uint8) + 1).tofile(folder / f"{split}_y.bin")
    flat([0], 96, 3).tofile(folder / "unlabeled_X.bin")
    write(folder / "class_names.txt", "\n".join(words.STL10) + "\n")
    for attribute in ("train_list", "test_list"):
        patch.setattr(tv.STL10, attribute, [[name, md5(folder / name)] for name, _ in getattr(tv.STL10, attribute)])
    return labels


def gtsrb(root: Path, patch: Patch) -> Labels:
    base = root / "gtsrb"
    labels = {"train": sorted([*range(43), *range(43)]), "test": list(reversed(range(43)))}
    for i, label in enumerate(labels["train"]):
        put(base / "GTSRB" / "Training" / f"{label:05d}" / f"{i:05d}_00000.ppm", label)
    rows = ["Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"]
    for i, label in enumerate(labels["test"]):
        put(base / "GTSRB" / "Final_Test" / "Images" / f"{i:05d}.ppm", label)
        rows.append(f"{i:05d}.ppm;12;10;1;1;9;9;{label}")
    write(base / "GT-final_test.csv", "\n".join(rows) + "\n")
    return labels


def pcam(root: Path, patch: Patch) -> Labels:
    import h5py

    labels = {**twice(2), "val": [1, 0]}
    (root / "pcam").mkdir(parents=True)
    for split, of_split in labels.items():
        for what, array in (("x", flat(of_split, 96, 3)), ("y", np.array(of_split, np.uint8).reshape(-1, 1, 1, 1))):
            stem = "valid" if split == "val" else split
            with h5py.File(root / "pcam" / f"camelyonpatch_level_2_split_{stem}_{what}.h5", "w") as file:
                file[what] = array
    return labels


def faces(root: Path, patch: Patch, icml: bool = False) -> Labels:
    labels = twice(7)
    file = root / "fer2013" / ("icml_face_data.csv" if icml else "fer2013.csv")
    file.parent.mkdir(parents=True)
    usages = {"train": ["Training"], "test": ["PublicTest", "PrivateTest"]}
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["emotion", " Usage", " pixels"] if icml else ["emotion", "pixels", "Usage"])
        for split, of_split in labels.items():
            for i, label in enumerate(of_split):
                usage, pixels = usages[split][i % len(usages[split])], " ".join([str(shade(label))] * 48 * 48)
                writer.writerow([label, usage, pixels] if icml else [label, pixels, usage])
    key = "icml" if icml else "fer"
    patch.setattr(tv.FER2013, "_RESOURCES", {**tv.FER2013._RESOURCES, key: (file.name, md5(file))})
    return labels


PEOPLE = {"Ada_Lovelace": 3, "Bo_One": 1, "Carl_Gauss": 2, "Dee_Two": 2}  # alphabetical, as in the original


def lfw(root: Path, patch: Patch) -> Labels:
    folder = root / "lfw-py"
    for label, (name, count) in enumerate(PEOPLE.items()):
        for i in range(count):
            put(folder / "lfw_funneled" / name / f"{name}_{i + 1:04d}.jpg", label)
    names = list(PEOPLE)
    folds = [names[:2], names[2:]]
    lines = [line for fold in folds for line in (str(len(fold)), *(f"{name}\t{PEOPLE[name]}" for name in fold))]
    write(folder / "people.txt", "\n".join([str(len(folds)), *lines]) + "\n")
    write(folder / "lfw-names.txt", "".join(f"{name}\t{count}\n" for name, count in PEOPLE.items()))
    with tarfile.open(folder / "lfw-funneled.tgz", "w:gz") as archive:
        archive.add(folder / "lfw_funneled", "lfw_funneled")
    sums = {**tv.LFWPeople.checksums, **{name: md5(folder / name) for name in ("people.txt", "lfw-names.txt")}}
    files = {"funneled": ("lfw_funneled", "lfw-funneled.tgz", md5(folder / "lfw-funneled.tgz"))}
    patch.setattr(tv.LFWPeople, "checksums", sums)
    patch.setattr(tv.LFWPeople, "file_dict", {**tv.LFWPeople.file_dict, **files})
    return {"train": [0, 0, 0, 1, 1, 2, 2]}  # of the three with two photos


def flowers(root: Path, patch: Patch) -> Labels:
    folder = root / "flowers-102"
    labels = {"train": [*range(102)], "val": [*range(102)], "test": [5, 3]}
    order = [label for of_split in labels.values() for label in of_split]
    for i, label in enumerate(order, 1):
        put(folder / "jpg" / f"image_{i:05d}.jpg", label)
    savemat(folder / "imagelabels.mat", {"labels": np.array([order]) + 1})
    ids = np.split(np.arange(1, len(order) + 1), [102, 204])
    savemat(folder / "setid.mat", {"trnid": [ids[0]], "valid": [ids[1]], "tstid": [ids[2]]})
    table = {key: (name, md5(folder / name)) for key, (name, _) in tv.Flowers102._file_dict.items() if key != "image"}
    patch.setattr(tv.Flowers102, "_file_dict", {**tv.Flowers102._file_dict, **table})
    return labels


def food(root: Path, patch: Patch) -> Labels:
    names = ["apple_pie", "baby_back_ribs", "caesar_salad"]
    for split, numbers in (("train", (1, 2)), ("test", (3,))):
        listed = {name: [f"{name}/{n}" for n in numbers] for name in names}
        write(root / "food-101" / "meta" / f"{split}.json", json.dumps(listed))
        for label, name in enumerate(names):
            for n in numbers:
                put(root / "food-101" / "images" / name / f"{n}.jpg", label)
    return {"train": [0, 0, 1, 1, 2, 2], "test": [0, 1, 2]}


def pets(root: Path, patch: Patch) -> Labels:
    base = root / "oxford-iiit-pet"
    labels = {"train": [0, 0, 1, 1], "test": [1, 0]}
    stems = ("Abyssinian", "american_bulldog")
    for split, name in (("train", "trainval"), ("test", "test")):
        images = [f"{stems[label]}_{split}{i}" for i, label in enumerate(labels[split])]
        # torchvision takes a class's name from what stands before the last "_".
        images = [image.replace(split, str(len(split) * 100)) for image in images]
        for image, label in zip(images, labels[split], strict=True):
            put(base / "images" / f"{image}.jpg", label)
        rows = [f"{image} {label + 1} {label + 1} 1" for image, label in zip(images, labels[split], strict=True)]
        write(base / "annotations" / f"{name}.txt", "\n".join(rows) + "\n")
    return labels


CARS = ["AM General Hummer SUV 2000", "Acura RL Sedan 2012", "Ram C/V Cargo Van Minivan 2012"]


def cars(root: Path, patch: Patch) -> Labels:
    base, labels = root / "stanford_cars", twice(3)
    savemat_at(base / "devkit" / "cars_meta.mat", {"class_names": np.array([CARS], object)})
    kind = [("bbox_x1", int), ("class", int), ("fname", object)]
    for split, file in (("train", "devkit/cars_train_annos.mat"), ("test", "cars_test_annos_withlabels.mat")):
        rows = [(1, label + 1, f"{i + 1:05d}.jpg") for i, label in enumerate(labels[split])]
        savemat_at(base / file, {"annotations": np.array([rows], kind)})
        for _, number, name in rows:
            put(base / f"cars_{split}" / name, number - 1)
    return labels


def savemat_at(path: Path, contents: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, contents)


def aircraft(root: Path, patch: Patch) -> Labels:
    data = root / "fgvc-aircraft-2013b" / "data"
    labels = {**twice(3), "val": [2, 1, 0]}
    for level, file, names in (
        ("variant", "variants", ["707-320", "F/A-18", "F-16A/B"]),
        ("manufacturer", "manufacturers", ["Boeing", "Lockheed Corporation", "McDonnell Douglas"]),
    ):
        write(data / f"{file}.txt", "\n".join(names) + "\n")
        for split, of_split in labels.items():
            rows = [f"{len(split)}{i:06d} {names[label]}" for i, label in enumerate(of_split)]
            rows = [row.replace(str(len(split)), {"train": "1", "val": "2", "test": "3"}[split], 1) for row in rows]
            write(data / f"images_{level}_{split}.txt", "\n".join(rows) + "\n")
            for row, label in zip(rows, of_split, strict=True):
                put(data / "images" / f"{row.partition(' ')[0]}.jpg", label)
    return labels


def dtd(root: Path, patch: Patch) -> Labels:
    labels = {**twice(3), "val": [0, 1, 2]}
    for partition in (1, 2):
        for split, of_split in labels.items():
            rows = []
            for i, label in enumerate(of_split):
                name = ("banded", "dotted", "zigzagged")[label]
                rows.append(f"{name}/{name}_{split}{partition}_{i:04d}.jpg")
                put(root / "dtd" / "dtd" / "images" / rows[-1], label)
            write(root / "dtd" / "dtd" / "labels" / f"{split}{partition}.txt", "\n".join(rows) + "\n")
    return labels


def trees(splits: Mapping[str, str], names: Sequence[str], file: str) -> Callable[[Path, Patch], Labels]:
    """A folder for each class, for each split; ``file`` names an image by its class and number, from 1 on."""

    def copy(root: Path, patch: Patch) -> Labels:
        for folder in splits.values():
            for label, name in enumerate(names):
                for i in (1, 2):
                    put(root / folder / name / file.format(name=name, label=label + 1, i=i), label)
        return {split: sorted([*range(len(names))] * 2) for split in splits}

    return copy


def caltech101(root: Path, patch: Patch) -> Labels:
    labels = trees({"train": "caltech101/101_ObjectCategories"}, ["Faces", "crab", "water_lilly"], "image_{i:04d}.jpg")
    put(root / "caltech101" / "101_ObjectCategories" / "BACKGROUND_Google" / "image_0001.jpg", 99)
    return labels(root, patch)


def sun397(root: Path, patch: Patch) -> Labels:
    names = ["/a/abbey", "/a/apartment_building/outdoor", "/z/zoo"]
    write(root / "SUN397" / "ClassName.txt", "\n".join(names) + "\n")
    for label, name in enumerate(names):
        for i in (2, 1):
            put(root / "SUN397" / name.lstrip("/") / f"sun_a{label}{i}.jpg", label)
    return {"train": [0, 0, 1, 1, 2, 2]}


WNIDS = ["n01440764", "n02012849", "n03126707"]


def imagenet(root: Path, patch: Patch) -> Labels:
    """As it is when its archives are unpacked; meta.bin is what torchvision makes of the development kit's."""
    import torch

    labels = trees({"train": "train", "val": "val"}, WNIDS, "{name}_{i}.JPEG")(root, patch)
    meanings = [("tench", "Tinca tinca"), ("crane",), ("crane",)]
    torch.save((dict(zip(WNIDS, meanings, strict=True)), ["n01440764"]), root / "meta.bin")
    return labels


def places(root: Path, patch: Patch) -> Labels:
    names = ["/a/airfield", "/a/apartment_building/outdoor", "/z/zen_garden"]
    labels = {"train": [0, 0, 1, 1, 2, 2], "val": [2, 0, 1]}
    write(root / "categories_places365.txt", "".join(f"{name} {i}\n" for i, name in enumerate(names)))
    train = [f"{names[label]}/{i:08d}.jpg" for i, label in enumerate(labels["train"])]
    val = [f"Places365_val_{i:08d}.jpg" for i in range(len(labels["val"]))]
    lists = dict(tv.Places365._FILE_LIST_META)
    for key, split, images in (("train-standard", "train", train), ("val", "val", val)):
        file = root / lists[key][0]
        write(file, "".join(f"{image} {label}\n" for image, label in zip(images, labels[split], strict=True)))
        lists[key] = (file.name, md5(file))
        folder = "data_256_standard" if split == "train" else "val_256"
        for image, label in zip(images, labels[split], strict=True):
            put(root / folder / image.lstrip("/"), label)
    patch.setattr(tv.Places365, "_FILE_LIST_META", lists)
    categories = ("categories_places365.txt", md5(root / "categories_places365.txt"))
    patch.setattr(tv.Places365, "_CATEGORIES_META", categories)
    return labels


HUNDRED = [f"class_{i}" for i in range(100)]
CIFAR10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
SST2 = {split: f"rendered-sst2/{folder}" for split, folder in (("train", "train"), ("val", "valid"), ("test", "test"))}
COUNTRIES = {split: folder.replace("rendered-sst2", "country211") for split, folder in SST2.items()}
# A copy of each dataset, and the class names that it must have: all, or the first few.
COPIES: dict[str, tuple[Callable[[Path, Patch], Labels], Sequence[str]]] = {
    "cifar10": (cifar(tv.CIFAR10, "labels", CIFAR10), CIFAR10),
    "cifar100": (cifar(tv.CIFAR100, "fine_labels", HUNDRED), ["class 0", "class 1"]),
    "mnist": (mnist("MNIST"), words.DIGITS),
    "fashion_mnist": (mnist("FashionMNIST"), ["T-shirt/top", "Trouser", "Pullover"]),
    "kmnist": (mnist("KMNIST"), ["o", "ki", "su", "tsu"]),
    "emnist": (emnist, ["0", "1"]),
    "qmnist": (qmnist, words.DIGITS),
    "usps": (usps, words.DIGITS),
    "semeion": (semeion, words.DIGITS),
    "svhn": (svhn, words.DIGITS),
    "stl10": (stl10, words.STL10),
    "gtsrb": (gtsrb, ["speed limit 20", "speed limit 30"]),
    "pcam": (pcam, ["no tumour", "tumour"]),
    "fer2013": (faces, words.FACES),
    "lfw_people": (lfw, ["Ada Lovelace", "Carl Gauss", "Dee Two"]),
    "flowers102": (flowers, ["pink primrose", "hard-leaved pocket orchid"]),
    "food101": (food, ["apple pie", "baby back ribs", "caesar salad"]),
    "oxford_iiit_pet": (pets, ["Abyssinian", "American Bulldog"]),
    "stanford_cars": (cars, CARS),
    "fgvc_aircraft": (aircraft, ["707-320", "F/A-18", "F-16A/B"]),
    "dtd": (dtd, ["banded", "dotted", "zigzagged"]),
    "eurosat": (
        trees({"train": "eurosat/2750"}, ["AnnualCrop", "Forest", "SeaLake"], "{name}_{i}.jpg"),
        ["annual crop", "forest", "sea lake"],
    ),
    "caltech101": (caltech101, ["Faces", "crab", "water lilly"]),
    "caltech256": (
        trees({"train": "caltech256/256_ObjectCategories"}, ["001.ak47", "002.bat"], "{label:03d}_{i:04d}.jpg"),
        ["ak47", "bat"],
    ),
    "country211": (trees(COUNTRIES, ["AD", "AE", "ZW"], "{i}.jpg"), ["AD", "AE", "ZW"]),
    "sun397": (sun397, ["abbey", "apartment building/outdoor", "zoo"]),
    "imagenette": (
        trees({"train": "imagenette2-320/train", "val": "imagenette2-320/val"}, ["n01440764", "n03888257"], "{i}.JPEG"),
        ["tench", "parachute"],
    ),
    "imagenet": (imagenet, ["tench", "crane (n02012849)", "crane (n03126707)"]),
    "places365": (places, ["airfield", "apartment building/outdoor", "zen garden"]),
    "rendered_sst2": (trees(SST2, ["negative", "positive"], "{i}.png"), ["negative", "positive"]),
}
PARAMS: dict[str, dict[str, Any]] = {"lfw_people": {"min_images": 2}}
NO_SHADES = {"semeion"}


FASHION = SETS["fashion_mnist"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: Patch) -> Path:
    """An empty cache, no network, and no package of the system with the files."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setitem(SETS, "fashion_mnist", dataclasses.replace(FASHION, packaged=""))
    return tmp_path / "cache" / "datasets" / "torchvision"


def copied(name: str, root: Path, patch: Patch) -> Labels:
    root.mkdir(parents=True)
    return COPIES[name][0](root, patch)


def opened(name: str, root: Path | None, split: str = "train", **params: Any) -> Any:
    factory = REGISTRY.find("dataset", f"torchvision/{name}").factory()
    return factory(root=root, split=split, **{**PARAMS.get(name, {}), **params})


# -- every dataset ------------------------------------------------------------------------------------------


FAST = ("mnist", "gtsrb", "flowers102")  # arrays, images by folder, images by number
IN_TURN = [pytest.param(name, marks=[] if name in FAST else pytest.mark.slow) for name in COPIES]


def test_every_dataset_of_the_plugin_has_a_copy_here():
    assert set(SETS) == set(COPIES)
    assert set(COMPONENTS) == {*COPIES, "fake_data"}
    assert {name: set(c.splits) for name, c in COMPONENTS.items() if name in SETS} == {
        name: set(source.splits) for name, source in SETS.items()
    }


@pytest.mark.parametrize("name", COPIES)
def test_images_labels_and_names_are_the_copys(name: str, tmp_path: Path, monkeypatch: Patch):
    labels = copied(name, tmp_path / "here", monkeypatch)
    assert set(labels) == set(COMPONENTS[name].splits)
    for split, expected in labels.items():
        data = pickle.loads(pickle.dumps(opened(name, tmp_path / "here", split)))
        assert list(data.classes)[: len(COPIES[name][1])] == list(COPIES[name][1])
        assert list(data.targets) == list(expected)
        assert len(data) == len(expected)
        chans = COMPONENTS[name].in_chans
        for i in range(len(data)):
            image, label = data[i]
            assert label == expected[i]
            # The people who have too few photos are left out, and the others keep their shades.
            told = {0: 0, 1: 2, 2: 3}[label] if name == "lfw_people" else label
            if name not in NO_SHADES:
                np.testing.assert_allclose(to_pixels(image, 8, chans), shade(told), atol=1)
        assert "terms:" in data.licence
        assert SETS[name].site in data.source


@pytest.mark.parametrize("name", COPIES)
def test_a_job_opens_it_and_holds_out_what_it_has_not(name: str, tmp_path: Path, monkeypatch: Patch):
    labels = copied(name, tmp_path / "here", monkeypatch)
    component = COMPONENTS[name]
    entry = REGISTRY.find("dataset", f"torchvision/{name}")
    params = {p.name: p.default for p in parameters("dataset", entry.factory()) if p.name != "root"}
    params |= {"root": tmp_path / "here", **PARAMS.get(name, {})}
    opener = Opener(entry, params, Shape(8, component.in_chans))
    train, classes = open_training(opener)
    splits = training_splits(opener, train, classes, 0.2, 0)
    assert set(splits) == {"train", "val", *(["test"] if "test" in labels else [])}
    whole = len(labels["train"]) + ("val" in labels) * len(labels.get("val", ()))
    assert len(splits["train"]) + len(splits["val"]) == whole
    assert all(not split.skipped for split in splits.values())
    again = opener.decode(opener.open("train"), "train", classes)
    assert again.fingerprint == opener.decode(opener.open("train"), "train", classes).fingerprint
    stores = list((tmp_path / "cache" / "stores").iterdir())
    assert stores, "decoded once, and kept"


@pytest.mark.parametrize("name", IN_TURN)
def test_it_owes_what_every_dataset_does(name: str, tmp_path: Path, monkeypatch: Patch):
    copied(name, tmp_path / "here", monkeypatch)
    entry = REGISTRY.find("dataset", f"torchvision/{name}")
    example = {"root": tmp_path / "here", **PARAMS.get(name, {})}
    on_trial = dataclasses.replace(entry, component=dataclasses.replace(entry.component, example=example))
    # A worker is a process of its own; with images in arrays it imports torchvision, for seconds.
    every = [c for c in checks_of(on_trial) if c.name != "spawned workers" or name == "gtsrb"]
    outcomes = run_checks(every).outcomes
    assert len(outcomes) >= 8
    assert [(o.check.id, o.message) for o in outcomes if o.outcome != "passed"] == []


@pytest.mark.parametrize("name", COPIES)
@pytest.mark.parametrize("where", ["cache", "folder"])
def test_what_is_missing_is_said_with_what_to_do(name: str, where: str, tmp_path: Path, cache: Path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError) as caught:
        opened(name, empty if where == "folder" else None)
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith(f"{name} was not found in {empty if where == 'folder' else cache / name}")
    assert f"--data FOLDER. The files come from {SETS[name].site}" in said
    assert SETS[name].needs[0].split("/")[0] in said or "{" in SETS[name].needs[0]
    assert "{" not in said
    if where == "cache":
        assert ("torchvision can't download it" in said) == bool(SETS[name].by_hand)
        assert ("ZOO_OFFLINE" in said) != bool(SETS[name].by_hand)
    assert list(empty.iterdir()) == [], "a folder that was given is not written to"


@pytest.mark.parametrize("name", [n for n, source in SETS.items() if not source.by_hand])
def test_no_download_unless_it_is_allowed(name: str, monkeypatch: Patch):
    monkeypatch.delenv("ZOO_OFFLINE")
    with pytest.raises(DataError, match="download=false"):
        opened(name, None, download=False)


@pytest.mark.parametrize("name", COPIES)
def test_a_split_that_it_has_not(name: str, tmp_path: Path):
    with pytest.raises(DataError, match=rf"{name} has no split 'all'. It has: train"):
        opened(name, tmp_path, "all")


# -- whole or not at all ------------------------------------------------------------------------------------


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def origin(tmp_path: Path, monkeypatch: Patch) -> Iterator[str]:
    """The address of a server of the folder ``origin``; the network is allowed."""
    monkeypatch.delenv("ZOO_OFFLINE")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "origin"))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def svhn_at(origin: str, folder: Path, patch: Patch) -> None:
    """A copy of SVHN, and torchvision's downloader told that it comes from there."""
    copied("svhn", folder, patch)
    table = {split: [f"{origin}/{row[1]}", *row[1:]] for split, row in tv.SVHN.split_list.items()}
    patch.setattr(tv.SVHN, "split_list", table)


def test_a_download_appears_whole_and_is_not_repeated(tmp_path: Path, monkeypatch: Patch, cache: Path, origin: str):
    copied("dtd", tmp_path / "origin", monkeypatch)
    with tarfile.open(tmp_path / "origin" / "dtd-r1.0.1.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "origin" / "dtd" / "dtd", "dtd")
    monkeypatch.setattr(tv.DTD, "_URL", f"{origin}/dtd-r1.0.1.tar.gz")
    monkeypatch.setattr(tv.DTD, "_MD5", md5(tmp_path / "origin" / "dtd-r1.0.1.tar.gz"))
    assert opened("dtd", None).targets == [0, 1, 2, 2, 1, 0]
    assert [path.name for path in cache.iterdir()] == ["dtd"]
    assert [path.name for path in cache.rglob("*.gz")] == [], "what is unpacked is not kept twice"
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    assert len(opened("dtd", None, "test")) == 3


@pytest.mark.parametrize("fault", ["missing", "corrupt"])
def test_a_download_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: Patch, cache: Path, origin: str, fault: str):
    """The first file arrives, the second doesn't, or is not what it should be."""
    svhn_at(origin, tmp_path / "origin", monkeypatch)
    second = tmp_path / "origin" / "test_32x32.mat"
    if fault == "missing":
        second.unlink()
    else:
        second.write_bytes(second.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"svhn was not found in .*the download failed \(.*--data FOLDER"):
        opened("svhn", None)
    assert list(cache.iterdir()) == []


def test_two_downloads_at_once_end_with_one_folder(tmp_path: Path, monkeypatch: Patch, cache: Path, origin: str):
    svhn_at(origin, tmp_path / "origin", monkeypatch)
    slower = download._drop_archives

    def other_is_faster(folder: Path) -> None:
        slower(folder)
        (cache / "svhn").mkdir()
        for file in folder.iterdir():
            (cache / "svhn" / file.name).write_bytes(file.read_bytes())

    monkeypatch.setattr(download, "_drop_archives", other_is_faster)
    assert len(opened("svhn", None)) == 20
    assert [path.name for path in cache.iterdir()] == ["svhn"]


# -- what is not as it should be ----------------------------------------------------------------------------


class Harmful:
    """A pickle that leaves a mark when it is read."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize(("name", "file"), [("cifar10", "data_batch_3"), ("cifar100", "train"), ("cifar100", "meta")])
def test_a_pickle_of_another_checksum_is_never_read(name: str, file: str, tmp_path: Path, monkeypatch: Patch):
    copied(name, tmp_path / "here", monkeypatch)
    maker = getattr(tv, SETS[name].maker)
    target, mark = tmp_path / "here" / maker.base_folder / file, tmp_path / "it ran"
    target.write_bytes(pickle.dumps(Harmful(mark)))
    with pytest.raises(DataError, match=rf"{name} in .* can't be read: .*(checksum|corrupted)"):
        opened(name, tmp_path / "here")
    assert not mark.exists()
    trust_cifar(maker, target.parent, monkeypatch)
    with contextlib.suppress(DataError):
        opened(name, tmp_path / "here")
    assert mark.exists(), "it would have run, had its checksum been the original's"


def test_imagenets_meta_file_runs_nothing(tmp_path: Path, monkeypatch: Patch):
    copied("imagenet", tmp_path / "here", monkeypatch)
    mark = tmp_path / "it ran"
    (tmp_path / "here" / "meta.bin").write_bytes(pickle.dumps(Harmful(mark)))
    with pytest.raises(DataError, match="can't be read"):
        opened("imagenet", tmp_path / "here")
    assert not mark.exists()


@pytest.mark.parametrize(
    ("name", "file", "content"),
    [
        ("mnist", "MNIST/raw/train-images-idx3-ubyte", b"\0\0"),
        ("mnist", "MNIST/raw/train-labels-idx1-ubyte", None),
        ("usps", "usps.bz2", b"not compressed"),
        ("svhn", "train_32x32.mat", b"short"),
        ("stl10", "stl10_binary/unlabeled_X.bin", None),
        ("gtsrb", "gtsrb/GT-final_test.csv", b"no;columns\n1;2\n"),
        ("food101", "food-101/meta/train.json", b"{"),
        ("dtd", "dtd/dtd/labels/train1.txt", b"no folder\n"),
        ("flowers102", "flowers-102/setid.mat", None),
        ("imagenet", "meta.bin", None),
        ("places365", "places365_train_standard.txt", b"/a/airfield/1.jpg 0\n"),
        ("stanford_cars", "stanford_cars/devkit/cars_meta.mat", b"no matrix"),
    ],
)
def test_files_that_are_not_the_originals_are_said(
    name: str, file: str, content: bytes | None, tmp_path: Path, monkeypatch: Patch
):
    copied(name, tmp_path / "here", monkeypatch)
    target = tmp_path / "here" / file
    if content is None:
        target.unlink()
    else:
        target.write_bytes(content)
    split = "test" if name == "gtsrb" else "train"
    with pytest.raises(DataError, match=rf"The {split} split of {name} in .* can't be read: ") as caught:
        opened(name, tmp_path / "here", split)
    assert "\n" not in str(caught.value)
    assert "You can use download=True" not in str(caught.value)


def test_the_folder_inside_the_one_that_is_meant(tmp_path: Path, monkeypatch: Patch):
    copied("cifar10", tmp_path / "here", monkeypatch)
    with pytest.raises(DataError, match=r"it has no cifar-10-batches-py \(did you mean .*here\?\)"):
        opened("cifar10", tmp_path / "here" / "cifar-10-batches-py")
    with pytest.raises(DataError, match="the folder does not exist"):
        opened("cifar10", tmp_path / "nowhere")


def test_a_folder_in_the_cache_that_is_not_whole(cache: Path):
    (cache / "svhn").mkdir(parents=True)
    with pytest.raises(DataError, match=r"no train_32x32.mat, test_32x32.mat; remove that folder to download it again"):
        opened("svhn", None)


def test_a_missing_image_is_named_when_it_is_opened(tmp_path: Path, monkeypatch: Patch):
    copied("eurosat", tmp_path / "here", monkeypatch)
    data = opened("eurosat", tmp_path / "here")
    Path(data.name_of(0)).unlink()
    with pytest.raises(FileNotFoundError):
        data[0]


# -- single ones --------------------------------------------------------------------------------------------


def test_emnists_letters_are_26_and_upright(tmp_path: Path, monkeypatch: Patch):
    labels = emnist(tmp_path, monkeypatch, "letters", 26, first=1)
    data = opened("emnist", tmp_path, "train", part="letters")
    assert data.classes == list("abcdefghijklmnopqrstuvwxyz")
    assert data.targets == labels["train"]
    images = np.zeros((2, 28, 28), np.uint8)
    images[:, 3, :] = 255  # stored as a row: a column of the letter
    idx(tmp_path / "EMNIST" / "raw" / "emnist-letters-test-images-idx3-ubyte", images)
    idx(tmp_path / "EMNIST" / "raw" / "emnist-letters-test-labels-idx1-ubyte", np.array([1, 26], np.uint8))
    upright = np.asarray(opened("emnist", tmp_path, "test", part="letters")[0][0])
    assert (upright[:, 3] == 255).all()
    assert upright.sum() == 28 * 255


def test_an_array_that_changes_has_another_fingerprint(tmp_path: Path, monkeypatch: Patch):
    copied("mnist", tmp_path / "here", monkeypatch)
    first = opened("mnist", tmp_path / "here").fingerprint
    assert first == opened("mnist", tmp_path / "here").fingerprint
    images = flat(twice(10)["train"], 28)
    images[7, 5, 5] += 1
    idx(tmp_path / "here" / "MNIST" / "raw" / "train-images-idx3-ubyte", images)
    assert first != opened("mnist", tmp_path / "here").fingerprint


@pytest.mark.parametrize("icml", [False, True])
def test_faces_have_a_test_split_only_where_it_has_labels(icml: bool, tmp_path: Path, monkeypatch: Patch):
    factory = REGISTRY.find("dataset", "fer2013").factory()
    faces(tmp_path, monkeypatch, icml)
    assert factory.available_splits(root=tmp_path) == ("train", "test")
    assert factory(root=tmp_path, split="test").targets == twice(7)["test"]
    next((tmp_path / "fer2013").iterdir()).rename(tmp_path / "fer2013" / "train.csv")
    assert factory.available_splits(root=tmp_path) == ("train",)
    assert factory.available_splits(root=None) == ("train",)


def test_people_with_few_photos_are_left_out(tmp_path: Path, monkeypatch: Patch):
    copied("lfw_people", tmp_path / "here", monkeypatch)
    assert opened("lfw_people", tmp_path / "here", min_images=3).classes == ["Ada Lovelace"]
    with pytest.raises(ValueError, match="min_images must be at least 2"):
        lfw_people(tmp_path, "train", min_images=1)


@pytest.mark.parametrize(
    ("name", "params", "first"),
    [("fgvc_aircraft", {"level": "manufacturer"}, "Boeing"), ("dtd", {"partition": 2}, "banded")],
)
def test_an_option_reaches_torchvision(
    name: str, params: dict[str, Any], first: str, tmp_path: Path, monkeypatch: Patch
):
    copied(name, tmp_path / "here", monkeypatch)
    data = opened(name, tmp_path / "here", **params)
    assert data.classes[0] == first
    if name == "dtd":
        assert "_train2_" in data.name_of(0)
        with pytest.raises(ValueError, match=r"partition must be in 1\.\.10, not 11"):
            opened(name, tmp_path / "here", partition=11)


def test_suns_files_have_an_order_of_their_own(tmp_path: Path, monkeypatch: Patch):
    copied("sun397", tmp_path / "here", monkeypatch)
    names = [opened("sun397", tmp_path / "here").name_of(i) for i in range(6)]
    assert names == sorted(names)


def test_names_of_wordnet_are_told_apart():
    meanings = [("tench", "Tinca"), ("crane",), ("maillot",), ("crane",), ("maillot", "tank suit")]
    ids = ["n1", "n2", "n3", "n4", "n5"]
    assert words.synonyms(meanings, ids) == ["tench", "crane (n2)", "maillot", "crane (n4)", "maillot, tank suit"]


@pytest.mark.parametrize("names", [words.SIGNS, words.DIGITS, words.FACES, words.STL10, words.TUMOUR])
def test_written_class_names_are_each_once(names: Sequence[str]):
    assert len(set(names)) == len(names)
    assert len(words.SIGNS) == 43


def test_pcam_says_which_package_it_takes(tmp_path: Path, monkeypatch: Patch):
    (tmp_path / "pcam").mkdir()
    monkeypatch.setattr(reading, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="pip install h5py"):
        opened("pcam", tmp_path)
    monkeypatch.delenv("ZOO_OFFLINE")
    with pytest.raises(DataError, match="pip install gdown"):
        opened("pcam", None)


def test_fake_data_is_noise_and_says_so(tmp_path: Path):
    data = opened("fake_data", None, images=40, num_classes=5, size=8)
    val = opened("fake_data", None, "val", images=40, num_classes=5, size=8)
    assert (len(data), len(val)) == (40, 10)
    assert data[3][0].shape == (3, 8, 8)
    assert not (data[3][0] == data[4][0]).all()
    assert not (data[3][0] == val[3][0]).all()
    assert "noise" in data.notices[0]
    with pytest.raises(DataError, match="reads no folder"):
        opened("fake_data", tmp_path)
    with pytest.raises(DataError, match="no split 'extra'"):
        opened("fake_data", None, "extra")
    with pytest.raises(ValueError, match="images >= 4 x num_classes"):
        opened("fake_data", None, images=3)


# -- idx files as they are handed out -----------------------------------------------------------------------

IDX = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "kmnist": "KMNIST"}
DEBIAN = Path("/usr/share/datasets/fashion-mnist")


def handed_out(name: str, root: Path, patch: Patch, packed: bool = True) -> Path:
    """The four files of a copy, gzipped or not, in a folder of their own that can't be written to."""
    copied(name, root / "unpacked", patch)
    folder = root / "handed-out"
    folder.mkdir()
    for file in (root / "unpacked" / IDX[name] / "raw").iterdir():
        content = file.read_bytes()
        (folder / f"{file.name}{'.gz' * packed}").write_bytes(gzip.compress(content) if packed else content)
    folder.chmod(0o555)
    return folder


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", IDX)
def test_idx_files_are_read_as_they_lie(name: str, packed: bool, tmp_path: Path, monkeypatch: Patch):
    folder = handed_out(name, tmp_path, monkeypatch, packed)
    before = sorted(file.name for file in folder.iterdir())
    for split in ("train", "test"):
        ours, theirs = opened(name, folder, split), opened(name, tmp_path / "unpacked", split)
        ours = pickle.loads(pickle.dumps(ours))
        assert (ours.classes, ours.targets, len(ours)) == (theirs.classes, theirs.targets, len(theirs))
        assert ours.fingerprint == theirs.fingerprint, "what is decoded of the one serves for the other"
        assert ours[3][1] == theirs[3][1]
        assert ours[3][0].mode == theirs[3][0].mode == "L"
        assert ours[3][0].tobytes() == theirs[3][0].tobytes()
    assert sorted(file.name for file in folder.iterdir()) == before


def test_class_names_are_those_of_torchvision():
    assert list(words.CLOTHES) == words.plain(tv.FashionMNIST.classes)
    assert list(words.KANA) == words.plain(tv.KMNIST.classes)


def test_a_job_on_idx_files_decodes_them_once(tmp_path: Path, monkeypatch: Patch):
    from zoo.__main__ import main

    folder, stores = handed_out("fashion_mnist", tmp_path, monkeypatch), tmp_path / "cache" / "stores"
    monkeypatch.chdir(tmp_path)
    words = ["run", "simple_cnn", "fashion_mnist", "--data", str(folder), "--recipe", "none", "--epochs", "1"]
    quick = ["--device", "cpu", "--precision", "fp32", "--set", "architecture.channels=[8, 8]"]
    assert main([*words, *quick, "--name", "first"]) == 0
    assert json.loads(Path("runs/first/result.json").read_text())["splits"]["test"]["images"] == 10
    decoded = {file: file.stat().st_mtime_ns for file in stores.rglob("*.npy")}
    assert decoded
    assert main([*words, *quick, "--name", "second"]) == 0
    assert {file: file.stat().st_mtime_ns for file in stores.rglob("*.npy")} == decoded


@pytest.mark.parametrize("missing", ["train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"])
def test_an_idx_file_that_is_missing_is_named(missing: str, tmp_path: Path, monkeypatch: Patch):
    folder = handed_out("kmnist", tmp_path, monkeypatch)
    folder.chmod(0o755)
    (folder / f"{missing}.gz").unlink()
    split, other = ("train", "test") if missing.startswith("train") else ("test", "train")
    with pytest.raises(DataError) as caught:
        opened("kmnist", folder, split)
    said = str(caught.value)
    assert f"{folder} has no {missing}.gz and no {missing}." in said
    assert f"zoo run ARCHITECTURE kmnist --data {folder}" in said
    assert SETS["kmnist"].site in said
    assert len(opened("kmnist", folder, other)) > 0


def test_a_folder_of_neither_form_says_both(tmp_path: Path):
    with pytest.raises(
        DataError, match=r"a folder with FashionMNIST, or train-images-idx3-ubyte\.gz and the other three: zoo "
    ):
        opened("fashion_mnist", tmp_path)


IMAGES, LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"


@pytest.mark.parametrize(
    ("file", "spoil", "reason"),
    [
        (IMAGES, lambda packed: packed[:-20], "ended before"),
        (IMAGES, lambda packed: packed[:40] + b"\xff" * 40 + packed[80:], ""),
        (LABELS, lambda packed: b"no gzip at all", "gzipped"),
        (LABELS, lambda packed: b"", "does not start like an idx1 file"),
        (IMAGES, lambda packed: gzip.compress(gzip.decompress(packed)[:-1]), "says 15,680 bytes, and it has 15,679"),
        (IMAGES, lambda packed: gzip.compress(gzip.decompress(packed) + b"\0"), "bytes, and it is longer"),
        (IMAGES, lambda packed: gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12), "header says 4294967295 x"),
        (IMAGES, lambda packed: gzip.compress(b"\0\0\x0d\x03" + bytes(12)), "does not start like an idx3 file"),
        (LABELS, lambda packed: gzip.compress(b"\0\0\x08\x01\0\0\0\x02\1\2"), "2 labels, and .* 20 images"),
        (LABELS, lambda packed: gzip.compress(gzip.decompress(packed)[:-1] + b"\x0a"), "the label 10"),
    ],
)
def test_a_damaged_idx_file_is_named(
    file: str, spoil: Callable[[bytes], bytes], reason: str, tmp_path: Path, monkeypatch: Patch
):
    folder = handed_out("mnist", tmp_path, monkeypatch)
    folder.chmod(0o755)
    (folder / file).write_bytes(spoil((folder / file).read_bytes()))
    with pytest.raises(DataError, match=rf"{file} can't be read: .*{reason}") as caught:
        opened("mnist", folder)
    assert "\n" not in str(caught.value)
    assert f"and run: zoo run ARCHITECTURE mnist --data {folder}" in str(caught.value)


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="the package dataset-fashion-mnist is not installed")
def test_debians_package_is_fashion_mnist():
    train, test = opened("fashion_mnist", DEBIAN), opened("fashion_mnist", DEBIAN, "test")
    assert (len(train), len(test)) == (60_000, 10_000)
    assert np.bincount(train.targets).tolist() == [6000] * 10
    assert train.classes[train[0][1]] == "Ankle boot"


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="the package dataset-fashion-mnist is not installed")
def test_debians_package_is_read_without_a_folder_and_a_download(monkeypatch: Patch):
    monkeypatch.setitem(SETS, "fashion_mnist", FASHION)
    assert len(opened("fashion_mnist", None, "test")) == 10_000


# -- real runs ----------------------------------------------------------------------------------------------


SMALL = {"architecture.channels": [8, 8], "architecture.padding": True, "train.image_size": 16}


def job(name: str, **more: Any) -> zoo.api.Result:
    """A job of one epoch, told what somebody would type."""
    params = {f"dataset.{key}": value for key, value in PARAMS.get(name, {}).items()}
    words = {"epochs": 1, "device": "cpu", "recipe": "none", "observer": Observer(), "set": {**SMALL, **params}}
    return zoo.run("simple_cnn", name, **{**words, **more})


@pytest.mark.parametrize("name", IN_TURN)
def test_a_whole_job_on_a_copy(name: str, tmp_path: Path, monkeypatch: Patch):
    labels = copied(name, tmp_path / "here", monkeypatch)
    monkeypatch.chdir(tmp_path)
    document = job(name, data=tmp_path / "here")
    assert document["status"] == "completed"
    found = {split: counted["images"] for split, counted in document["splits"].items()}
    if "val" not in labels:  # a part of train
        found["train"] += found.pop("val")
    assert found == {split: len(of_split) for split, of_split in labels.items()}
    assert not any(counted["skipped"] for counted in document["splits"].values())
    scored = {"val", *({"test"} & set(labels))}
    assert {split: numbers["accuracy"] >= 0 for split, numbers in document["metrics"].items()} == dict.fromkeys(
        scored, True
    )
    assert document["classes"] == sorted(opened(name, tmp_path / "here").classes)


def test_a_whole_job_on_noise(tmp_path: Path, monkeypatch: Patch):
    monkeypatch.chdir(tmp_path)
    noise = {"dataset.images": 12, "dataset.num_classes": 3, "dataset.size": 16}
    document = job("fake_data", set={**SMALL, **noise})
    assert {split: counted["images"] for split, counted in document["splits"].items()} == {
        "train": 12,
        "val": 3,
        "test": 3,
    }


@pytest.mark.parametrize("name", IN_TURN)
@pytest.mark.parametrize("where", ["cache", "folder"])
def test_a_job_says_what_is_missing_and_what_to_type(
    name: str, where: str, tmp_path: Path, cache: Path, capfd: pytest.CaptureFixture[str]
):
    """From the command line: one short paragraph, before anything is trained or written."""
    from zoo.__main__ import main

    empty = tmp_path / "empty"
    empty.mkdir()
    place = empty if where == "folder" else cache / name
    words = ["run", "simple_cnn", name, "--recipe", "none", "--out", str(tmp_path / "runs")]
    assert main([*words, *(["--data", str(empty)] if where == "folder" else [])]) == 2
    told = " ".join(capfd.readouterr().err.split())
    assert f"{name} was not found in {place}" in told
    assert "--data FOLDER" in told
    assert SETS[name].site in told
    assert "Traceback" not in told
    assert not (tmp_path / "runs").exists()
