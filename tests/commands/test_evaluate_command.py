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
    assert max(map(len, out.splitlines())) <= 80


def test_evaluating_writes_nothing(zoo, colours_run, colours):
    before = {path: path.stat().st_mtime_ns for path in colours_run.rglob("*")}
    assert zoo("evaluate", colours_run, colours)[0] == 0
    assert {path: path.stat().st_mtime_ns for path in colours_run.rglob("*")} == before
    assert list(Path().iterdir()) == []


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
