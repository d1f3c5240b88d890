"""``--tta``: the same averaged answers by every way to ask for them; without it nothing changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from PIL import Image

import zoo as package
from zoo.engine.tta import VIEWS
from zoo.job.schema import Views


def typed(zoo: Any, *words: object) -> dict[str, Any]:
    code, out, err = zoo(*words, "--json", "--device", "cpu")
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.fixture
def spotted(colours: Path) -> list[Path]:
    """Pictures that are another when they are mirrored, and none of the three colours throughout."""
    found = []
    for i in range(6):
        noise = np.random.default_rng(i).integers(0, 255, (24, 24, 3), dtype=np.uint8)
        noise[:, : 4 * i] //= 3
        found.append(Path(f"spotted-{i}.png").absolute())
        Image.fromarray(noise).save(found[-1])
    return found


def by_hand(run: Path, pictures: list[Path], tta: str) -> list[dict[str, float]]:
    """Class -> probability of each, view by view, with the network alone."""
    model = package.load(run, device="cpu")
    pixels = torch.from_numpy(np.stack([model.pixels(path) for path in pictures])).permute(0, 3, 1, 2)
    images = (pixels.float() / 255 - 0.5) / 0.25
    with torch.inference_mode():
        probs = torch.stack([model.model(view(images)).softmax(dim=1) for view in VIEWS[tta]]).mean(dim=0)
    return [dict(zip(model.classes, row, strict=True)) for row in probs.tolist()]


@pytest.mark.parametrize("tta", ["flip", "crops", "flip_crops", "d4"])
def test_predict_gives_the_mean_over_views(zoo, colours_run, spotted, tta):
    document = typed(zoo, "predict", colours_run, *spotted, "--tta", tta)
    assert document["tta"] == {"name": tta, "views": len(VIEWS[tta])}
    found = [{top["class"]: top["probability"] for top in p["top"]} for p in document["predictions"]]
    for mine, wanted in zip(found, by_hand(colours_run, spotted, tta), strict=True):
        assert mine == pytest.approx(wanted, rel=1e-3, abs=1e-5)
    assert document["predictions"] == package.load(colours_run, device="cpu").predict(spotted, tta=tta)


def test_predict_without_it_is_as_it_was(zoo, colours_run, spotted):
    plain = typed(zoo, "predict", colours_run, *spotted)
    assert plain.keys() == {"predictions"}
    assert typed(zoo, "predict", colours_run, *spotted, "--tta", "none") == plain
    assert typed(zoo, "predict", colours_run, *spotted, "--tta", "flip")["predictions"] != plain["predictions"]


def test_every_number_of_an_evaluation_is_of_the_averaged_answers(zoo, colours_run, spotted):
    """Loss, accuracy, confusion and mistakes, from answers by hand."""
    classes = ["blue", "green", "red"]
    rows = ["path,label", *(f"{path},{classes[i % 3]}" for i, path in enumerate(spotted))]
    Path("spotted.csv").write_text("\n".join(rows))
    words = ("evaluate", colours_run, "spotted.csv", "--split", "all")
    found = typed(zoo, *words, "--tta", "crops")
    answers, numbers = by_hand(colours_run, spotted, "crops"), found["metrics"]["all"]
    labels = [classes[i % 3] for i in range(6)]
    said = [max(answer, key=lambda name: answer[name]) for answer in answers]
    loss = -np.mean([np.log(answer[label]) for answer, label in zip(answers, labels, strict=True)])
    assert numbers["loss"] == pytest.approx(loss, rel=1e-3)
    assert numbers["accuracy"] == np.mean([a == b for a, b in zip(labels, said, strict=True)])
    matrix = [[sum((a, b) == (t, s) for a, b in zip(labels, said, strict=True)) for s in classes] for t in classes]
    assert numbers["confusion_matrix"] == matrix
    wrong = {str(p): answer[s] for p, answer, s, t in zip(spotted, answers, said, labels, strict=True) if s != t}
    told = {str(Path(m["name"]).absolute()): m["confidence"] for m in found["mistakes"]["all"]}
    assert told == pytest.approx(wrong, rel=1e-3)
    assert found["tta"] == {"name": "crops", "views": 5}
    assert any("mean over 5 views" in notice for notice in found["notices"])


def test_evaluate_without_it_gives_the_runs_own_numbers(zoo, colours_run, read_result):
    found = typed(zoo, "evaluate", colours_run, "--tta", "none")
    assert "tta" not in found
    assert found["notices"] == []
    assert found["metrics"]["val"] == read_result(colours_run)["metrics"]["val"]


def test_the_report_says_that_answers_are_averaged(zoo, colours_run):
    code, out, _ = zoo("evaluate", colours_run, "--tta", "flip", "--device", "cpu")
    assert code == 0
    assert "Each prediction is the mean over 2 views of the image" in out


def test_a_jobs_own_way_is_kept_by_its_run_and_its_model(zoo, colours, on_colours, spotted, read_result):
    """The last evaluation, the bundle, and whoever uses it: all by the views of the job. Epochs are by one."""
    code, out, _ = zoo("run", "simple_cnn", colours, *on_colours, "--tta", "flip_crops", "--name", "r")
    assert code == 0
    result = read_result("runs/r")
    best = result["best"]
    assert result["job"]["tta"] == "flip_crops"
    assert result["tta"] == {"name": "flip_crops", "views": 10}
    assert "Each prediction is the mean over 10 views of the image (--tta flip_crops)." in out
    assert f"With a single view, val/accuracy is {best['value']:.4g}." in " ".join(out.split())
    measured = typed(zoo, "evaluate", "r")
    assert measured["metrics"]["val"] == result["metrics"]["val"]
    assert measured["tta"] == result["tta"]
    alone = typed(zoo, "evaluate", "r", "--tta", "none")["metrics"]["val"]
    assert alone["loss"] == pytest.approx(result["epochs"][best["epoch"] - 1]["val"]["loss"], rel=1e-4)
    assert alone["loss"] != pytest.approx(result["metrics"]["val"]["loss"], rel=1e-4)
    by_itself = typed(zoo, "predict", "r", *spotted)
    assert by_itself == typed(zoo, "predict", "r", *spotted, "--tta", "flip_crops")
    assert by_itself["predictions"] == package.load("runs/r", device="cpu").predict(spotted)
    assert typed(zoo, "predict", "r", *spotted, "--tta", "none").keys() == {"predictions"}


def test_views_are_of_images_where_a_head_learned_from_features(zoo, colours, colours_run, on_colours, read_result):
    words = (*on_colours, "--weights", colours_run, "--freeze", "backbone", "--tta", "crops", "--name", "r")
    code, _, err = zoo("run", "simple_cnn", colours, *words)
    assert code == 0, err
    result = read_result("runs/r")
    assert result["model"]["features"]
    measured = typed(zoo, "evaluate", "r")["metrics"]["val"]
    assert measured["loss"] == pytest.approx(result["metrics"]["val"]["loss"], rel=1e-4)


def test_a_job_knows_every_way():
    assert set(get_args(Views)) == set(VIEWS)


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_an_unknown_way_is_refused(refused, colours_run, command):
    words = [colours_run / "model"] if command == "predict" else []
    err = refused(command, colours_run, *words, "--tta", "mirror")
    assert "Unknown test-time augmentation 'mirror'" in err
    assert "flip_crops" in err
