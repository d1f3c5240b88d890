"""``zoo extend`` as it is typed: the result is a run, with the old logits to the bit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import zoo as library
from zoo.runner.predictions import read_predictions

Zoo = Callable[..., tuple[int, str, str]]
Pictures = Callable[..., Path]


def extended(zoo: Zoo, run: Path, *words: object, name: str = "wider") -> Path:
    code, _, err = zoo("extend", run, *words, "--name", name)
    assert code == 0, err
    return Path("runs") / name


def logits(run: Path, size: int, side: int = 20) -> torch.Tensor:
    """Logits of random images in batches of a size."""
    model = library.load(run, device="cpu")
    images = list(np.random.default_rng(0).integers(0, 256, (12, side, side, 3), np.uint8))
    return torch.cat([model.logits(images[i : i + size]) for i in range(0, 12, size)])


def test_the_result_is_a_run(zoo: Zoo, pair_run: Path, pictures: Pictures, read_result: Any):
    code, out, err = zoo("extend", pair_run, pictures("blue", 10), "--name", "wider")
    assert code == 0, err
    assert "3 classes: green, red, blue" in out
    assert "old logits: the same bits, on 8 images in batches of 1, 3, 8" in out
    assert "old classes, 16 val images: accuracy 100.0% before" in out
    assert "exact McNemar test p = 1: no significant difference" in out
    assert "blue, 2 val images: recall 100.0%" in out
    assert "notice: Few pictures to validate (blue 2)" in out
    assert "next: zoo predict runs/wider photo.jpg" in out
    run = Path("runs/wider")
    assert sorted(path.name for path in Path("runs").iterdir()) == ["wider"]
    made = {"job.yaml", "model", "pictures", "predictions_val.npz", "report.html", "result.json"}
    assert {path.name for path in run.iterdir()} <= made
    result = read_result(run)
    assert result["status"] == "completed"
    assert result["classes"] == ["green", "red", "blue"]
    assert result["splits"]["val"]["per_class"] == {"green": 8, "red": 8, "blue": 2}
    assert result["extended"]["from"] == "pair"
    assert result["extended"]["pictures"] == {"blue": {"train": 8, "val": 2}}
    assert result["extended"]["cost"]["test"] == "exact McNemar"
    assert result["model"]["begins"] == "extended from pair by blue: a linear layer beside the old logits"
    card = json.loads((run / "model" / "zoo.json").read_text("utf-8"))
    assert card["extended"]["sha256"] == result["extended"]["sha256"]
    assert card["provenance"]["base"]["id"] == "simple/simple_cnn"
    report = (run / "report.html").read_text("utf-8")
    assert "What the new classes cost" in report
    assert "accuracy 100.0% before" in report


@pytest.mark.slow
@pytest.mark.parametrize("head", [(), ("--prototypes",), ("--head", "knn")], ids=["linear", "prototypes", "knn"])
def test_old_logits_have_the_same_bits_at_every_batch_size(zoo: Zoo, pair_run: Path, pictures: Pictures, head: Any):
    run = extended(zoo, pair_run, pictures("blue"), *head)
    for size in (1, 5, 12):
        new, old = logits(run, size), logits(pair_run, size)
        assert torch.equal(new[:, :2], old)
        assert new.shape == (12, 3)


def test_the_other_commands_take_it(zoo: Zoo, pair_run: Path, pictures: Pictures, pair: Path):
    folder = pictures("blue")
    run = extended(zoo, pair_run, folder)
    before = read_predictions(run, "val")
    code, out, err = zoo("evaluate", run, "--json", "--keep")
    assert code == 0, err
    assert json.loads(out)["metrics"]["val"]["accuracy"] == before.right.mean()
    after = read_predictions(run, "val")
    assert after.names == before.names
    assert (after.targets == before.targets).all()
    assert abs(after.logits - before.logits).max() < 1e-3
    model, given = library.load(run, device="cpu"), [folder / "003.png", pair / "val" / "red" / "013.png"]
    assert [each["label"] for each in model.predict(given)] == ["blue", "red"]
    _, embeddings = model.embed([model.pixels(each) for each in given])
    assert embeddings.shape[0] == 2
    model.settle()  # as zoo serve does
    assert [each["label"] for each in model.predict(given)] == ["blue", "red"]
    assert zoo("predict", run, folder / "003.png")[0] == 0
    assert zoo("runs", "list")[1].startswith("run ")
    assert "What the new classes cost" in zoo("runs", "show", run)[1]
    extended(zoo, pair_run, folder, "--refit", name="again")
    code, out, err = zoo("runs", "compare", run, "runs/again", "--json")
    assert code == 0, err
    assert json.loads(out)["images"] == 18


def test_its_job_can_be_trained(zoo: Zoo, pair_run: Path, pictures: Pictures):
    run = extended(zoo, pair_run, pictures("blue"))
    job = yaml.safe_load((run / "job.yaml").read_text("utf-8"))
    assert job["dataset"]["added"] == [["blue", str(pictures("blue"))]]
    words = ("--epochs", "1", "--set", "train.freeze=none", "--name", "trained", "--quiet")
    code, _, err = zoo("run", run / "job.yaml", *words)
    assert code == 0, err


def test_without_a_val_split_the_runs_own_images_stay_held_out(zoo: Zoo, colours_run: Path, pictures: Pictures):
    run = extended(zoo, colours_run, pictures("white", 10))
    old, new = read_predictions(colours_run, "val"), read_predictions(run, "val")
    assert new.names[: len(old.names)] == old.names
    assert (new.targets[: len(old.names)] == old.targets).all()
    assert new.targets[len(old.names) :].tolist() == [3, 3]
    code, out, err = zoo("evaluate", run, "--keep", "--json")
    assert code == 0, err
    assert read_predictions(run, "val").names == new.names
    assert json.loads(out)["metrics"]["val"]["accuracy"] == 1.0


def test_images_that_are_no_files_are_extended_by_files(zoo: Zoo, digits_run: Path, pictures: Pictures):
    """Digits are arrays in grey: the pictures are decoded as the run's own images are."""
    run = extended(zoo, digits_run, pictures("blue", 12))
    result = json.loads((run / "result.json").read_text("utf-8"))
    assert len(result["classes"]) == 11
    code, out, err = zoo("evaluate", run, "--json")
    assert code == 0, err
    same = json.loads(out)["metrics"]["val"]["accuracy"]
    assert same == pytest.approx(result["metrics"]["val"]["accuracy"], abs=0.01)


