"""Images with multiple labels, from their files to predictions: real jobs of a second or two on drawn pictures."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image, ImageDraw
from sklearn import metrics as sk

import zoo as api
from zoo.data.decode import read_item
from zoo.data.labels import label_indices
from zoo.data.open import Opener, open_training, training_splits
from zoo.data.split import class_counts
from zoo.data.splits import fold_numbers, hold_out, stratify
from zoo.errors import ContractError, DataError, RequestError
from zoo.host.loader import open_registry
from zoo.model.bundle import read_card
from zoo_images.tables import ImageCsv

CLASSES = ["bar", "disc", "square"]
# In float32 wherever it runs: what is compared with a reference is computed in float32 too.
TINY = (
    *["--recipe", "none", "--image-size", "16", "--batch-size", "8", "--lr", "0.02", "--precision", "fp32"],
    "--quiet",
)
NET = ("--set", "architecture={channels: [8, 16], batch_norm: true, global_pool: max, padding: true, dropout: 0.0}")


def drawing(rng: np.random.Generator) -> tuple[Image.Image, list[str]]:
    """A picture, and what is in it: nothing, or any of three things."""
    image = Image.fromarray(rng.integers(0, 60, (16, 16, 3), dtype=np.uint8))
    draw, labels = ImageDraw.Draw(image), []
    if rng.random() < 0.5:
        x, y = map(int, rng.integers(0, 9, 2))
        draw.ellipse((x, y, x + 6, y + 6), fill=(240, 40, 40))
        labels.append("disc")
    if rng.random() < 0.4:
        x, y = map(int, rng.integers(0, 9, 2))
        draw.rectangle((x, y, x + 6, y + 6), fill=(40, 240, 40))
        labels.append("square")
    if rng.random() < 0.3:
        x = int(rng.integers(1, 14))
        draw.line((x, 0, x, 15), fill=(60, 60, 255), width=2)
        labels.append("bar")
    return image, labels


def write(folder: Path, count: int = 90, seed: int = 0) -> dict[str, list[str]]:
    """Pictures, and three files that say the same of them: ``labels.csv``, ``ones.csv`` and ``bars.csv``."""
    rng, told = np.random.default_rng(seed), {}
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        image, labels = drawing(rng)
        image.save(folder / f"{i:03}.png")
        told[f"{i:03}.png"] = labels
    rows = {
        "labels.csv": [["path", "labels"], *([name, "; ".join(labels)] for name, labels in told.items())],
        "ones.csv": [["path", *CLASSES], *([n, *(int(c in ls) for c in CLASSES)] for n, ls in told.items())],
        "bars.csv": [["path", "what"], *([name, "|".join(labels)] for name, labels in told.items())],
    }
    for name, lines in rows.items():
        with (folder / name).open("w", newline="") as file:
            csv.writer(file).writerows(lines)
    return told


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("several") / "shapes"
    write(folder)
    return folder


@pytest.fixture(scope="module")
def run(pictures: Path, session_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has learned to tell what is in a picture; to be read, never changed."""
    from zoo.__main__ import main

    work = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(session_cache))
        patch.setenv("XDG_CONFIG_HOME", str(work / "config"))
        patch.chdir(work)
        metrics = "metrics=[map,hamming,f1,{name: recall, average: micro}]"
        words = ["run", "simple_cnn", pictures / "labels.csv", *TINY, *NET, "--epochs", "12", "--set", metrics]
        assert main([str(word) for word in [*words, "--name", "trained"]]) == 0
    return work / "runs" / "trained"


