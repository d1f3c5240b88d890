"""The console report: it fits 80 columns, shows the numbers, and takes nothing for markup."""

from __future__ import annotations

import io
import math
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType

from zoo.errors import RequestError
from zoo.reports.choose import make_confirm
from zoo.reports.console import ConsoleObserver
from zoo.reports.epochs import epoch_line
from zoo.reports.live import READ_EVERY_S, LiveDisplay
from zoo.reports.opening import opening_panel
from zoo.reports.pace import Pace
from zoo.reports.parts import CommandLine, Middle, Page, middle
from zoo.reports.results import render_result
from zoo.runner.measurements import EpochRecord
from zoo.runner.record import Run
from zoo.runner.run_result import RunResult

Document = dict[str, Any]


def shown(renderable: RenderableType, width: int = 80, encoding: str = "utf-8") -> str:
    """What is printed; every line fits the width."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    Console(file=stream, width=width, color_system=None).print(renderable)
    stream.flush()
    text = raw.getvalue().decode(encoding)
    assert max(map(cell_len, text.splitlines())) <= width
    return text


def test_two_classes_show_their_numbers(two_classes: Document) -> None:
    text = shown(render_result(RunResult.read(two_classes)))
    for figure in ("91.3%", "89.4–92.9%", "0.2261", "1,000", "452", "461", "auroc 0.9713", "best epoch 57 of 60"):
        assert figure in text
    for word in (
        "cat",
        "dog",
        "verdict: good",
        "cat.2107.jpg: truncated",
        "zoo predict runs/simple_cnn-cats_dogs-1 photo.jpg",
    ):
        assert word in text
    assert text.count("★") == 2  # the best epoch, and the heading that explains it


def test_many_classes_show_the_worst_and_the_most_confused(thirty_classes: Document) -> None:
    text = shown(render_result(RunResult.read(thirty_classes)))
    assert "the 10 worst of 30" in text
    assert "Most frequent confusions" in text
    assert "… 20 more, with F1 74.1% or higher" in text
    assert "verdict: overfitting" in text
    assert text.index("dwarf aster") < text.index("common daisy")  # F1 64.2% before 68.4%
    assert "test" in text


def test_a_report_answers_questions_in_their_order(two_classes: Document) -> None:
    """Is it good, what to type next, where it fails, how it was trained; short after a run that showed its epochs."""
    two_classes["sections"] = [["Section of a plugin", "its text"]]
    text = shown(render_result(RunResult.read(two_classes), live=True))
    order = (
        "91.3%  val accuracy",
        "Good fit:",
        "Next",
        "zoo predict",
        "Classes",
        "Worst mistakes",
        "Section",
        "Curves",
    )
    places = [text.index(word) for word in order]
    assert places == sorted(places)
    assert "Epochs" not in text
    assert len(shown(render_result(RunResult.read({**two_classes, "sections": []}), live=True)).splitlines()) <= 28
    assert "Epochs" in shown(render_result(RunResult.read(two_classes))), "zoo runs show has them"


def test_two_classes_have_scores_and_confusion_in_one_table(two_classes: Document) -> None:
    lines = shown(render_result(RunResult.read(two_classes))).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Classes"))
    assert "rows: true class, columns: predicted class" in lines[start]
    assert lines[start + 2].split() == ["cat", "452", "48", "92.1%", "90.4%", "91.2%", "500", "–"]


def test_wide_characters_are_aligned(two_classes: Document, thirty_classes: Document) -> None:
    def chinese(document: Document) -> Document:
        names = {name: f"{'长毛猫狗'[i % 4]}{'花' * (1 + i % 7)}{i}" for i, name in enumerate(document["classes"])}
        val = document["metrics"]["val"]
        figures = {names[name]: scores for name, scores in val["per_class"].items()}
        mistakes = [
            {**each, "name": f"照片/{names[each['true']]}.jpg", "true": names[each["true"]]}
            for each in document["mistakes"]["val"]
        ]
        metrics = {"val": {**val, "per_class": figures}}
        return {**document, "classes": [*names.values()], "metrics": metrics, "mistakes": {"val": mistakes}}

    for document in (chinese(two_classes), chinese(thirty_classes)):
        text = shown(render_result(RunResult.read(document)))
        for table in text.split("\n\n"):
            rows = [line for line in table.splitlines() if "花" in line and line.rstrip().endswith(("%", "–"))]
            ends = {cell_len(line[: line.index("%") + 1]) for line in rows if "%" in line}
            assert len(ends) <= 1, table


def test_long_runs_show_a_selection_of_epochs(two_classes: Document) -> None:
    lines = shown(render_result(RunResult.read(two_classes))).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Epochs")) + 3
    numbers = [line.split()[0] for line in lines[start : start + 12]]
    assert numbers[0] == "1"
    assert numbers[-4:] == ["57", "58", "59", "60"]


@pytest.mark.parametrize("loss", [0.1, 99.4, 4321.0, 1e30, math.nan, None])
@pytest.mark.parametrize("epochs", [5, 9_999, 100_000])
def test_an_epoch_of_any_size_is_one_line(loss: float | None, epochs: int) -> None:
    figures = {"loss": loss, "accuracy": 1.0, "f1_macro": 1.0}
    record = {
        "epoch": epochs,
        "train": figures,
        "val": figures,
        "seconds": 3599.0,
        "images_per_second": 98_765,
        "best": True,
    }
    (line,) = shown(epoch_line(EpochRecord.read(record), epochs)).splitlines()
    assert line.endswith("★")
    assert f"{epochs}" in line


def test_a_run_without_metrics(cut_short: Document) -> None:
    text = shown(render_result(RunResult.read(cut_short)))
    assert "zoo run --resume runs/simple_cnn-cats_dogs-1" in text
    assert "report.html" not in text


def test_an_evaluation_has_no_epochs(two_classes: Document) -> None:
    keys = ("run", "dir", "job", "classes")
    part = {key: two_classes[key] for key in keys}
    text = shown(
        render_result(
            RunResult.read({**part, "status": "evaluated", "metrics": {"all": two_classes["metrics"]["val"]}})
        )
    )
    assert "91.3%  accuracy" in text
    assert "Epochs" not in text


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_key_may_be_missing_and_any_width_fits(
    two_classes: Document, thirty_classes: Document, data: st.DataObject
) -> None:
    document = data.draw(st.sampled_from([two_classes, thirty_classes]))
    gone = data.draw(st.sets(st.sampled_from(sorted(document))))
    empty = data.draw(st.sets(st.sampled_from(sorted(document))))
    thinned = {key: None if key in empty else value for key, value in document.items() if key not in gone}
    shown(render_result(RunResult.read(thinned)), width=data.draw(st.sampled_from([80, 81, 100, 200])))


NASTY = ["[red]cat[/red]", "<script>:smile:", "猫" * 40, "a\x1b[31m\nb", "[/]"]


def nasty(result: Document) -> Document:
    """A result whose every name is somebody's attempt."""
    matrix = [[20 if i == j else 1 for j in range(len(NASTY))] for i in range(len(NASTY))]
    figures = {name: {"precision": 0.8, "recall": 0.8, "f1": 0.8, "support": 24} for name in NASTY}
    mistakes = [{"name": f"{name}/x.jpg", "true": name, "predicted": name, "confidence": 0.9} for name in NASTY]
    return {
        **result,
        "run": "[bold]run",
        "classes": NASTY,
        "metrics": {"val": {"accuracy": 0.8, "confusion_matrix": matrix, "per_class": figures}},
        "mistakes": {"val": mistakes},
        "notices": ["[link=file:///x]" + name for name in NASTY],
        "sections": [["[blink]T", "[red]text\n\x1b[2J"]],
    }


