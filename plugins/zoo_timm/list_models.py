"""Writes models.txt and facts.tsv from the installed timm: ``python plugins/zoo_timm/list_models.py [RESULTS]``.

RESULTS is timm's ``results/results-imagenet.csv``, from its repository (Apache-2.0); without it, facts.tsv keeps the
accuracies that it has. They are of commit 0173a13 (2023-05-11).

A model's pretrained tags are its variants (``resnet50.a1_in1k``); right below the model stands the tag that timm means
where none is said.

What a heading says is timm's own: the configuration of the weights, as ``timm.data.resolve_data_config`` reads it, so
that what a configuration leaves out is ImageNet's normalisation, 224 px, bicubic and a crop of 0.875. Where the zoo has
no word for it:

- crop_mode ``squash`` is the zoo's resize of that name: there is no crop_pct. Some of these (dm_nfnet_f0 to f6,
  tf_efficientnetv2_b3, vit_medium_patch16_gap_384, openai_ft_in12k_in1k of vit_base_patch16_clip_384 and patch32) cut
  edges off the squashed image as well: 0.9 to 0.956 is left.
- crop_mode ``border`` (deepseek_vit_412m, its _align and _enc), which pads the longer side, is taken as a crop.
- crop_pct above 1 (volo_d4_448, volo_d5_448, volo_d5_512: 1.15), a black border around a smaller image, is 1.
- an input that is not square (vit_*_sapiens2: 1024 high, 768 wide) has its height for a side.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def preprocessing(name: str) -> dict[str, Any]:
    """Preprocessing of a model, or of one of its tags, as fields of ``zoo.plugin.Architecture``."""
    from timm.data import resolve_data_config
    from timm.models import get_pretrained_cfg

    config = get_pretrained_cfg(name)
    said = resolve_data_config({"in_chans": 3}, config.to_dict() if config else None)
    fields = {"input_size": said["input_size"][1], "mean": said["mean"], "std": said["std"]}
    fields["interpolation"] = said["interpolation"]
    return fields if said["crop_mode"] == "squash" else {**fields, "crop_pct": min(float(said["crop_pct"]), 1.0)}


def listing() -> str:
    """Generate the text of models.txt: every model and tag of the installed timm, grouped under headings."""
    import timm

    tags: dict[str, list[str]] = {}
    for name in timm.list_pretrained():
        tags.setdefault(name.partition(".")[0], []).append(name)
    names: dict[str, list[str]] = {}
    for model in timm.list_models():
        for name in (model, *_default_first(model, tags.get(model, []))):
            names.setdefault(_heading(preprocessing(name)), []).append(name)
    return "".join(f"{heading}\n" + "".join(f"{name}\n" for name in group) for heading, group in names.items())


def _default_first(model: str, tagged: list[str]) -> list[str]:
    from timm.models import get_pretrained_cfg

    config = get_pretrained_cfg(model)
    default = f"{model}.{config.tag}" if config else model
    if tagged and default not in tagged:
        raise ValueError(f"timm's own tag of {model} is not among those with weights: {', '.join(tagged)}")
    return sorted(tagged, key=lambda name: (name != default, name))


def _heading(fields: dict[str, Any]) -> str:
    texts = {key: ",".join(map(str, v)) if isinstance(v, tuple) else v for key, v in fields.items()}
    return "# " + " ".join(f"{key}={text}" for key, text in texts.items())


def facts(top1: dict[str, str]) -> str:
    """Generate the text of facts.tsv: parameters of each model, and license and accuracy of each of its weights.

    Args:
        top1: accuracies by the model's full name, as fractions.
    """
    import timm
    from timm.models import get_pretrained_cfg

    rows = ["name\tnum_parameters\ttop1\tlicense"]
    for model in timm.list_models():
        rows.append(f"{model}\t{num_parameters(model)}\t{top1.get(model, '')}\t")
    for name in timm.list_pretrained():
        license = get_pretrained_cfg(name).license
        rows.append(f"{name}\t\t{top1.get(name, '')}\t{'' if license in (None, 'unknown') else license}")
    return "\n".join(row for row in rows if not row.endswith("\t\t\t")) + "\n"


def num_parameters(model: str) -> int:
    """Count the parameters of a model with 1,000 classes."""
    import timm
    import torch

    try:
        with torch.device("meta"):
            network = timm.create_model(model, num_classes=1000)
    except (NotImplementedError, RuntimeError):  # it computes with its tensors when it is built
        network = timm.create_model(model, num_classes=1000)
    return sum(parameter.numel() for parameter in network.parameters())


def known_top1(results: Path | None) -> dict[str, str]:
    """Read accuracies from timm's results, or from the present facts.tsv."""
    if results is None:
        with (HERE / "facts.tsv").open() as file:
            return {row["name"]: row["top1"] for row in csv.DictReader(file, delimiter="\t")}
    with results.open() as file:
        return {row["model"]: f"{float(row['top1']) / 100:.4f}" for row in csv.DictReader(file)}


if __name__ == "__main__":
    (HERE / "models.txt").write_text(listing(), "utf-8")
    results = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    (HERE / "facts.tsv").write_text(facts(known_top1(results)), "utf-8")