@pytest.mark.slow
def test_an_extended_run_is_extended_again(zoo: Zoo, pair_run: Path, pictures: Pictures):
    first = extended(zoo, pair_run, pictures("blue"), name="first")
    second = extended(zoo, first, pictures("white"), "--head", "knn", name="second")
    assert torch.equal(logits(second, 5)[:, :3], logits(first, 5))
    card = json.loads((second / "model" / "zoo.json").read_text("utf-8"))
    assert card["classes"] == ["green", "red", "blue", "white"]
    assert [part["name"] for part in card["architecture"]["params"]["parts"]] == ["simple/simple_cnn", "linear", "knn"]
    code, out, err = zoo("evaluate", second, "--json")
    assert code == 0, err
    assert json.loads(out)["splits"]["val"]["per_class"] == {"green": 8, "red": 8, "blue": 2, "white": 2}


def test_two_classes_at_once(zoo: Zoo, pair_run: Path, pictures: Pictures):
    run = extended(zoo, pair_run, pictures("blue", 6), pictures("white", 6))
    result = json.loads((run / "result.json").read_text("utf-8"))
    assert result["classes"] == ["green", "red", "blue", "white"]
    assert result["metrics"]["val"]["accuracy"] == 1.0


def test_features_are_computed_once(zoo: Zoo, pair_run: Path, pictures: Pictures):
    folder = pictures("blue")
    extended(zoo, pair_run, folder, name="first")
    code, _, err = zoo("extend", pair_run, folder, "--name", "second")
    assert code == 0
    assert "computing" not in err


def test_a_threshold_is_chosen_again(zoo: Zoo, pair_run: Path, pictures: Pictures):
    shutil.copytree(pair_run, "runs/sure")
    assert zoo("runs", "threshold", "runs/sure", "--recall", "0.9", "--keep")[0] == 0
    run = extended(zoo, Path("runs/sure"), pictures("blue"))
    before, after = (json.loads((r / "model/zoo.json").read_text())["reject"] for r in (Path("runs/sure"), run))
    assert after["by"] == before["by"] == {"recall": 0.9}
    assert zoo("runs", "threshold", "runs/sure", "--below", "0.7", "--keep")[0] == 0
    code, out, _ = zoo("extend", "runs/sure", pictures("white"), "--name", "other")
    assert code == 0
    assert "'not sure' was not taken over: it was not chosen by precision or recall" in out
    assert "reject" not in json.loads(Path("runs/other/model/zoo.json").read_text())


def test_entries_that_hold_for_the_old_model_alone_are_named(zoo: Zoo, pair_run: Path, pictures: Pictures):
    shutil.copytree(pair_run, "runs/pair")
    file = Path("runs/pair/model/zoo.json")
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), "tta": "flip", "attachments": {"far": {}}}))
    code, out, err = zoo("extend", "runs/pair", pictures("blue"), "--name", "wider")
    assert code == 0, err
    assert "notice: The attachments (detectors, calibration data) of pair are for its own classes" in out
    assert "the new run with a single view. To use it: --tta flip" in out
    card = json.loads(Path("runs/wider/model/zoo.json").read_text("utf-8"))
    assert not {"tta", "attachments"} & card.keys()


def test_json_is_the_document_alone(zoo: Zoo, pair_run: Path, pictures: Pictures):
    code, out, _ = zoo("extend", pair_run, pictures("blue"), "--json", "--name", "wider")
    assert code == 0
    found = json.loads(out)
    assert found["status"] == "extended"
    assert found["cost"]["images"] == 16
    assert found["recall"]["blue"]["images"] == 2


def test_from_python(pair_run: Path, pictures: Pictures):
    result = library.extend(pair_run, pictures("blue"), name="wider", head="prototypes")
    assert result["classes"] == ["green", "red", "blue"]
    assert result["extended"]["head"] == "prototypes"
    again = library.extend(result, [pictures("white")], name="wider", overwrite=True)
    assert again["classes"] == ["green", "red", "blue", "white"]


def test_pictures_of_16_bits_are_read_as_the_model_reads_them(zoo: Zoo, pair_run: Path, tmp_path: Path):
    folder = tmp_path / "bright"
    folder.mkdir()
    for i in range(10):
        pixels = np.random.default_rng(i).integers(200, 256, (20, 20)).astype(np.uint16) * 257
        Image.fromarray(pixels).save(folder / f"{i}.png")
    run = extended(zoo, pair_run, folder, name="deep")
    kept = read_predictions(run, "val")
    code, out, err = zoo("evaluate", run, "--json", "--keep")
    assert code == 0, err
    again = read_predictions(run, "val")
    assert np.allclose(again.probabilities, kept.probabilities, atol=1e-4)
    assert json.loads(out)["metrics"]["val"]["accuracy"] == kept.right.mean()
