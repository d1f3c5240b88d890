"""The book is true: every console block of every page is run, and what is printed is what the page says.

What counts as the same is told at the top of docs/likeness.py, and held by the tests at the end of this file. Where a
page is no longer true, ``python docs/console.py PAGE`` writes into it what is printed now; read the change before you
keep it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
WEIGHTS = Path(os.environ.get("ZOO_TEST_WEIGHTS", Path(__file__).parents[2] / "shared" / "weights"))
sys.path.append(str(DOCS))

import book  # noqa: E402
import console  # noqa: E402
import likeness  # noqa: E402
import translation  # noqa: E402

TEXTS = [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "plugins").glob("*/README.md")]
# A translation has the blocks of its page (tests/test_translations.py), so it is not typed a second time.
TYPED = set(TEXTS) - set(translation.translations())
PAGES = sorted(path for path in TYPED if "```console" in path.read_text("utf-8"))

# Blocks that nothing can run here: page -> what they type.
NOT_RUN: dict[str, list[str]] = {}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _as_parameter(path: Path) -> object:
    marks, words = [pytest.mark.timeout(900)], console.read_page(path).marks
    marks += [getattr(pytest.mark, word) for word in ("slow", "photos") if word in words]
    return pytest.param(path, id=name_of(path), marks=marks)


@pytest.mark.parametrize("path", [_as_parameter(path) for path in PAGES])
def test_what_a_page_types_prints_what_it_says(path: Path, tmp_path: Path, request: pytest.FixtureRequest):
    page, given = console.read_page(path), {}
    if "photos" in page.marks:
        given = {"photos": request.getfixturevalue("photos"), "weights": WEIGHTS}
        if not WEIGHTS.is_dir():
            pytest.skip(f"no weights: set ZOO_TEST_WEIGHTS to their folder (looked in {WEIGHTS})")
    try:
        outcomes = list(console.run_page(page, console.World(tmp_path, page.marks, **given)))
    except console.Wrong as wrong:
        pytest.fail(f"{name_of(path)}: {wrong}", pytrace=False)
    complaints = [f"{name_of(path)}, {complaint}" for outcome in outcomes if (complaint := outcome.complaint)]
    if complaints:
        refresh = f"If that is as it should be: python docs/console.py {name_of(path)}"
        pytest.fail("\n\n".join([*complaints, refresh]), pytrace=False)


def test_what_is_not_run_is_known():
    found = {
        name_of(path): [command.text for block in page.blocks if "not run" in block.notes for command in block.commands]
        for path in PAGES
        if (page := console.read_page(path))
    }
    assert {page: typed for page, typed in found.items() if typed} == NOT_RUN
    silent = [
        name_of(path)
        for path in PAGES
        for block in console.read_page(path).blocks
        if block.notes.get("not run", "why").strip() == ""
    ]
    assert not silent, "say why: <!-- not run: WHY -->"


# The site: built as it is published, without a network.


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Fetched(HTMLParser):
    """What a browser fetches of itself when it shows a page, and where its links lead."""

    def __init__(self, html: str):
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "video", "audio", "embed"):
            self.fetched += filter(None, [given.get("src")])
        elif tag == "link" and given.get("rel") != "canonical":
            self.fetched += filter(None, [given.get("href")])
        elif tag == "a":
            self.links += filter(None, [given.get("href")])


def test_the_site_asks_nobody_else(site: Path):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 30
    asked = {
        url for page in pages for url in Fetched(page.read_text("utf-8")).fetched if re.match(r"(https?:)?//", url)
    }
    assert not asked
    styles = {
        path.name: re.findall(r"url\(\s*['\"]?((?:https?:)?//[^)]+)", path.read_text("utf-8"))
        for path in site.rglob("*.css")
    }
    assert not any(styles.values()), styles


def test_every_link_of_the_site_leads_to_a_file_of_it(site: Path):
    broken = []
    for page in site.rglob("*.html"):
        if page.name == "404.html":
            continue
        for link in Fetched(page.read_text("utf-8")).links:
            target = link.split("#")[0].split("?")[0]
            if target and not re.match(r"[a-z]+:", target) and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(site)}: {link}")
    assert not broken


def test_the_site_can_be_searched_from_a_disk(site: Path):
    """Browsers read no JSON and start no worker from file://; a script has the index, and another one the worker."""
    assert (site / "search" / "search_index.js").read_text("utf-8").startswith("var __index = ")
    assert (site / "assets" / "iframe-worker.js").is_file()
    for name in ("index.html", "tutorial/5-train.html"):
        scripts = Fetched((site / name).read_text("utf-8")).fetched
        assert any(script.endswith("assets/iframe-worker.js") for script in scripts)


