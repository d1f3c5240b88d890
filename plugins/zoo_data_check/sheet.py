"""Contact sheets: rows of captioned thumbnails in one PNG, drawn with Pillow alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from zoo.reports.kit.pages import MARK
from zoo.reports.kit.text import clean
from zoo.storage import atomic

if TYPE_CHECKING:
    from zoo_data_check.samples import Samples

__all__ = ["Cell", "channels_note", "make_sheet", "sample_rows", "save_sheet", "target_words", "to_picture"]

INK, DIM, LINE, PAPER = "#1b1f24", "#6e7681", "#d8dee4", "#ffffff"
COLOURS = ("#0969da", "#bf5700", "#1a7f37", "#8250df", "#bf3989", "#0b7285", "#9a6700", "#57606a")
"""Colours of classes, used cyclically."""
SMALL, LARGE = 112, 256
"""Limits of a thumbnail's side in pixels; smaller images are enlarged by whole factors to show their pixels."""
MARGIN, GAP, APART = 28, 10, 22
TEXT, TITLE = 13, 20
LEADING = 18


@dataclass(frozen=True)
class Cell:
    """One image of a sheet.

    Args:
        picture: the thumbnail.
        words: caption lines, the first in full colour.
        bar: (colour, share) segments of a bar under the image; empty for no bar.
    """

    picture: Image.Image
    words: Sequence[str]
    bar: Sequence[tuple[str, float]] = field(default=())


def to_picture(image: NDArray[Any], most: int = LARGE) -> Image.Image:
    """Convert an image (H, W, C), uint8 or float in 0..1, to a thumbnail: grey, or its first three channels.

    Non-finite values become black; values beyond 0..1 are clipped.

    Args:
        image: the image.
        most: the largest side of the thumbnail in pixels.
    """
    if image.dtype != np.uint8:
        image = (np.nan_to_num(image, nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1) * 255).round().astype(np.uint8)
    picture = Image.fromarray(image[..., 0] if image.shape[-1] < 3 else np.ascontiguousarray(image[..., :3]))
    picture, side = picture.convert("RGB"), max(picture.size)
    if side < SMALL:
        factor = -(-SMALL // side)
        return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    picture.thumbnail((most, most), Image.Resampling.LANCZOS)
    return picture


def channels_note(channels: int) -> str:
    """Describe the channels that a sheet omits; empty for grey and colour images."""
    return "" if channels in (1, 3) else f"shown: the first {3 if channels > 3 else 1} of {channels} channels"


def target_words(shares: dict[str, float]) -> list[str]:
    """Format a target as lines: ``cat``; mixed, ``cat 0.7``, ``dog 0.3``; multi-label, ``cat``, ``outdoors``."""
    seen = {clean(name): share for name, share in shares.items() if share >= 0.005}
    words = [name if share > 0.995 else f"{name} {share:.2f}".removesuffix("0") for name, share in seen.items()]
    return [*words[:2], f"and {len(words) - 2} more"] if len(words) > 3 else words


def sample_rows(samples: Samples, most: int = LARGE) -> list[list[Cell]]:
    """Build a row for each image: as decoded, then its draws, in thumbnails of at most ``most`` pixels."""
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(samples.classes)}
    mixed = any(share < 1 for row in samples.shares for shares in row for share in shares.values())
    rows = []
    for i, name in enumerate(samples.names):
        label = samples.labels[i]
        first = Cell(to_picture(samples.decoded[i], most), [clean(label), Path(clean(name)).name])
        drawn = [
            Cell(
                to_picture(np.moveaxis(image, 0, -1), most),
                target_words(shares),
                _bar(shares, colours) if mixed else (),
            )
            for image, shares in zip(samples.drawn[i], samples.shares[i], strict=True)
        ]
        rows.append([first, *drawn])
    return rows


def _bar(shares: dict[str, float], colours: dict[str, str]) -> list[tuple[str, float]]:
    total = sum(shares.values()) or 1.0
    return [(colours[name], shares[name] / total) for name in colours if name in shares]