@pytest.fixture
def result(run: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((run / "result.json").read_text("utf-8"))
    return document


def answers(run: Path, names: list[Path]) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Probabilities (N, K), and predictions, of a run from Python."""
    classifier = api.load(run, device="cpu")
    probs = classifier.probabilities([classifier.pixels(name) for name in names]).numpy()
    return probs, classifier.predict(names)


# -- the file -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {"file": "labels.csv"},
        {"file": "ones.csv", "class_columns": list(reversed(CLASSES))},
        {"file": "bars.csv", "labels_column": "what", "separator": "|"},
    ],
    ids=["labels", "one-hot", "own words"],
)
def test_a_csv_file_gives_any_number_of_labels(pictures, tmp_path, params):
    told = write(tmp_path, 20)
    dataset = ImageCsv(tmp_path, "train", **params)
    assert dataset.multilabel
    assert dataset.classes == CLASSES
    for i in range(20):
        name, label = Path(dataset.name_of(i)).name, dataset[i][1]
        assert [dataset.classes[k] for k in label] == sorted(told[name])
        assert dataset.targets[i] == label
    assert () in dataset.targets, "an image may have none"
    assert ImageCsv.peek(tmp_path, **params)["multilabel"] is True


def test_one_label_an_image_stays_one_label(tmp_path):
    (tmp_path / "l.csv").write_text("path,label,labels\na.png,cat;dog,x\nb.png,dog,y\n")
    dataset = ImageCsv(tmp_path / "l.csv", "train")
    assert (dataset.multilabel, dataset.classes, dataset.targets) == (False, ["cat;dog", "dog"], [0, 1])
    assert ImageCsv.peek(tmp_path / "l.csv")["multilabel"] is False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path,cat,dog\na.png,1,yes\n", "line 2: the dog is 'yes'. It must be 1 for images of that class, and 0"),
        ("path,cat\na.png,1\n", r"no column 'dog'.*class_columns=\[NAME,NAME\]"),
        ("path,cat,dog\na.png,1,\n", "line 2: the dog is blank"),
        ("path,cat,dog\na.png,1,0\n", "only one class, 'cat'"),
    ],
)
def test_what_is_wrong_with_a_table_of_ones_is_said(tmp_path, text, said):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=said):
        ImageCsv(tmp_path / "t.csv", "train", class_columns=["cat", "dog"])


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ([2, 0], (0, 2)),
        ((1, 1), (1,)),
        (set(), ()),
        (np.array([0, 1, 1]), (1, 2)),
        (torch.tensor([1.0, 0.0, 0.0]), (0,)),
        (np.zeros(3, bool), ()),
    ],
)
def test_a_label_is_a_list_of_indices_or_an_array_of_zeros_and_ones(label, found):
    assert label_indices(label, 3) == found


@pytest.mark.parametrize("label", [[3], [-1], [0.5], np.array([0, 2, 0]), np.array([0, 1]), 1, "cat", None])
def test_any_other_label_is_refused(label):
    with pytest.raises(ContractError, match="must be a list of indices into its 3 classes"):
        label_indices(label, 3)


def test_a_dataset_that_says_nothing_has_one_label_an_image():
    with pytest.raises(ContractError, match="a label must be an integer"):
        read_item([(None, [0, 1])], 0)


# -- splits -------------------------------------------------------------------------------------------


def random_labels(count: int, seed: int, shares: tuple[float, ...] = (0.5, 0.3, 0.1, 0.04)) -> np.ndarray:
    return (np.random.default_rng(seed).random((count, len(shares))) < shares).astype(np.float32)


@pytest.mark.parametrize("seed", range(5))
def test_a_held_out_part_has_its_share_of_every_class(seed):
    labels = random_labels(400, seed)
    kept, held = hold_out(labels, 0.2, seed)
    assert sorted([*kept, *held]) == list(range(400))
    assert len(held) == pytest.approx(80, abs=4)
    wanted = 0.2 * labels.sum(0)
    assert np.abs(labels[held].sum(0) - wanted).max() <= 3
    assert np.array_equal(held, hold_out(labels.copy(), 0.2, seed)[1])
    assert not np.array_equal(held, hold_out(labels, 0.2, seed + 1)[1])


def test_a_class_of_two_images_is_in_both_parts():
    labels = np.zeros((50, 2), np.float32)
    labels[:, 0] = 1
    labels[[3, 40], 1] = 1
    kept, held = hold_out(labels, 0.1, 0)
    assert (labels[kept, 1].sum(), labels[held, 1].sum()) == (1, 1)


@pytest.mark.parametrize("folds", [2, 5])
def test_folds_are_alike_in_size_and_in_every_class(folds):
    labels = random_labels(300, 1)
    numbers = fold_numbers(labels, folds, 0, list("abcd"))
    assert set(numbers) == set(range(1, folds + 1))
    sizes = np.bincount(numbers)[1:]
    assert sizes.max() - sizes.min() <= 3
    counts = np.stack([labels[numbers == k + 1].sum(0) for k in range(folds)])
    assert (counts.max(0) - counts.min(0)).max() <= 3
    assert counts.min() >= 1
    with pytest.raises(DataError, match="folds need"):
        fold_numbers(labels, int(labels.sum(0).min()) + 1, 0, list("abcd"))


def test_images_without_a_label_are_shared_out_too():
    parts = stratify(np.zeros((10, 2), np.float32), [0.8, 0.2], 0)
    assert np.bincount(parts).tolist() == [8, 2]


class Ordered:
    """Several labels by class names in an order of their own."""

    multilabel = True

    def __init__(self, classes: list[str], labels: list[Any]):
        self.classes, self.labels = classes, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, Any]:
        return torch.full((3, 8, 8), index % 250, dtype=torch.uint8), self.labels[index]


def splits_of(train: Any, **others: Any) -> dict[str, Any]:
    from zoo.job.request import entry_of

    opener = Opener(entry_of("dataset", {"train": train, **others}), {}, (8, 3))  # type: ignore[arg-type]
    opened, classes = open_training(opener)
    return training_splits(opener, opened, classes, 0.25, 0)


def test_labels_are_the_jobs_by_name_in_every_split():
    train = Ordered(["dog", "cat"], [[0], [1], [0, 1], []] * 4)
    val = Ordered(["cat", "dog"], [np.array([1, 0]), np.array([1, 1])])
    splits = splits_of(train, val=val)
    assert splits["train"].labels[:4].tolist() == [[0, 1], [1, 0], [1, 1], [0, 0]], "cat comes first"
    assert splits["val"].labels.tolist() == [[1, 0], [1, 1]]
    assert splits["train"].labels.dtype == np.float32
    assert splits["train"].summary(["cat", "dog"])["per_class"] == {"cat": 8, "dog": 8}
    assert class_counts(splits["val"].labels, 2).tolist() == [2, 1]


def test_a_split_of_the_other_kind_is_refused():
    class Single(Ordered):
        multilabel = False

    train = Ordered(["cat", "dog"], [[0], [1], [0, 1], []] * 4)
    with pytest.raises(DataError, match=r"val images are single-label.*training is multi-label"):
        splits_of(train, val=Single(["cat", "dog"], [0, 1]))


# -- a job --------------------------------------------------------------------------------------------


def test_the_job_takes_a_loss_and_a_monitor_for_several_labels(run, result):
    assert result["job"]["loss"]["name"] == "binary_cross_entropy"
    assert result["job"]["train"]["monitor"] == "val/mean_average_precision"
    assert result["job_sources"]["loss.name"] == "recipe multi_label"
    assert result["job_sources"]["train.monitor"] == "recipe multi_label"
    assert result["task"] == "multi-label"
    best = max(result["epochs"], key=lambda e: e["val"]["mean_average_precision"])
    assert result["best"]["value"] == best["val"]["mean_average_precision"]
    assert result["metrics"]["val"]["mean_average_precision"] > 0.8, "it has learned something"


def test_every_number_is_scikit_learns_on_the_runs_own_answers(run, result, pictures):
    zoo_numbers = api_evaluate(run, pictures / "labels.csv", "train")
    told = {row["path"]: row["labels"] for row in csv.DictReader((pictures / "labels.csv").open())}
    probs, _ = answers(run, [pictures / name for name in told])
    real = np.array([[c in labels for c in CLASSES] for labels in told.values()])
    given = probs >= 0.5
    assert zoo_numbers["accuracy"] == pytest.approx(sk.accuracy_score(real, given))
    assert zoo_numbers["f1_macro"] == pytest.approx(sk.f1_score(real, given, average="macro"))
    assert zoo_numbers["f1_micro"] == pytest.approx(sk.f1_score(real, given, average="micro"))
    assert zoo_numbers["hamming_loss"] == pytest.approx(sk.hamming_loss(real, given))
    wanted = sk.average_precision_score(real, probs, average="macro")
    assert zoo_numbers["mean_average_precision"] == pytest.approx(wanted, abs=1e-6)
    assert zoo_numbers["confusion_matrix"] == sk.multilabel_confusion_matrix(real, given).tolist()
    assert zoo_numbers["loss"] == pytest.approx(np.mean([sk.log_loss(real[:, k], probs[:, k]) for k in range(3)]), 1e-4)
    # the metrics of the plugin agree with the core's own
    assert zoo_numbers["map"] == pytest.approx(zoo_numbers["mean_average_precision"], abs=1e-6)
    assert zoo_numbers["hamming"] == pytest.approx(zoo_numbers["hamming_loss"])
    assert zoo_numbers["f1"] == pytest.approx(zoo_numbers["f1_macro"])
    assert zoo_numbers["recall"] == pytest.approx(sk.recall_score(real, given, average="micro"))
    chosen = probs >= np.array(result["thresholds"])
    assert zoo_numbers["at_thresholds"]["f1_macro"] == pytest.approx(sk.f1_score(real, chosen, average="macro"))


def api_evaluate(run: Path, table: Path, split: str) -> dict[str, Any]:
    from zoo.evaluation.evaluate import evaluate_run

    found = evaluate_run(run, str(table), registry=open_registry(), split=split, device="cpu")
    return found.metrics_of(split).document()


def test_evaluate_finds_the_very_images_that_were_held_out(zoo, run, result):
    code, out, _ = zoo("evaluate", run, "--json")
    assert code == 0
    again = json.loads(out)
    for name in ("accuracy", "f1_macro", "mean_average_precision", "hamming_loss"):
        assert again["metrics"]["val"][name] == pytest.approx(result["metrics"]["val"][name])
    assert (
        again["metrics"]["val"]["at_thresholds"]["per_class"] == result["metrics"]["val"]["at_thresholds"]["per_class"]
    )
    assert again["splits"]["val"]["fingerprint"] == result["splits"]["val"]["fingerprint"]


def test_thresholds_are_in_the_bundle_and_never_worse_on_val(run, result):
    card = read_card(run / "model")
    assert card["thresholds"] == result["thresholds"]
    assert len(card["thresholds"]) == 3
    val = result["metrics"]["val"]
    for name in CLASSES:
        assert val["at_thresholds"]["per_class"][name]["f1"] >= val["per_class"][name]["f1"] - 1e-12


def test_predictions_are_the_labels_over_their_thresholds(zoo, run, result, pictures):
    names = [pictures / f"{i:03}.png" for i in range(12)]
    code, out, _ = zoo("predict", run, *names, "--json")
    assert code == 0
    predictions = json.loads(out)["predictions"]
    for prediction in predictions:
        assert set(prediction) == {"path", "labels", "top"}, "no label alone: there may be none"
        probs = {row["class"]: row["probability"] for row in prediction["top"]}
        over = [c for c, t in zip(CLASSES, result["thresholds"], strict=True) if probs[c] >= t]
        assert sorted(prediction["labels"]) == over
        assert prediction["labels"] == sorted(over, key=lambda c: -probs[c]), "likeliest first"
    assert any(sum(row["probability"] for row in p["top"]) > 1.2 for p in predictions), "no softmax"
    assert [p["labels"] for p in predictions] == [p["labels"] for p in answers(run, names)[1]]


def test_predictions_as_csv_and_as_a_table(zoo, run, pictures):
    names = [pictures / f"{i:03}.png" for i in range(12)]
    _, out, _ = zoo("predict", run, *names, "--csv")
    rows = list(csv.DictReader(out.splitlines()))
    _, expected = answers(run, names)
    assert [row["labels"] for row in rows] == [";".join(p["labels"]) for p in expected]
    code, out, _ = zoo("predict", run, *names)
    assert code == 0
    assert "most probable" in out


def test_views_are_averaged_as_sigmoids(run, pictures):
    classifier = api.load(run, device="cpu")
    pixels = classifier.pixels(pictures / "000.png")
    mirrored = np.ascontiguousarray(pixels[:, ::-1])
    each = classifier.probabilities([pixels, mirrored])
    assert torch.allclose(classifier.probabilities([pixels], "flip")[0], each.mean(0), atol=1e-5)


def test_reports_speak_of_several_labels(zoo, run, result):
    page = (run / "report.html").read_text("utf-8")
    assert "exact match" in page
    assert "optimistic" in page
    assert "Confusion" not in page
    code, out, _ = zoo("evaluate", run)
    assert code == 0
    assert "exact match" in out
    assert "optimistic" in out
    assert "rows are true classes" not in out
    assert "[[" not in out
    assert "['" not in page + out


@pytest.mark.slow
def test_training_is_the_same_again_and_after_an_interruption(zoo, pictures):
    words = ("run", "simple_cnn", pictures / "labels.csv", *TINY, *NET)
    assert zoo(*words, "--epochs", "3", "--name", "whole")[0] == 0

    from zoo.runner.observer import Observer

    class Stopping(Observer):
        def epoch_ended(self, record: dict[str, Any]) -> None:
            if record["epoch"] == 2:
                raise KeyboardInterrupt

    from zoo.errors import Interrupted

    job = yaml.safe_load(Path("runs/whole/job.yaml").read_text())
    with pytest.raises(Interrupted):
        api.run(job="runs/whole/job.yaml", name="cut", observer=Stopping())
    assert read_card(Path("runs/cut/model"))["thresholds"] is None, "0.5 until the best weights are known"
    assert api.load("runs/cut").predict(pictures / "000.png")[0].keys() == {"path", "labels", "top"}
    assert zoo("run", "--resume", "runs/cut", "--quiet")[0] == 0
    whole, cut = (json.loads(Path(f"runs/{name}/result.json").read_text()) for name in ("whole", "cut"))
    assert whole["metrics"] == cut["metrics"]
    assert whole["thresholds"] == cut["thresholds"]
    assert job["loss"]["name"] == "losses/binary_cross_entropy"


@pytest.mark.slow
def test_folds_are_counted_together(zoo, pictures):
    code, _, err = zoo(
        "run", "simple_cnn", pictures / "labels.csv", *TINY, *NET, "--epochs", "1", "--name", "f", "--folds", "2"
    )
    assert code == 0, err
    summary = json.loads(Path("runs/f/summary.json").read_text())
    runs = [json.loads(Path(f"runs/f-fold{k}/result.json").read_text()) for k in (1, 2)]
    assert summary["out_of_fold"]["images"] == 90
    right = sum(r["metrics"]["val"]["accuracy"] * r["splits"]["val"]["images"] for r in runs)
    assert summary["out_of_fold"]["accuracy"] == pytest.approx(right / 90)
    assert set(summary["out_of_fold"]["per_class"]) == set(CLASSES)


def test_soft_targets_of_mixed_images_train_too(zoo, pictures):
    code, _, err = zoo(
        *("run", "simple_cnn", pictures / "ones.csv", *TINY, *NET, "--epochs", "2", "--name", "mixed"),
        *("--set", f"dataset.class_columns={CLASSES}", "--set", "augment=[mixup,cutmix]", "--set", "loss=focal"),
    )
    assert code == 0, err
    result = json.loads(Path("runs/mixed/result.json").read_text())
    assert result["job"]["loss"]["name"] == "focal", "what somebody chose stays"
    assert math.isfinite(result["epochs"][-1]["train"]["loss"])


def test_an_object_from_python_says_it_itself():
    rng = np.random.default_rng(0)
    rows = [drawing(rng) for _ in range(40)]

    class Drawn:
        multilabel = True
        classes = CLASSES

        def __len__(self) -> int:
            return len(rows)

        def __getitem__(self, index: int) -> tuple[Image.Image, np.ndarray]:
            image, labels = rows[index]
            return image, np.array([c in labels for c in CLASSES])

    done = api.run(
        "simple_cnn", Drawn(), recipe="none", epochs=1, image_size=16, set={"architecture.channels": [8]}, name="p"
    )
    assert done["task"] == "multi-label"
    assert done["job"]["loss"]["name"] == "binary_cross_entropy"


# -- what can't be ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--set", "loss=cross_entropy"],
            "loss 'cross_entropy' does not support multi-label.*binary_cross_entropy, focal",
        ),
        (["--set", "loss=mse"], "loss 'mse' does not support multi-label datasets.*binary_cross_entropy, focal"),
        (["--set", "metrics=[top_k]"], "metric 'top_k' does not support multi-label.*mean_average_precision"),
        (
            ["--set", "train.class_weights=balanced"],
            "train.class_weights=balanced does not support multi-label.*--set train.class_weights=none",
        ),
        (
            ["--set", "train.sampler=balanced"],
            "sampler 'samplers/balanced' does not support multi-label datasets.*zoo list sampler --search multi-label",
        ),
        (["--set", "train.monitor=val/top"], "val/hamming_loss"),
    ],
)
def test_what_is_for_one_label_is_refused(zoo, pictures, words, said):
    import re

    code, _, err = zoo("run", "simple_cnn", pictures / "labels.csv", *TINY, *NET, "--name", "no", *words)
    assert code == 2
    assert re.search(said, err), err
    assert not Path("runs/no").exists()


def test_a_run_is_not_measured_on_images_with_one_label(zoo, run, make_folder):
    folder = make_folder({"bar": 2, "disc": 2, "square": 2})
    code, _, err = zoo("evaluate", run, folder)
    assert code == 2
    assert "single-label" in err


def test_a_loss_of_a_stranger_that_knows_no_labels_is_refused_when_the_factory_can_not_be_asked():
    def factory(split: str) -> Ordered:
        return Ordered(["cat", "dog"], [[0], [1], [0, 1], []] * 4)

    factory.available_splits = lambda: ("train",)  # type: ignore[attr-defined]
    with pytest.raises(RequestError, match="does not support multi-label datasets"):
        api.run("simple_cnn", factory, recipe="none", image_size=16, set={"architecture.channels": [8]}, name="q")


def test_the_default_stays_for_one_label(zoo, make_folder):
    folder = make_folder({"a": 3, "b": 3})
    code, out, _ = zoo("run", "simple_cnn", folder, "--dry-run", "--json")
    assert code == 0
    job = json.loads(out)["job"]
    assert (job["loss"]["name"], job["train"]["monitor"]) == ("cross_entropy", "val/accuracy")


@pytest.mark.parametrize("split", [(), ("--split", "val")])
def test_a_coverage_of_several_labels_is_refused(zoo, run, split):
    code, _, err = zoo("evaluate", run, "--coverage", "0.9", *split)
    assert code == 2
    assert "is multi-label: each of its classes has a threshold of its own. Leave out the coverage." in err