def test_a_translated_page_names_its_language(site: Path):
    for name, language in (("index.html", "en"), ("index.zh-CN.html", "zh-CN"), ("faces.zh-CN.html", "zh-CN")):
        assert f'<html lang="{language}"' in (site / name).read_text("utf-8")


def test_the_home_pages_have_five_cards_and_other_pages_no_stray_lists(site: Path):
    for name in ("index.html", "index.zh-CN.html"):
        html = (site / name).read_text("utf-8")
        (cards,) = re.findall(r'<div class="grid cards">(.*?)</div>', html, re.DOTALL)
        assert cards.count("<li>") == 5
        assert cards.count("<p>") == 10, "each card has its title and its text"


def test_the_site_can_be_searched(site: Path):
    index = (site / "search" / "search_index.json").read_text("utf-8")
    assert "simple_cnn" in index
    assert "calibration" in index


def test_console_blocks_are_marked_for_the_style_and_the_copy_button(site: Path):
    assert 'class="language-console highlight"' in (site / "sweep.html").read_text("utf-8")


CLICK = """<script>addEventListener("load", () => setTimeout(() => {
  const button = document.querySelector(".language-console button");
  button.click();
  document.body.setAttribute("data-copied", button.getAttribute("data-clipboard-text"));
}, 1000))</script></body>"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here")
def test_the_copy_button_copies_what_is_typed_alone(site: Path, tmp_path: Path):
    text = (site / "sweep.html").read_text("utf-8")
    (site / "click.html").write_text(text.replace("</body>", CLICK), "utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=8000", "--dump-dom"]
    command = ["chromium", *flags, f"--user-data-dir={tmp_path / 'profile'}", f"file://{site / 'click.html'}"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=240).stdout
    (site / "click.html").unlink()
    (copied,) = re.findall(r'data-copied="([^"]*)"', shown)
    typed = [command.text for block in console.read_page(DOCS / "sweep.md").blocks for command in block.commands]
    assert copied == typed[0]


def test_every_page_is_in_the_navigation():
    named = {*book.navigation(ROOT / "mkdocs.yml"), "catalogue.md"}  # a pointer to a page that moved
    pages = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")} | set(book.OUTSIDE.values())
    assert named == pages


# The comparison itself: what it must see, and what it must not.

SHOWN = """\
decoding train images (1,437) …
first: simple/simple_cnn (94,186 parameters) on digits (1,437 train, 360 val), on 1 CPU thread
epoch 1/3  train loss 1.9590  accuracy 36.7%  val loss 1.5893  accuracy 53.3%  F1 51.2%  1.2s  1,242 img/s  best
epoch 2/3  train loss 0.9112  accuracy 81.4%  val loss 0.4146  accuracy 91.7%  F1 91.0%  1.1s  1,472 img/s  best
epoch 3/3  train loss 0.3626  accuracy 92.8%  val loss 0.1376  accuracy 96.9%  F1 96.9%  0.9s  1,602 img/s
first: completed, val accuracy 91.7%, F1 91.0%, best epoch 2 of 3, 20.1 s
train acc  ▁▆██  36.7% → 99.4%
name    ratio
sgd     ━━━━━╸   0.01
val        99.4%    98.0–99.8%     99.4%  0.0258     360        0
  On 360 val images, the accuracy is between 98.0% and 99.8% (95%
  interval).
