"""Probability calibration by temperature scaling, and a familiarity score for out-of-distribution images.

For single-label classification only; multi-label classes have thresholds instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.engine.conformal import ConformalScores
from zoo.engine.regression import RegressionTask
from zoo.engine.scores import Numbers
from zoo.engine.task import Task, task_of
from zoo.engine.value_intervals import ValueIntervals, calibrate_values

__all__ = [
    "Calibration",
    "calibrate",
    "calibrate_outputs",
    "calibration_error",
    "calibration_numbers",
    "familiarity",
    "fit_temperature",
]

BINS = 15
FEWEST = 100
"""Minimum number of images for fitting a temperature; with fewer, the estimate is mostly noise."""
COLDEST, HOTTEST = 0.05, 20.0
USUAL = 0.95
"""Fraction of the validation images within the usual range of familiarity; the rest would be false alarms."""
ENERGY, CENTRED = "energy", "centred energy"
_ROWS = 4_000_000


@dataclass(frozen=True)
class Calibration:
    """Temperature and range of familiarity of a model.

    Args:
        temperature: divisor of the logits before the softmax; above 1 for an overconfident model.
        score: kind of :func:`familiarity`.
        least, most: range of the score that contains 95 % of the validation images.
        conformal: calibration scores for sets of classes, of the probabilities at this temperature.
    """

    temperature: float
    score: str
    least: float
    most: float
    conformal: ConformalScores

    def card(self) -> dict[str, Any]:
        """Return the calibration as the dictionary that is stored in zoo.json."""
        familiar = {"score": self.score, "least": self.least, "most": self.most, "share": USUAL}
        return {"temperature": self.temperature, "familiar": familiar, "conformal": vars(self.conformal)}


def calibrate(logits: Tensor, targets: Tensor, task: Task | None = None) -> Calibration | None:
    """Fit a temperature and the usual range of familiarity on validation images.

    The temperature is 1 unless a fitted one lowers the cross-validated negative log-likelihood.

    Args:
        logits: (N, K), as the task reads them; targets: (N,) int64.
        task: by default single-label or multi-label, by the form of the targets.

    Returns:
        None where the answer is not one class, for fewer than 100 images, or logits that are not finite.
    """
    task = task_of(targets) if task is None else task
    if not task.classifies or task.multilabel or len(targets) < FEWEST or not bool(torch.isfinite(logits).all()):
        return None
    held_out = _cross_fitted(logits, targets)
    helps = _nll(held_out, targets) < _nll(logits, targets)
    shared = logits.shape[1] == 2 and not bool(logits[:, 0].any())
    normalised = bool((logits.float().logsumexp(dim=1).abs() < 1e-4).all())  # log-probabilities have an energy of 0
    score = CENTRED if shared or normalised else ENERGY
    energies = familiarity(logits, score).cpu().numpy()
    least, most = np.quantile(energies, [0.5 - USUAL / 2, 0.5 + USUAL / 2]).tolist()
    heat = fit_temperature(logits, targets) if helps else 1.0
    probs = (_precise(logits) / heat).softmax(dim=1).cpu().numpy()
    return Calibration(heat, score, least, most, ConformalScores.of(probs, targets.cpu().numpy()))


def calibrate_outputs(outputs: Tensor, targets: Tensor, task: Task) -> Calibration | ValueIntervals | None:
    """Calibrate a model on validation images: its probabilities, or the intervals of its values.

    Args:
        outputs: raw outputs (N, M); targets: of the loss.
    """
    if isinstance(task, RegressionTask):
        return calibrate_values(outputs, targets, task)
    return calibrate(task.read(outputs), task.read_targets(targets), task)


def fit_temperature(logits: Tensor, targets: Tensor) -> float:
    """Fit the temperature T that minimises the negative log-likelihood of ``softmax(logits / T)``.

    One number can't overfit much, and in 1/T the likelihood is convex: Newton's method within a bracket finds it.
    Source: C. Guo et al., On calibration of modern neural networks, ICML 2017, arXiv:1706.04599. Where every image is
    right the likelihood would like a temperature of 0; so a right answer counts as (N + 1)/(N + 2), as in J. Platt,
    Probabilistic outputs for support vector machines (1999).

    Returns:
        From 0.05 to 20.
    """
    precise, low, high = _precise(logits), 1 / HOTTEST, 1 / COLDEST
    targets, inverse = targets.to(precise.device), 1.0
    for _ in range(60):
        slope, bend = _slope(precise, targets, inverse)
        low, high = (inverse, high) if slope < 0 else (low, inverse)
        step = inverse - slope / bend if bend > 0 else math.nan
        following = step if low < step < high else math.sqrt(low * high)
        if abs(following - inverse) < 1e-9 * inverse:
            break
        inverse = following
    return 1 / inverse


def _slope(logits: Tensor, targets: Tensor, inverse: float) -> tuple[float, float]:
    """First and second derivative of the mean negative log-likelihood with respect to 1/T."""
    slip, classes = 1 / (len(targets) + 2), logits.shape[1]
    slope = bend = 0.0
    rows = max(1, _ROWS // classes)
    for start in range(0, len(targets), rows):
        part, labels = logits[start : start + rows], targets[start : start + rows]
        probs = (part * inverse).softmax(dim=1)
        mean = (probs * part).sum(dim=1)
        right = part.gather(1, labels[:, None])[:, 0]
        wrong = (part.sum(dim=1) - right) / (classes - 1)
        slope += float((mean - (1 - slip) * right - slip * wrong).sum())
        bend += float(((probs * part.square()).sum(dim=1) - mean.square()).sum())
    return slope / len(targets), bend / len(targets)


def _precise(logits: Tensor) -> Tensor:
    return (logits.cpu() if logits.device.type == "mps" else logits).double()


def _cross_fitted(logits: Tensor, targets: Tensor) -> Tensor:
    """Scale the logits of each half of the images by the temperature fitted on the other half, (N, K)."""
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(targets))).to(logits.device)
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    found = torch.empty_like(logits)
    for here, there in (halves, halves[::-1]):
        found[here] = logits[here] / fit_temperature(logits[there], targets[there])
    return found


def _nll(logits: Tensor, targets: Tensor) -> float:
    return float(torch.nn.functional.cross_entropy(logits.float(), targets))


def calibration_numbers(
    logits: Tensor, targets: Tensor, temperature: float | None, *, fitted_here: bool = False
) -> Numbers:
    """Expected calibration error and negative log-likelihood, with and without the temperature.

    Args:
        temperature: temperature of the bundle; None where none was fitted.
        fitted_here: the temperature was fitted on these images; the scaled numbers are then cross-fitted, each half of
            the images by the temperature of the other half.

    Returns:
        ``bins`` (how many), ``ece``, ``nll``, ``reliability`` (see :func:`reliability`); with a temperature also
        ``temperature``, ``scaled.{ece,nll,reliability}`` and ``scaled.how`` (``cross-fitted``, ``fitted on val``).
    """
    found = {"bins": BINS, **_numbers(logits, targets)}
    if temperature is None:
        return found
    if not fitted_here or temperature == 1.0:
        scaled, how = logits / temperature, "fitted on val"
    else:
        scaled, how = _cross_fitted(logits, targets), "cross-fitted"
    return {**found, "temperature": temperature, "scaled": {"how": how, **_numbers(scaled, targets)}}


def _numbers(logits: Tensor, targets: Tensor) -> Numbers:
    confidence, predicted = logits.softmax(dim=1).max(dim=1)
    sure, right = confidence.double().cpu().numpy(), (predicted == targets).cpu().numpy()
    rows = reliability(sure, right)
    return {"ece": calibration_error(sure, right), "nll": _nll(logits, targets), "reliability": rows}


def calibration_error(confidence: NDArray[Any], right: NDArray[Any], bins: int = BINS) -> float:
    """Expected calibration error: mean absolute difference of confidence and accuracy over bins, weighted by images.

    Bins of equal width; of few images a bin's accuracy is off by chance, so a perfect model has more than 0 too.
    Source: C. Guo et al., ICML 2017, arXiv:1706.04599, equation 3.

    Args:
        confidence: (N,) in 0..1, probability of the predicted class; right: (N,) bool, True for correct predictions.
    """
    rows = reliability(confidence, right, bins)
    return float(sum(row["images"] * abs(row["accuracy"] - row["confidence"]) for row in rows) / max(1, len(right)))


def reliability(confidence: NDArray[Any], right: NDArray[Any], bins: int = BINS) -> list[Numbers]:
    """Reliability diagram: ``from``, ``to``, ``images``, mean ``confidence`` and ``accuracy`` of each non-empty bin."""
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)  # a bin has its upper edge
    images = np.bincount(place, minlength=bins)
    sure = np.bincount(place, confidence, minlength=bins)
    hits = np.bincount(place, right, minlength=bins)
    return [
        {
            "from": i / bins,
            "to": (i + 1) / bins,
            "images": int(images[i]),
            "confidence": float(sure[i] / images[i]),
            "accuracy": float(hits[i] / images[i]),
        }
        for i in range(bins)
        if images[i]
    ]


def familiarity(logits: Tensor, score: str = ENERGY) -> Tensor:
    """Negative free energy of each image, ``logsumexp(logits)``, (N,).

    Out-of-distribution images usually have a lower score than in-distribution ones, or, mainly with small networks, a
    higher one; a score outside the usual range on either side is suspicious.
    Source: W. Liu et al., Energy-based out-of-distribution detection, NeurIPS 2020, arXiv:2010.03759; both sides:
    E. Nalisnick et al., Detecting out-of-distribution inputs using typicality, 2019, arXiv:1906.02994.

    Args:
        score: ``energy``; or ``centred energy``, over the mean logit, where two classes have one logit (0, z), whose
            energy is that of one class alone, or where the logits are log-probabilities, whose energy is 0.
    """
    energy = logits.float().logsumexp(dim=1)
    return energy - logits.float().mean(dim=1) if score == CENTRED else energy
