"""The page in a real browser: real photographs are labelled by keys, one by one and many at once."""

from __future__ import annotations

import csv
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open a page; a script that fails, and a request to elsewhere, fail the test."""
    problems: list[str] = []

    def asked(address: str, url: str) -> None:
        if not address.startswith((url, "data:")):
            problems.append(address)

    def opened(url: str, **how: Any) -> Any:
        page = browser.new_page(**how)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
        page.on("request", lambda request: asked(request.url, url))
        page.goto(url)
        return page

    yield opened
    assert problems == []


def rows(pool: Path) -> list[dict[str, str]]:
    with (pool / "labels.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def press(page: Any, key: str) -> str:
    """Press a key for the picture that is shown; gives its name once the next one is there."""
    from playwright.sync_api import expect

    name = page.locator("#name").inner_text()
    page.keyboard.press(key)
    expect(page.locator("#name")).not_to_have_text(name)
    return str(name)


@pytest.fixture
def cats_and_dogs(photos: Path, tmp_path: Path) -> Path:
    """A folder of 240 photographs whose names tell what they show."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("cats", "dogs"):
        for file in sorted((photos / "train" / name).iterdir())[:120]:
            shutil.copy(file, folder / file.name)
    return folder


def test_sixty_photographs_are_labelled_by_keys_and_the_model_guesses(
    cats_and_dogs: Path, photos: Path, labelling: Any, open_page: Any
):
    from playwright.sync_api import expect

    weights = photos.parents[1] / "weights" / "tf_efficientnet_lite0.safetensors"
    if not weights.is_file():
        pytest.skip(f"no pretrained weights at {weights}")
    network = ("--architecture", "timm/tf_efficientnet_lite0", "--weights", weights)
    process = labelling(cats_and_dogs, "--classes", "cat,dog", *network)
    page = open_page(process.url)
    page.locator("#name", has_text=re.compile("jpg")).wait_for()
    assert page.evaluate("document.getElementById('picture').naturalWidth || 1") > 0
    page.locator("#model", has_text="Waits for labels").wait_for(timeout=120_000)
    right = Counter[bool]()
    for number in range(60):
        guess = page.locator("#guess b")
        name = page.locator("#name").inner_text()
        if number >= 30 and guess.count():
            right[guess.inner_text().split()[1] == name.split(".")[0]] += 1
        press(page, "1" if name.startswith("cat") else "2")
    assert sum(right.values()) > 10, "guesses are shown"
    page.locator("#model", has_text=re.compile(r"Fitted on (5\d|60) labels in \d")).wait_for()
    assert re.match(r"\d+ of the last \d+ random", page.locator("#audit-words").inner_text())
    assert page.locator("#progress-words").inner_text() == "60 labels, 180 left"
    found = rows(cats_and_dogs)
    assert len(found) == 60
    assert all(row["label"] == row["path"].split(".")[0] for row in found)
    audited = [row for row in found if row["audit"]]
    assert 6 <= len(audited) <= 14
    assert sum(row["guess"] == row["label"] for row in audited) >= 0.8 * len(audited)
    # The rest at once: the guesses are good, and a click takes a wrong one out.
    page.keyboard.press("g")
    page.locator("#grid button").nth(23).wait_for()
    page.locator("#by").select_option("dog")
    expect(page.locator("#grid span", has_text=re.compile("^dog"))).to_have_count(24)
    names = [tile.get_attribute("title") for tile in page.locator("#grid button").all()]
    page.locator("#grid button").first.click()
    page.locator("#grid button").nth(5).click(modifiers=["Shift"])
    assert page.locator("#chosen").inner_text() == "6 of 24 selected"
    page.keyboard.press("2")
    page.locator("#progress-words", has_text="66 labels").wait_for()
    assert {row["path"] for row in rows(cats_and_dogs)[60:]} == set(names[:6])
    assert all(row["label"] == "dog" for row in rows(cats_and_dogs)[60:])
    said = process.end()
    assert re.search(r"66 labels in .*labels\.csv: ", said)