next: zoo predict runs/first photo.jpg""".splitlines()


def changed(old: str, new: str) -> list[str]:
    text = "\n".join(SHOWN)
    assert old in text
    return text.replace(old, new).splitlines()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("zoo predict", "zoo foretell"),
        ("F1 51.2%  1.2s", "macro-F1 51.2%  1.2s"),
        ("val accuracy 91.7%, ", ""),
        ("simple/simple_cnn", "simple/simple_rnn"),
        ("ratio", "share"),
        ("sgd", "adam"),
        ("runs/first photo", "runs/last photo"),
        ("(94,186 parameters)", "(parameters)"),
        ("next: ", "next: \nanother line\n"),
        ("name    ratio\n", ""),
        ("0.0258     360        0", "0.0258     360"),
        ("train loss 1.9590", "loss 1.9590"),
    ],
)
def test_another_word_is_seen(old: str, new: str):
    printed = changed(old, new)
    assert not likeness.alike(SHOWN, printed)
    assert any(line.startswith(("- ", "+ ")) for line in likeness.difference(SHOWN, printed).splitlines())


@pytest.mark.parametrize("line", range(len(SHOWN)))
def test_a_missing_line_is_seen(line: int):
    if not SHOWN[line].startswith("epoch"):
        assert not likeness.alike(SHOWN, SHOWN[:line] + SHOWN[line + 1 :])


@pytest.mark.parametrize("line", range(len(SHOWN) + 1))
def test_an_additional_line_is_seen(line: int):
    assert not likeness.alike(SHOWN, [*SHOWN[:line], "NOTICE: something new", *SHOWN[line:]])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("20.1 s", "1 min 20 s"),
        ("20.1 s", "1 h 02 min"),
        ("1.2s", "1:02"),
        ("accuracy 53.3%", "accuracy 54.0%"),
        ("on 1 CPU", "on 16 CPU"),
        ("1,242 img/s  best", "99 img/s"),
        ("best epoch 2 of 3", "best epoch 1 of 12"),
        ("20.1 s", "20.1\ns"),
        ("20.1 s", "1\nmin 02 s"),
        ("20.1 s", "1 min\n02 s"),
        ("20.1 s", "1 min 02\ns"),
        ("━━━━━╸   0.01", "━   1e-07"),
        ("▁▆██", "▁▂▃▄▅▆"),
        ("(95%\n  interval)", "\n  (95% interval)"),
        (SHOWN[4] + "\n", ""),
        (SHOWN[4] + "\n", f"{SHOWN[4]}\n{SHOWN[3]}\n{SHOWN[4]}\n"),
    ],
)
def test_other_figures_are_no_difference(old: str, new: str):
    printed = changed(old, new)
    assert likeness.alike(SHOWN, printed), likeness.difference(SHOWN, printed)
    assert not likeness.far(SHOWN, printed)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("1 give way     14    ·    1", "1 give way     15    ·    ·", True),
        ("1 give way     14    ·    1", "1 give way     15    ·", False),
        ("auroc 0.75 · loss 0.7", "auroc 0.75 0.7 loss 0.7", False),
        (
            "loss  -0.1  -0.2 to +0.1  0.4  no significant difference",
            "loss  -0.3  -0.4 to -0.1  < 0.0001  differs",
            True,
        ),
        ("again against long: no significant difference", "again against long: differs", False),
        ("1  again  72.6%  69.8–75.3%  15.1s", "1  long  71.7%  68.8–74.4%  15.1s", True),
        ("1  again  72.6%  15.1s", "1  long  71.7%  15.1s", False),
        (
            "again against long: no significant difference in accuracy (p = 0.4413).",
            "long is better than again by 2.9 points of accuracy (p = 0.0447).",
            True,
        ),
        (
            "again against long: no significant difference in accuracy (p = 0.4413).",
            "long is better than again by 2.9 points of accuracy (p < 0.0001).",
            False,
        ),
        (
            "calm is better than first by 6.1 points of accuracy (p < 0.0001).",
            "calm is better than first by 4.3 points of accuracy (p = 0.0027).",
            True,
        ),
        (
            "long is better than again by 8.3 points of accuracy (p < 0.0001).",
            "again is better than long by 2.9 points of accuracy (p < 0.0001).",
            False,
        ),
    ],
)
def test_on_which_side_of_a_limit_a_figure_lies_is_a_figure(shown: str, printed: str, same: bool):
    assert likeness.alike([shown], [printed]) is same


RANKED = """\
detector        AUROC  95% interval
residual       100.0%   99.0–100.0%
vim             99.9%   99.0–100.0%
knn             97.5%    95.4–98.6%
the best is kept""".splitlines()


def test_rows_of_figures_may_come_in_another_order_but_must_be_there():
    assert likeness.alike(RANKED, [RANKED[0], RANKED[3], RANKED[1], RANKED[2], RANKED[4]])
    assert not likeness.alike(RANKED, [RANKED[0], RANKED[3], RANKED[1], RANKED[4]])
    assert not likeness.alike(RANKED, [*RANKED[:2], "energy         100.0%   99.0–100.0%", *RANKED[3:]])
    assert not likeness.alike(RANKED, [*RANKED[:3], RANKED[4], RANKED[3]]), "among themselves alone"


def test_a_gap_stands_for_any_lines_but_the_rest_must_be_there():
    shown = [SHOWN[0], "…", SHOWN[4], "…", *SHOWN[-3:]]
    assert likeness.alike(shown, SHOWN)
    assert likeness.alike(["…"], SHOWN)
    assert likeness.alike([*SHOWN, "…"], SHOWN)
    assert not likeness.alike(shown, SHOWN[:-1])
    assert not likeness.alike(shown, SHOWN[1:])
    assert not likeness.alike(shown, [*SHOWN, "more"])
    assert not likeness.alike([SHOWN[0], "…", "of another command", "…"], SHOWN)
    assert not likeness.alike(["…", SHOWN[9], "…", SHOWN[5], "…"], SHOWN), "in their order"


def test_epochs_around_a_gap_may_be_more_or_fewer():
    assert likeness.alike([*SHOWN[:3], "…", *SHOWN[5:]], SHOWN)
    assert likeness.alike([*SHOWN[:3], "…", *SHOWN[4:]], SHOWN)
    assert likeness.alike([*SHOWN[:3], "…", *SHOWN[4:]], SHOWN[:3] + SHOWN[5:])


def test_what_a_run_ends_with_must_be_near_what_is_promised():
    assert likeness.far(SHOWN, changed("val accuracy 91.7%", "val accuracy 71.7%")) == [(91.7, 71.7)]
    assert not likeness.far(SHOWN, changed("val accuracy 91.7%", "val accuracy 84.7%"))


def test_digits_that_are_part_of_a_word_count():
    assert not likeness.alike(["runs/seed0"], ["runs/seed1"])
    assert not likeness.alike(["resnet18"], ["resnet50"])
    assert likeness.alike(["zoo-acme 0.1.0, sha256 1f0a33bc99"], ["zoo-acme 0.2.0, sha256 aa0a33bc98"])


# Reading, running and refreshing a page.

PAGE = """\
# A page
<!-- page: slow -->

