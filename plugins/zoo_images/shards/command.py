"""The command ``zoo shards``, which creates and lists shards."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from zoo_images.shards.listing import LISTING
from zoo_images.shards.pack import pack, write_listing

__all__ = ["main"]

_MOST = 1_000_000


def main(arguments: list[str]) -> int:
    """Run the command line after ``zoo shards``.

    Returns:
        0.

    Raises:
        ZooError: the request is invalid or fails.
    """
    parser = argparse.ArgumentParser("zoo shards", description="Pack images into tar shards, or index existing ones.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    packing = commands.add_parser("pack", help="pack a folder of class folders into shards")
    packing.add_argument("folder", type=Path, metavar="FOLDER", help="folder of images, as for image_folder")
    packing.add_argument("out", type=Path, metavar="SHARDS", help="folder to create")
    packing.add_argument("--images", type=_count, default=1000, help="number of images per shard (default: 1000)")
    packing.add_argument("--seed", type=int, default=0, help="random seed of the order (default: 0)")
    listing = commands.add_parser("index", help=f"write {LISTING}, for using the shards over https")
    listing.add_argument("folder", type=Path, metavar="SHARDS", help="folder of the .tar files")
    listing.add_argument("--field", default="label", help="field of the label in .json files (default: label)")
    given = parser.parse_args(arguments)
    return _pack(given) if given.command == "pack" else _index(given)


def _count(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= _MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {_MOST:,}")
    return int(text)


def _pack(given: argparse.Namespace) -> int:
    for split, packed in pack(given.folder, given.out, images=given.images, seed=given.seed).items():
        shards = f"{packed.shards:,} shard{'' if packed.shards == 1 else 's'}"
        sys.stdout.write(f"{split}: {packed.images:,} images in {shards}, {packed.bytes / 1e6:,.1f} MB\n")
    sys.stdout.write(f"next: zoo run simple_cnn webdataset --data {given.out}\n")
    return 0


def _index(given: argparse.Namespace) -> int:
    for split, shards in write_listing(given.folder, given.field).splits.items():
        sys.stdout.write(f"{split}: {len(shards):,} shards, {sum(shard.bytes for shard in shards) / 1e6:,.1f} MB\n")
    sys.stdout.write(f"{given.folder / LISTING}: upload it with its folder, and use its URL:\n")
    sys.stdout.write("  zoo run simple_cnn webdataset --set dataset.url=https://…/shards.json\n")
    return 0