def test_keys_do_what_the_page_says(pool: Path, labelling: Any, open_page: Any):
    page = open_page(labelling(pool).url)
    page.get_by_label("Classes, separated by commas").fill("blue, green, red")
    page.keyboard.press("Enter")
    page.locator("#name", has_text="png").wait_for()
    first = press(page, "2")
    second = press(page, "s")
    third = press(page, "n")
    fourth = press(page, "0")
    assert [(row["path"], row["label"], row["event"]) for row in rows(pool)] == [
        (first, "green", "label"), (second, "", "skip"), (third, "", "none"), (fourth, "", "none")
    ]  # fmt: skip
    press(page, "u")
    assert page.locator("#name").inner_text() == fourth
    press(page, "ArrowLeft")
    assert page.locator("#name").inner_text() == third
    assert rows(pool)[-1] | {"when": ""} == {
        "path": third, "label": "", "event": "undo", "who": rows(pool)[0]["who"], "when": "", "guess": "", "audit": ""
    }  # fmt: skip
    page.keyboard.press("z")
    page.locator("#frame.zoomed").wait_for()
    page.keyboard.press("z")
    page.keyboard.press("c")
    page.get_by_label("Name of the new class").fill("grey")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="4 grey").wait_for()
    press(page, "4")
    assert (rows(pool)[-1]["path"], rows(pool)[-1]["label"]) == (third, "grey")
    page.reload()
    page.locator("#name", has_text="png").wait_for()
    press(page, "u")
    assert page.locator("#name").inner_text() == third, "a reload keeps what can be undone"


def test_two_browsers_share_the_work(pool: Path, labelling: Any, open_page: Any):
    url = labelling(pool, "--classes", "blue,green,red").url
    pages = [open_page(url), open_page(url)]
    for page, who in zip(pages, ("Ann", "Bo"), strict=True):
        page.locator("#name", has_text="png").wait_for()
        page.locator("#who").fill(who)
        page.locator("#who").press("Tab")
        page.locator("#desk").focus()
    for _ in range(8):
        for page in pages:
            name = page.locator("#name").inner_text()
            press(page, {"blue": "1", "green": "2", "red": "3"}[name.split("-")[1].split(".")[0]])
    found = rows(pool)
    assert len({row["path"] for row in found}) == len(found) == 16
    assert Counter(row["who"] for row in found) == {"Ann": 8, "Bo": 8}
    pages[0].locator("#others", has_text="Bo: 8 answers").wait_for()
    pages[0].locator("#progress-words", has_text="16 labels, 14 left").wait_for()


def test_the_page_is_usable_without_a_mouse_and_on_a_phone(pool: Path, labelling: Any, open_page: Any):
    page = open_page(labelling(pool, "--classes", "blue,green,red").url, viewport={"width": 360, "height": 740})
    page.locator("#name", has_text="png").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    names = page.evaluate(
        "[...document.querySelectorAll('button, input, select')].filter(e => e.offsetParent)"
        ".map(e => (e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent).trim())"
    )
    assert all(names)
    page.keyboard.press("g")
    page.locator("#grid button").first.wait_for()
    page.locator("#grid button:focus").wait_for()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    assert page.locator("#grid [aria-pressed=true]").count() == 2
    page.keyboard.press("a")
    assert page.locator("#grid [aria-pressed=true]").count() == page.locator("#grid button").count()
    page.keyboard.press("a")
    page.keyboard.press("1")
    assert "Select pictures first" in page.locator("#chosen").inner_text()
    assert rows(pool) == []


def test_suspects_are_settled(pool: Path, labelling: Any, open_page: Any, tmp_path: Path):
    (tmp_path / "suspects.csv").write_text(
        "image,label,suggested,reason\npool/3-red.png,blue,red,looks like red\npool/4-red.png,red,,\n"
    )
    page = open_page(labelling(pool, "--classes", "blue,green,red", "--only", tmp_path / "suspects.csv").url)
    page.locator("#present", has_text="present label: blue").wait_for()
    assert page.locator("#note").inner_text() == "suggested: red; looks like red"
    press(page, "3")
    page.locator("#present", has_text="present label: red").wait_for()
    page.keyboard.press("Enter")
    page.locator("#end").wait_for()
    assert [(row["path"], row["label"]) for row in rows(pool)] == [("3-red.png", "red"), ("4-red.png", "red")]


def test_a_stopped_server_is_reported_and_no_answer_seems_saved(pool: Path, labelling: Any, browser: Any):
    process = labelling(pool, "--classes", "blue,green,red")
    page = browser.new_page()
    page.goto(process.url)
    page.locator("#name", has_text="png").wait_for()
    name = page.locator("#name").inner_text()
    process.end()
    page.keyboard.press("1")
    page.locator("#alert", has_text="nothing is written").wait_for()
    assert page.locator("#name").inner_text() == name
