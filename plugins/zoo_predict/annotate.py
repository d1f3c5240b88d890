"""Annotated pictures: each as it is seen, with its label and confidence in a strip under it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from zoo.api.images import full_size, open_image, viewable
from zoo.api.models import Preprocessing
from zoo.reports.kit.pages import MARK
from zoo.reports.kit.text import clean, percent
from zoo.storage import atomic
from zoo_predict.answers import is_low
from zoo_predict.values import has_values, value_words

__all__ = ["annotated", "load_upright", "missing_characters", "save_jpeg", "words_of"]

LARGEST, SMALLEST = 1600, 240
"""Limits of a saved picture's longer side in pixels; smaller pictures are enlarged by whole factors."""
PAPER, INK, SOFT, LINE, ACCENT = "#ffffff", "#1c2330", "#5d6778", "#dde1e8", "#0f7d86"
_STRANGE = 0x0700
"""From this code point on, scripts that DejaVu lacks: of India and of East Asia, and emoji."""
_LIKELY = (
    "cjk",
    "pingfang",
    "msyh",
    "wqy",
    "fallback",
    "notosans-regular",
)  # in the names of fonts that are tried first
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def load_upright(path: Path, shape: Preprocessing, side: int) -> Image.Image:
    """Load a picture as the model sees it, upright and in 8 bits, with its longer side reduced to ``side`` pixels.

    The window of the model becomes 0..255.

    Of a picture of other than 1 or 3 channels, the first channel is shown in grey.
    """
    item, in_chans = open_image(path), shape.in_chans
    if isinstance(item, Image.Image) and item.format == "JPEG" and in_chans == 3:
        item.draft(None, (2 * side, 2 * side))  # decoded at a half, quarter or eighth where that is enough
    pixels = viewable(full_size(item, in_chans, shape.shape.values), shape.window)
    picture = Image.fromarray(pixels if in_chans == 3 else np.ascontiguousarray(pixels[..., 0])).convert("RGB")
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return picture


def annotated(picture: Image.Image, prediction: Mapping[str, Any]) -> Image.Image:
    """Draw a picture with a strip under it: the label, the confidence in percent, and the confidence as a bar."""
    picture = _enlarged(picture)
    width = max(picture.width, SMALLEST)
    text = max(14, min(40, width // 20))
    strip = Image.new("RGB", (width, picture.height + round(text * 2.4)), PAPER)
    strip.paste(picture, ((width - picture.width) // 2, 0))
    _write(ImageDraw.Draw(strip), prediction, (width, picture.height), text)
    return strip


def _enlarged(picture: Image.Image) -> Image.Image:
    factor = SMALLEST // max(picture.size)
    if factor < 2:
        return picture
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)


def _write(draw: ImageDraw.ImageDraw, prediction: Mapping[str, Any], corner: tuple[int, int], text: int) -> None:
    width, top = corner
    margin, ink = text // 2, SOFT if is_low(prediction) else INK
    label, share = words_of(prediction)
    room = width - 2 * margin
    if share is not None:
        shown = percent(share)
        number = _font(shown, text)
        room -= round(number.getlength(shown)) + margin
        draw.text((width - margin, top + text * 0.4), shown, ink, number, anchor="ra")
        _bar(draw, (margin, top + round(text * 1.85), width - margin), share, SOFT if is_low(prediction) else ACCENT)
    draw.text((margin, top + text * 0.4), elided(label, room, text), ink, _font(label, text, bold=True))


def _bar(draw: ImageDraw.ImageDraw, place: tuple[int, int, int], share: float, colour: str) -> None:
    left, top, right = place
    draw.rectangle((left, top, right, top + 3), LINE)
    draw.rectangle((left, top, left + max(1, round(share * (right - left))), top + 3), colour)


def words_of(prediction: Mapping[str, Any]) -> tuple[str, float | None]:
    """Words and confidence of a prediction; of several labels, or of values, there is no one confidence."""
    if has_values(prediction):
        return clean(value_words(prediction)), None
    if "labels" in prediction:
        return ", ".join(map(clean, prediction["labels"])) or "none", None
    label = clean(prediction["label"])
    return (f"not sure: {label}" if prediction.get("sure") is False else label), prediction["confidence"]


def elided(text: str, width: float, size: int) -> str:
    """Shorten ``text`` to ``width`` pixels with an ellipsis in its middle."""
    font, keep, shown = _font(text, size, bold=True), len(text), text
    while keep > 1 and font.getlength(shown) > width:
        keep -= 1
        shown = f"{text[: keep // 2]}…{text[len(text) - (keep + 1) // 2 :]}"
    return shown


def _font(text: str, size: int, bold: bool = False) -> _Font:
    """A font that has the characters of ``text``: matplotlib's DejaVu, else one of the system, if there is one."""
    file = _dejavu(bold)
    if strange := frozenset(char for char in text if ord(char) >= _STRANGE):
        file = system_font(strange) or file
    if file is None:
        return ImageFont.load_default(size)
    return ImageFont.truetype(file, size, layout_engine=ImageFont.Layout.BASIC)  # supports every text


@cache
def _dejavu(bold: bool) -> str | None:
    """File of matplotlib's font, found without importing matplotlib."""
    found = find_spec("matplotlib")
    file = Path(str(found and found.origin)).parent / "mpl-data/fonts/ttf" / f"DejaVuSans{'-Bold' if bold else ''}.ttf"
    return str(file) if file.is_file() else None


@cache
def system_font(characters: frozenset[str]) -> str | None:
    """File of an installed font that has all of these characters; None without one."""
    from matplotlib.font_manager import findSystemFonts
    from matplotlib.ft2font import FT2Font

    own = [file for file in (_dejavu(False),) if file]
    files = own + [file for file in findSystemFonts() if "lastresort" not in file.lower()]
    for file in sorted(files, key=lambda file: (not any(word in file.lower() for word in _LIKELY), file)):
        try:
            if {ord(char) for char in characters} <= FT2Font(file).get_charmap().keys():
                return file
        except (OSError, RuntimeError):
            continue  # a damaged font, or a format that is not read
    return None


def missing_characters(words: Iterable[str]) -> str:
    """Characters of some words that no installed font has."""
    strange = sorted({char for word in words for char in word if ord(char) >= _STRANGE})
    return "".join(char for char in strange if system_font(frozenset(char)) is None)


def save_jpeg(picture: Image.Image, path: Path) -> None:
    """Write a JPEG with a mark that identifies the zoo as its author.

    Raises:
        OutputError: the file can't be written.
    """
    with atomic(path) as file:
        picture.save(file, "JPEG", quality=90, comment=MARK)
