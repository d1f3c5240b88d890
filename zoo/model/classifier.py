"""Inference with a trained model: images to class names and probabilities."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo.data.batches import Normalize, pixels_of
from zoo.data.decode import Pixels, WrongChannels, loses_values, to_pixels
from zoo.data.depth import EIGHT, depth_of
from zoo.data.own_values import viewable
from zoo.data.picture_formats import FormatNotInstalled, value_suffixes
from zoo.engine.calibration import familiarity
from zoo.engine.conformal import prediction_sets
from zoo.engine.embeddings import HeadInputs
from zoo.engine.execution import Execution
from zoo.engine.fuse_bn import fold_norms
from zoo.engine.gradcam import evidence_of, grad_cam
from zoo.engine.regression import RegressionTask
from zoo.engine.task import task_of_card
from zoo.engine.tta import NONE, looking
from zoo.engine.value_intervals import Bounds
from zoo.errors import BadImage, RequestError
from zoo.model.bundle import Preprocessing
from zoo.model.conformal_scores import DEFAULT_COVERAGE, check_ends, intervals_of, scores_of
from zoo.model.exported import AsNetwork
from zoo.model.inputs import listed, opened_input, path_of
from zoo.model.prediction_fields import Computed, PredictionFields

BATCH = 64
_BYTE = 255
Answer = dict[str, Any]
"""Prediction of an image, see :meth:`Classifier.predict`."""


class NoAnswer(BadImage):
    """Raised for an image whose probabilities are NaN.

    Args:
        index: index of the image.
    """

    def __init__(self, index: int):
        self.index = index
        super().__init__("the prediction is NaN. To check the weights: zoo evaluate RUN")


class Classifier:
    """A bundle's model with its classes and preprocessing.

    Args:
        model: images (N, C, H, W), normalised -> logits (N, K).
        card: content of the bundle's zoo.json.
        execution: device and precision.
        reject_below: confidence in 0..1 below which a prediction is not sure; by default the bundle's.
        scored: recorded accuracy in words, such as ``val accuracy 97.3%``, for its representation.
        fields: objects that add fields to predictions, by the name of their attachment, see
            :class:`zoo.plugin.PredictionField`.
        coverage: rate at which the set of classes of a prediction holds the true class; no sets where None.
    """

    def __init__(
        self,
        model: nn.Module,
        card: dict[str, Any],
        execution: Execution,
        reject_below: float | None = None,
        scored: str = "",
        fields: Mapping[str, Any] | None = None,
        coverage: float | None = None,
    ):
        self.card = card
        self.classes: list[str] = list(card["classes"])
        self.task = task_of_card(card)
        self.tta: str = card.get("tta", NONE)
        calibrated = self.task.classifies and not self.task.multilabel
        self.temperature: float = 1.0 if not calibrated else card.get("temperature", 1.0)
        self.reject_below: float | dict[str, float] | None = reject_below
        if reject_below is None:
            self.reject_below = (card.get("reject") or {}).get("below")
        self.fields = PredictionFields(fields or {})
        self.coverage = coverage
        if coverage is not None:
            (scores_of if self.task.classifies else intervals_of)(card, coverage)
        self.preprocessing = Preprocessing(**card["preprocessing"])
        self.execution, self.scored = execution, scored
        self.model = execution.place(model).eval()
        image = self.preprocessing
        self._normalize = Normalize(image.mean, image.std, execution.device, image.window)
        self._watching, self._watched = threading.Lock(), None  # type: threading.Lock, nn.Module | None
        self._head: HeadInputs | None = None
        values = self.preprocessing.in_chans * self.preprocessing.image_size**2
        self.batch: int = execution.evaluation_batch(BATCH, values)
        """Number of images per batch."""

    def __repr__(self) -> str:
        """Architecture, classes, input size (C×H×W), recorded accuracy and device."""
        shape, count = self.preprocessing, len(self.classes)
        names = ", ".join(self.classes[:3] + (["…"] if count > 4 else []) + (self.classes[-1:] if count > 3 else []))
        facts = [f"{shape.in_chans}×{shape.image_size}×{shape.image_size} input", self.scored]
        known = ", ".join(filter(None, [*facts, f"on {self.execution.device}"]))
        what = f"{count} classes" if self.task.classifies else f"{count} value{'' if count == 1 else 's'}"
        return f"Classifier({self.card['architecture']['id']}, {what}: {names}; {known})"

    def predict(
        self, images: Any, top_k: int = 5, tta: str | None = None, coverage: float | None = None
    ) -> list[Answer]:
        """Predict the class of each image.

        Args:
            images: one image or many. An image is a path (of a picture, or a .npy); the bytes of a file; a PIL image;
                an array (H, W, C), (C, H, W) or (H, W); a tensor (C, H, W); or a row of a Hugging Face dataset, or its
                undecoded image. Many are a batch (N, …), a list or an iterator of them, or a dataset or its column.
                Pixels are integers in 0..255, or floating-point numbers in 0..1, before any normalisation; for a model
                with a window they are in the unit of the training images. Of
                three dimensions the channels are the first if that has the model's number of them, else the last if
                that has, else the smaller of both. Four channels are colour and transparency.
            top_k: number of classes to return, best first.
            tta: test-time augmentation, see :func:`zoo.engine.tta.views_named`; by default the bundle's.
            coverage: rate at which the set of classes holds the true class, such as 0.95; by default the classifier's.

        Returns:
            For each image ``{"path", "label", "confidence", "top": [{"class", "probability"}]}``; ``path`` is
            None for an image that has none. For a multi-label model ``{"path", "labels", "top"}``: the classes whose
            probability reaches their threshold, most probable first, possibly none. For a regression
            ``{"path", "value"}``, or ``{"path", "values": {name: value}}`` for several values, with ``"interval"`` or
            ``"intervals"`` (``[low, high]``) and their ``"coverage"``. With a confidence threshold there is also
            ``"sure"``, True if it is reached; and for a model validated on a hundred images or more ``"familiar"``,
            False for images that look out-of-distribution. With a coverage there is also ``"set"``, the classes of the
            set, most probable first. Attachments of the bundle may add fields.

        Raises:
            BadImage: an image can't be decoded, or has NaN probabilities.
            RequestError: an item is not an image, or there are too few calibration images for the coverage; the message
                describes it.
        """
        items = listed(images)
        found: list[Answer] = []
        for start in range(0, len(items), self.batch):
            chunk = items[start : start + self.batch]
            names = [_called(item, start + i, len(items)) for i, item in enumerate(chunk)]
            try:
                pixels = [self.pixels(*each) for each in zip(chunk, names, strict=True)]
                answers = self.answers(pixels, top_k, tta, coverage)
            except NoAnswer as error:
                raise BadImage(f"{names[error.index]}: {error}") from error
            found += [{"path": path_of(item), **answer} for item, answer in zip(chunk, answers, strict=True)]
        return found

    def answers(
        self, pixels: Sequence[Pixels], top_k: int = 5, tta: str | None = None, coverage: float | None = None
    ) -> list[Answer]:
        """Predict the classes of decoded images in one batch.

        Args:
            pixels: (size, size, C) each, as :meth:`pixels` returns them.
            top_k, tta, coverage: see :meth:`predict`.

        Returns:
            The result of :meth:`predict`, without the path.

        Raises:
            NoAnswer: the probabilities of an image are not finite.
        """
        answers = self.answers_of(self.compute(pixels, tta), top_k, tta, coverage)
        if None in answers:
            raise NoAnswer(answers.index(None))
        return [answer for answer in answers if answer is not None]

    def answers_of(
        self, found: Tensor | Computed, top_k: int = 5, tta: str | None = None, coverage: float | None = None
    ) -> list[Answer | None]:
        """Predict from what was computed of images.

        Args:
            found: the result of :meth:`compute`; or logits (N, K) float32 alone, as :meth:`logits` returns them, which
                lack the fields of attachments that need embeddings.
            top_k, tta, coverage: see :meth:`predict`; ``tta`` is what the logits were computed with.

        Returns:
            The result of :meth:`predict`, without the path; None for an image whose probabilities are not finite.
        """
        computed = found if isinstance(found, Computed) else self.fields.computed(found, None)
        logits, scores = computed.logits, computed.scores
        if isinstance(self.task, RegressionTask):
            return self._valued(computed, tta, coverage)
        probs = self._probabilities(logits)
        best = logits.topk(min(max(top_k, 1), len(self.classes))).indices  # independent of the temperature
        tops = [
            [{"class": self.classes[i], "probability": p} for i, p in zip(*both, strict=True)]
            for both in zip(best.tolist(), probs.gather(1, best).tolist(), strict=True)
        ]
        known = self._known(logits, scores, tta)
        sets = self._sets(probs, tta, coverage)
        answered = probs.isfinite().all(dim=1).tolist()
        return [
            {**self._named(*each), **chosen, **more} if finite else None
            for *each, chosen, more, finite in zip(tops, probs, sets, known, answered, strict=True)
        ]

    def settle(self) -> None:
        """Prepare for many predictions: fuse batch norms into convolutions, and run a warm-up.

        Predictions change only by float32 rounding.
        """
        shape = self.preprocessing
        side = (self.batch, shape.image_size, shape.image_size, shape.in_chans)
        noise = list(np.random.default_rng(0).integers(0, 256, side, np.uint8))
        self.model = fold_norms(self.model, self._normalize(self._unit(noise[:2])))
        for count in (1, self.batch):
            self.answers(noise[:count])

    def looked_at(self, pixels: Sequence[Pixels], labels: Sequence[str]) -> NDArray[np.float32] | None:
        """Heat maps of the regions that support a class, or a value, by Grad-CAM.

        Args:
            pixels: (size, size, C) each.
            labels: name of the class, or of the value, to explain, for each image.

        Returns:
            (N, size, size) float32 in 0..1, all 0 where no region supports the class; or None for models without
            spatial layers, such as transformers, and exported files.
        """
        classes = torch.tensor([self.classes.index(label) for label in labels], device=self.execution.device)
        with self._watching:
            if self._watched is None:  # hooks must not affect predictions in other threads
                self._watched = copy.deepcopy(self.model)
            images = self._normalize(self._unit(pixels))
            how: Any = {"multilabel": self.task.independent, "read": evidence_of(self.task)}
            heat = grad_cam(self._watched, images, classes, **how)
        return None if heat is None else heat.cpu().numpy()

    def probabilities(self, pixels: Sequence[Pixels], tta: str | None = None) -> Tensor:
        """Probabilities (N, K) float32 on the CPU of decoded images, (size, size, C) each, temperature-scaled."""
        return self._probabilities(self.logits(pixels, tta))

    def logits(self, pixels: Sequence[Pixels], tta: str | None = None) -> Tensor:
        """Raw logits, or values of a regression, (N, K) float32 on the CPU of images, (size, size, C) each."""
        return self.task.read(self._outputs(pixels, tta))

    def _outputs(self, pixels: Sequence[Pixels], tta: str | None) -> Tensor:
        """Raw outputs of the network, (N, M) float32 on the CPU."""
        with torch.inference_mode(), self.execution.autocast():
            network = looking(self.model, self.tta if tta is None else tta, self.task.mean)
            outputs: Tensor = network(self._normalize(self._unit(pixels)))
        return outputs.float().cpu()

    def embed(self, pixels: Sequence[Pixels], tta: str | None = None) -> tuple[Tensor, Tensor]:
        """Logits and embeddings of decoded images, in one pass.

        Args:
            pixels: (size, size, C) each.
            tta: see :meth:`predict`; an embedding is then the mean over the views.

        Returns:
            Logits (N, K), and what the last layer is given, (N, D); both float32 on the CPU.

        Raises:
            RequestError: the network has no last layer with weights, as exported files have none.
        """
        outputs, vectors = self._embedded(pixels, tta)
        return self.task.read(outputs), vectors

    def _embedded(self, pixels: Sequence[Pixels], tta: str | None) -> tuple[Tensor, Tensor]:
        """Raw outputs (N, M) and embeddings."""
        with self._watching:
            if self._head is None:
                try:
                    self._head = HeadInputs(self.model, self._normalize(self._unit(pixels[:1])))
                except ValueError as error:
                    raise RequestError(f"{self.card['architecture']['id']} gives no embeddings: {error}.") from error
        with self._head.recorded() as seen:
            outputs = self._outputs(pixels, tta)
        return outputs, torch.stack(seen).mean(dim=0)

    def compute(self, pixels: Sequence[Pixels], tta: str | None = None, *, embeddings: bool = False) -> Computed:
        """Compute all that predictions are made of, in one pass.

        Args:
            pixels: (size, size, C) each.
            tta: see :meth:`predict`.
            embeddings: return the embeddings, even where no attachment needs them.

        Raises:
            RequestError: the network gives no embeddings.
        """
        own = tta in (None, self.tta)  # attachments hold for this test-time augmentation only
        if own and self.fields and isinstance(self.model, AsNetwork) and not embeddings:
            outputs, scores = self.model.scored(self._normalize(self._unit(pixels)))
            found = Computed(self.task.read(outputs), None, scores)
        elif embeddings or (own and self.fields.need_embeddings):
            outputs, vectors = self._embedded(pixels, tta)
            found = self._added(outputs, vectors, own=own)
        else:
            outputs = self._outputs(pixels, tta)
            found = self._added(outputs, None, own=own)
        return found._replace(ends=self.task.ends(outputs)) if isinstance(self.task, RegressionTask) else found

    def _added(self, outputs: Tensor, vectors: Tensor | None, *, own: bool) -> Computed:
        """Read raw outputs, and add the scores of attachments where these hold."""
        logits = self.task.read(outputs)
        return self.fields.computed(logits, vectors) if own else Computed(logits, vectors, {})

    def _unit(self, pixels: Sequence[Pixels]) -> Tensor:
        """Stack images to (N, C, size, size) in 0..1 on the device."""
        return self._normalize.to_unit(pixels_of(pixels).to(self.execution.device).permute(0, 3, 1, 2))

    def _probabilities(self, logits: Tensor) -> Tensor:
        return self.task.probabilities(logits / self.temperature)

    def _known(self, logits: Tensor, scores: Mapping[str, Tensor], tta: str | None) -> list[Answer]:
        """Fields of each image that attachments add; else whether it is in-distribution, where that is known."""
        added = self.fields.fields_of(scores, len(logits)) if tta in (None, self.tta) else [{}] * len(logits)
        return [{**own, **more} for own, more in zip(self._familiar(logits, tta), added, strict=True)]

    def _sets(self, probs: Tensor, tta: str | None, coverage: float | None) -> list[dict[str, list[str]]]:
        """Classes of each image's conformal set, most probable first; empty without a coverage."""
        if (wanted := self._coverage(tta, coverage)) is None:
            return [{}] * len(probs)
        scores, found = scores_of(self.card, wanted), probs.double().numpy()
        sets = prediction_sets(found, scores.quantile(wanted))
        return [
            {"set": [self.classes[k] for k in order if row[k]]}
            for row, order in zip(sets, np.argsort(-found, axis=1, kind="stable"), strict=True)
        ]

    def _coverage(self, tta: str | None, asked: float | None) -> float | None:
        """The coverage that is asked for, now or of the classifier; None where none is.

        Raises:
            RequestError: the model was calibrated with another test-time augmentation.
        """
        wanted = self.coverage if asked is None else asked
        if wanted is not None and tta not in (None, self.tta):
            raise RequestError(f"A coverage holds for the views of the calibration, {self.tta!r}. Leave out the other.")
        return wanted

    def _valued(self, computed: Computed, tta: str | None, coverage: float | None) -> list[Answer | None]:
        """Values of each image, their intervals and the fields of attachments; None where a value is not finite."""
        values, wanted = computed.logits, self._coverage(tta, coverage)
        known = self._known(values, computed.scores, tta)
        rows: list[Answer] = [
            {**named(row, self.classes, "value"), **more} for row, more in zip(values, known, strict=True)
        ]
        if (bounds := self._bounds(computed, tta, wanted)) is not None:
            rate = DEFAULT_COVERAGE if wanted is None else wanted
            for row, ends in zip(rows, torch.stack(bounds, dim=2), strict=True):
                row.update({**named(ends, self.classes, "interval"), "coverage": rate})
        return [
            row if finite else None for row, finite in zip(rows, values.isfinite().all(dim=1).tolist(), strict=True)
        ]

    def _bounds(self, computed: Computed, tta: str | None, coverage: float | None) -> Bounds | None:
        """Bounds of the intervals; None where no coverage is asked for, and the model has no scores that suffice."""
        kept = intervals_of(self.card, coverage)
        if kept is None or tta not in (None, self.tta):
            return None
        if coverage is not None:
            check_ends(self.card, computed.ends)
        elif kept.kind == "quantiles" and computed.ends is None:
            return None
        return kept.bounds(computed.logits, coverage or DEFAULT_COVERAGE, computed.ends)

    def _familiar(self, logits: Tensor, tta: str | None) -> list[dict[str, bool]]:
        """Flag each image as in-distribution or not; empty where that is unknown, or left to an attachment."""
        usual = None if "familiar" in self.fields.names else self.card.get("familiar")
        if self.task.independent or usual is None or tta not in (None, self.tta):  # the range holds for this tta only
            return [{}] * len(logits)
        energies = familiarity(logits, usual["score"]).tolist()
        return [{"familiar": usual["least"] <= energy <= usual["most"]} for energy in energies]

    def pixels(self, item: Any, name: str | None = None) -> Pixels:
        """Decode one image as the training images were.

        Args:
            item: see :meth:`predict`.
            name: name for errors, where the image isn't a path.

        Returns:
            (size, size, C).

        Raises:
            BadImage: the image can't be decoded.
            RequestError: the item is not an image.
        """
        from PIL import Image

        called = name or path_of(item) or "the image"
        try:
            return to_pixels(opened_input(item, self.preprocessing.shape), *self.preprocessing.shape)
        except WrongChannels as error:
            many = f"{error.found} channel{'' if error.found == 1 else 's'}"
            raise BadImage(f"{called}: has {many}, but the model takes {error.wanted}") from error
        except (BadImage, FormatNotInstalled) as error:
            raise BadImage(f"{called}: {error}") from error
        except (OSError, Image.DecompressionBombError) as error:
            reason = "no such file" if isinstance(error, FileNotFoundError) else "not a readable image"
            if Path(called).suffix.lower() in value_suffixes() and getattr(error, "errno", None) is None:
                reason = str(error)
            raise BadImage(f"{called}: {reason}") from error

    def lost_of(self, picture: Any) -> str | None:
        """What decoding loses of an opened image, or that it has 8 bits where the model takes larger values.

        Returns:
            A depth as :func:`zoo.api.images.depth_notices` counts it; None for nothing.
        """
        window = self.preprocessing.window
        if isinstance(window, list) and window[1] > _BYTE and depth_of(picture) is None:
            return EIGHT
        return loses_values(picture, self.preprocessing.shape.values, self.preprocessing.in_chans)

    def viewable(self, pixels: Pixels) -> NDArray[np.uint8]:
        """Decoded pixels in 8 bits, to be looked at: the model's window becomes 0..255."""
        return viewable(pixels, self.preprocessing.window)

    def _named(self, top: list[dict[str, Any]], probs: Tensor) -> dict[str, Any]:
        if self.task.multilabel:
            return {"labels": self._labels(probs), "top": top}
        label, confidence = top[0]["class"], top[0]["probability"]
        return {"label": label, "confidence": confidence, "top": top, **self._sure(label, confidence)}

    def _sure(self, label: Any, confidence: Any) -> dict[str, bool]:
        below = self.reject_below.get(label, 0.0) if isinstance(self.reject_below, dict) else self.reject_below
        return {} if below is None else {"sure": confidence >= below}

    def _labels(self, probs: Tensor) -> list[str]:
        """Classes whose probability reaches their threshold, most probable first."""
        thresholds = self.card.get("thresholds") or [0.5] * len(self.classes)
        order = probs.argsort(descending=True, stable=True).tolist()
        return [self.classes[i] for i in order if float(probs[i]) >= thresholds[i]]


def _called(item: Any, index: int, count: int) -> str:
    """Name of an image in errors: its path, or its number among several."""
    return path_of(item) or ("the image" if count == 1 else f"image {index} (of 0 to {count - 1})")


def named(row: Tensor, names: Sequence[str], word: str) -> Answer:
    """One entry under a word for a single output; of several a dictionary under its plural."""
    found = row.tolist()
    return {word: found[0]} if len(names) == 1 else {f"{word}s": dict(zip(names, found, strict=True))}
