"""``zoo run`` and ``zoo train``: what they do when all goes well."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shutil
import sys
import threading
from pathlib import Path

import pytest
import yaml

RESULT_KEYS = {
    *("schema", "status", "run", "dir", "job", "classes", "splits", "metrics", "best", "epochs"),
    *("timing", "environment", "provenance", "model"),
}
SPLIT_KEYS = {"images", "skipped", "fingerprint"}
METRIC_KEYS = {"loss", "accuracy", "f1_macro", "f1_micro", "confusion_matrix"}
TIMING_KEYS = {"setup_s", "data_s", "train_s", "evaluate_s", "total_s", "train_images_per_second"}


def dry(zoo, *words):
    """A dry run's document."""
    code, out, err = zoo("run", *words, "--dry-run", "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


# -- what will run ------------------------------------------------------------------------------------


def test_a_dry_run_says_that_a_run_may_find_photos_to_download(zoo):
    words = "run", "simple_cnn", "cats_dogs", "--dry-run"
    assert "This job uses drawings" in zoo(*words)[1]
    assert "Oxford-IIIT Pet" in json.loads(zoo(*words, "--json")[1])["provisional"]
    assert "Oxford" not in zoo(*words, "--set", "dataset.source=drawn")[1], "drawings are what was asked for"


def test_dry_run_shows_each_value_and_where_it_came_from(zoo):
    code, out, _ = zoo("run", "simple_cnn", "digits", "--epochs", "3", "--set", "loss=focal", "--dry-run")
    assert code == 0
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert re.search(r"\b3\b.*command line", lines["train.epochs"])
    assert re.search(r"focal.*--set", lines["loss.name"])
    assert "recipe" in lines["train.lr"]
    assert "focal's own" in lines["loss.gamma"]
    assert "default" in lines["seed"]
    assert list(Path().iterdir()) == [], "a dry run writes nothing"


def test_command_line_over_set_over_file_over_recipe_over_default(zoo):
    Path("job.yaml").write_text(
        yaml.safe_dump(
            {
                "architecture": "simple_cnn",
                "dataset": "digits",
                "train": {"epochs": 4, "lr": 0.04, "batch_size": 44, "image_size": 24},
            }
        )
    )
    document = dry(zoo, "job.yaml", "--set", "train.lr=0.03", "--set", "train.epochs=33", "--epochs", "2")
    train, sources = document["job"]["train"], document["sources"]
    found = {key: (train[key], sources[f"train.{key}"]) for key in ("epochs", "lr", "batch_size", "image_size")}
    assert found == {
        "epochs": (2, "command line"),
        "lr": (0.03, "--set"),
        "batch_size": (44, "job.yaml"),
        "image_size": (24, "job.yaml"),
    }
    assert sources["architecture.batch_norm"] == "recipe simple_cnn+digits"
    assert sources["train.weight_decay"] == "default"
    assert sources["architecture.stem_stride"] == "simple_cnn's own"


def test_recipes_by_name_and_none_at_all(zoo):
    article = dry(zoo, "simple_cnn", "digits", "--recipe", "article")["job"]
    assert article["loss"]["name"] == "binary_cross_entropy"
    assert (article["train"]["optimizer"]["name"], article["train"]["image_size"]) == ("adam", 150)
    assert article["data"]["mean"] == [0.0]
    assert article["augment"] == []
    assert article["recipe"] == "article"
    bare = dry(zoo, "simple_cnn", "digits", "--recipe", "none")["job"]
    assert bare["architecture"]["batch_norm"] is False
    assert bare["recipe"] is None


@pytest.mark.parametrize(
    ("words", "path", "value"),
    [
        (["loss=focal"], ["loss", "name"], "focal"),
        (["loss=focal", "loss.gamma=1.5"], ["loss", "gamma"], 1.5),
        (["loss.gamma=1.5", "loss=focal"], ["loss", "gamma"], 1.5),
        (["loss={name: focal, gamma: 1.5}"], ["loss", "gamma"], 1.5),
        (["loss.label_smoothing=0.1"], ["loss", "label_smoothing"], 0.1),
        (["metrics=top_k"], ["metrics", 0, "name"], "top_k"),
        (["metrics=[top_k, auroc]"], ["metrics", 1, "name"], "auroc"),
        (["metrics=[{name: top_k, k: 3}]"], ["metrics", 0, "k"], 3),
        (["augment=[]"], ["augment"], []),
        (["augment=[{name: shift, fraction: 0.25}]"], ["augment", 0, "fraction"], 0.25),
        (["architecture.channels=[8, 16]"], ["architecture", "channels"], [8, 16]),
        (["train.optimizer=sgd", "train.optimizer.momentum=0.8"], ["train", "optimizer", "momentum"], 0.8),
        (["train.schedule=cosine"], ["train", "schedule", "name"], "cosine"),
        (["train.lr=1e-4"], ["train", "lr"], 1e-4),
        (["train={epochs: 7, patience: 2}"], ["train", "patience"], 2),
        (["train.monitor=val/loss"], ["train", "monitor"], "val/loss"),
        (["train.clip_norm=null"], ["train", "clip_norm"], None),
        (["data.resize=crop"], ["data", "resize"], "crop"),
        (["precision=fp32"], ["precision"], "fp32"),
        (["seed=12"], ["seed"], 12),
    ],
)
def test_set_reaches_every_part_of_a_job(zoo, words, path, value):
    found = dry(zoo, "simple_cnn", "digits", *(word for text in words for word in ("--set", text)))["job"]
    for key in path:
        found = found[key]
    assert found == value


def test_a_recipes_small_first_pictures_give_way_to_a_smaller_size(zoo):
    words = ("simple_cnn", "cats_dogs", "--recipe", "simple_cnn+cats_dogs")
    recipe = dry(zoo, *words)["job"]["train"]
    assert recipe["start_size"] < recipe["image_size"]
    small = dry(zoo, *words, "--image-size", recipe["start_size"] - 16)
    assert small["job"]["train"]["start_size"] is None
    assert small["sources"]["train.start_size"] == "command line"
    large = dry(zoo, *words, "--image-size", 2 * recipe["image_size"])
    assert large["job"]["train"]["start_size"] == recipe["start_size"]


def test_another_component_drops_the_parameters_of_the_one_before(zoo):
    job = dry(zoo, "simple_rnn", "digits", "--set", "train.optimizer=sgd")["job"]
    assert "betas" not in job["train"]["optimizer"]
    Path("job.yaml").write_text("architecture: simple_cnn\ndataset: digits\nloss: {name: focal, gamma: 3}\n")
    assert "gamma" not in dry(zoo, "job.yaml", "--set", "loss=cross_entropy")["job"]["loss"]


def test_a_colour_networks_normalisation_fits_grey_images(zoo):
    data = dry(zoo, "timm/resnet10t", "digits")["job"]["data"]
    assert data["in_chans"] == len(data["mean"]) == len(data["std"]) == 1


# -- a run --------------------------------------------------------------------------------------------


def test_a_run_leaves_what_the_design_says(digits_run, read_result):
    left = {path.name for path in digits_run.iterdir()} - {"evaluation.html"}  # another test may have evaluated it
    files = {"job.yaml", "result.json", "metrics.jsonl", "predictions_val.npz", "report.html"}
    assert left == {*files, "model", "checkpoints", "pictures"}
    assert {path.name for path in (digits_run / "model").iterdir()} == {"model.safetensors", "zoo.json"}
    kept = {path.suffix for path in (digits_run / "checkpoints").iterdir()}
    assert kept == {".pt", ".json"}
    result = read_result(digits_run)
    assert result.keys() >= RESULT_KEYS
    assert (result["schema"], result["status"], result["run"]) == (1, "completed", "trained")
    assert result["classes"] == [str(digit) for digit in range(10)]
    assert result["splits"].keys() == {"train", "val"}
    assert all(split.keys() >= SPLIT_KEYS for split in result["splits"].values())
    assert (result["splits"]["train"]["images"], result["splits"]["val"]["images"]) == (1437, 360)
    assert result["metrics"]["val"].keys() >= METRIC_KEYS
    assert result["best"].keys() == {"epoch", "metric", "value"}
    assert result["timing"].keys() >= TIMING_KEYS
    assert result["model"]["bundle"] == "model"
    provenance = result["provenance"]["architecture"]
    assert provenance["id"] == "simple/simple_cnn"
    assert provenance["distribution"] == "visionzoo"
    assert provenance.keys() >= {"version", "target"}


def test_every_epoch_is_a_line_of_metrics_and_an_entry_of_the_result(colours_run, read_result):
    result = read_result(colours_run)
    lines = [json.loads(line) for line in (colours_run / "metrics.jsonl").read_text().splitlines()]
    assert lines == result["epochs"]
    assert [epoch["epoch"] for epoch in lines] == [1, 2, 3, 4]
    for epoch in lines:
        assert epoch.keys() >= {"train", "val", "lr", "seconds", "images_per_second"}
        assert epoch["train"].keys() >= {"loss", "accuracy"}
    best = result["best"]
    assert best["value"] == max(epoch["val"]["accuracy"] for epoch in lines)
    assert result["metrics"]["val"]["accuracy"] == lines[best["epoch"] - 1]["val"]["accuracy"]
    assert result["model"]["parameters"] == 8 * 27 + 2 * 8 + 8 * 3 + 3


def test_the_numbers_of_a_result_agree_with_each_other(digits_run, read_result):
    val = read_result(digits_run)["metrics"]["val"]
    matrix = val["confusion_matrix"]
    assert sum(map(sum, matrix)) == 360
    assert val["accuracy"] == sum(matrix[i][i] for i in range(10)) / 360
    assert [per["support"] for per in val["per_class"].values()] == [sum(row) for row in matrix]
    assert 0 <= val["f1_macro"] <= 1


def test_job_yaml_does_the_run_again(zoo, digits_run, read_result, numbers):
    code, _, _ = zoo("run", digits_run / "job.yaml", "--name", "again", "--quiet")
    assert code == 0
    assert numbers(read_result("runs/again")) == numbers(read_result(digits_run))
    assert Path("runs/again/job.yaml").read_text() == (digits_run / "job.yaml").read_text()


def test_the_seed_decides_the_numbers_to_the_last_digit(zoo, tiny, digits_run, read_result, numbers):
    for name, seed in (("same", 0), ("other", 1)):
        assert zoo("run", "simple_cnn", "digits", *tiny, "--seed", seed, "--name", name, "--quiet")[0] == 0
    first, same, other = (numbers(read_result(run)) for run in (digits_run, "runs/same", "runs/other"))
    assert same == first
    assert other["metrics"]["val"]["loss"] != first["metrics"]["val"]["loss"]


def test_metrics_come_on_top(zoo, tiny, read_result):
    asked = "metrics=[top_k, {name: top_k, k: 10}, auroc, recall]"
    assert zoo("run", "simple_cnn", "digits", *tiny, "--name", "m", "--set", asked)[0] == 0
    val = read_result("runs/m")["metrics"]["val"]
    assert val["top_k_2"] == 1.0, "one of ten classes is always among ten"
    assert val["accuracy"] <= val["top_k"] < 1
    assert 0.4 < val["auroc"] < 1
    assert val["recall"] == pytest.approx(sum(per["recall"] for per in val["per_class"].values()) / 10, abs=1e-6), (
        "macro"
    )


def test_without_a_terminal_there_is_a_plain_line_an_epoch(zoo, colours, on_colours):
    code, out, err = zoo("run", "simple_cnn", colours, *on_colours, "--name", "plain")
    assert (code, err) == (0, "")
    assert len(re.findall(r"^epoch \d/4 ", out, flags=re.MULTILINE)) == 4
    assert "\x1b" not in out
    assert "zoo predict runs/plain" in out, "what to type next"


def test_quiet_prints_the_last_line_only(zoo, tiny):
    """Of a run without a name, which gets one, in another folder than the usual."""
    code, out, err = zoo("run", "simple_cnn", "digits", *tiny, "--out", "a/b", "--quiet")
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    assert "accuracy" in out
    (run,) = Path("a/b").iterdir()
    assert re.fullmatch(r"[a-z]+-[a-z]+", run.name)
    assert run.name in out
    assert (run / "result.json").is_file()
    assert not Path("runs").exists()
    assert [row["run"] for row in json.loads(zoo("runs", "list", "--out", "a/b", "--json")[1])] == [run.name]


@pytest.mark.slow
def test_train_has_only_the_last_line_for_a_report(zoo, tiny):
    code, out, _ = zoo("train", "simple_cnn", "digits", *tiny, "--name", "trained")
    assert code == 0
    assert out.count("\n") == 1
    assert zoo("evaluate", "trained")[0] == 0


# -- a process of its own -------------------------------------------------------------------------------


def test_json_alone_is_on_stdout(zoo, tiny, read_result):
    code, out, err = zoo("run", "simple_cnn", "digits", *tiny, "--name", "j", "--json", "--set", "metrics=[auroc]")
    assert code == 0, err
    document = json.loads(out)
    assert isinstance(document["metrics"]["val"]["accuracy"], float)
    assert document == read_result("runs/j")
    assert "epoch 1/1" in err, "progress goes to stderr"


@pytest.fixture
def terminal(monkeypatch, zoo):
    """Type a command on a terminal of 80 columns: gives its exit code and all that it printed."""
    monkeypatch.setenv("TERM", "xterm-256color")

    def typed(*words: str) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        seen: list[bytes] = []
        reader = threading.Thread(target=_read_all, args=(ours, seen))
        reader.start()
        with os.fdopen(theirs, "w", encoding="utf-8") as screen, monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", screen)
            code = zoo(*words)[0]
        reader.join(timeout=60)
        os.close(ours)
        return code, b"".join(seen).decode()

    return typed


def _read_all(terminal: int, seen: list[bytes]) -> None:
    with contextlib.suppress(OSError):  # Linux's word for the end, once nobody holds the other side
        while chunk := os.read(terminal, 65536):
            seen.append(chunk)


COLOUR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")


def test_no_color_is_obeyed_on_a_terminal(terminal, tiny, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    words = ("run", "simple_cnn", "digits", *tiny, "--overwrite", "--name", "r")
    for colourful in (True, False):
        code, seen = terminal(*words)
        assert code == 0
        assert bool(COLOUR.search(seen)) is colourful
        assert "\x1b" in seen, "a live display"
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
        assert "zoo predict runs/r" in plain
        assert max(map(len, re.split(r"[\r\n]+", plain))) <= 80
        monkeypatch.setenv("NO_COLOR", "1")


# -- a taken name ---------------------------------------------------------------------------------------


@pytest.fixture
def mine(digits_run, tiny) -> tuple[str, ...]:
    """A run called ``mine`` that lies in runs, and the words that make it again."""
    shutil.copytree(digits_run, "runs/mine")
    return ("run", "simple_cnn", "digits", *tiny, "--name", "mine", "--quiet")


def test_a_taken_name_is_refused(refused, mine, digits_run):
    error = refused(*mine)
    for word in ("'mine'", "--name", "--resume", "--overwrite"):
        assert word in error
    assert Path("runs/mine/result.json").read_text() == (digits_run / "result.json").read_text()


def test_overwrite_replaces_a_run(zoo, mine, read_result):
    (Path("runs/mine") / "notes.txt").write_text("old")
    assert zoo(*mine, "--seed", "5", "--overwrite")[0] == 0
    assert read_result("runs/mine")["job"]["seed"] == 5
    assert not (Path("runs/mine") / "notes.txt").exists()
    assert [path.name for path in Path("runs").iterdir()] == ["mine"]


def test_overwrite_keeps_the_old_run_where_the_new_one_can_not_begin(zoo, mine, refused):
    refused(*mine, "--overwrite", "--image-size", "2")  # too small: found out when the network is built
    assert zoo("evaluate", "mine")[0] == 0


def test_overwrite_touches_nothing_that_is_no_run(tiny, refused):
    Path("runs/thesis").mkdir(parents=True)
    Path("runs/thesis/chapter1.txt").write_text("years of work")
    error = refused("run", "simple_cnn", "digits", *tiny, "--name", "thesis", "--overwrite")
    assert "not the folder of a run" in error
    assert Path("runs/thesis/chapter1.txt").read_text() == "years of work"


def test_resume_of_a_completed_run_changes_nothing(zoo, mine, read_result, numbers):
    before = numbers(read_result("runs/mine"))
    for again in (("run", "--resume", "mine", "--quiet"), (*mine, "--resume")):
        assert zoo(*again)[0] == 0
        assert numbers(read_result("runs/mine")) == before


def test_resume_with_nothing_to_resume_starts_afresh_and_says_so(zoo, tiny, read_result):
    code, out, _ = zoo("run", "simple_cnn", "digits", *tiny, "--name", "new", "--resume")
    assert code == 0
    assert "Nothing to resume" in out
    assert read_result("runs/new")["status"] == "completed"


@pytest.mark.usefixtures("mine")
def test_resume_of_a_complete_run_without_training_is_refused(refused):
    """A run that was merged of others has no checkpoint: to train its job in its place would destroy it."""
    shutil.rmtree("runs/mine/checkpoints")
    file = Path("runs/mine/result.json")
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), "epochs": []}))
    weights = Path("runs/mine/model/model.safetensors").read_bytes()
    error = refused("run", "--resume", "mine")
    assert "made without training" in error
    assert "--name NAME" in error
    assert Path("runs/mine/model/model.safetensors").read_bytes() == weights


@pytest.mark.usefixtures("mine")
def test_resume_of_another_job_is_refused(refused):
    error = refused("run", "--resume", "mine", "--seed", "3")
    assert "seed: 0 before, 3 now" in error
    assert "zoo run --resume runs/mine" in error


def test_early_stopping_says_why_and_keeps_the_best(zoo, tiny, read_result):
    words = ("--set", "train.patience=1", "--set", "train.min_delta=1.0", "--epochs", "5", "--name", "s")
    code, out, _ = zoo("run", "simple_cnn", "digits", *tiny, *words)
    assert code == 0
    result = read_result("runs/s")
    assert result["status"] == "stopped"
    assert len(result["epochs"]) == 2
    assert result["best"]["epoch"] == 1
    assert "val/accuracy" in result["stop_reason"]
    assert "stopped" in out