def make_sheet(title: str, heads: Sequence[str], rows: Sequence[Sequence[Cell]], notes: Sequence[str]) -> Image.Image:
    """Draw the sheet.

    Args:
        title: heading in large letters.
        heads: headings of the columns, the first of which is set apart; empty for a plain grid.
        rows: rows of one cell per column; the last row of a plain grid may be shorter.
        notes: lines below the title, wrapped where they are too long.
    """
    wide = max(cell.picture.width for row in rows for cell in row)
    apart, columns = (APART, len(heads)) if heads else (0, max(map(len, rows)))
    lefts = [MARGIN + i * (wide + GAP) + (apart if i else 0) for i in range(columns)]
    width = max(lefts[-1] + wide + MARGIN, 480)
    lines = [line for note in notes for line in _wrapped(clean(note), width - 2 * MARGIN)]
    top = MARGIN + TITLE + 12 + len(lines) * LEADING + 12
    tall = [max(c.picture.height + 8 + LEADING * len(c.words) + 5 * bool(c.bar) for c in row) + 14 for row in rows]
    head = LEADING + 4 if heads else 0
    sheet = Image.new("RGB", (width, top + head + sum(tall) + MARGIN - 14), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN - 4), _elided(clean(title), width - 2 * MARGIN, TITLE, True), INK, _font(TITLE, True))
    for i, line in enumerate(lines):
        draw.text((MARGIN, MARGIN + TITLE + 10 + i * LEADING), line, DIM, _font(TEXT))
    for left, words in zip(lefts, heads, strict=False):
        draw.text((left, top), words, DIM, _font(TEXT, True))
    top += head
    if len(heads) > 1:
        ruler = lefts[1] - (GAP + APART) // 2
        draw.line((ruler, top - LEADING - 2, ruler, sheet.height - MARGIN), LINE)
    for row, height in zip(rows, tall, strict=True):
        for left, cell in zip(lefts, row, strict=False):
            _paint(sheet, draw, cell, left, top)
        top += height
    return sheet


def _paint(sheet: Image.Image, draw: ImageDraw.ImageDraw, cell: Cell, left: int, top: int) -> None:
    wide, below = cell.picture.width, top + cell.picture.height
    sheet.paste(cell.picture, (left, top))
    start = float(left)
    for colour, share in cell.bar:
        draw.rectangle((round(start), below + 2, max(round(start), round(start + share * wide) - 1), below + 5), colour)
        start += share * wide
    below += 4 + 5 * bool(cell.bar)
    for i, word in enumerate(cell.words):
        draw.text((left, below + i * LEADING), _elided(clean(word), wide, TEXT), DIM if i else INK, _font(TEXT))


def save_sheet(sheet: Image.Image, path: Path) -> None:
    """Write a PNG with a mark that identifies the zoo as its author.

    Raises:
        OutputError: the file can't be written.
    """
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Software", MARK)
    with atomic(path) as file:
        sheet.save(file, "PNG", pnginfo=info, optimize=True)


@cache
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Matplotlib's font, which covers most alphabets, without importing matplotlib; else Pillow's own."""
    from importlib.util import find_spec

    found = find_spec("matplotlib")
    if found is not None and found.origin:
        file = Path(found.origin).parent / "mpl-data/fonts/ttf" / f"DejaVuSans{'-Bold' if bold else ''}.ttf"
        if file.is_file():
            return ImageFont.truetype(str(file), size, layout_engine=ImageFont.Layout.BASIC)  # supports every text
    return ImageFont.load_default(size)


def _elided(text: str, width: float, size: int, bold: bool = False) -> str:
    """Shorten ``text`` to ``width`` pixels with an ellipsis in the middle."""
    font, keep = _font(size, bold), len(text)
    shown = text
    while font.getlength(shown) > width and keep > 1:
        keep -= 1
        shown = f"{text[: keep // 2]}…{text[len(text) - (keep + 1) // 2 :]}"
    return shown


def _wrapped(text: str, width: float) -> list[str]:
    """Wrap words into lines of at most ``width`` pixels."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _font(TEXT).getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return [_elided(line, width, TEXT) for line in lines]
