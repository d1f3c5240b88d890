"""Images for a run's report: its worst mistakes, their class activation heatmaps, and augmented training images."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from zoo.data.batches import Batches, targets_of
from zoo.data.decode import Pixels
from zoo.data.open import TRAIN
from zoo.data.own_values import viewable
from zoo.data.split import Split
from zoo.engine.gradcam import evidence_of, grad_cam, painted
from zoo.engine.task import SINGLE_LABEL, Task
from zoo.job.run_folder import MODEL, PICTURES
from zoo.model.bundle import read_weights
from zoo.runner.measurements import Mistake
from zoo.storage.files import cannot_write, write_json

if TYPE_CHECKING:
    from zoo.runner.training import Training

INDEX = "index.json"
_MISTAKES, _AUGMENTED, _DRAWS = 12, 3, 4
_SIDE = 144


def draw_pictures(training: Training, mistakes: Mapping[str, Sequence[Mistake]]) -> None:
    """Write the images for a finished run's report into its folder, with an index.

    Only images with 1 or 3 channels are drawn.

    Args:
        mistakes: the worst mistakes by split.

    Raises:
        OutputError: the folder can't be written.
    """
    parts, folder = training.parts, training.folder / PICTURES
    if parts.job.data.in_chans not in (1, 3):
        return
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        wrong = [row for name, worst in mistakes.items() if worst for row in _mistakes(training, name, worst, folder)]
        index = {"mistakes": wrong, "augmented": _augmented(training, folder)}
        index["figures"] = training.analyses.figures
    except OSError as error:
        raise cannot_write(folder, error) from error
    write_json(folder / INDEX, index)


def _mistakes(training: Training, split: str, worst: Sequence[Mistake], folder: Path) -> list[dict[str, Any]]:
    """Draw the mistakes of the best epoch's network on a split."""
    parts = training.parts
    model = copy.deepcopy(parts.learner.final)
    read_weights(training.folder / MODEL, model)
    batches = parts.data.images(parts.splits[split], dealt=False)
    return draw_mistakes(model, batches, worst, parts.classes, folder, task=parts.task)


def draw_mistakes(
    model: nn.Module,
    batches: Batches,
    mistakes: Sequence[Mistake],
    classes: Sequence[str],
    folder: Path,
    *,
    task: Task = SINGLE_LABEL,
) -> list[dict[str, Any]]:
    """Write the images of a split's worst mistakes, each with its Grad-CAM heat map where one can be computed.

    Args:
        model: the network that made the mistakes, on the device of the batches.
        batches: of the split; images with 1 or 3 channels.
        mistakes: the worst come first.
        folder: an existing folder.

    Returns:
        A row for each drawn mistake: its document, ``split``, ``file`` and, for a network with spatial outputs,
        ``heat``, which is None where no region supports the prediction.

    Raises:
        OSError: the folder can't be written.
    """
    split, worst = batches.split, {mistake.name: mistake for mistake in reversed(mistakes[:_MISTAKES])}
    rows = _rows(split, [mistake.name for mistake in mistakes[:_MISTAKES]])
    if not rows:
        return []
    shown, places = [worst[name] for name in rows], np.array(list(rows.values()))
    pixels = split.gather(places)
    images, _ = batches.prepare(torch.from_numpy(pixels), targets_of(split.labels[places]))
    asked = torch.tensor([_output_of(mistake, classes) for mistake in shown], device=images.device)
    heats = grad_cam(model.eval(), images, asked, multilabel=task.independent, read=evidence_of(task))
    found, pixels = [], viewable(pixels, batches.normalize.window)
    for i, mistake in enumerate(shown):
        files: dict[str, str | None] = {"file": _save(folder / f"{split.name}-{i + 1:02}.jpg", pixels[i])}
        if heats is not None:
            heat = painted(pixels[i], heats[i].cpu().numpy())
            files["heat"] = None if heat is None else _save(folder / f"{split.name}-{i + 1:02}-heat.jpg", heat)
        found.append({**mistake.document(), "split": split.name, **files})
    return found


def _output_of(mistake: Mistake, classes: Sequence[str]) -> int:
    """Index of the output that a mistake is about: of its class, or of its value."""
    if isinstance(mistake.predicted, float):
        return classes.index(mistake.wrong) if mistake.wrong else 0
    return classes.index(mistake.wrong or str(mistake.predicted))


def _rows(split: Split, names: list[str]) -> dict[str, int]:
    """Rows of the named images in a split, in the order of the names; the first row of a repeated name."""
    wanted, found = set(names), {}  # type: set[str], dict[str, int]
    for row in range(len(split)):
        if len(found) == len(wanted):
            break
        name = str(split.names[row])
        if name in wanted:
            found.setdefault(name, row)
    return {name: found[name] for name in names if name in found}


def _augmented(training: Training, folder: Path) -> list[dict[str, str]]:
    """Save one strip per image: as decoded, followed by several random augmentations."""
    parts = training.parts
    batches, split = parts.train_batches, parts.splits[TRAIN]
    augment = parts.augment[parts.job.train.train_size]
    if not augment or not isinstance(batches, Batches):
        return []
    rows = np.linspace(0, len(split) - 1, min(_AUGMENTED, len(split))).astype(np.int64)
    pixels, labels = split.gather(rows), split.labels[rows]
    batches.size, batches.augment = parts.job.train.train_size, augment
    with torch.random.fork_rng(devices=[]):
        images, _ = batches.prepare(
            torch.from_numpy(np.repeat(pixels, _DRAWS, 0)), targets_of(np.repeat(labels, _DRAWS, 0))
        )
    unit = batches.normalize.undone(images).float().clamp(0, 1).mul(255).byte().permute(0, 2, 3, 1).cpu().numpy()
    draws = unit.reshape(len(rows), _DRAWS, *unit.shape[1:])
    pixels = viewable(pixels, batches.normalize.window)
    return [
        {
            "name": str(split.names[int(row)]),
            "file": _save(folder / f"augmented-{i + 1}.jpg", *[pixels[i], *draws[i]]),
        }
        for i, row in enumerate(rows)
    ]


def _save(path: Path, *pictures: Pixels) -> str:
    """Save images side by side as one file; small images are enlarged without smoothing."""
    strip = Image.new("RGB", (len(pictures) * _SIDE, _SIDE))
    for i, pixels in enumerate(pictures):
        picture = Image.fromarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)).copy())
        smooth = Image.Resampling.NEAREST if pixels.shape[0] * 2 <= _SIDE else Image.Resampling.BILINEAR
        strip.paste(picture.resize((_SIDE, _SIDE), smooth), (i * _SIDE, 0))
    strip.save(path, quality=85)
    return path.name
