"""The tutorial's network in PyTorch Lightning: what `zoo run simple_cnn cats_dogs --recipe article` is compared with.

Beside torch and torchvision:

    pip install lightning
    python tests/benchmarks/lightning_article.py FOLDER [SEED] [EPOCHS]

FOLDER has train/ and val/, each with a folder for each class. Lightning has no loading of its own: the loaders are
those of plain_loop.py. Its Trainer's defaults otherwise, so a checkpoint every epoch, in the folder it is run in.
Prints a line of JSON an epoch and one at the end.
"""

from __future__ import annotations

import sys

import lightning
import torch
from plain_loop import batches, network, say
from torch import Tensor, nn
from torchmetrics.classification import BinaryAccuracy


class Article(lightning.LightningModule):
    """Adam 1e-3, binary cross-entropy."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self.loss_fn, self.accuracy = network(), nn.BCEWithLogitsLoss(), BinaryAccuracy()
        self.accuracies: list[float] = []

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n,)."""
        return self.model(images).squeeze(1)

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """The loss of a batch."""
        images, labels = batch
        return self.loss_fn(self(images), labels.float())

    def validation_step(self, batch: tuple[Tensor, Tensor]) -> None:
        """Count what is right."""
        images, labels = batch
        self.accuracy(self(images).sigmoid(), labels)
        self.log("val_accuracy", self.accuracy)

    def on_train_epoch_end(self) -> None:
        """Keep the accuracy; the validation of this epoch is over."""
        self.accuracies.append(float(self.trainer.callback_metrics["val_accuracy"]))
        say({"epoch": len(self.accuracies), "val_accuracy": self.accuracies[-1]})

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The tutorial's."""
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def main(folder: str, seed: int = 0, epochs: int = 5) -> None:
    """Train and print."""
    lightning.seed_everything(seed)
    article = Article()
    trainer = lightning.Trainer(accelerator="cpu", max_epochs=epochs, logger=False, enable_progress_bar=False)
    trainer.fit(article, batches(folder, "train"), batches(folder, "val"))
    accuracies = article.accuracies
    versions = {"lightning": lightning.__version__, "torch": torch.__version__}
    say({**versions, "seed": seed, "best": max(accuracies), "last": accuracies[-1]})


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
