"""``zoo evaluate``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest


def evaluated(zoo, *words):
    code, out, err = zoo("evaluate", *words, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_the_runs_own_val_split_gives_exactly_the_runs_numbers(zoo, digits_run, read_result):
    found = evaluated(zoo, digits_run)
    result = read_result(digits_run)
    assert found["status"] == "evaluated"
    assert found["metrics"]["val"] == result["metrics"]["val"]
    assert found["mistakes"]["val"] == result["mistakes"]["val"]
    assert found["splits"]["val"] == result["splits"]["val"]


def test_the_report_has_intervals_and_calibration_on_request(zoo, digits_run):
    short, long = zoo("evaluate", digits_run)[1], zoo("evaluate", digits_run, "-v")[1]
    assert "95% interval " in short
    assert "95% intervals:" not in short
    assert "val, 95% intervals: F1 macro" in long


def test_a_held_out_val_split_is_the_very_same_images(zoo, colours, on_colours, read_result):
    """Trained so little that some are wrong, and told by name."""
    words = (*on_colours, "--epochs", "1", "--lr", "0.002", "--seed", "3", "--set", "data.val_fraction=0.4")
    assert zoo("run", "simple_cnn", colours, *words, "--name", "mine", "--quiet")[0] == 0
    found, result = evaluated(zoo, "mine"), read_result("runs/mine")
    assert result["splits"]["val"]["images"] == 18
    assert found["metrics"]["val"] == result["metrics"]["val"]
    assert found["mistakes"]["val"] == result["mistakes"]["val"] != []
    train = evaluated(zoo, "mine", "--split", "train")
    assert train["splits"]["train"]["images"] == 27
    everything = evaluated(zoo, "mine", "--split", "all")
    assert everything["splits"]["all"]["images"] == 45


def test_a_plain_folder_is_used_whole(zoo, colours_run, make_folder):
    folder = make_folder({"red": 3, "blue": 4})
    found = evaluated(zoo, colours_run, folder)
    assert found["splits"].keys() == {"all"}
    assert found["splits"]["all"]["images"] == 7
    assert found["splits"]["all"]["per_class"] == {"blue": 4, "green": 0, "red": 3}
    assert found["classes"] == ["blue", "green", "red"]


def test_the_same_folder_again_is_used_whole_when_it_is_typed(zoo, colours_run, colours):
    found = evaluated(zoo, colours_run, colours)
    assert found["splits"]["all"]["images"] == 45
    assert found["metrics"]["all"]["accuracy"] == 1.0


def test_a_folder_that_lacks_a_class_is_scored_right(zoo, colours_run, colours):
    """Without blue, the first class, every index is off by one: names are what counts."""
    for name in ("green", "red"):
        shutil.copytree(colours / name, Path("some") / name)
    found = evaluated(zoo, colours_run, "./some")
    assert found["metrics"]["all"]["accuracy"] == 1.0
    assert found["metrics"]["all"]["confusion_matrix"] == [[0, 0, 0], [0, 15, 0], [0, 0, 15]]
    assert found["metrics"]["all"]["f1_macro"] == 1.0
    notice = "The split 'all' has no image of 'blue': recall is undefined for these classes, and macro F1 is"
    assert [text for text in found["notices"] if text.startswith(notice)]
    _, out, _ = zoo("evaluate", colours_run, "./some")
    row, *_ = [line.split() for line in out.splitlines() if line.split()[:1] == ["blue"]]
    assert row[:5] == ["blue", "–", "–", "–", "0"]
    assert "The split 'all' has no image of 'blue'" in " ".join(out.split())


def test_test_is_preferred_to_val_and_a_split_can_be_named(zoo, colours_run, colours):
    for split, count in (("train", 5), ("val", 4), ("test", 3)):
        for name in ("red", "blue"):
            folder = Path("split") / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                shutil.copy(colours / name / f"{i:02}.png", folder)
    assert evaluated(zoo, colours_run, "./split")["splits"]["test"]["images"] == 6
    assert evaluated(zoo, colours_run, "./split", "--split", "val")["splits"]["val"]["images"] == 8
    shutil.rmtree("split/test")
    assert evaluated(zoo, colours_run, "./split")["splits"].keys() == {"val"}


def test_a_csv_file(zoo, colours_run, colours):
    rows = [f"{colours}/{name}/{i:02}.png,{name}" for name in ("red", "green") for i in range(3)]
    Path("some.csv").write_text("\n".join(["path,label", *rows]))
    found = evaluated(zoo, colours_run, "some.csv")
    assert found["splits"]["all"]["images"] == 6
    assert found["metrics"]["all"]["accuracy"] == 1.0


def test_data_in_place_of_a_dataset(zoo, colours_run, colours):
    assert evaluated(zoo, colours_run, "--data", colours)["splits"]["all"]["images"] == 45


def test_the_report_shows_the_numbers(zoo, colours_run):
    code, out, _ = zoo("evaluate", colours_run)
    assert code == 0
    assert "100.0%" in out
    *lines, empty, page = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert (empty, page) == ("", f"page: {colours_run / 'evaluation.html'}")


def test_evaluating_writes_its_page_and_nothing_else(zoo, colours_run, colours):
    page = colours_run / "evaluation.html"
    page.unlink(missing_ok=True)
    before = {path: path.stat().st_mtime_ns for path in colours_run.rglob("*") if path.is_file()}
    assert zoo("evaluate", colours_run, colours, "--json")[0] == 0
    assert not page.exists(), "a document is for programs"
    assert zoo("evaluate", colours_run, colours)[0] == 0
    assert page.is_file()
    after = {path: path.stat().st_mtime_ns for path in colours_run.rglob("*") if path.is_file()}
    assert {path: time for path, time in after.items() if path != page} == before
    assert list(Path().iterdir()) == []


def test_the_page_shows_the_mistakes_on_these_images_as_pictures(zoo, colours_run, make_folder):
    folder = make_folder({"red": 3, "blue": 4})
    (folder / "red").rename(folder / "swap")
    (folder / "blue").rename(folder / "red")
    (folder / "swap").rename(folder / "blue")
    code, out, err = zoo("evaluate", colours_run, folder, "--html", "page.html")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "page: page.html"
    page = Path("page.html").read_text("utf-8")
    assert "Evaluation of" in page
    assert page.count("data:image/jpeg;base64,") >= 7
    assert page.count("<figure>") == 7
    assert "predicted <b" in page
    assert "Training curves" not in page
    assert [path.name for path in Path().iterdir()] == ["page.html"]


def test_a_model_without_a_run_has_a_page_where_one_is_asked_for(zoo, colours_run, colours):
    shutil.copytree(colours_run / "model", "shared")
    code, out, _ = zoo("evaluate", "shared", colours)
    assert code == 0
    assert "page:" not in out
    assert not list(Path().rglob("*.html"))
    assert zoo("evaluate", "shared", colours, "--html", "page.html", "--json")[0] == 0
    assert Path("page.html").is_file()


@pytest.mark.parametrize(("page", "said"), [("gone/page.html", "There is no folder gone"), ("page.pdf", "must end in")])
def test_a_page_that_cannot_be_written_is_refused_before_the_work(refused, colours_run, page, said, monkeypatch):
    monkeypatch.setattr("zoo.evaluation.evaluate.evaluate", lambda *_: pytest.fail("the work began"))
    assert said in refused("evaluate", colours_run, "--html", page)


def test_the_numbers_of_a_run_that_cannot_be_written_to_are_shown(zoo, colours_run):
    run = Path("runs") / "mine"
    shutil.copytree(colours_run, run)
    (run / "evaluation.html").unlink(missing_ok=True)
    (run / "evaluation.html").mkdir()
    code, out, err = zoo("evaluate", "mine")
    assert code == 0
    assert "100.0%" in out
    assert "page:" not in out
    assert err.startswith("The page was not written.")


def test_pictures_that_cannot_be_drawn_are_a_notice(zoo, colours_run, colours, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise ValueError("no such layer")

    monkeypatch.setattr("zoo.evaluation.evaluate.draw_mistakes", fail)
    code, out, _ = zoo("evaluate", colours_run, colours, "--html", "page.html")
    assert code == 0
    assert "were not written: ValueError: no such layer" in " ".join(out.split())


def test_an_unknown_class_is_an_error_that_names_it(refused, colours_run, make_folder):
    error = refused("evaluate", colours_run, make_folder({"red": 2, "mauve": 2}))
    assert "'mauve'" in error
    assert "blue, green, red" in error


def test_a_class_spelt_otherwise_gets_a_hint(refused, colours_run, make_folder):
    assert "Did you mean 'green'" in refused("evaluate", colours_run, make_folder({"red": 2, "greens": 2}))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["digts"], "Did you mean 'digits'"),
        (["./nowhere"], "nowhere"),
        (["--split", "vall"], "'vall'"),
        (["--device", "gpu"], "'gpu'"),
        (["--data", "nowhere"], "nowhere"),
    ],
)
def test_what_is_not_there(refused, colours_run, words, said):
    assert said in refused("evaluate", colours_run, *words)


def test_an_unknown_run(refused):
    error = refused("evaluate", "nothing")
    assert "'nothing'" in error
    assert "zoo runs list" in error


def test_a_bundle_alone_is_no_run(refused, colours_run):
    assert "not the folder of a run" in refused("evaluate", colours_run / "model")
