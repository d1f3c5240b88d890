"""The measurements of run.sh: each prints its result as the last line, in JSON.

python tests/gpu/measure.py training|compiled|evaluation|profile|simple_cnn|photos|small_images
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

DEVICE = torch.device("cuda:0" if os.environ.get("ZOO_GPU_DEVICE", "cuda") == "cuda" else "cpu")
REAL = DEVICE.type == "cuda"
NETWORK, SIZE, BATCH, IMAGES, ROUNDS = ("resnet50", 224, 256, 2560, 5) if REAL else ("resnet18", 32, 8, 48, 2)
CLASSES = 1000 if REAL else 4


class Patterns:
    """Random images (C, side, side) uint8; some hundred are drawn and repeated."""

    def __init__(self, count: int, side: int, classes: int, channels: int = 3):
        self.classes = [f"class {i:04}" for i in range(classes)]
        self.targets = [i % classes for i in range(count)]
        self.drawn = np.random.default_rng(0).integers(0, 256, (min(count, 257), channels, side, side), np.uint8)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.drawn[index % len(self.drawn)], self.targets[index]


AUGMENT = ("crop", "flip", "colour", "random_erasing")


def components_of(compiled: bool = False, val: int = CLASSES) -> Any:
    """A run's components: the network, its data and its optimizer, as `zoo run` builds them."""
    from zoo.api.jobs import make_request, resolve
    from zoo.api.running import Observer, build_components
    from zoo.host.loader import components

    def images(split: str) -> Patterns:
        return Patterns(IMAGES if split == "train" else val, SIZE, CLASSES)

    sets = {
        "train.optimizer": {"name": "sgd", "momentum": 0.9},
        "train.schedule": "constant",
        "memory_format": "channels_last",
        "compile": compiled,
        "evaluation_precision": "bf16",
    }
    asked = {
        "architecture": f"timm/{NETWORK}",
        "dataset": images,
        "image_size": SIZE,
        "batch_size": BATCH,
        "lr": 1e-3,
        "precision": "bf16",
        "device": DEVICE.type,
        "augment": list(AUGMENT),
        "set": sets,
    }
    return build_components(resolve(make_request(asked, recipe="none"), components()), Observer())


def synchronised() -> float:
    """The time when the device is done."""
    if REAL:
        torch.cuda.synchronize()
    return time.perf_counter()


def alternated(arms: dict[str, Callable[[], int]], rounds: int = ROUNDS) -> dict[str, Any]:
    """Images a second of each arm, in alternating rounds after one that isn't counted; and the memory of each."""
    rates: dict[str, list[float]] = {name: [] for name in arms}
    memory: dict[str, float] = {}
    for turn in range(rounds + 1):
        for name, arm in arms.items():
            if REAL:
                torch.cuda.reset_peak_memory_stats()
            started = synchronised()
            images = arm()
            rate = images / (synchronised() - started)
            if turn:
                rates[name].append(round(rate, 1))
            if REAL:
                memory[name] = round(torch.cuda.max_memory_allocated() / 2**20)
    found = {name: {"images_per_second": median(row), "rounds": row} for name, row in rates.items()}
    return {"arms": found, "peak_mib": memory}


# -- a loop as one writes it by hand


