"""The page in a real browser: photos are dropped on it, samples are tried, and the answers are read."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DROP = """([content, name, type]) => {
  const bytes = Uint8Array.from(atob(content), c => c.charCodeAt(0)), given = new DataTransfer();
  given.items.add(new File([bytes], name, { type }));
  const more = { dataTransfer: given, bubbles: true, cancelable: true };
  for (const kind of ["dragenter", "dragover", "drop"])
    document.getElementById("drop").dispatchEvent(new DragEvent(kind, more));
}"""


@pytest.fixture(scope="module")
def cats_and_dogs(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """EfficientNet-Lite0 with a head for cats and dogs, of a hundred photos."""
    weights = photos.parents[1] / "weights" / "tf_efficientnet_lite0.safetensors"
    if not weights.is_file():
        pytest.skip(f"no pretrained weights at {weights}")
    work = tmp_path_factory.mktemp("page")
    for split, count in (("train", 60), ("val", 20)):
        for name in ("cats", "dogs"):
            (work / "few" / split / name).mkdir(parents=True)
            for file in sorted((photos / split / name).iterdir())[:count]:
                shutil.copy(file, work / "few" / split / name)
    command = ["run", "timm/tf_efficientnet_lite0", "few", "--weights", str(weights), "--freeze", "backbone"]
    subprocess.run(
        [sys.executable, "-m", "zoo", *command, "--epochs", "10", "--name", "page", "--quiet"],
        check=True,
        cwd=work,
        capture_output=True,
    )
    return work / "runs" / "page"


@pytest.fixture
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


def drop(page: Any, file: Path, type: str = "image/jpeg") -> None:
    page.evaluate(DROP, [base64.b64encode(file.read_bytes()).decode(), file.name, type])


def test_a_photo_is_dropped_and_the_answer_read(cats_and_dogs: Path, browser: Any, photos: Path, bench: Any):
    cat, dog = (sorted((photos / "val" / name).iterdir())[30] for name in ("cats", "dogs"))
    with bench.server(cats_and_dogs) as (port, _):
        page, asked, problems = browser.new_page(), [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
        page.goto(f"http://127.0.0.1:{port}/")
        drop(page, cat)
        page.wait_for_selector(".answer[data-label]")
        assert page.locator(".answer h2").inner_text().startswith("cats")
        assert page.locator(".answer h2 .sure").inner_text().strip().endswith("%")
        assert page.locator(".answer img").count() == 2, "the input, and the heat map over it"
        assert all(page.evaluate("[...document.querySelectorAll('.answer img')].map(i => i.naturalWidth > 0)"))
        page.get_by_label("Heat map of “cats”").focus()
        page.keyboard.press("End")
        assert page.evaluate("getComputedStyle(document.querySelector('.answer .heat')).opacity") == "1"
        assert page.locator("#progress").inner_text().startswith("1 answered")
        page.set_input_files("#file", str(dog))
        page.wait_for_selector(".answer[data-label=dogs]")
        assert page.locator(".answer").count() == 2, "a card for each file"
        assert problems == []
        assert all(url.startswith((f"http://127.0.0.1:{port}/", "data:", "blob:")) for url in asked)


def test_it_says_when_it_is_not_sure_and_what_is_wrong(
    cats_and_dogs: Path, browser: Any, photos: Path, bench: Any, tmp_path: Path
):
    (tmp_path / "no.jpg").write_bytes(b"no picture")
    with bench.server(cats_and_dogs, "--reject-below", "1") as (port, process):
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        drop(page, sorted((photos / "val" / "cats").iterdir())[30])
        page.wait_for_selector(".answer[data-label]")
        assert page.locator(".answer h2").inner_text().startswith("not sure")
        assert "The most likely class is cats" in page.locator(".answer").inner_text()
        drop(page, tmp_path / "no.jpg")
        page.wait_for_selector(".answer.failed")
        assert "not a readable image" in page.locator(".answer.failed").inner_text()
        process.terminate()
        process.wait(20)
        drop(page, tmp_path / "no.jpg")
        page.locator(".failed", has_text="The server does not answer").wait_for()


@pytest.mark.parametrize("offered", [True, False])
def test_samples_are_tried_by_keyboard(digits_run: Path, browser: Any, bench: Any, offered: bool):
    with bench.server(digits_run, *([] if offered else ["--no-samples"])) as (port, _):
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_selector("#thumbs button")
        assert ("got wrong" in page.locator("#samples-head").inner_text()) == offered
        page.locator("#thumbs button").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector(".answer[data-label]")


def test_many_files_are_answered_one_by_one(digits_run: Path, browser: Any, bench: Any, picture: Any, tmp_path: Path):
    files = [tmp_path / f"{number:02}.png" for number in range(12)]
    for number, file in enumerate(files):
        file.write_bytes(picture(seed=number) if number != 5 else b"no picture")
    with bench.server(digits_run) as (port, _):
        page, sent = browser.new_page(), []
        page.on("request", lambda request: sent.append(request.url) if "predict" in request.url else None)
        page.goto(f"http://127.0.0.1:{port}/")
        page.set_input_files("#file", [str(file) for file in files])
        page.locator("#progress", has_text=re.compile("^12 answered")).wait_for()
        assert len(sent) == 12
        assert page.locator(".answer[data-label]").count() == 11
        assert page.locator(".answer.failed").count() == 1
        assert [card.get_attribute("aria-label") for card in page.locator(".answer").all()] == [f.name for f in files]
        page.get_by_label("Remove 03.png").click()
        assert page.locator(".answer").count() == 11
        page.get_by_role("button", name="Clear all").click()
        assert page.locator(".answer").count() == 0
