"""The contributions of the plugin ``formats``."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.plugin import CacheKind, Dataset, hookimpl


@hookimpl
def zoo_datasets() -> Iterator[Dataset]:
    """Contribute a dataset for each format."""
    yield from _containers()
    yield from _annotations()


def _containers() -> Iterator[Dataset]:
    """Files that hold many images."""
    yield Dataset(
        "parquet",
        "zoo_formats.tables:ImageTable",
        summary="Images in the rows of Parquet and Arrow files, as on the Hugging Face hub",
        tags=("files", "offline", "table", "arrow", "large"),
        aliases=("arrow",),
        opens=(".parquet", ".arrow", ".feather", "folder"),
        recognises="zoo_formats.tables:recognises",
    )
    yield Dataset(
        "hf",
        "zoo_formats.hub:HubDataset",
        summary="Datasets of the Hugging Face hub, hf:owner/name, or folders of the same layouts",
        tags=("files", "hub", "download", "large"),
        scheme="hf",
    )
    yield Dataset(
        "image_archive",
        "zoo_formats.archives:ImageArchive",
        summary="Your own images in class folders in a zip or tar file, read without unpacking it",
        tags=("files", "offline", "zip", "tar"),
        aliases=("archive", "zip"),
        opens=(".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz"),
        recognises="zoo_formats.archives:recognises",
    )
    yield Dataset(
        "idx",
        "zoo_formats.idx:IdxFiles",
        summary="Images in idx files, the format of MNIST, gzipped or not",
        tags=("files", "offline", "arrays"),
        opens=("folder", ".gz"),
        recognises="zoo_formats.idx:recognises",
    )
    yield Dataset(
        "medmnist",
        "zoo_formats.medmnist:MedMnist",
        summary="Images in a .npz file of arrays, the format of MedMNIST",
        tags=("files", "offline", "arrays", "medical"),
        aliases=("npz",),
        opens=(".npz",),
        recognises="zoo_formats.medmnist:recognises",
    )


def _annotations() -> Iterator[Dataset]:
    """Files that describe pictures beside them."""
    yield Dataset(
        "coco",
        "zoo_formats.coco:Coco",
        summary="Pictures with COCO's annotations: whole by their labels, or the boxes cut out",
        tags=("files", "offline", "boxes", "multi-label"),
        opens=(".json", "folder"),
        recognises="zoo_formats.coco:recognises",
    )
    yield Dataset(
        "yolo",
        "zoo_formats.yolo:Yolo",
        summary="Pictures with YOLO's boxes: whole by their labels, or the boxes cut out",
        tags=("files", "offline", "boxes", "multi-label"),
        opens=(".yaml", ".yml", "folder"),
        recognises="zoo_formats.yolo:recognises",
    )
    yield Dataset(
        "voc",
        "zoo_formats.voc:Voc",
        summary="Pictures with Pascal VOC's boxes: whole by their labels, or the boxes cut out",
        tags=("files", "offline", "boxes", "multi-label"),
        aliases=("pascal_voc",),
        opens=("folder",),
        recognises="zoo_formats.voc:recognises",
    )
    yield Dataset(
        "label_studio",
        "zoo_formats.label_studio:LabelStudio",
        summary="Pictures labelled in Label Studio, from its JSON: whole, or the boxes cut out",
        tags=("files", "offline", "boxes", "multi-label"),
        opens=(".json",),
        recognises="zoo_formats.label_studio:recognises",
    )
    yield Dataset(
        "cvat",
        "zoo_formats.cvat:Cvat",
        summary="Pictures labelled in CVAT, from its XML: whole, or the boxes cut out",
        tags=("files", "offline", "boxes", "multi-label"),
        opens=(".xml", "folder"),
        recognises="zoo_formats.cvat:recognises",
    )


@hookimpl
def zoo_cache_kinds() -> Iterator[CacheKind]:
    """Describe decompressed archives, and datasets of the hub."""
    yield CacheKind("archives", "decompressed tar files")
    yield CacheKind("datasets", "downloaded datasets", "fetched again", groups=("hf",))
