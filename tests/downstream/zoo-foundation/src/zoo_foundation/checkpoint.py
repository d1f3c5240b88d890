"""Files of the fnd trainer: torch.save({"fnd": 1, "model", "classes", "image_size", "weights"})."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.errors import RequestError
from zoo.plugin import Imported


def read(file: Path, content: Mapping[str, Any], architecture: str | None = None) -> Imported | None:
    """Read a checkpoint of the fnd trainer.

    Args:
        file: for messages.
        content: of the file.
        architecture: overrides the name in the file.
    """
    if content.get("fnd") is None:
        return None
    if content["fnd"] != 1:
        raise RequestError(f"{file} is a checkpoint of version {content['fnd']}; this zoo-foundation reads version 1.")
    weights = content["weights"]
    size = int(content["image_size"])
    return Imported(
        architecture=architecture or f"foundation/{content['model']}",
        num_classes=len(weights["head.bias"]),
        tensors=weights,
        classes=tuple(content["classes"]),
        preprocessing={"image_size": size, "mean": [0.5] * 3, "std": [0.5] * 3, "resize": "squash"},
        in_chans=int(weights["patch_embed.weight"].shape[1]),
        details={"epoch": content.get("epoch", 0)},
    )
