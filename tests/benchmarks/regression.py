"""Regression and ordinal classes on made targets of real photographs, beside a plain PyTorch loop of the same network.

The targets are made: the measured mean brightness of a photograph, and the tenth of the photographs that it lies in.
The network is an EfficientNet-Lite0 with ImageNet weights, frozen but for its last layer. Usage::

    python tests/benchmarks/regression.py --photos FOLDER --weights FILE.safetensors --out OUT
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import sys
from pathlib import Path
from typing import Any

SIDE, EPOCHS, BATCH, LR = 96, 20, 32, 1e-3
RANKS = 10


def make_tables(photos: Path, out: Path) -> None:
    """Cut out the centre of each photograph, and list its mean brightness (0 to 255) and the tenth that it lies in."""
    from PIL import Image, ImageOps, ImageStat

    rows = []
    (out / "centres").mkdir(parents=True, exist_ok=True)
    for split in ("train", "val"):
        for path in sorted((photos / split).rglob("*.jpg")):
            image = ImageOps.fit(Image.open(path).convert("RGB"), (SIDE, SIDE))
            name = f"centres/{len(rows):04}.png"
            image.save(out / name)
            rows.append((name, round(ImageStat.Stat(image.convert("L")).mean[0], 2), split))
    known = sorted(value for _, value, split in rows if split == "train")
    limits = [known[len(known) * i // RANKS] for i in range(1, RANKS)]
    ranks = {value: sum(value >= limit for limit in limits) for _, value, _ in rows}
    for table, label in (("brightness.csv", float), ("rank.csv", ranks.__getitem__)):
        with (out / table).open("w", newline="") as file:
            csv.writer(file).writerows([("path", "label", "split"), *((n, label(v), s) for n, v, s in rows)])


def by_zoo(out: Path, weights: Path, name: str, seed: int, table: str, **options: Any) -> dict[str, Any]:
    """Train the head on frozen features with the zoo, and return the validation numbers."""
    import zoo

    settings = {"augment": [], **options.pop("set", {})}
    how: dict[str, Any] = {
        "image_size": SIDE,
        "epochs": EPOCHS,
        "batch_size": BATCH,
        "lr": LR,
        **options,
    }
    result = zoo.run(
        "timm/tf_efficientnet_lite0",
        out / table,
        weights=str(weights),
        freeze="backbone",
        name=f"{name}-{seed}",
        out=out / "runs",
        overwrite=True,
        seed=seed,
        set=settings,
        **how,
    )
    return dict(result["metrics"]["val"])


def by_hand(out: Path, weights: Path, seed: int) -> float:
    """Train the same head on the same features in a loop of plain PyTorch; the MAE of its best epoch."""
    import numpy as np
    import timm
    import torch
    from PIL import Image
    from safetensors.torch import load_file
    from torch import nn

    torch.manual_seed(seed)
    model = timm.create_model("tf_efficientnet_lite0", num_classes=0)
    model.load_state_dict({k: v for k, v in load_file(weights).items() if not k.startswith("classifier.")})
    model.eval()
    with (out / "brightness.csv").open() as file:
        rows = list(csv.DictReader(file))
    features, values = {}, {}
    for split in ("train", "val"):
        own = [row for row in rows if row["split"] == split]
        found = []
        with torch.inference_mode():
            for start in range(0, len(own), 64):
                part = [np.asarray(Image.open(out / row["path"])) for row in own[start : start + 64]]
                images = torch.from_numpy(np.stack(part)).permute(0, 3, 1, 2) / 255
                found.append(model((images - 0.5) / 0.5))
        features[split] = torch.cat(found).clone()
        values[split] = torch.tensor([[float(row["label"])] for row in own])
    mean, std = values["train"].mean(), values["train"].std()
    head = nn.Linear(features["train"].shape[1], 1)
    optimizer = torch.optim.AdamW(head.parameters(), lr=LR)
    best = float("inf")
    for _ in range(EPOCHS):
        for rows_ in torch.randperm(len(features["train"])).split(BATCH):
            loss = nn.functional.mse_loss(head(features["train"][rows_]), (values["train"][rows_] - mean) / std)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.inference_mode():
            errors = head(features["val"]) * std + mean - values["val"]
        best = min(best, float(errors.abs().mean()))
    return best


def spread(values: list[float]) -> str:
    return f"{statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    typed = parser.parse_args()
    out, weights, seeds = typed.out.resolve(), typed.weights.resolve(), range(typed.seeds)
    make_tables(typed.photos, out)
    found: dict[str, list[dict[str, Any]]] = {}
    for loss in ("mse", "l1", "huber", "quantile"):
        found[loss] = [by_zoo(out, weights, loss, seed, "brightness.csv", loss=loss) for seed in seeds]
    hand = [by_hand(out, weights, seed) for seed in seeds]
    lines = [f"MAE by hand: {spread(hand)}; of the median: {found['mse'][0]['baseline']['mae']:.3f}"]
    lines += [f"MAE, {loss}: {spread([one['mae'] for one in each])}" for loss, each in found.items()]
    for loss in ("cross_entropy", "corn", "ordinal"):
        each = [by_zoo(out, weights, f"rank-{loss}", s, "rank.csv", loss=loss, task="ordinal") for s in seeds]
        shown = {name: spread([one[name] for one in each]) for name in ("mae_ranks", "qwk", "accuracy")}
        lines.append(f"ranks, {loss}: {shown}")
        found[f"rank-{loss}"] = each
    sys.stdout.write("\n".join(lines) + "\n")
    (out / "regression.json").write_text(json.dumps({"by_hand": hand, "zoo": found}))


if __name__ == "__main__":
    main()
