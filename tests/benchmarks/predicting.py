"""``zoo predict`` for many files and timm's inference.py, on the same network, weights and files: a table in Markdown.

    python tests/benchmarks/predicting.py speed PHOTOS WEIGHTS [ROUNDS]
    python tests/benchmarks/predicting.py memory PHOTOS [FEW MANY]

PHOTOS has a folder of JPEGs for each class, and WEIGHTS are tf_efficientnet_lite0.safetensors.

* speed: each way in turn, in a process of its own (A B A B …): the whole time of the process, from its start to its
  file of predictions, and the processor time of it and its workers, which other programs disturb less; medians.
  timm's script is not in its wheel: ``timm_way`` does what the script does with its defaults (batches of 256, 2
  workers, the prefetcher, float32, a CSV of file names, descriptions and probabilities), with timm's own dataset,
  loader and model. It needs pandas, as the script does.
* memory: the peak of the resident memory of ``zoo predict`` of FEW and of MANY images of 64 pixels, which are links to
  1,000 files, with a network of 32 pixels.
"""

from __future__ import annotations

import csv
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

MODEL = "tf_efficientnet_lite0"
SIZE = {"image_size": 224, "in_chans": 3, "resize": "crop", "interpolation": "bicubic", "crop_pct": 0.875}


def timm_way(photos: str, weights: str, out: str) -> None:
    """timm's inference.py: ``PHOTOS --model tf_efficientnet_lite0 --checkpoint WEIGHTS --device cpu``."""
    import numpy as np
    import pandas as pd
    import torch
    from timm.data import ImageNetInfo, create_dataset, create_loader, infer_imagenet_subset, resolve_data_config
    from timm.models import create_model

    model = create_model(MODEL, checkpoint_path=weights)
    config = resolve_data_config({}, model=model, use_test_size=True)
    model = model.to("cpu").eval()
    dataset = create_dataset(root=photos, name="", split="validation", class_map="")
    loader = create_loader(
        dataset, batch_size=256, use_prefetcher=True, num_workers=2, device=torch.device("cpu"), **config
    )
    subset = infer_imagenet_subset(model)
    info = ImageNetInfo(subset) if subset else ImageNetInfo()
    describe = np.vectorize(info.index_to_description, otypes=[object])
    found: dict[str, list[Any]] = {"index": [], "label": [], "prob": []}
    with torch.inference_mode():
        for images, _ in loader:
            probs, indices = model(images).softmax(-1).topk(1)
            found["index"].append(indices.numpy())
            found["label"].append(describe(indices.numpy()))
            found["prob"].append(probs.numpy())
    columns = {name: np.concatenate(values).squeeze(-1) for name, values in found.items()}
    frame = pd.DataFrame({"filename": dataset.filenames(basename=True), **columns})
    frame.set_index("filename").to_csv(out)


def write_bundle(folder: Path, weights: str) -> None:
    """A bundle of timm's network with the 1,000 classes of ImageNet, named by their numbers."""
    from safetensors.torch import load_file

    from zoo.api.models import write_card, write_weights

    folder.mkdir()
    write_weights(folder, load_file(weights))
    preprocessing = {**SIZE, "mean": [0.5] * 3, "std": [0.5] * 3}
    architecture = {"id": f"timm/{MODEL}", "params": {}}
    classes = [str(number) for number in range(1000)]
    write_card(folder, {"classes": classes, "preprocessing": preprocessing, "architecture": architecture})


def timed(command: list[str], cwd: str) -> tuple[float, float]:
    """Seconds of a process by the clock, and of the processors with those of its own processes."""
    env = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, command
    return time.perf_counter() - started, used.ru_utime + used.ru_stime