<!-- file: words.txt -->
```text
one
two
```

<!-- before: printf 'three\\n' >> words.txt -->
<!-- exit: 3 -->
```console
$ cat words.txt
one
…
three
$ cd /; echo 5 \\
> times
4 times

$ (exit 3)
```

- in a list

  ```console
  $ basename $PWD; echo 12 s >&2
  /
  99 s
  ```
"""


def page_of(tmp_path: Path, text: str) -> console.Page:
    (tmp_path / "page.md").write_text(text, "utf-8")
    return console.read_page(tmp_path / "page.md")


def outcomes_of(tmp_path: Path, text: str) -> list[console.Outcome]:
    page = page_of(tmp_path, text)
    (tmp_path / "world").mkdir()
    return list(console.run_page(page, console.World(tmp_path / "world", page.marks)))


def test_a_page_is_run_in_one_shell_in_its_order(tmp_path: Path):
    outcomes = outcomes_of(tmp_path, PAGE)
    assert [outcome.complaint for outcome in outcomes] == [None] * 4
    assert outcomes[0].printed == ["one", "two", "three"]


def test_what_is_wrong_with_a_page_is_told_with_its_line(tmp_path: Path):
    outcomes = outcomes_of(tmp_path, PAGE.replace("4 times", "4 time").replace("exit: 3", "exit: 2"))
    assert outcomes[1].complaint.splitlines()[0].startswith("line 17: $ cd /; echo 5")
    assert "- 4 time\n+ 5 times" in outcomes[1].complaint
    assert "exit code 3, not 2" in outcomes[2].complaint


def test_a_page_is_refreshed_and_keeps_its_gaps(tmp_path: Path):
    page = page_of(tmp_path, PAGE)
    (tmp_path / "world").mkdir()
    outcomes = list(console.run_page(page, console.World(tmp_path / "world", page.marks)))
    text, lost = console.refreshed(page, outcomes)
    assert text == PAGE.replace("4 times", "5 times").replace("99 s", "12 s")
    assert not lost


@pytest.mark.parametrize(
    ("shown", "written"),
    [
        (["z y", "…", "e x"], ["a x", "…", "e x"]),
        (["a x", "b y", "…", "d y", "e x"], ["a x", "b x", "…", "d x", "e x"]),
        (["a x", "b x", "c y", "d y", "…", "e x"], ["a x", "b x", "c x", "d x", "e x"]),
    ],
)
def test_a_gap_between_changed_lines_hides_what_is_between_as_many(
    tmp_path: Path, shown: list[str], written: list[str]
):
    before, after = (
        "\n".join(["```console", "$ printf '%s x\\n' a b c d e", *lines, "```", ""]) for lines in (shown, written)
    )
    text, lost = console.refreshed(page_of(tmp_path, before), outcomes_of(tmp_path, before))
    assert text == after
    assert [command.line for command in lost] == [2]


def test_a_reworded_line_between_two_gaps_is_kept():
    printed = ["begin", "one", "net: too slow: 9 s are too short for an epoch of it", "two", "page: x"]
    shown = ["begin", "…", "net: too slow: its 9 s are too short for one epoch", "…", "page: x"]
    assert likeness.aligned(shown, printed) == ["begin", "…", printed[2], "…", "page: x"]


SERVER = """\
import signal, time
print("listening at 80", flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    open("ended", "w").close()
"""


def test_a_server_runs_till_the_page_is_over_and_is_ended_by_ctrl_c(tmp_path: Path):
    text = f"""\
<!-- file: server.py -->
```python
{SERVER}```
<!-- background -->
```console
$ python server.py
listening at 8000
```
```console
$ ls
server.py
```
"""
    assert [outcome.complaint for outcome in outcomes_of(tmp_path, text)] == [None, None]
    assert (tmp_path / "world" / "work" / "ended").exists()


def test_a_server_that_does_not_end_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(console, "ENDING_S", 0.3)
    text = "<!-- background -->\n```console\n$ trap '' INT; echo up; sleep 50; sleep 50\nup\n```\n"
    with pytest.raises(console.Wrong, match="not ended by Ctrl-C"):
        outcomes_of(tmp_path, text)


def test_a_command_that_takes_too_long_is_ended_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(console, "LIMIT_S", 0.5)
    with pytest.raises(
        console.Wrong, match=r"\$ echo so far; sleep 77\nwas not done after 0 s, and had printed:\nso far"
    ):
        outcomes_of(tmp_path, "```console\n$ echo so far; sleep 77\n```\n")


def test_hidden_commands_must_succeed(tmp_path: Path):
    with pytest.raises(console.Wrong, match="line 2: what comes before has exit code 1:\nfalse"):
        outcomes_of(tmp_path, "<!-- before: false -->\n```console\n$ true\n```\n")


def test_zoo_is_the_code_under_test(tmp_path: Path):
    import zoo

    text = '```console\n$ python -P -c "import os, zoo; print(os.stat(zoo.__file__).st_ino)"\n```\n'
    assert outcomes_of(tmp_path, text)[0].printed == [str(Path(zoo.__file__).stat().st_ino)]
