"""HTML report of a check: a single file with the images of its findings, without external resources."""

from __future__ import annotations

import base64
import io
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.reports.kit.pages import MARK, template
from zoo.reports.kit.text import count, percent, short_path
from zoo.storage import write_text
from zoo_data_check.report import MARKS, left_out_words

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["render_check", "write_check"]

GROUPS, SINGLES, MEMBERS = 40, 80, 6
"""Maximum number of groups, single images, and images per group that a finding shows."""
SIDE = 160
"""Side of a thumbnail in pixels, at most."""
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
    findings = [_shown(finding, picture) for finding in document["findings"]]
    return template("data_check.html.j2", "zoo_data_check").render(
        document=document,
        findings=findings,
        kinds=list(dict.fromkeys(finding["kind"] for finding in findings)),
        lead=_lead(document),
        next=list(_next(document)),
        fixed=left_out_words(document["fix"]) if document.get("fix") else "",
        mark=MARK,
    )


def _lead(document: Mapping[str, Any]) -> str:
    """Summarise the check in one sentence: ``2 errors and 1 warning in 548 train and 516 val images.``"""
    images = _joined([f"{count(facts['images'])} {name}" for name, facts in document["splits"].items()])
    severities = [finding["severity"] for finding in document["findings"]]
    found = [(severities.count(each), each) for each in ("error", "warning", "note")]
    words = _joined([f"{many} {each}{'' if many == 1 else 's'}" for many, each in found if many])
    return f"{words} in {images} images." if words else f"{images} images."


def _joined(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _next(document: Mapping[str, Any]) -> Iterator[str]:
    """Commands to type next: write the clean list, where there is none yet, then train on it."""
    fixed, dataset = document.get("fix"), str(document["dataset"])
    data = ["--data", str(document["data"])] if document.get("data") else []
    if not document["findings"]:
        yield shlex.join(["zoo", "run", "simple_cnn", dataset, *data])
        return
    if fixed is None:
        yield shlex.join(["zoo", "data", "check", dataset, *data, "--fix", "clean.csv"])
    yield shlex.join(["zoo", "run", "simple_cnn", short_path(fixed["path"]) if fixed else "clean.csv"])


def _shown(finding: Mapping[str, Any], picture: Picture) -> dict[str, Any]:
    """Prepare a finding: its groups, single pictures, counts by class, or words, by the kind of its items."""
    items = finding["items"]
    shown = {"groups": [], "singles": [], "counts": [], "words": [], "more": 0}  # type: dict[str, Any]
    if any("items" in item for item in items):
        shown.update(groups=[_group(item, picture) for item in items[:GROUPS]], more=len(items) - GROUPS)
    elif any("images" in item for item in items):
        most = max(item["images"] for item in items)
        shown["counts"] = [(item["label"], item["images"], 100 * item["images"] / most) for item in items]
    elif finding["kind"] == "missing_classes":
        shown["words"] = [item["label"] for item in items]
    else:
        shown.update(singles=[_single(item, picture) for item in items[:SINGLES]], more=len(items) - SINGLES)
    return {**finding, "mark": MARKS[finding["severity"]][0], **shown}


def _group(group: Mapping[str, Any], picture: Picture) -> dict[str, Any]:
    items = group["items"]
    return {
        "alike": "same pixels" if group["exact"] else f"{percent(group['alike'], 0)} alike",
        "singles": [_single(item, picture) for item in items[:MEMBERS]],
        "more": len(items) - MEMBERS,
    }


def _single(item: Mapping[str, Any], picture: Picture) -> dict[str, Any]:
    """Prepare an image: its file's name, its full path, its class and split, and why it is shown."""
    why = item.get("reason") or item.get("why") or ""
    path = short_path(item["name"])
    return {
        "file": path.replace("\\", "/").rpartition("/")[2],
        "path": path,
        "chips": [word for word in (item["label"], item["split"]) if word],
        "why": f"looks like {item['looks_like']}" if "looks_like" in item else why,
        **_thumbnail(picture(item)),
    }


def _thumbnail(picture: Image | None) -> dict[str, Any]:
    if picture is None:
        return {"image": ""}
    picture.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=_QUALITY)
    address = f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
    return {"image": address, "width": picture.width, "height": picture.height}