def test_names_are_never_markup(two_classes: Document) -> None:
    text = shown(render_result(RunResult.read(nasty(two_classes))))
    assert "[red]cat[/red]" in text
    assert "<script>:smile:" in text
    assert "[bold]run" in text
    assert "[blink]T" in text
    assert "\x1b" not in text
    assert "…" in text  # the long name gave up its middle


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "latin-1"])
def test_old_terminals_get_plain_characters(two_classes: Document, encoding: str) -> None:
    text = shown(render_result(RunResult.read(nasty(two_classes))), encoding=encoding)
    assert "Worst mistakes" in text


def test_no_color_leaves_no_colour(two_classes: Document, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system="truecolor")
    console.print(opening_panel(run))
    console.print(render_result(RunResult.read(two_classes)))
    codes = {code for part in out.getvalue().split("\x1b[")[1:] for code in part.split("m")[0].split(";")}
    assert codes <= {"0", "1", "2"}  # bold and dim are no colours


def test_opening_says_what_will_run_and_who_chose_it(run: Run) -> None:
    lines = shown(opening_panel(run)).splitlines()
    by_word = {
        word: next(line for line in lines if word in line)
        for word in ("1,238,914", "channels", "60 epochs", "lr 0.002")
    }
    assert "command line" in by_word["1,238,914"]
    assert "recipe" in by_word["channels"]
    assert "command line" in by_word["60 epochs"]
    assert "recipe" in by_word["lr 0.002"]
    assert "dropout" not in "".join(lines)  # its own default: nobody chose it
    for word in (
        "2,000 train",
        "1,000 val",
        "photos in data/cats_dogs",
        "2 CPU threads",
        "val/accuracy 90.0%",
        "seed 0",
    ):
        assert any(word in line for line in lines)


