"""Pictures to try a model with: the worst mistakes that its run's folder keeps."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

from zoo.errors import RequestError
from zoo.runs import PICTURES, find_run
from zoo.storage import read_plain

__all__ = ["samples_of"]

MOST = 6
_JPEG = b"\xff\xd8\xff"


def samples_of(run: str) -> list[dict[str, str]]:
    """Sample pictures of a run, by name or folder; none for bundles and exported files.

    Returns:
        ``{"label", "image"}`` each: the true class or value, and a data URL.
    """
    try:
        folder = find_run(run) / PICTURES
        listed = json.loads(read_plain(folder / "index.json"))["mistakes"]
        found = [_sample(folder, row) for row in listed[: 2 * MOST]]
    except (RequestError, OSError, ValueError, TypeError, LookupError, AttributeError):
        return []
    return [each for each in found if each is not None][:MOST]


def _sample(folder: Path, row: dict[str, Any]) -> dict[str, str] | None:
    content = read_plain(folder / Path(str(row["file"])).name)
    if not content.startswith(_JPEG):
        return None
    true = row["true"]
    label = (
        ", ".join(map(str, true)) if isinstance(true, list) else f"{true:g}" if isinstance(true, float) else str(true)
    )
    return {"label": label, "image": f"data:image/jpeg;base64,{b64encode(content).decode()}"}
