"""``--html``: one page with thumbnails and predictions, that works offline and runs no script."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from zoo.reports.kit.pages import MARK, template
from zoo.reports.kit.text import percent, short_path
from zoo.storage import write_text
from zoo_predict.annotate import load_upright
from zoo_predict.answers import LOW, PicturePrediction, is_low
from zoo_predict.values import has_values, value_words, values_in

if TYPE_CHECKING:
    from zoo.api.models import Preprocessing

__all__ = ["MOST", "render_page", "write_page"]

MOST = 2000
"""A page shows at most so many pictures, the least confident: 12 to 24 MB."""
_SIDE, _QUALITY = 240, 74
_CHIPS, _RUNNERS_UP = 40, 4


@dataclass(frozen=True)
class Card:
    """A picture of the page.

    Args:
        image: data URL of its thumbnail.
        name: its path or address.
        words: the label, the labels or the values.
        confidence: None for several labels, and for values.
        others: further classes with their probabilities.
        marks: classes of the element, by which the filters find it.
    """

    image: str
    name: str
    words: str
    confidence: float | None
    others: Sequence[tuple[str, float]]
    marks: str
    unsure: bool
    low: bool
    unlike: bool


def write_page(
    answers: Sequence[PicturePrediction], model: str, shape: Preprocessing, path: Path, names: Sequence[str] = ()
) -> None:
    """Write the page, atomically.

    Args:
        answers: pictures and predictions.
        model: name of the model, for the heading.
        shape: preprocessing of the model.
        path: path of the file.
        names: names of the values of a regression.

    Raises:
        OutputError: the folder can't be written, or the disk is full.
    """
    write_text(path, render_page(answers, model, shape, names))


def render_page(
    answers: Sequence[PicturePrediction], model: str, shape: Preprocessing, names: Sequence[str] = ()
) -> str:
    """Render the page: the least confident pictures first, filters for classes and for low confidence.

    Pictures of a regression are in the order of their first value.
    """
    shown = sorted(answers, key=_confidence)[:MOST]
    counts = Counter(label for answer in shown for label in _labels(answer.prediction))
    chips = [(f"c{i}", label, n) for i, (label, n) in enumerate(counts.most_common(_CHIPS))]
    marks = {label: mark for mark, label, _ in chips}
    below = any("sure" in answer.prediction for answer in shown)
    return template("predictions.html.j2", "zoo_predict").render(
        mark=MARK,
        model=model,
        cards=[_card(answer, marks, shape, names) for answer in shown],
        values=bool(names),
        chips=chips,
        several="labels" in shown[0].prediction if shown else False,
        low=sum(is_low(answer.prediction) for answer in shown),
        low_words="not sure" if below else f"below {percent(LOW, 0)}",
        total=len(answers),
        left_out=len(answers) - len(shown),
    )


def _confidence(answer: PicturePrediction) -> float:
    found = answer.prediction
    if values := values_in(found):
        return values[0].value
    return float(found.get("confidence", max((t["probability"] for t in found["top"]), default=0.0)))


def _labels(prediction: dict[str, Any]) -> list[str]:
    if has_values(prediction):
        return []
    return prediction["labels"] if "labels" in prediction else [prediction["label"]]


def _card(answer: PicturePrediction, marks: dict[str, str], shape: Preprocessing, names: Sequence[str]) -> Card:
    found, labels = answer.prediction, _labels(answer.prediction)
    low = is_low(found)
    others = [(t["class"], t["probability"]) for t in found.get("top", ()) if t["class"] not in labels][:_RUNNERS_UP]
    return Card(
        image=_thumbnail(load_upright(answer.picture.path, shape, _SIDE)),
        name=short_path(answer.picture.name),
        words=value_words(found, names) if has_values(found) else ", ".join(labels) or "none",
        confidence=found.get("confidence"),
        others=others,
        marks=" ".join([*(marks[label] for label in labels if label in marks), *(["low"] if low else [])]),
        unsure=found.get("sure") is False,
        low=low,
        unlike=found.get("familiar") is False,
    )


def _thumbnail(picture: Image.Image) -> str:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
