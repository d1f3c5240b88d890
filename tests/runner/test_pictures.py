"""Pictures of a run's page: real files of its mistakes, in the page whole, and in the browser without a complaint."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

WORDS = ("--epochs", "4", "--image-size", "24", "--set", "architecture.channels=[8]", "--device", "cpu", "--quiet")


@pytest.fixture
def run(make_folder, zoo) -> Path:
    """Of pictures whose names are exchanged where it is validated, so that there are mistakes."""
    folder = make_folder({"train/red": 12, "train/blue": 12, "val/red": 8, "val/blue": 8})
    (folder / "val" / "red").rename(folder / "val" / "other")
    (folder / "val" / "blue").rename(folder / "val" / "red")
    (folder / "val" / "other").rename(folder / "val" / "blue")
    words = ("run", "simple_cnn", folder, *WORDS, "--lr", "0.01", "--set", "augment=[flip,affine]", "--name", "seen")
    assert zoo(*words)[0] == 0
    return Path("runs/seen")


def test_each_of_the_worst_mistakes_is_shown_and_where_the_network_looked(run: Path, read_result):
    index = json.loads((run / "pictures" / "index.json").read_text("utf-8"))
    mistakes = read_result(run)["mistakes"]["val"][:12]
    assert [row["name"] for row in index["mistakes"]] == [row["name"] for row in mistakes]
    files = [row[kind] for row in index["mistakes"] for kind in ("file", "heat") if row[kind]]
    assert any(row["heat"] for row in index["mistakes"])
    for row in index["mistakes"]:
        if row["heat"]:
            assert (run / "pictures" / row["heat"]).read_bytes() != (run / "pictures" / row["file"]).read_bytes()
    files += [row["file"] for row in index["augmented"]]
    assert len(index["augmented"]) == 3
    assert mistakes
    for name in files:
        with Image.open(run / "pictures" / name) as picture:
            assert picture.height == 144
    page = (run / "report.html").read_text("utf-8")
    assert page.count("data:image/jpeg;base64,") == len(files)
    assert "reddened where the network looked" in page


def test_a_picture_without_a_map_says_so(run: Path, zoo, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("webbrowser.open", lambda _: True)
    index = json.loads((run / "pictures" / "index.json").read_text("utf-8"))
    index["mistakes"][0]["heat"] = None
    (run / "pictures" / "index.json").write_text(json.dumps(index), "utf-8")
    (run / "report.html").unlink()
    zoo("runs", "show", "seen", "--open")
    page = (run / "report.html").read_text("utf-8")
    assert "no heat map: no region supports this prediction" in page
    assert "regions that support the prediction (Grad-CAM)" in page


def test_mistakes_on_test_images_are_shown_too(run: Path, make_folder, zoo, read_result):
    folder = make_folder({"train/red": 6, "train/blue": 6, "val/red": 4, "val/blue": 4, "test/red": 3, "test/blue": 3})
    (folder / "test" / "red").rename(folder / "test" / "other")
    (folder / "test" / "blue").rename(folder / "test" / "red")
    (folder / "test" / "other").rename(folder / "test" / "blue")
    assert zoo("run", "simple_cnn", folder, *WORDS, "--lr", "0.01", "--name", "three")[0] == 0
    wrong = read_result("runs/three")["mistakes"]
    index = json.loads(Path("runs/three/pictures/index.json").read_text("utf-8"))
    assert wrong["test"]
    for split, mistakes in wrong.items():
        shown = [row["name"] for row in index["mistakes"] if row["split"] == split]
        assert shown == [row["name"] for row in mistakes[:12]]
    assert len({row["file"] for row in index["mistakes"]}) == len(index["mistakes"])


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here")
def test_a_browser_shows_them_without_a_complaint_or_a_request(run: Path, tmp_path: Path):
    shown = "[...document.images].filter(i=>i.naturalWidth>0).length"
    script = f"<script>document.title={shown}+'/'+document.images.length</script>"
    page = (run / "report.html").read_text("utf-8")
    page = re.sub(r"script-src '[^']*'", "script-src 'unsafe-inline'", page)
    (tmp_path / "page.html").write_text(page.replace("</body>", f"{script}</body>"), "utf-8")
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    command = ["chromium", *flags, f"--user-data-dir={tmp_path / 'profile'}", f"file://{tmp_path / 'page.html'}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    count = page.count("<img ")
    assert f"<title>{count}/{count}</title>" in done.stdout
    assert "CONSOLE" not in done.stderr


def test_runs_show_opens_the_page_and_writes_one_that_is_not_there(run: Path, zoo, monkeypatch: pytest.MonkeyPatch):
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    (run / "report.html").unlink()
    code, out, _ = zoo("runs", "show", "seen", "--open")
    assert (code, out.strip()) == (0, "runs/seen/report.html")
    assert opened == [(run / "report.html").absolute().as_uri()]
    assert "data:image/jpeg" in (run / "report.html").read_text("utf-8")
    monkeypatch.setattr("webbrowser.open", lambda url: False)
    assert "no browser was found" in zoo("runs", "show", "seen", "--open")[1]