class Hand:
    """A network, its optimizer, and a loop tuned by hand: pinned batches prepared ahead, copied on another stream."""

    def __init__(self, compiled: bool = False):
        import timm

        model = timm.create_model(NETWORK, num_classes=CLASSES).to(DEVICE).to(memory_format=torch.channels_last)
        self.model: nn.Module = model.train()
        self.called: Any = torch.compile(model) if compiled else model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4, fused=True)
        block = np.random.default_rng(0).integers(0, 256, (256, SIZE, SIZE, 3), np.uint8)
        self.images = torch.from_numpy(np.concatenate([block] * -(-IMAGES // 256))[:IMAGES])
        self.labels = torch.arange(IMAGES) % CLASSES
        self.mean = torch.tensor([0.485, 0.456, 0.406], device=DEVICE).view(1, 3, 1, 1)
        self.std = torch.tensor([0.229, 0.224, 0.225], device=DEVICE).view(1, 3, 1, 1)
        self.fixed = torch.rand(BATCH, 3, SIZE, SIZE, device=DEVICE).contiguous(memory_format=torch.channels_last)
        self.goals = torch.arange(BATCH, device=DEVICE) % CLASSES

    def step(self, images: Tensor, labels: Tensor) -> Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(DEVICE.type, torch.bfloat16):
            loss = cross_entropy(self.called(images), labels)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def synthetic(self) -> int:
        """Steps on one batch that is on the device: the limit of any pipeline."""
        for _ in range(IMAGES // BATCH):
            self.step(self.fixed, self.goals)
        return IMAGES // BATCH * BATCH

    def epoch(self) -> int:
        total = torch.zeros((), device=DEVICE)
        for images, labels in self.batches():
            total += self.step(images, labels)
        assert float(total) == float(total)
        return IMAGES // BATCH * BATCH

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.randperm(IMAGES)
        rows = [order[i : i + BATCH] for i in range(0, IMAGES - BATCH + 1, BATCH)]
        box: dict[int, tuple[Tensor, Tensor]] = {}
        stream = torch.cuda.Stream() if REAL else None
        ahead = self.fetch(box, 0, rows[0], stream)
        for number in range(len(rows)):
            ahead.join()
            if number + 1 < len(rows):
                ahead = self.fetch(box, number + 1, rows[number + 1], stream)
            pixels, labels = box.pop(number)
            if stream is not None:
                torch.cuda.current_stream().wait_stream(stream)
                for part in (pixels, labels):
                    part.record_stream(torch.cuda.current_stream())
            images = (pixels.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.std
            flipped = torch.rand(BATCH, 1, 1, 1, device=DEVICE) < 0.5
            yield torch.where(flipped, images.flip(3), images), labels

    def fetch(self, box: dict[int, Any], number: int, row: Tensor, stream: Any) -> Thread:
        def work() -> None:
            pixels, labels = self.images[row], self.labels[row]
            if stream is None:
                box[number] = pixels, labels
                return
            with torch.cuda.stream(stream):
                box[number] = tuple(part.pin_memory().to(DEVICE, non_blocking=True) for part in (pixels, labels))

        thread = Thread(target=work)
        thread.start()
        return thread


# -- the zoo's


class Zoo:
    """Epochs of a run's components, without its files and its evaluation."""

    def __init__(self, compiled: bool = False):
        self.parts = components_of(compiled)
        self.kept = self.parts.train_batches.residence
        self.epochs = 0

    def epoch(self, resident: bool, augment: tuple[str, ...] = ("flip",)) -> int:
        from zoo.data.gpu_cache import Residence
        from zoo.engine.train import train_epoch

        parts = self.parts
        self.epochs += 1
        parts.begin_epoch(min(self.epochs, parts.job.train.epochs))
        parts.train_batches.residence = self.kept if resident else Residence(DEVICE, free=lambda: 0)
        every = parts.train_batches.augment
        parts.train_batches.augment = [every[AUGMENT.index(name)] for name in augment]
        steps = parts.step_config()
        totals = train_epoch(parts.stepped, parts.train_batches, parts.loss_fn, parts.optimizer, parts.execution, steps)
        assert totals.seen == IMAGES
        return IMAGES

    def synthetic(self, images: Tensor, labels: Tensor) -> int:
        """The zoo's step on one batch that is on the device."""
        from zoo.engine.step import TrainStep

        parts = self.parts
        parts.learner.trained.train()
        step = TrainStep(parts.stepped, parts.loss_fn, parts.optimizer, parts.execution, parts.step_config())
        for _ in range(IMAGES // BATCH):
            step(images, labels)
        return IMAGES // BATCH * BATCH


def training() -> dict[str, Any]:
    """ResNet-50 at 224 px in bfloat16: the pipeline, the step, and both by hand."""
    hand, mine = Hand(), Zoo()
    found = alternated(
        {
            "by hand, synthetic": hand.synthetic,
            "zoo, synthetic": lambda: mine.synthetic(hand.fixed, hand.goals),
            "by hand, copied": hand.epoch,
            "zoo, copied": lambda: mine.epoch(False),
            "zoo, resident": lambda: mine.epoch(True),
            "zoo, resident, four augmentations": lambda: mine.epoch(True, AUGMENT),
        }
    )
    return {**found, "network": NETWORK, "batch": BATCH, "size": SIZE, **ratios(found, "by hand, synthetic")}


def compiled() -> dict[str, Any]:
    """The same with torch.compile."""
    started = time.perf_counter()
    hand, mine = Hand(compiled=True), Zoo(compiled=True)
    hand.synthetic()
    mine.epoch(True)
    compiling = time.perf_counter() - started
    found = alternated(
        {
            "by hand, synthetic": hand.synthetic,
            "by hand, copied": hand.epoch,
            "zoo, copied": lambda: mine.epoch(False),
            "zoo, resident": lambda: mine.epoch(True),
        },
        rounds=3 if REAL else 1,
    )
    return {**found, "network": NETWORK, "compile_s": round(compiling, 1), **ratios(found, "by hand, synthetic")}


def ratios(found: dict[str, Any], whole: str) -> dict[str, Any]:
    """Each arm as a share of one of them, round by round, in the median."""
    arms = found["arms"]
    return {
        f"{name} / {whole}": round(median(a / b for a, b in zip(arm["rounds"], arms[whole]["rounds"], strict=True)), 3)
        for name, arm in arms.items()
        if name != whole
    }


def evaluation() -> dict[str, Any]:
    """Evaluation of ResNet-50: the zoo's, resident and copied, and passes over one batch on the device."""
    from zoo.api.compute import fold_norms
    from zoo.data.gpu_cache import Residence
    from zoo.engine.evaluate import predict_logits

    parts = components_of(val=IMAGES)
    batches = parts.data.images(parts.splits["val"])
    kept = batches.residence
    images, _ = next(iter(batches))
    folded = fold_norms(parts.model.eval(), images[:2])
    count = len(parts.splits["val"])

    def zoo(resident: bool) -> int:
        batches.residence = kept if resident else Residence(DEVICE, free=lambda: 0)
        predict_logits(parts.model, batches, parts.answering)
        return count

    def synthetic() -> int:
        with torch.inference_mode(), parts.answering.autocast():
            for _ in range(-(-count // len(images))):
                folded(images)
        return -(-count // len(images)) * len(images)

    arms = {"synthetic": synthetic, "zoo, copied": lambda: zoo(False), "zoo, resident": lambda: zoo(True)}
    found = alternated(arms)
    return {**found, "network": NETWORK, "batch": len(images), **ratios(found, "synthetic")}


def profile() -> dict[str, Any]:
    """Where a training epoch waits for the GPU, and the kernels it spends its time in ($OUT/profile.txt)."""
    import warnings
    from collections import Counter

    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiler

    mine = Zoo()
    mine.epoch(True)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        if REAL:
            torch.cuda.set_sync_debug_mode("warn")
        mine.epoch(True)
        mine.epoch(False)
        if REAL:
            torch.cuda.set_sync_debug_mode("default")
    waits = Counter(f"{Path(w.filename).name}:{w.lineno}" for w in said if "synchroniz" in str(w.message))
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if REAL else [])]
    with profiler(activities=kinds) as seen:
        mine.epoch(False)
    by = "self_device_time_total" if REAL else "self_cpu_time_total"
    text = seen.key_averages().table(sort_by=by, row_limit=40, max_name_column_width=70)
    Path(os.environ.get("OUT", "."), "profile.txt").write_text(text, "utf-8")
    return {"waits_for_the_device": dict(waits), "steps": IMAGES // BATCH * 2}


# -- simple_cnn


def seconds_of(name: str, *given: Any, **more: Any) -> dict[str, Any]:
    """A whole run: seconds of its epochs but the first, its accuracy, its memory."""
    import zoo
    from zoo.api.running import Observer

    if REAL:
        torch.cuda.reset_peak_memory_stats()
    started = time.perf_counter()
    result = zoo.run("simple_cnn", *given, device=DEVICE.type, name=name, overwrite=True, observer=Observer(), **more)
    whole = time.perf_counter() - started
    epochs = [epoch["seconds"] for epoch in result["epochs"]]
    return {
        "epoch_s": round(median(epochs[1:] or epochs), 3),
        "first_epoch_s": round(epochs[0], 3),
        "epochs": len(epochs),
        "run_s": round(whole, 1),
        "setup_s": round(result["timing"]["setup_s"], 1),
        "data_s": round(result["timing"]["data_s"], 1),
        "train_s": round(result["timing"]["train_s"], 1),
        "evaluate_s": round(result["timing"]["evaluate_s"], 1),
        "val_accuracy": result["metrics"]["val"]["accuracy"],
        "execution": result["environment"]["execution"],
        "peak_mib": round(torch.cuda.max_memory_allocated() / 2**20) if REAL else None,
    }


def simple_cnn() -> dict[str, Any]:
    """The plain defaults: drawings of cats and dogs, and digits."""
    few = {} if REAL else {"epochs": 1}
    return {"drawings": seconds_of("drawings", "cats_dogs", **few), "digits": seconds_of("digits", "digits", **few)}


def photos() -> dict[str, Any]:
    """2,000 and 1,000 JPEG files of 320 px in place of photographs: the default, and the long recipe."""
    folder = Path("pictures")
    for split, count in (("train", 2000), ("val", 1000)) if REAL else (("train", 24), ("val", 8)):
        for name, base in (("cats", 0), ("dogs", 1)):
            _write_pictures(folder / split / name, count // 2, base)
    epochs = 12 if REAL else 1
    default = seconds_of("default", str(folder), epochs=epochs)
    return {"default": default, "long": seconds_of("long", str(folder), epochs=epochs, recipe="simple_cnn+cats_dogs")}


def _write_pictures(folder: Path, count: int, base: int) -> None:
    """Coloured waves with noise; the classes differ in the waves' direction."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    drawn, (ys, xs) = np.random.default_rng(base), np.mgrid[0:240, 0:320]
    files: list[bytes] = []
    for i in range(count):
        if i < 100:
            wave = np.sin((xs if base else ys) / drawn.uniform(4, 30) + drawn.uniform(0, 6))[..., None]
            colour = drawn.uniform(0, 255, 3) * (0.6 + 0.4 * wave)
            pixels = colour + drawn.integers(-30, 30, (240, 320, 1))
            file = io.BytesIO()
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=85)
            files.append(file.getvalue())
        (folder / f"{i:04}.jpg").write_bytes(files[i % 100] + str(i).encode())  # no two files are the same


def small_images() -> dict[str, Any]:
    """60,000 grey images of 28 px in ten classes: the size of Fashion-MNIST, by the recipe that it has."""
    count = 60_000 if REAL else 200

    def images(split: str) -> Patterns:
        return Patterns(count if split == "train" else count // 6, 28, 10, channels=1)

    return {"default": seconds_of("small", images, epochs=4 if REAL else 1)}


STEPS = (training, compiled, evaluation, profile, simple_cnn, photos, small_images)


def main(name: str) -> None:
    """Measure, and print the result."""
    torch.manual_seed(0)
    report({step.__name__: step for step in STEPS}[name]())


def report(found: dict[str, Any]) -> None:
    """Print a result as the last line, in JSON."""
    print(json.dumps({**found, "torch": torch.__version__, "device": where()}), flush=True)  # noqa: T201


def where() -> str:
    """The device's name."""
    return torch.cuda.get_device_name(0) if REAL else "cpu"


if __name__ == "__main__":
    main(sys.argv[1])
