"""``zoo label`` as it is typed: what is refused, taken over, exchanged, and trained on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo_label.journal import read_journal


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model", "run", "--pretrained"], "Choose one of --model RUN and --pretrained"),
        (["--architecture", "simple_cnn"], "--architecture simple_cnn --weights FILE"),
        (["--weights", "a.safetensors"], "needs a network"),
        (["--architecture", "simple_cnn", "--weights", "a", "--pretrained"], "Choose one of --weights FILE"),
        (["--only", "a.csv", "--skipped"], "Choose one of --only FILE and --skipped"),
        (["--import-labels", "a.json", "--export-labels", "b.json"], "Choose one of --import-labels"),
        (["--out", "labels.txt"], "must be a CSV file in an existing folder"),
        (["--out", "missing/labels.csv"], "must be a CSV file in an existing folder"),
        (["--classes", "cat,Cat"], "differ by case only"),
        (["--export-labels", "tasks.txt"], "must end in .json"),
        (["--export-labels", "tasks.json"], "has no labels to write"),
        (["--import-labels", "missing.json"], "can't be read as JSON"),
    ],
)
def test_a_wrong_request_is_refused(pool: Path, zoo: Any, words: list[str], said: str):
    code, _, err = zoo("label", pool, *words, "--no-browser", "--port", 0)
    assert code == 2, err
    assert said in err.replace("\n", " ")
    assert "Traceback" not in err


def test_a_missing_or_wrong_pool_is_refused(refused: Callable[..., str], tmp_path: Path):
    assert "There is no nowhere" in refused("label", "nowhere")
    Path("table.csv").write_text("file,label\na.png,cat\n")
    assert "has no column 'path'" in refused("label", "table.csv", "--out", tmp_path / "labels.csv")
    Path("labels.csv").write_text("path,label\na.png,cat\n")
    assert "was not written by zoo label" in refused("label", "labels.csv")


def test_skipped_pictures_must_be_there(pool: Path, zoo: Any):
    code, _, err = zoo("label", pool, "--skipped", "--no-browser")
    assert (code, "is skipped. Leave --skipped out" in err) == (2, True)


def test_a_list_of_other_pictures_is_refused(pool: Path, zoo: Any):
    Path("only.csv").write_text("path\nelsewhere.png\n")
    code, _, err = zoo("label", pool, "--only", "only.csv", "--no-browser")
    assert (code, "None of the 1 pictures of only.csv is in" in err) == (2, True)


def test_labels_are_exchanged_with_label_studio(pool: Path, zoo: Any):
    given = [{"data": {"image": "0-red.png"}, "annotations": [{"result": [_choice("red")]}]}]
    Path("export.json").write_text(json.dumps(given))
    code, out, _ = zoo("label", pool, "--import-labels", "export.json", "--who", "Ann")
    assert (code, out) == (0, f"1 labels of export.json are taken over into {pool / 'labels.csv'}\n")
    assert [(a.path, a.label, a.who) for a in read_journal(pool / "labels.csv")] == [("0-red.png", "red", "Ann")]
    code, out, _ = zoo("label", pool, "--export-labels", "tasks.json")
    assert (code, out) == (0, f"1 labels of {pool / 'labels.csv'} are written to tasks.json\n")
    assert json.loads(Path("tasks.json").read_text())[0]["annotations"][0]["result"][0]["value"] == {"choices": ["red"]}


def _choice(name: str) -> dict[str, Any]:
    return {"type": "choices", "value": {"choices": [name]}, "from_name": "choice", "to_name": "image"}


def test_the_file_is_a_dataset_as_it_lies(pool: Path, zoo: Any, on_colours: tuple[str, ...]):
    """Answers that were corrected, undone or skipped, and a line that is being written, are no images of their own."""
    lines = ["path,label,event,who,when,guess,audit"]
    lines += [
        f"{path.name},{path.stem.split('-')[1]},label,ann,2026-11-30T10:00:00Z,," for path in sorted(pool.glob("*.png"))
    ]
    lines += ["0-red.png,blue,label,ann,now,,", "0-red.png,red,label,bo,later,,", "1-red.png,,undo,ann,now,,"]
    lines += ["2-red.png,,skip,ann,now,,", "3-red.png,gre"]
    (pool / "labels.csv").write_text("\n".join(lines))
    code, out, err = zoo("run", "simple_cnn", pool / "labels.csv", *on_colours, "--name", "r", "--json")
    assert code == 0, err
    result = json.loads(out)
    assert result["classes"] == ["blue", "green", "red"]
    counts = [sum(result["splits"][split]["per_class"].values()) for split in ("train", "val")]
    assert sum(counts) == 28
    assert any(
        "Left out: 4 earlier answers, 2 images without a label, an incomplete last line." in n
        for n in result["notices"]
    )


@pytest.mark.slow
def test_labels_of_a_list_and_of_folders_are_taken_over(
    colours: Path, labelling: Any, tmp_path: Path, make_folder: Callable[..., Path]
):
    root = make_folder({"cats": 3, "dogs": 3})
    said = labelling(root, "--folders").end()
    assert said.startswith(f"6 labels of {root} are taken over into {root / 'labels.csv'}\n")
    assert "6 labels in" in said
    file = tmp_path / "list.csv"
    file.write_text(f"path,label\n{root.name}/cats/000.png,cat\n{root.name}/dogs/000.png,\n")
    process = labelling(file)
    assert [(a.path, a.label) for a in read_journal(tmp_path / "labels.csv")] == [(f"{root.name}/cats/000.png", "cat")]
    assert process.ask("/api/state")[1]["left"] == 1


@pytest.mark.slow
def test_a_trained_model_guesses_before_there_are_labels(colours: Path, colours_run: Path, labelling: Any):
    import time

    process = labelling(colours, "--model", colours_run, "--out", "labels.csv")
    end = time.monotonic() + 60
    while not (guessed := process.ask("/api/state")[1]["model"]["guessed"]) and time.monotonic() < end:
        time.sleep(0.1)
    assert set(guessed) == {"blue", "green", "red"}
    assert [each["name"] for each in process.ask("/api/state")[1]["classes"]] == ["blue", "green", "red"]
    pictures = process.ask("/api/grid", {"client": "a", "count": 45})[1]["pictures"]
    assert len(pictures) == 45
    shown = [each for each in pictures if each["guess"]]
    assert 25 <= len(shown) <= 43, "the others are of the audit"
    assert all(each["guess"][0][0] in each["name"] for each in shown)


def test_a_regression_can_not_guess(pool: Path, zoo: Any, values_run: Path):
    code, _, err = zoo("label", pool, "--model", values_run, "--no-browser")
    assert code == 2
    assert "is a regression model; zoo label gives each picture one class" in err


def test_an_export_leaves_the_folder_as_it_is(pool: Path, zoo: Any):
    before = sorted(pool.iterdir())
    assert zoo("label", pool, "--export-labels", "tasks.json")[0] == 2
    assert sorted(pool.iterdir()) == before
