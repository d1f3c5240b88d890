"""Writes models.txt and facts.tsv from the installed torchvision: ``python plugins/zoo_torchvision/list_models.py``.

What a model's heading says is torchvision's own: the transforms of its default weights.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any


def preprocessing(name: str) -> dict[str, Any]:
    """Preprocessing of a model's images, as fields of ``zoo.plugin.Architecture``."""
    from torchvision.models import get_model_weights

    said = get_model_weights(name).DEFAULT.transforms()
    return {
        "input_size": said.crop_size[0],
        "mean": tuple(said.mean),
        "std": tuple(said.std),
        "interpolation": said.interpolation.value,
        "crop_pct": share(said.crop_size[0], said.resize_size[0]),
    }


def share(crop_size: int, resize_size: int) -> float:
    """Compute ``crop_pct`` such that ``floor(crop_size / crop_pct) == resize_size``."""
    share = crop_size / resize_size
    return share if math.floor(crop_size / share) == resize_size else math.nextafter(share, 0)


def listing() -> str:
    """Generate the text of models.txt: every model of the installed torchvision, grouped under headings."""
    from torchvision import models

    names: dict[str, list[str]] = {}
    for name in sorted(models.list_models(module=models)):  # detection and others have modules of their own
        names.setdefault(_heading(preprocessing(name)), []).append(name)
    return "".join(f"{heading}\n" + "".join(f"{name}\n" for name in group) for heading, group in names.items())


def _heading(fields: dict[str, Any]) -> str:
    texts = {key: ",".join(map(str, v)) if isinstance(v, tuple) else v for key, v in fields.items()}
    return "# " + " ".join(f"{key}={text}" for key, text in texts.items())


_LICENSES = {"https://github.com/facebookresearch/SWAG/blob/main/LICENSE": "cc-by-nc-4.0"}


def facts() -> str:
    """Generate the text of facts.tsv: parameters, accuracy and license of each model's default weights."""
    from torchvision import models

    rows = ["name\tnum_parameters\ttop1\tlicense"]
    for name in sorted(models.list_models(module=models)):
        meta = models.get_model_weights(name).DEFAULT.meta
        top1 = meta["_metrics"]["ImageNet-1K"]["acc@1"] / 100
        rows.append(f"{name}\t{meta['num_params']}\t{top1:.4f}\t{_LICENSES.get(meta.get('license', ''), '')}")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("models.txt").write_text(listing(), "utf-8")
    Path(__file__).with_name("facts.tsv").write_text(facts(), "utf-8")
