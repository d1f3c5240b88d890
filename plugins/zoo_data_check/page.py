"""HTML report of a check: a single file with the images of its findings, without external resources."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.reports.kit.pages import MARK, template
from zoo.storage import write_text
from zoo_data_check.report import MARKS, item_words, left_out_words

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["render_check", "write_check"]

GROUPS, SINGLES, MEMBERS = 40, 80, 6
"""Maximum number of groups, single images, and images per group that a finding shows."""
_SIDE = 150
_QUALITY = 78

Picture = Callable[[Mapping[str, Any]], "Image | None"]


def write_check(document: Mapping[str, Any], picture: Picture, path: Path) -> None:
    """Write the HTML report, atomically.

    Args:
        document: of :func:`zoo_data_check.check.check_dataset`.
        picture: returns the image of a finding's item; None where there is none.
        path: path of the file.

    Raises:
        OutputError: the folder can't be written, or the disk is full.
    """
    write_text(path, render_check(document, picture))


def render_check(document: Mapping[str, Any], picture: Picture) -> str:
    """Render the HTML report."""
    return template("data_check.html.j2", "zoo_data_check").render(
        document=document,
        findings=[_shown(finding, picture) for finding in document["findings"]],
        fixed=left_out_words(document["fix"]) if document.get("fix") else "",
        mark=MARK,
    )


def _shown(finding: Mapping[str, Any], picture: Picture) -> dict[str, Any]:
    items = finding["items"]
    grouped = any("items" in item for item in items)
    most = GROUPS if grouped else SINGLES
    return {
        **finding,
        "mark": MARKS[finding["severity"]][0],
        "groups": [_group(item, picture) for item in items[:most]] if grouped else [],
        "singles": [] if grouped else [_single(item, item_words(item)[0], picture) for item in items[:most]],
        "more": len(items) - most,
    }


def _group(group: Mapping[str, Any], picture: Picture) -> dict[str, Any]:
    lines = item_words(group)[:MEMBERS]
    singles = [_single(item, words, picture) for item, words in zip(group["items"], lines, strict=False)]
    return {"singles": singles, "more": len(group["items"]) - len(singles)}


def _single(item: Mapping[str, Any], words: str, picture: Picture) -> dict[str, str]:
    found = picture(item)
    return {"words": words, "image": "" if found is None else _data_uri(found)}


def _data_uri(picture: Image) -> str:
    picture.thumbnail((_SIDE, _SIDE))
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
