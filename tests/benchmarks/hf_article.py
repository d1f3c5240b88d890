"""The tutorial's network in Hugging Face's Trainer: what the zoo's `--recipe article` is compared with.

Beside torch and torchvision:

    pip install transformers datasets accelerate
    python tests/benchmarks/hf_article.py FOLDER [SEED] [EPOCHS]

FOLDER has train/ and val/, each with a folder for each class. `datasets` reads the folder, Pillow decodes in two
workers. The Trainer's defaults otherwise, but for what would make another job of it: its schedule, its decay and its
clipping of gradients are off, and AdamW without decay is Adam. Prints a line of JSON an epoch and one at the end.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
import transformers
from datasets import load_dataset
from plain_loop import LOOK, network, say
from torch import Tensor, nn
from transformers import EvalPrediction, Trainer, TrainingArguments


class Article(nn.Module):
    """The network, as the Trainer calls one."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self.loss_fn = network(), nn.BCEWithLogitsLoss()

    def forward(self, pixel_values: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Logits (n,) and their loss."""
        logits = self.model(pixel_values).squeeze(1)
        return {"loss": self.loss_fn(logits, labels.float()), "logits": logits}


def looks(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Pictures of a batch as the network sees them."""
    return {"pixel_values": [LOOK(image.convert("RGB")) for image in rows["image"]], "labels": rows["label"]}


def accuracy(found: EvalPrediction) -> dict[str, float]:
    """Share of the images that are answered right."""
    return {"accuracy": float(((found.predictions > 0) == found.label_ids).mean())}


def arguments(seed: int, epochs: int) -> TrainingArguments:
    """How it is trained."""
    return TrainingArguments(
        output_dir="trainer",
        num_train_epochs=epochs,
        per_device_train_batch_size=32,
        per_device_eval_batch_size=32,
        learning_rate=1e-3,
        lr_scheduler_type="constant",
        weight_decay=0.0,
        max_grad_norm=0.0,
        eval_strategy="epoch",
        dataloader_num_workers=2,
        remove_unused_columns=False,
        use_cpu=True,
        disable_tqdm=True,
        report_to="none",
        seed=seed,
    )


def main(folder: str, seed: int = 0, epochs: int = 5) -> None:
    """Train and print."""
    given = arguments(seed, epochs)
    transformers.set_seed(seed)
    data = load_dataset("imagefolder", data_dir=folder).with_transform(looks)
    trainer = Trainer(
        Article(),
        given,
        train_dataset=data["train"],
        eval_dataset=data["validation"],
        compute_metrics=accuracy,
    )
    trainer.train()
    accuracies = [row["eval_accuracy"] for row in trainer.state.log_history if "eval_accuracy" in row]
    for epoch, value in enumerate(accuracies, start=1):
        say({"epoch": epoch, "val_accuracy": value})
    versions = {"transformers": transformers.__version__, "torch": torch.__version__}
    say({**versions, "seed": seed, "best": max(accuracies), "last": accuracies[-1]})


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
