"""Every dataset of the plugin owes what zoo.testing asks of anyone's, and none takes what is another's."""

from __future__ import annotations

import dataclasses
import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.host.loader import open_registry
from zoo.testing import checks_of, run_checks
from zoo.testing.pictures import write_folder

globox = pytest.importorskip("globox", reason="globox writes the annotations: pip install globox")
pa = pytest.importorskip("pyarrow", reason="Parquet is an extra: pip install 'visionzoo[parquet]'")

COLOURS = ("blue", "red")


def annotations(root: Path) -> Any:
    """Boxes of the pictures in class folders, which are copied to images/."""
    found = globox.AnnotationSet()
    (root / "images").mkdir()
    for path in sorted((root / "train").rglob("*.png")):
        name = f"{path.parent.name}{path.name}"
        shutil.copy(path, root / "images" / name)
        box = globox.BoundingBox(label=path.parent.name, xmin=2, ymin=2, xmax=20, ymax=22)
        found.add(globox.Annotation(name, (24, 24), [box]))
    return found


def parquet(root: Path) -> Path:
    import pyarrow.parquet as pq

    paths = sorted((root / "train").rglob("*.png"))
    table = {"image": [path.read_bytes() for path in paths], "label": [path.parent.name for path in paths]}
    pq.write_table(pa.table(table), root / "a.parquet")
    return root / "a.parquet"


def coco(root: Path) -> Path:
    annotations(root).save_coco(root / "a.json", auto_ids=True)
    return root / "a.json"


def yolo(root: Path) -> Path:
    annotations(root).save_yolo_v5(root / "labels", label_to_id={name: i for i, name in enumerate(COLOURS)})
    (root / "data.yaml").write_text("train: images\nnames: [blue, red]\n", "utf-8")
    return root / "data.yaml"


def voc(root: Path) -> Path:
    annotations(root).save_pascal_voc(root / "Annotations")
    return root


def cvat(root: Path) -> Path:
    annotations(root).save_cvat(root / "annotations.xml")
    return root / "annotations.xml"


def label_studio(root: Path) -> Path:
    annotations(root)
    tasks = []
    for number, path in enumerate(sorted((root / "images").iterdir())):
        result = {"type": "choices", "from_name": "choice", "value": {"choices": [path.name.rstrip("0123456789.png")]}}
        tasks.append({"id": number, "data": {"image": path.name}, "annotations": [{"result": [result]}]})
    (root / "a.json").write_text(json.dumps(tasks), "utf-8")
    return root / "a.json"


def image_archive(root: Path) -> Path:
    for split in ("val", "test"):
        shutil.rmtree(root / split)
    return Path(shutil.make_archive(str(root / "a"), "zip", root))


def idx(root: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (10, 9, 8), dtype=np.uint8)
    for name, array in {"images-idx3": pixels, "labels-idx1": np.arange(10, dtype=np.uint8) % 2}.items():
        sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
        data = bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()
        (root / f"train-{name}-ubyte.gz").write_bytes(gzip.compress(data))
    return root / "train-images-idx3-ubyte.gz"


def medmnist(root: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (10, 9, 8), dtype=np.uint8)
    np.savez(root / "a.npz", train_images=pixels, train_labels=np.arange(10, dtype=np.uint8)[:, None] % 2)
    return root / "a.npz"


WRITERS: dict[str, Callable[[Path], Path]] = {
    writer.__name__: writer for writer in (parquet, coco, yolo, voc, cvat, label_studio, image_archive, idx, medmnist)
}


@pytest.fixture(params=WRITERS)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """The name of a dataset, and a path that it opens."""
    return request.param, WRITERS[request.param](write_folder(tmp_path / "data"))


def test_each_dataset_passes_the_checks_of_zoo_testing(written: tuple[str, Path]):
    name, path = written
    entry = open_registry().find("dataset", f"formats/{name}")
    component = dataclasses.replace(entry.component, example={"root": path}, in_chans=1)
    report = run_checks(checks_of(dataclasses.replace(entry, component=component)))
    assert [f"{each.check.name}: {each.message}" for each in report.failed] == []
    known = {each.check.name for each in report.passed}
    assert {"can be opened", "class names", "label range", "images", "determinism", "targets", "ends"} <= known


def test_each_path_is_recognised_by_its_dataset_alone(written: tuple[str, Path], tmp_path: Path):
    name, path = written
    form = path.suffix.lower() if path.is_file() else "folder"
    opener = open_registry().opener(form, path)
    assert opener is not None
    assert opener.id == f"formats/{name}"


def test_a_folder_of_class_folders_stays_one(tmp_path: Path):
    opener = open_registry().opener("folder", write_folder(tmp_path / "data"))
    assert opener is not None
    assert opener.id == "images/image_folder"


def test_a_folder_of_two_formats_is_an_error_that_names_both(tmp_path: Path, refused: Any):
    root = write_folder(tmp_path / "data")
    annotations(root).save_pascal_voc(root / "Annotations")
    (root / "a.json").write_text('{"images": [], "annotations": [], "categories": []}', "utf-8")
    text = refused("run", "simple_cnn", root)
    assert "is opened by several datasets: formats/coco (visionzoo) and formats/voc (visionzoo)" in text


def test_recognising_a_path_imports_neither_torch_nor_numpy(tmp_path: Path):
    """Each folder that anybody types is looked at by every dataset."""
    root = write_folder(tmp_path / "data")
    code = (
        "import sys; from pathlib import Path; from zoo.host.loader import open_registry\n"
        f"open_registry().opener('folder', Path({str(root)!r}))\n"
        "print([name for name in ('torch', 'numpy', 'pyarrow', 'PIL', 'datasets') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
