"""A notebook as a page of the site: its text, its code, and what its cells show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PICTURES = ("image/png", "image/jpeg")


def markdown(path: Path) -> str:
    """The notebook in Markdown; HTML that a cell shows stands in it as it is."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return "\n\n".join(part for cell in cells for part in _parts(cell)) + "\n"


def _parts(cell: dict[str, Any]) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
        return
    yield f"```python\n{source}\n```"
    for output in cell["outputs"]:
        yield _shown(output)


def _shown(output: dict[str, Any]) -> str:
    """An output in the richest of its forms."""
    data = output.get("data", {"text/plain": output.get("text", "")})
    if "text/html" in data:
        lines = "".join(data["text/html"]).splitlines()
        return "\n".join(line for line in lines if line.strip())  # a blank line would end the HTML
    for kind in PICTURES:
        if kind in data:
            return f'<img alt="{_text(data)}" src="data:{kind};base64,{"".join(data[kind]).strip()}">'
    return f"```text\n{''.join(data['text/plain']).rstrip()}\n```"


def _text(data: dict[str, Any]) -> str:
    from html import escape

    return escape("".join(data.get("text/plain", "")))
