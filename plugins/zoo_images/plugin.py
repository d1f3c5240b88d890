"""Components of the plugin zoo_images."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.plugin import CacheKind, Command, Dataset, hookimpl


@hookimpl
def zoo_datasets() -> Iterator[Dataset]:
    """Contribute the datasets."""
    yield Dataset(
        "cats_dogs",
        "zoo_images.cats_dogs:CatsDogs",
        summary="Cats and dogs: your photos, Oxford-IIIT Pet, or drawings",
        tags=("photos", "binary", "download", "offline"),
        aliases=("cats_vs_dogs",),
        symmetries=("horizontal_flip",),
        example={"source": "drawn", "drawn_images": 16},
    )
    yield Dataset(
        "image_folder",
        "zoo_images.folders:ImageFolder",
        summary="Your own images, with a folder for each class, optionally in train/, val/ and test/",
        tags=("files", "offline"),
        aliases=("folder",),
        opens=("folder",),
    )
    yield Dataset(
        "image_csv",
        "zoo_images.tables:ImageCsv",
        summary="Your own images, in a CSV file with the columns path, label and optionally split",
        tags=("files", "offline", "table"),
        aliases=("csv",),
        opens=(".csv",),
    )
    yield Dataset(
        "webdataset",
        "zoo_images.shards.dataset:WebDataset",
        summary="Your own images in tar files (shards), in a folder or at an https URL",
        tags=("files", "shards", "large", "https"),
        aliases=("shards",),
        opens=(".tar",),
    )
    yield Dataset(
        "digits",
        "zoo_images.digits:digits",
        summary="1,797 handwritten digits, 8x8 greyscale, from scikit-learn; trains in seconds",
        tags=("small", "offline", "grey"),
        in_chans=1,
        input_size=8,
        symmetries=(),
    )


@hookimpl
def zoo_commands() -> Iterator[Command]:
    """Contribute ``zoo shards``."""
    yield Command(
        "shards",
        "zoo_images.shards.command:main",
        summary="Pack images into tar shards, or index existing ones",
        heading="Data",
        tags=("webdataset", "tar", "large"),
    )


@hookimpl
def zoo_cache_kinds() -> Iterator[CacheKind]:
    """Describe downloaded datasets, and shards from the network."""
    yield CacheKind("datasets", "downloaded datasets", "fetched again")
    yield CacheKind("shards", "shards from the network, and their contents", "fetched again", groups=("web",))
