"""The tutorial's network in fastai: what `zoo run simple_cnn cats_dogs --recipe article` is compared with.

Beside torch and torchvision:

    pip install fastai
    python tests/benchmarks/fastai_article.py FOLDER [SEED] [EPOCHS]

FOLDER has train/ and val/, each with a folder for each class. fastai's own loading, by two workers, and its own Adam.
Its defaults otherwise, but for three that would make another job of it: Adam's numbers and decay, and a last batch
that is left out. Prints a line of JSON an epoch and one at the end.
"""

from __future__ import annotations

import sys
from functools import partial

import fastai
import torch
from fastai.vision.all import (
    Adam,
    BCEWithLogitsLossFlat,
    ImageDataLoaders,
    Learner,
    Resize,
    ResizeMethod,
    accuracy_multi,
    set_seed,
)
from plain_loop import network, say


def loaders(folder: str) -> ImageDataLoaders:
    """Batches of 32, squashed to 150 px, in 0..1."""
    squash = Resize(150, method=ResizeMethod.Squish)
    return ImageDataLoaders.from_folder(
        folder, train="train", valid="val", item_tfms=squash, bs=32, num_workers=2, drop_last=False
    )


def main(folder: str, seed: int = 0, epochs: int = 5) -> None:
    """Train and print."""
    set_seed(seed)
    adam = partial(Adam, sqr_mom=0.999, eps=1e-8, wd=0.0)
    learner = Learner(
        loaders(folder), network(), loss_func=BCEWithLogitsLossFlat(), opt_func=adam, metrics=accuracy_multi
    )
    with learner.no_bar(), learner.no_logging():
        learner.fit(epochs, lr=1e-3)
    names = list(learner.recorder.metric_names[1:])
    accuracies = [float(row[names.index("accuracy_multi")]) for row in learner.recorder.values]
    for epoch, accuracy in enumerate(accuracies, start=1):
        say({"epoch": epoch, "val_accuracy": accuracy})
    versions = {"fastai": fastai.__version__, "torch": torch.__version__}
    say({**versions, "seed": seed, "best": max(accuracies), "last": accuracies[-1]})


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
