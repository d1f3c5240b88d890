"""The notebook of the book: it runs from its first cell to its last, and its outputs are what its cells show."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "docs"))

import execute_notebook  # noqa: E402
import notebook_page  # noqa: E402

LARGEST = 300_000


def kept() -> dict[str, Any]:
    return json.loads(execute_notebook.NOTEBOOK.read_text("utf-8"))


def kinds(cell: Any) -> list[list[str]]:
    """The types of each output: text printed, or what is displayed."""
    return [sorted(output.get("data", {"printed": ""})) for output in cell["outputs"]]


def html_of(cell: Any) -> str:
    return "".join("".join(output.get("data", {}).get("text/html", "")) for output in cell["outputs"])


@pytest.mark.slow
def test_it_runs_and_shows_what_it_is_kept_with(tmp_path: Path):
    messages: list[dict[str, Any]] = []
    done = execute_notebook.execute(tmp_path, messages.append)
    cells = [cell for cell in done.cells if cell.cell_type == "code"]
    committed = [cell for cell in kept()["cells"] if cell["cell_type"] == "code"]
    assert [kinds(cell) for cell in cells] == [kinds(cell) for cell in committed]
    assert [cell.source for cell in cells] == ["".join(cell["source"]) for cell in committed]
    shown = [html for message in messages if (html := _changed(message))]
    assert any("epoch 2 of 4" in html and "left" in html for html in shown), "a bar that moves"
    assert any(html.count("<svg") == 2 for html in shown), "curves so far"
    assert "val accuracy" in html_of(cells[1])
    assert "<svg" not in html_of(cells[1]), "at its end one line"
    report = next(html for cell in cells[2:] if (html := html_of(cell)))
    titles = set(re.findall(r'zoo-title">([A-Z][a-z ]*[a-z])', report))
    assert titles == {"Accuracy", "Loss", "Confusion", "Worst mistakes"}
    assert (tmp_path / "runs" / "own" / "result.json").is_file()


def _changed(message: dict[str, Any]) -> str:
    """The HTML that replaces an earlier one; empty for any other message."""
    if message["msg_type"] != "update_display_data":
        return ""
    return str(message["content"]["data"].get("text/html", ""))


def test_every_code_cell_was_executed_in_order_and_none_failed():
    cells = [cell for cell in kept()["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    types = {output["output_type"] for cell in cells for output in cell["outputs"]}
    assert types <= {"execute_result", "stream", "display_data"}
    assert all(output.get("name") != "stderr" for cell in cells for output in cell["outputs"])


def test_it_is_small_and_says_nothing_of_where_it_was_made():
    text = execute_notebook.NOTEBOOK.read_text("utf-8")
    assert len(text.encode()) < LARGEST
    assert not re.search(r"/(?:tmp|home|work|Users)/", text)
    assert "<script" not in text


def test_links_lead_to_files_that_exist():
    source = "".join("".join(cell["source"]) for cell in kept()["cells"] if cell["cell_type"] == "markdown")
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", source) if "://" not in link]
    assert links
    assert all((execute_notebook.NOTEBOOK.parent / link).exists() for link in links)


def test_as_a_page_of_the_site_it_has_text_code_and_what_is_shown(tmp_path: Path):
    """A blank line would end a piece of HTML in Markdown, and be read as a paragraph."""
    outputs = [
        {"output_type": "stream", "text": ["three\n"]},
        {"output_type": "display_data", "data": {"text/plain": ["<Grid>"], "image/jpeg": "QUJD\n"}},
        {
            "output_type": "execute_result",
            "data": {"text/plain": ["r"], "text/html": ["<div>\n", "\n", "  \n", "</div>"]},
        },
    ]
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "text"]},
        {"cell_type": "code", "source": ["1 + 2"], "outputs": outputs},
    ]
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": cells}))
    assert notebook_page.markdown(tmp_path / "n.ipynb").split("\n\n") == [
        "# Title\ntext",
        "```python\n1 + 2\n```",
        "```text\nthree\n```",
        '<img alt="&lt;Grid&gt;" src="data:image/jpeg;base64,QUJD">',
        "<div>\n</div>\n",
    ]
