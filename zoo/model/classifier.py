"""A trained model in use: images in, names and probabilities out."""

from __future__ import annotations

import copy
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo.data.batches import Normalize, pixels_of
from zoo.data.decode import ARRAYS, Pixels, WrongChannels, open_image, to_pixels
from zoo.engine.calibration import familiarity
from zoo.engine.execution import Execution
from zoo.engine.fuse_bn import fold_norms
from zoo.engine.gradcam import grad_cam
from zoo.engine.task import task_named
from zoo.engine.tta import NONE, looking
from zoo.errors import BadImage
from zoo.model.bundle import Preprocessing
from zoo.registry.suggest import listing

BATCH = 64


class NoAnswer(BadImage):
    """An image for which a network gives NaN; of that the likeliest class would be the first one.

    Args:
        index: which of the images it is.
    """

    def __init__(self, index: int):
        self.index = index
        super().__init__("the network's answer is not a number. Are its weights good? Type: zoo evaluate RUN")


class Classifier:
    """A bundle's model with its classes and preprocessing.

    Args:
        model: images (N, C, H, W), normalised -> logits (N, K).
        card: the bundle's zoo.json.
        execution: where and how it computes.
        reject_below: the confidence below which it isn't sure, 0..1; by default what the bundle says.
    """

    def __init__(self, model: nn.Module, card: dict[str, Any], execution: Execution, reject_below: float | None = None):
        self.card = card
        self.classes: list[str] = list(card["classes"])
        self.task = task_named(card.get("task", ""))
        self.tta: str = card.get("tta", NONE)
        self.temperature: float = 1.0 if self.task.multilabel else card.get("temperature", 1.0)
        self.reject_below: float | dict[str, float] | None = reject_below
        if reject_below is None:
            self.reject_below = (card.get("reject") or {}).get("below")
        self.preprocessing = Preprocessing(**card["preprocessing"])
        self.execution = execution
        self.model = execution.place(model).eval()
        self._normalize = Normalize(self.preprocessing.mean, self.preprocessing.std, execution.device)
        self._watching, self._watched = threading.Lock(), None  # type: threading.Lock, nn.Module | None
        values = self.preprocessing.in_chans * self.preprocessing.image_size**2
        self.batch: int = execution.evaluation_batch(BATCH, values)
        """How many images are computed at once."""

    def predict(self, images: Any, top_k: int = 5, tta: str | None = None) -> list[dict[str, Any]]:
        """Name what each image shows.

        Args:
            images: one or many of: a path (of a picture, or a .npy), a PIL image, a uint8 array or tensor (C, H, W).
            top_k: how many classes to name, best first.
            tta: test-time augmentation, as :func:`zoo.engine.tta.views_named` has it: the mean over several views;
                by default what the model was made with.

        Returns:
            For each image ``{"path", "label", "confidence", "top": [{"class", "probability"}]}``; ``path`` is
            None for an image that has none. Of a model for several labels an image ``{"path", "labels", "top"}``:
            the classes whose probability reaches their threshold, likeliest first; none is an answer too. With a
            threshold for the confidence there is also ``"sure"``, whether it is reached; and of a model that was
            validated with a hundred images or more ``"familiar"``, false for what it answers to unusually.

        Raises:
            BadImage: one can't be decoded, or has no answer; names it.
        """
        items = list(images) if _many(images) else [images]
        found: list[dict[str, Any]] = []
        for start in range(0, len(items), self.batch):
            chunk = items[start : start + self.batch]
            try:
                answers = self.answers([self.pixels(item) for item in chunk], top_k, tta)
            except NoAnswer as error:
                raise BadImage(f"{_path(chunk[error.index]) or 'the image'}: {error}") from error
            found += [{"path": _path(item), **answer} for item, answer in zip(chunk, answers, strict=True)]
        return found

    def answers(self, pixels: Sequence[Pixels], top_k: int = 5, tta: str | None = None) -> list[dict[str, Any]]:
        """What decoded images show, computed at once.

        Args:
            pixels: uint8 (size, size, C) each, as :meth:`pixels` gives them.
            top_k, tta: as :meth:`predict` has them.

        Returns:
            As :meth:`predict`'s, without the path.

        Raises:
            NoAnswer: the network gives no probabilities for one of them.
        """
        logits = self.logits(pixels, tta)
        probs = self._probabilities(logits)
        answered = probs.isfinite().all(dim=1).tolist()
        if not all(answered):
            raise NoAnswer(answered.index(False))
        best = logits.topk(min(max(top_k, 1), len(self.classes))).indices  # no temperature changes these
        likely = probs.gather(1, best)
        tops = [
            [{"class": self.classes[i], "probability": p} for i, p in zip(*both, strict=True)]
            for both in zip(best.tolist(), likely.tolist(), strict=True)
        ]
        known = self._familiar(logits, tta)
        return [{**self._named(*each), **more} for *each, more in zip(tops, probs, known, strict=True)]

    def settle(self) -> None:
        """Make ready for many questions: batch norms go into the convolutions before them, the first times are over.

        Answers stay the same but for the order in which float32 adds up.
        """
        shape = self.preprocessing
        side = (self.batch, shape.image_size, shape.image_size, shape.in_chans)
        noise = list(np.random.default_rng(0).integers(0, 256, side, np.uint8))
        self.model = fold_norms(self.model, self._normalize(self._unit(noise[:2])))
        for count in (1, self.batch):
            self.answers(noise[:count])

    def looked_at(self, pixels: Sequence[Pixels], labels: Sequence[str]) -> NDArray[np.float32] | None:
        """Where in each image the evidence for a class was found, by Grad-CAM.

        Args:
            pixels: uint8 (size, size, C) each.
            labels: the class of each.

        Returns:
            (N, size, size), 0..1, and 0 everywhere where no place speaks for the class; or None where it can't be told:
            of a transformer, or an exported file.
        """
        classes = torch.tensor([self.classes.index(label) for label in labels], device=self.execution.device)
        with self._watching:
            if self._watched is None:  # hooks are put on it: who answers meanwhile in another thread has his own
                self._watched = copy.deepcopy(self.model)
            images = self._normalize(self._unit(pixels))
            heat = grad_cam(self._watched, images, classes, multilabel=self.task.multilabel)
        return None if heat is None else heat.cpu().numpy()

    def probabilities(self, pixels: Sequence[Pixels], tta: str | None = None) -> Tensor:
        """Decoded images, uint8 (size, size, C) each -> probabilities (N, K) float32 on the CPU, by the temperature."""
        return self._probabilities(self.logits(pixels, tta))

    def logits(self, pixels: Sequence[Pixels], tta: str | None = None) -> Tensor:
        """Decoded images, uint8 (size, size, C) each -> logits (N, K) float32 on the CPU, as the network gives them."""
        with torch.inference_mode(), self.execution.autocast():
            network = looking(self.model, self.tta if tta is None else tta, multilabel=self.task.multilabel)
            logits: Tensor = network(self._normalize(self._unit(pixels)))
        return logits.float().cpu()

    def _unit(self, pixels: Sequence[Pixels]) -> Tensor:
        """(N, C, size, size) of 0..1 on the device."""
        return self._normalize.to_unit(pixels_of(pixels).to(self.execution.device).permute(0, 3, 1, 2))

    def _probabilities(self, logits: Tensor) -> Tensor:
        return self.task.probabilities(logits / self.temperature)

    def _familiar(self, logits: Tensor, tta: str | None) -> list[dict[str, bool]]:
        """Whether each image looks like one of the classes; nothing where it can't be told."""
        usual = self.card.get("familiar")
        if self.task.multilabel or usual is None or tta not in (None, self.tta):  # it is of this way to look
            return [{}] * len(logits)
        energies = familiarity(logits, usual["score"]).tolist()
        return [{"familiar": usual["least"] <= energy <= usual["most"]} for energy in energies]

    def pixels(self, item: Any, name: str | None = None) -> Pixels:
        """One image, decoded as the training images were.

        Args:
            name: what to call it in an error, where it isn't a path.

        Raises:
            BadImage: it can't be; names it.
        """
        from PIL import Image

        called = name or _path(item) or "the image"
        try:
            opened = open_image(item) if isinstance(item, str | Path) else item
            return to_pixels(opened, *self.preprocessing.shape)
        except WrongChannels as error:
            many = f"{error.found} channel{'' if error.found == 1 else 's'}"
            raise BadImage(f"{called}: has {many}, and the model takes {error.wanted}") from error
        except BadImage as error:
            raise BadImage(f"{called}: {error}") from error
        except (OSError, Image.DecompressionBombError) as error:
            reason = "no such file" if isinstance(error, FileNotFoundError) else "not an image that can be read"
            if called.lower().endswith(ARRAYS) and getattr(error, "errno", None) is None:
                reason = str(error)
            raise BadImage(f"{called}: {reason}") from error

    def _named(self, top: list[dict[str, Any]], probs: Tensor) -> dict[str, Any]:
        if self.task.multilabel:
            return {"labels": self._labels(probs), "top": top}
        label, confidence = top[0]["class"], top[0]["probability"]
        return {"label": label, "confidence": confidence, "top": top, **self._sure(label, confidence)}

    def _sure(self, label: Any, confidence: Any) -> dict[str, bool]:
        below = self.reject_below.get(label, 0.0) if isinstance(self.reject_below, dict) else self.reject_below
        return {} if below is None else {"sure": confidence >= below}

    def _labels(self, probs: Tensor) -> list[str]:
        """The classes whose probability reaches their threshold, likeliest first."""
        thresholds = self.card.get("thresholds") or [0.5] * len(self.classes)
        order = probs.argsort(descending=True, stable=True).tolist()
        return [self.classes[i] for i in order if float(probs[i]) >= thresholds[i]]