def test_opening_survives_a_bare_run() -> None:
    text = shown(opening_panel(Run(name="[red]x", dir=Path("runs/x"), job={})))
    assert "[red]x" in text


class Totals:
    """Running sums that count how often they are read: each time would wait for a GPU."""

    reads = 0

    @property
    def loss(self) -> float:
        self.reads += 1
        return 0.5

    @property
    def accuracy(self) -> float:
        return 0.75


def test_totals_are_read_a_few_times_a_second() -> None:
    now = [0.0]
    display, totals = LiveDisplay(Console(file=io.StringIO()), lambda: now[0]), Totals()
    display.train(1, 10, 32_000)
    for step in range(1000):
        now[0] = step / 100  # a hundred steps a second, for ten seconds
        display.step(32 * step, totals)
    assert 10 <= totals.reads <= 10 / READ_EVERY_S + 1


@pytest.mark.parametrize("width", [50, 80, 200])
def test_live_display_fits(width: int) -> None:
    now = [0.0]
    display = LiveDisplay(Console(file=io.StringIO()), lambda: now[0])
    display.prepare("decoding validation images", 812, 2000)
    assert "812/2,000" in shown(display.render(), width)
    display.train(100, 100, 1_281_167)
    display.best = (99, 0.99123)
    now[0] = 10.0
    display.step(640_000, Totals())
    text = shown(display.render(), max(80, width))
    assert "loss 0.5000" in text
    assert "64,000 img/s" in text
    assert "best 99.1% in epoch 99" in text
    display.step(1_281_167, Totals())
    assert "evaluating" in shown(display.render(), max(80, width))


def test_pace_from_the_epochs_that_are_over() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    pace.begin(1, 4, 100)
    assert (pace.left_s(), pace.images_per_second()) == (None, None)
    now[0], pace.seen = 5.0, 50
    assert pace.images_per_second() == 10.0
    assert pace.left_s() == pytest.approx(5 + 3 * 10)
    now[0] = 12.0
    pace.end()
    pace.begin(2, 4, 100)
    now[0] = 14.0
    assert pace.left_s() == pytest.approx(10 + 2 * 12)
    assert pace.run_share == 0.25


def play(observer: ConsoleObserver, run: Run, result: Document) -> None:
    observer.preparing("decoding train images", 0, 2000)
    observer.preparing("decoding train images", 2000, 2000)
    observer.started(run)
    for record in result["epochs"][:3]:
        observer.epoch_started(record["epoch"], 60, 2000)
        observer.step(1000, Totals())
        observer.epoch_ended(EpochRecord.read(record))


def test_the_live_display_goes_whatever_happens(run: Run, two_classes: Document) -> None:
    threads, out = threading.active_count(), io.StringIO()
    observer = ConsoleObserver(Console(file=out, width=80, force_terminal=True))
    play(observer, run, two_classes)
    assert threading.active_count() > threads
    observer.close()
    observer.close()
    until = time.monotonic() + 5  # rich's thread has at most one more look at its clock
    while threading.active_count() > threads and time.monotonic() < until:
        time.sleep(0.02)
    assert threading.active_count() == threads
    assert out.getvalue().rindex("\x1b[?25h") > out.getvalue().rindex("\x1b[?25l")  # the cursor is back


