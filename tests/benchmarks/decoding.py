"""What decoding a folder of photos costs, the zoo's way and others: a table in Markdown.

    python tests/benchmarks/decoding.py FOLDER [ROUNDS] [SIZE …]

FOLDER has a folder of JPEGs for each class. Each way is timed in turn, in a process of its own (A B C … A B C …), and
its best round is shown:

* one core: images a second of processor time, of a tenth of the files that lie in memory;
* whole store: ``decode_split`` of all of the files by all cores, hashing and writing among it, by the clock; and in
  processor time, which what else runs on the machine disturbs less. Torch is imported before, as in any job; what a
  way needs beyond it, as torchvision, counts.
* grey levels: the mean difference to what Pillow makes of the whole picture.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from PIL import Image

from zoo.data.decode import to_pixels
from zoo.data.store import decode_split

Way = Callable[[Any, int], Any]
BILINEAR = Image.Resampling.BILINEAR


def zoo(file: Any, size: int) -> Any:
    """As the zoo does: a JPEG at a half, quarter or eighth, where twice the size still remains."""
    return to_pixels(Image.open(file), size, 3)


def whole(file: Any, size: int) -> Any:
    """Pillow: the whole picture, then scaled."""
    return np.asarray(Image.open(file).convert("RGB").resize((size, size), BILINEAR))


def rough(file: Any, size: int) -> Any:
    """Pillow: a half, quarter or eighth, where the size itself still remains, then scaled."""
    image = Image.open(file)
    image.draft(None, (size, size))
    return np.asarray(image.convert("RGB").resize((size, size), BILINEAR))


def torch_resize(file: Any, size: int) -> Any:
    """Pillow decodes, torch scales."""
    return _scaled(torch.from_numpy(np.array(Image.open(file).convert("RGB"))).permute(2, 0, 1), size)


def torchvision(file: Any, size: int) -> Any:
    """torchvision decodes, torch scales."""
    from torchvision.io import ImageReadMode, decode_jpeg

    data = bytearray(file.read() if hasattr(file, "read") else Path(file).read_bytes())
    return _scaled(decode_jpeg(torch.frombuffer(data, dtype=torch.uint8), ImageReadMode.RGB), size)


def _scaled(image: torch.Tensor, size: int) -> Any:
    scaled = torch.nn.functional.interpolate(image[None], (size, size), mode="bilinear", antialias=True)
    return scaled[0].permute(1, 2, 0).numpy()


WAYS: dict[str, Way] = {
    "the zoo: Pillow, draft to 2 x": zoo,
    "Pillow, in full": whole,
    "Pillow, draft to 1 x": rough,
    "Pillow, scaled by torch": torch_resize,
    "torchvision": torchvision,
}


class Files:
    """The JPEGs of a folder of class folders."""

    def __init__(self, root: Path):
        self.paths = sorted(root.rglob("*.jpg"))
        self.classes = sorted({path.parent.name for path in self.paths})
        self.targets = [self.classes.index(path.parent.name) for path in self.paths]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Path, int]:
        return self.paths[index], self.targets[index]

    def name_of(self, index: int) -> str:
        return str(self.paths[index])


def measured(folder: str, way: str, size: int) -> dict[str, float]:
    """One way, once, in this process."""
    torch.set_num_threads(1)
    decode, files = WAYS[way], Files(Path(folder))
    wall, processor = time.perf_counter(), time.process_time()
    with mock.patch("zoo.data.decoded_rows.to_pixels", lambda item, *shape: decode(item, size)):
        decoded = decode_split(files, (size, 3), "disk")  # type: ignore[arg-type]
    found = {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}
    assert len(decoded.labels) == len(files)
    few = [path.read_bytes() for path in files.paths[::10]]
    started = time.process_time()
    pixels = [decode(io.BytesIO(data), size) for data in few]
    one_core = len(few) / (time.process_time() - started)
    differences = [np.abs(a - whole(io.BytesIO(d), size).astype(int)).mean() for a, d in zip(pixels, few, strict=True)]
    return {**found, "images": len(files), "one_core": one_core, "difference": float(np.mean(differences))}


def in_a_process(folder: str, way: str, size: int) -> dict[str, float]:
    """One way, once, in a process and with a cache of its own."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, __file__, "--one", folder, way, str(size)]
        env = {**os.environ, "ZOO_CACHE": cache}
        done = subprocess.run(command, env=env, capture_output=True, check=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def row(way: str, size: int, rounds: list[dict[str, float]]) -> str:
    best = {key: (max if key == "one_core" else min)(found[key] for found in rounds) for key in rounds[0]}
    per_second = best["images"] / best["wall"]
    cells = [f"{size} px", way, f"{best['one_core']:,.0f}", f"{best['wall']:.2f} s", f"{per_second:,.0f}"]
    cells += [f"{best['processor']:.2f} s", f"{best['difference']:.2f}"]
    return f"| {' | '.join(cells)} |"


def main(folder: str, rounds: int = 3, *sizes: int) -> None:
    """Time and print."""
    print(f"{os.cpu_count()} cores, Pillow {Image.__version__}, torch {torch.__version__}, best of {rounds}\n")  # type: ignore[attr-defined]  # noqa: T201
    print("| | way | one core, images/s | whole store | images/s | processor | grey levels |")  # noqa: T201
    print("|---|---|---:|---:|---:|---:|---:|")  # noqa: T201
    for size in sizes or (112, 150, 224):
        found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for _ in range(rounds):
            for way, results in found.items():
                results.append(in_a_process(folder, way, size))
        for way, results in found.items():
            print(row(way, size, results), flush=True)  # noqa: T201


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        print(json.dumps(measured(*sys.argv[2:4], int(sys.argv[4]))))  # noqa: T201
    else:
        main(sys.argv[1], *map(int, sys.argv[2:]))