def image_files(words: Iterable[str | Path]) -> Iterator[Path]:
    """The files that a command line means: a folder stands for the pictures in it."""
    known = _suffixes()
    for word in map(Path, words):
        yield from sorted(p for p in _files(word) if p.suffix.lower() in known) if word.is_dir() else [word]


def passed_over(words: Iterable[str | Path]) -> str:
    """What :func:`image_files` leaves out of folders, hidden files aside: ``2 .heic files, 1 .txt file in FOLDER``."""
    known, folders = _suffixes(), [word for word in map(Path, words) if word.is_dir()]
    others = [
        path.suffix.lower() or "other"
        for folder in folders
        for path in _files(folder)
        if path.suffix.lower() not in known and not any(p.startswith(".") for p in path.relative_to(folder).parts)
    ]
    counts = [f"{n} {suffix} file{'' if n == 1 else 's'}" for suffix, n in Counter(others).most_common()]
    return f"{listing(counts, most=5)} in {', '.join(map(str, folders))}" if counts else ""


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _suffixes() -> frozenset[str]:
    """Those of the files that are taken for pictures."""
    from PIL import Image

    Image.init()
    return frozenset((*Image.EXTENSION, ARRAYS))


def _many(images: Any) -> bool:
    from PIL import Image

    return not isinstance(images, str | Path | Image.Image) and getattr(images, "ndim", 0) != 3


def _path(item: Any) -> str | None:
    return str(item) if isinstance(item, str | Path) else None
