"""What a process holds in memory of a split: a window of images, whatever their number.

Only private memory counts (RssAnon). The pages of a store that were read or written lately count into a process's
resident size, and so into ru_maxrss and VmHWM, but they are the system's: it drops them when it needs the room. As
there is no high-water mark of RssAnon, a thread looks every few milliseconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path("/proc/self/status").is_file() or "RssAnon" not in Path("/proc/self/status").read_text(),
        reason="only Linux tells private memory",
    ),
]

JOB = """
import sys, threading
import numpy as np
from zoo.data.split import Split
from zoo.data.store import decode_split

count, batches = int(sys.argv[1]), sys.argv[2] == "batches"
if batches:  # the way of training, which imports torch
    import torch
    from zoo.data.batches import Batches, Normalize
from zoo.data.samplers import Sampling
from zoo_samplers.samplers import shuffle

class Made:
    classes = ("a", "b")
    fingerprint = "made"

    def __len__(self):
        return count

    def __getitem__(self, index):
        return np.full((3, 32, 32), index % 251, np.uint8), index % 2

    def name_of(self, index):
        return f"a/folder/with/pictures/made/{index:09}.png"

def private():
    (line,) = [line for line in open("/proc/self/status") if line.startswith("RssAnon")]
    return int(line.split()[1]) * 1024

def watch():
    while not done.wait(0.005):
        peaks.append(max(peaks.pop(), private()))

peaks, done = [private()], threading.Event()
watching = threading.Thread(target=watch)
watching.start()
decoded = decode_split(Made(), (32, 3), "disk")
whole = Split("train", decoded.images, decoded.labels, decoded.names, fingerprint=decoded.fingerprint)
if batches:
    part = whole.part("train", np.arange(count // 5, count))
    cpu = torch.device("cpu")
    sampling = Sampling(lambda s, n: shuffle(len(s), 0))
    batches = Batches(part, 32, Normalize([0.5] * 3, [0.3] * 3, cpu), sampling=sampling)
    seen = sum(len(images) for images, _ in batches)
    assert seen == len(part) == len(part.names)
    assert part.names[-1] == whole.names[-1] == Made().name_of(count - 1)
else:
    for start in range(0, count, 32):
        pixels = whole.gather(np.arange(start, min(start + 32, count)))
    assert (pixels[-1] == (count - 1) % 251).all()
done.set()
watching.join()
print(max(*peaks, private()))
"""


def peak(count: int, way: str, cache: Path) -> int:
    """The most private memory, in bytes, of a process that decodes so many images and gathers them."""
    env = {**os.environ, "ZOO_CACHE": str(cache / f"{way} {count}"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", JOB, str(count), way]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_ten_times_the_images_take_no_more_memory(tmp_path: Path):
    few, many = (peak(count, "gather", tmp_path) for count in (2_000, 20_000))
    assert many < 1.1 * few, f"{few / 1e6:.1f} MB and {many / 1e6:.1f} MB"


def test_a_hundred_times_the_images_take_no_more_memory_to_train_on(tmp_path: Path):
    """Some bytes an image remain: its label, its number in the part and its place in the epoch's order."""
    few, many = (peak(count, "batches", tmp_path) for count in (2_000, 200_000))
    said = f"{few / 1e6:.1f} MB and {many / 1e6:.1f} MB"
    print(said)  # noqa: T201
    assert many < 1.1 * few, said
    assert (many - few) / 198_000 < 80, said