def speed(photos: str, weights: str, rounds: int = 3) -> None:
    """Time both ways in turn, and compare their answers."""
    with tempfile.TemporaryDirectory() as folder:
        write_bundle(Path(folder, "lite0"), weights)
        ours = [sys.executable, "-m", "zoo", "predict", "lite0", photos, "--out", "zoo.csv", "--overwrite"]
        theirs = [sys.executable, str(Path(__file__).resolve()), "timm", photos, weights, "timm.csv"]
        found: dict[str, list[tuple[float, float]]] = {"zoo predict --out zoo.csv": [], "timm's inference.py": []}
        for _ in range(rounds):
            for way, command in zip(found, (ours, theirs), strict=True):
                found[way].append(timed(command, folder))
        count, same = _agreement(Path(folder))
    say(f"{_hardware()}, {count:,} images, {rounds} rounds in turn, medians; {same:,} of the labels are the same\n")
    say("| way | whole process | images/s | processor time | all rounds |")
    say("|---|---:|---:|---:|---|")
    for way, times in found.items():
        wall, processor = (statistics.median(each) for each in zip(*times, strict=True))
        rounds_said = ", ".join(f"{each:.1f}" for each, _ in times)
        say(f"| {way} | {wall:.1f} s | {count / wall:.0f} | {processor:.1f} s | {rounds_said} s |")
    for place, what in enumerate(("the clock", "the processors")):
        ratios = [theirs[place] / ours[place] for ours, theirs in zip(*found.values(), strict=True)]
        said = ", ".join(f"{each:.2f}" for each in ratios)
        say(f"\ntimm / zoo in a round by {what}: median {statistics.median(ratios):.2f} ({said})")


def _agreement(folder: Path) -> tuple[int, int]:
    with (folder / "zoo.csv").open(newline="") as lines:
        ours = {Path(row["path"]).name: row["label"] for row in csv.DictReader(lines)}
    with (folder / "timm.csv").open(newline="") as lines:
        theirs = {Path(row["filename"]).name: row["index"] for row in csv.DictReader(lines)}
    assert ours.keys() == theirs.keys()
    return len(ours), sum(ours[name] == theirs[name] for name in ours)


def memory(photos: str, few: int = 2000, many: int = 200_000) -> None:
    """Print the peak of the memory for few and for many images."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        train = ["run", "simple_cnn", photos, "--epochs", "1", "--image-size", "32", "--name", "small", "--quiet"]
        subprocess.run([sys.executable, "-m", "zoo", *train], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (home / "files").mkdir()
        for number, path in enumerate(sorted(Path(photos).rglob("*.jpg"))[:1000]):
            Image.open(path).convert("RGB").resize((64, 64)).save(home / "files" / f"{number:04d}.jpg", quality=90)
        say(f"{_hardware()}\n\n| output | images | peak memory | images/s |\n|---|---:|---:|---:|")
        for out in ("csv", "parquet"):
            for count in (few, many):
                peak, seconds = _peak(home, count, f"{count}.{out}")
                say(f"| {out} | {count:,} | {peak:.0f} MiB | {count / seconds:.0f} |")


def _peak(home: Path, count: int, out: str) -> tuple[float, float]:
    """Peak resident memory in MiB, and seconds, of a process."""
    images = home / f"images-{count}"
    if not images.is_dir():
        images.mkdir()
        for number in range(count):
            os.link(home / "files" / f"{number % 1000:04d}.jpg", images / f"{number:06d}.jpg")
    started = time.perf_counter()
    command = [sys.executable, "-m", "zoo", "predict", "small", images.name, "--out", out]
    process = subprocess.Popen(command, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0
    return used.ru_maxrss / 1024, time.perf_counter() - started


def _hardware() -> str:
    import torch

    return f"{os.cpu_count()} cores, {platform.machine()}, torch {torch.__version__}"


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    what, *words = sys.argv[1:]
    if what == "timm":
        timm_way(*words)
    elif what == "speed":
        speed(str(Path(words[0]).resolve()), str(Path(words[1]).resolve()), *map(int, words[2:]))
    elif what == "memory":
        memory(str(Path(words[0]).resolve()), *map(int, words[1:]))
    else:
        raise SystemExit(json.dumps(__doc__))
