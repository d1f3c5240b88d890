"""Accuracy of a class that was added to a trained head, against a head fitted on all classes from the start.

python tests/benchmarks/extending.py PETS OTHERS [--weights FILE] [--seeds 5] [--draws 10] [--json FILE]

PETS is a folder with train/cats and train/dogs, OTHERS a folder of pictures of a third class. All heads see the same
features, of timm's tf_efficientnet_lite0 with the weights of the file, and the same seeded division (a fifth of each
class is held out). The old head is a logistic regression on two classes; the third class is added by `zoo extend`'s
heads, and the reference is a logistic regression on all three.

The first part divides each class five times and adds each class once; the second adds a class of five pictures, drawn
ten times, to the head of all others, and also fits class means on five pictures of each class.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.api.compute import mcnemar
from zoo.api.images import build_opener, hold_out
from zoo.api.jobs import components, make_request, resolve
from zoo.api.models import build_model
from zoo.api.running import Observer, load_weights
from zoo_extend.dataset import NewPictures
from zoo_extend.features import ModelFeatures
from zoo_extend.fitting import FittingData, fit
from zoo_extend.heads import head_of
from zoo_extend.pictures import pictures_below

NETWORK = "timm/tf_efficientnet_lite0"
HEADS = ("linear", "prototypes", "knn")


def features_of(folders: dict[str, Path], weights: str, most: int) -> dict[str, Tensor]:
    """Features (N, D) of at most so many pictures of each folder, drawn from a thousand."""
    registry = components()
    request = make_request({"architecture": NETWORK, "dataset": "digits", "freeze": "backbone", "weights": weights})
    resolved = resolve(request, registry)
    job = resolved.job
    entry = resolved.entry("architecture")
    model = build_model(entry, job.architecture.params, 2, 3, 224)
    load_weights(model, weights, "classifier", registry)
    shaped = resolved.decided({"data.in_chans": 3, "train.image_size": 224}, "here")
    store = ModelFeatures(shaped, model, 2, Observer())
    found = {}
    for name, folder in folders.items():
        split = build_opener(shaped).decode(NewPictures({name: pictures_below(folder)[:1000]}), "train", [name])
        values = store.of(split).values
        found[name] = values[torch.randperm(len(values), generator=torch.Generator().manual_seed(0))[:most]]
    return found


def head(name: str, known: FittingData, old: int, new: int, refitted: bool) -> Any:
    """A fitted head."""
    described = {"name": name, "refitted": refitted, "stored": len(known.targets)}
    made = head_of(described, known.features.shape[1], old, new)
    fit(made, known)
    return made.eval()


def joined(parts: Sequence[Tensor], old: Any | None = None) -> FittingData:
    """Features of several classes with their labels, and the logits of an old head."""
    features = torch.cat(list(parts))
    targets = torch.arange(len(parts)).repeat_interleave(torch.tensor([len(part) for part in parts]))
    with torch.no_grad():
        logits = torch.zeros(len(features), 0) if old is None else old(features, torch.zeros(len(features), 0))
    return FittingData(features, logits, targets)


def right(made: Any, data: FittingData) -> Tensor:
    with torch.no_grad():
        return made(data.features, data.logits).argmax(dim=1) == data.targets


def compared(train: Sequence[Tensor], val: Sequence[Tensor]) -> dict[str, Any]:
    """Accuracy with the last class added by each head, and of a linear head on all classes from the start."""
    count = len(train)
    two = joined(train[:-1])
    old = head("linear", two, count - 1, 0, True) if count > 2 else None
    fitted, held = joined(train, old), joined(val, old)
    start = right(head("linear", fitted, count, 0, True), held)
    before = right(old, joined(val[:-1]))
    found: dict[str, Any] = {"start": float(start.float().mean()), "old_before": float(before.float().mean())}
    for name in HEADS:
        made = right(head(name, fitted, count - 1, 1, False), held)
        lost, won = int((start & ~made).sum()), int((made & ~start).sum())
        new = held.targets == count - 1
        found[name] = {
            "accuracy": float(made.float().mean()),
            "recall": float(made[new].float().mean()),
            "old_after": float(made[~new].float().mean()),
            "p": mcnemar(lost, won),
        }
    return found


def divided(features: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    kept, held = hold_out(np.zeros(len(features), np.int64), 0.2, seed)
    return features[torch.from_numpy(kept)], features[torch.from_numpy(held)]


def few(features: dict[str, Tensor], seed: int, pictures: int) -> dict[str, Any]:
    """Each class added with few pictures; and class means of few pictures of every class."""
    parts = {name: divided(each, seed) for name, each in features.items()}
    draw = torch.Generator().manual_seed(seed)
    drawn = {name: part[0][torch.randperm(len(part[0]), generator=draw)[:pictures]] for name, part in parts.items()}
    found: dict[str, Any] = {}
    for new in features:
        order = [name for name in features if name != new] + [new]
        train = [drawn[name] if name == new else parts[name][0] for name in order]
        found[new] = compared(train, [parts[name][1] for name in order])
    everything, held = joined(list(drawn.values())), joined([part[1] for part in parts.values()])
    for name in HEADS:
        found[f"all {name}"] = float(right(head(name, everything, len(parts), 0, True), held).float().mean())
    return found


def words(values: Sequence[float]) -> str:
    """Mean and standard deviation in percent."""
    return f"{100 * statistics.mean(values):.1f} ± {100 * statistics.pstdev(values):.1f}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("pets", type=Path)
    parser.add_argument("others", type=Path)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--most", type=int, default=500)
    parser.add_argument("--pictures", type=int, default=5)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    folders = {"cats": asked.pets / "train/cats", "dogs": asked.pets / "train/dogs", asked.others.name: asked.others}
    features = features_of(folders, asked.weights, asked.most)
    print({name: len(each) for name, each in features.items()})  # noqa: T201
    rows: dict[str, Any] = {"added": {}, "few": []}
    for new in features:
        order = [name for name in features if name != new] + [new]
        for seed in range(asked.seeds):
            parts = [divided(features[name], seed) for name in order]
            rows["added"].setdefault(new, []).append(compared([p[0] for p in parts], [p[1] for p in parts]))
        for name in ("start", *HEADS):
            each = [r[name] if name == "start" else r[name]["accuracy"] for r in rows["added"][new]]
            worst = min((r[name]["p"] for r in rows["added"][new]), default=1.0) if name != "start" else ""
            print(f"add {new}: {name} {words(each)} {worst}")  # noqa: T201
    rows["few"] = [few(features, seed, asked.pictures) for seed in range(asked.draws)]
    for new in features:
        for name in HEADS:
            accuracy = words([r[new][name]["accuracy"] for r in rows["few"]])
            recall = words([r[new][name]["recall"] for r in rows["few"]])
            kept = words([r[new][name]["old_after"] for r in rows["few"]])
            print(f"{asked.pictures} of {new}: {name} {accuracy}, its recall {recall}, old {kept}")  # noqa: T201
    for name in HEADS:
        print(f"{asked.pictures} of each: {name} {words([r[f'all {name}'] for r in rows['few']])}")  # noqa: T201
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