def test_a_recording_has_the_epochs_and_no_bars(run: Run, two_classes: Document) -> None:
    console = Console(file=io.StringIO(), width=80, record=True, force_terminal=True)
    two_classes["notices"] = run.notices = ["These are drawn cats and dogs."]
    observer = ConsoleObserver(console)
    play(observer, run, two_classes)
    observer.ended(run, RunResult.read(two_classes))
    observer.close()
    text = console.export_text()
    assert " 3/60 " in text
    assert "img/s" in text
    assert "evaluating" not in text
    assert text.count("These are drawn cats and dogs.") == 1
    assert "says nothing about" in text
    assert max(map(cell_len, text.splitlines())) <= 80


def test_a_wrong_estimate_is_corrected_once(run: Run, two_classes: Document) -> None:
    run.estimate_s = 20.0
    console = Console(file=io.StringIO(), width=80, record=True)
    play(ConsoleObserver(console), run, two_classes)
    text = console.export_text()
    assert "60 epochs, about 20 s on this machine." in text
    assert text.count("By the first epoch, training takes about 12 min, not 20 s.") == 1
    assert text.index(" 1/60") < text.index("By the first epoch") < text.index(" 2/60")


def test_a_question_comes_after_what_it_is_about(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.estimate_s = 2 * 3600.0
    console = Console(file=io.StringIO(), width=80, record=True)
    observer, before = ConsoleObserver(console), []
    monkeypatch.setattr("zoo.reports.choose.asked_at_a_terminal", lambda: True)
    monkeypatch.setattr("click.confirm", lambda text, **how: before.append((text, console.export_text(clear=False))))
    with pytest.raises(RequestError, match="--budget 30m"):
        make_confirm(observer, yes=False)(run)
    ((text, shown_before),) = before
    assert text == "Training will take about 2 h 00 min on this machine. Begin?"
    assert "1,238,914 parameters" in shown_before
    observer.started(run)
    assert console.export_text().count("1,238,914 parameters") == 1, "shown once"


def test_commands_in_hints_and_notices_have_their_own_line(run: Run) -> None:
    hint = "2,000 images are few for a network from scratch. Type: zoo run timm/resnet18 cats_dogs --pretrained"
    run.hints, run.notices = [hint], ["The job is of drawings. Real photos: zoo run simple_cnn cats_dogs --data FOLDER"]
    console = Console(file=io.StringIO(), width=80, record=True)
    ConsoleObserver(console).started(run)
    lines = [line.strip(" │") for line in console.export_text().splitlines()]
    assert "zoo run timm/resnet18 cats_dogs --pretrained" in lines
    assert "zoo run simple_cnn cats_dogs --data FOLDER" in lines


def test_the_opening_says_why_the_recipe_and_its_values(run: Run) -> None:
    run.reasons = {"train.epochs": "for 2,000 images", "train.batch_size": "for 2,000 images"}
    lines = [line.strip(" │") for line in shown(opening_panel(run)).splitlines()]
    order = [line.split()[0] for line in lines[1:-1] if line.split()[0] in ("data", "model", "recipe", "training")]
    assert order == ["data", "model", "recipe", "training"]
    assert any("simple_cnn+cats_dogs · matches model and data" in line for line in lines)
    assert any("epochs, batch size: for 2,000 images" in line for line in lines)
    run.sources["recipe"] = "command line"
    assert "as requested" in shown(opening_panel(run))


def test_a_failure_says_where(run: Run, two_classes: Document) -> None:
    console = Console(file=io.StringIO(), width=80, record=True)
    observer = ConsoleObserver(console)
    play(observer, run, two_classes)
    observer.failed(run, ValueError("no"))
    assert "Failed after 3 of 60 epochs · runs/simple_cnn-cats_dogs-1" in console.export_text()


@settings(deadline=None)
@given(st.text(max_size=60), st.integers(1, 40))
def test_middle_fits_and_keeps_the_end(text: str, width: int) -> None:
    cut = middle(text, width)
    assert cell_len(cut) <= max(width, 1)
    if cell_len(text) <= width:
        assert cut == text
    else:
        assert "…" in cut


def test_middle_as_a_renderable() -> None:
    assert shown(Middle("data/photos/of/cats/cat.1.jpg"), 16) == "data/…/cat.1.jpg\n"


@settings(deadline=None)
@given(st.integers(30, 80))
def test_a_broken_command_is_the_same_command(width: int) -> None:
    command = "zoo run runs/simple_cnn-1/job.yaml --epochs 120 --set 'augment=[flip,affine,colour]' --lr 0.1"
    text = shown(Page(CommandLine(command)), max(width, 45))
    assert " ".join(text.replace("\\\n", " ").split()) == command
