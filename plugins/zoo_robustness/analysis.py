"""The analysis ``corruptions``: the accuracy on corrupted images by kind and strength."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.api.compute import correct_images, part_of
from zoo.api.images import Split
from zoo.api.jobs import did_you_mean, listing
from zoo.api.running import Evaluated, Findings
from zoo.errors import RequestError
from zoo_robustness.corrupt import CATEGORIES, KINDS, STRENGTHS, CorruptedImages, new_pool
from zoo_robustness.report import curve, table_lines
from zoo_robustness.summary import mean_interval

__all__ = ["Corruptions", "chosen_kinds"]


class Corruptions:
    """Accuracy on images with the corruptions of ImageNet-C.

    The decoded images, at the size of the run, are corrupted before normalisation.

    Args:
        corruptions: evaluate on corrupted images.
        strengths: strengths, 1 to 5; by default all five.
        only: corruptions such as ``fog``, or categories such as ``noise``; by default all fifteen.
        images: number of images to corrupt, drawn at random; by default all.
        seed: seed of the corruptions and of the drawn images.
    """

    def __init__(
        self,
        corruptions: bool = True,
        strengths: list[int] | None = None,
        only: list[str] | None = None,
        images: int | None = None,
        seed: int = 0,
    ):
        self.wanted, self.images, self.seed = corruptions, images, seed
        self.strengths, self.only = sorted(set(strengths or STRENGTHS)), only

    def check(self, split: Split) -> None:
        """Check the kinds, the strengths, and the number of channels.

        Raises:
            RequestError: one is unknown, or the images have neither 1 nor 3 channels.
        """
        chosen_kinds(self.only)
        if unknown := [strength for strength in self.strengths if strength not in STRENGTHS]:
            raise RequestError(
                f"There is no strength {unknown[0]}: strengths are from 1 (weak) to 5 (strong). Type: --strengths 1,3,5"
            )
        if self.images is not None and self.images < 1:
            raise RequestError(f"{self.images} images can't be corrupted. Type: --corrupted-images 500")
        first = split.gather(np.arange(1))
        if (channels := first.shape[3]) not in (1, 3):
            raise RequestError(f"The corruptions are for images of 1 or 3 channels; these have {channels}.")
        if first.dtype != np.uint8:
            raise RequestError(
                "The corruptions are for images of 8 bits; these keep values of more. For a model of 8 bits: zoo run "
                "ARCHITECTURE DATASET --set data.window=8-bit"
            )

    def __call__(self, evaluated: Evaluated) -> Findings | None:
        """Evaluate the model on images with each corruption."""
        if not self.wanted:
            return None
        document = self._document(_drawn(evaluated, self.images, self.seed))
        title = "Corruptions"
        return Findings(document, ((title, "\n".join(table_lines(document))),), {title: curve(document)})

    def _document(self, evaluated: Evaluated) -> dict[str, Any]:
        kinds, metric = chosen_kinds(self.only), _metric(evaluated)
        clean, right = evaluated.score(evaluated.answers), np.zeros(len(evaluated.split))
        found: dict[str, dict[str, Any]] = {kind: {"category": _category(kind), "values": {}} for kind in kinds}
        for kind, strength, answers in self._answers(evaluated, kinds):
            numbers = evaluated.score(answers, intervals=False)
            found[kind]["values"][str(strength)] = numbers[metric]
            right += _correct(answers, metric)
        for each in found.values():
            each["mean"] = float(np.mean(list(each["values"].values())))
        mean = float(np.mean([each["mean"] for each in found.values()]))
        interval = mean_interval(right / (len(kinds) * len(self.strengths))) if metric == "accuracy" else None
        return {
            "metric": metric,
            "images": len(evaluated.split),
            "size": int(evaluated.split.gather(np.arange(1)).shape[1]),
            "seed": self.seed,
            "strengths": self.strengths,
            "clean": clean[metric],
            "clean_interval": clean.get("intervals", {}).get(metric),
            "kinds": found,
            "mean": mean,
            "interval": interval,
            "relative": mean / clean[metric] if clean[metric] else None,
        }

    def _answers(self, evaluated: Evaluated, kinds: list[str]) -> Iterator[tuple[str, int, Any]]:
        total = len(kinds) * len(self.strengths)
        with new_pool() as pool:
            for step, (kind, strength) in enumerate((k, s) for k in kinds for s in self.strengths):
                evaluated.progress(f"{kind.replace('_', ' ')}, strength {strength}", step, total)
                images = CorruptedImages(evaluated.split, kind, strength, self.seed, pool)
                split = dataclasses.replace(evaluated.split, images=images, rows=None)
                yield kind, strength, evaluated.predict(split)


def chosen_kinds(only: list[str] | None) -> list[str]:
    """Kinds of corruption by their names and those of categories, in the order of the paper.

    Raises:
        RequestError: a name is unknown.
    """
    known = [*CATEGORIES, *KINDS]
    words = [word.strip().lower().replace("-", "_").replace(" ", "_") for word in only or CATEGORIES]
    if unknown := [word for word in words if word not in known]:
        raise RequestError(
            f"There is no corruption {unknown[0]!r}.{did_you_mean(unknown[0], known)} Categories: "
            f"{listing(CATEGORIES)}. Corruptions: {listing(KINDS, most=len(KINDS))}. Type: --only noise,fog"
        )
    return [kind for kind in KINDS if kind in words or _category(kind) in words]


def _category(kind: str) -> str:
    return next(name for name, several in CATEGORIES.items() if KINDS[kind] in several)


def _metric(evaluated: Evaluated) -> str:
    """The number to report: the accuracy; for a task without it the first of the split's."""
    numbers = evaluated.numbers.numbers
    return "accuracy" if "accuracy" in numbers else next(name for name in (*sorted(evaluated.higher), *numbers))


def _correct(answers: Any, metric: str) -> NDArray[np.float64]:
    if metric != "accuracy":
        return np.zeros(1)
    return np.asarray(correct_images(answers.logits, answers.targets).numpy(), np.float64)


def _drawn(evaluated: Evaluated, images: int | None, seed: int) -> Evaluated:
    """The evaluation of some of the images, drawn at random."""
    if images is None or images >= len(evaluated.split):
        return evaluated
    rows = np.sort(np.random.default_rng(seed).permutation(len(evaluated.split))[:images])
    split = evaluated.split.part(evaluated.split.name, rows)
    return dataclasses.replace(evaluated, split=split, answers=part_of(evaluated.answers, rows))
