"""Distributions that third parties wrote for 0.1 work unchanged, each alone and all together."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HERE = Path(__file__).parent
DISTRIBUTIONS = {path.name: path.name.removeprefix("zoo-") for path in sorted(HERE.glob("zoo-*"))}
PROVIDES = {
    "medical": {"architecture": 1, "augmentation": 1, "dataset": 2, "metric": 2},
    "foundation": {"architecture": 3, "importer": 1, "loss": 1, "optimizer": 1, "schedule": 1},
    "datakit": {"dataset": 2, "exporter": 1, "model_source": 1},
    "logbook": {},
    "census": {"command": 3, "display": 1, "function": 1, "health_check": 1},
}
LISTED = {
    *(f"medical/{name}" for name in ("xray_net", "detector_noise", "study", "phantoms", "missed")),
    *(f"foundation/{name}" for name in ("fnd_base", "fnd_small", "fnd_tiny", "fnd", "agreement", "split_adam")),
    *(f"datakit/{name}" for name in ("coco", "onehot", "kit")),
    "medical/sensitivity_at_specificity",
    "foundation/inverse_sqrt",
}
SMALL = "--epochs 2 --image-size 8 --set architecture.channels=[8]"


def test_all_load_together(world):
    listed, plugins, page = world.zoo("list --json", "plugins list --json", "--help")
    theirs = {row["name"]: row for row in plugins.json if row["distribution"] in DISTRIBUTIONS}
    assert {name: row["state"] for name, row in theirs.items()} == dict.fromkeys(PROVIDES, "enabled")
    assert {name: row["provides"] for name, row in theirs.items()} == PROVIDES
    ids = {row["id"] for row in listed.json}
    assert {name for name in ids if name.partition("/")[0] in PROVIDES} == LISTED
    assert re.search(r"^  census  +Count runs and their classes\.$", page.out, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize(("distribution", "plugin"), DISTRIBUTIONS.items())
def test_each_loads_alone(alone, distribution: str, plugin: str):
    (plugins,) = alone(distribution).zoo("plugins list --json")
    provided = {row["name"]: row["provides"] for row in plugins.json if row["state"] == "enabled"}
    assert provided[plugin] == PROVIDES[plugin]
    assert not provided.keys() & (PROVIDES.keys() - {plugin})


@pytest.mark.slow
def test_all_keep_their_contracts(world):
    checked = world.zoo(*(f"plugins check {name}" for name in PROVIDES))
    for name, answer in zip(PROVIDES, checked, strict=True):
        assert answer.code == 0, f"zoo plugins check {name}: {answer.out}{answer.err}"
        assert " failed" not in answer.out


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_their_own_tests_pass(world):
    for name in DISTRIBUTIONS:
        shutil.copytree(HERE / name / "tests", world.work / name)
    words = ("-q", "--import-mode=importlib", "-p", "no:cacheprovider", "-c", "/dev/null", f"--rootdir={world.work}")
    done = world.python("-m", "pytest", *words, *DISTRIBUTIONS)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def study(folder: Path) -> None:
    """40 images of 16 bits of 20 patients, as PNG and npy, with the table that names them."""
    lines = ["image\tpatient\tfinding"]
    for i in range(40):
        label = i // 2 % 2
        pixels = np.random.default_rng(i).integers(5000 + 25000 * label, 20000 + 25000 * label, (32, 32), np.uint16)
        np.save(folder / f"{i}.npy", pixels) if i % 2 else Image.fromarray(pixels).save(folder / f"{i}.png")
        lines.append(f"{i}.{'npy' if i % 2 else 'png'}\tp{i // 2}\t{('normal', 'effusion')[label]}")
    (folder / "chest.study").write_text("\n".join(lines) + "\n")


@pytest.mark.slow
def test_medical_trains_by_the_recipe_of_its_readme(world):
    study(world.work)
    recipe = re.search(r"```yaml\n(.*?)```", (HERE / "zoo-medical" / "README.md").read_text("utf-8"), re.DOTALL)[1]
    (world.work / "registry.yaml").write_text(recipe)
    trained, evaluated, predicted = world.zoo(
        "run medical/xray_net ./chest.study --name chest --json", "evaluate chest --json", "predict chest 0.png --json"
    )
    result = trained.json
    assert result["recipe"]["name"] == "clinic"
    assert result["best"]["metric"] == "val/sensitivity_at_specificity"
    assert result["splits"]["val"]["images"] % 2 == 0, "both images of a patient are in one split"
    used = {row["id"]: (row["distribution"], row["version"]) for row in result["provenance"].values()}
    for name in ("xray_net", "study", "sensitivity_at_specificity", "detector_noise"):
        assert used[f"medical/{name}"] == ("zoo-medical", "0.1.2")
    assert evaluated.json["metrics"]["val"]["accuracy"] == result["metrics"]["val"]["accuracy"]
    assert predicted.json["predictions"][0]["top"][0]["class"] in ("normal", "effusion")


@pytest.mark.slow
def test_foundation_trains_exports_and_imports_its_own_checkpoints(world):
    make = (
        "import torch; from zoo_foundation.vit import create; "
        "torch.save({'fnd': 1, 'model': 'fnd_tiny', 'classes': ['ash', 'oak'], 'image_size': 32, "
        "'weights': create('fnd_tiny', 2).state_dict()}, 'fnd_tiny.fnd')"
    )
    assert world.python("-c", make).returncode == 0
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(world.work / "leaf.png")
    parts = "--set loss=agreement --set train.optimizer=split_adam --set train.schedule=inverse_sqrt"
    trained, resumed, imported, predicted, exported = world.zoo(
        f"run fnd_tiny digits --pretrained --freeze backbone --epochs 1 --image-size 32 {parts} --name probe --json",
        "run probe/job.yaml --epochs 2 --name again --json".replace("probe", "runs/probe", 1),
        "import fnd_tiny.fnd --name leaves",
        "predict leaves leaf.png --json",
        "export probe --format safetensors",
        FND_HOME=world.work,
    )
    ids = {row["id"] for row in trained.json["provenance"].values()}
    assert ids >= {f"foundation/{name}" for name in ("fnd_tiny", "agreement", "split_adam", "inverse_sqrt")}
    assert len(resumed.json["epochs"]) == 2
    assert imported.code == 0, imported.err
    assert {row["class"] for row in predicted.json["predictions"][0]["top"]} == {"ash", "oak"}
    assert exported.code == 0, exported.err


@pytest.mark.slow
def test_datakit_reads_exports_and_fetches(world):
    for i in range(40):
        pixels = np.random.default_rng(i).integers(0, 100, (16, 16, 3)) + np.array([120 * (i % 2), 0, 0])
        Image.fromarray(pixels.astype(np.uint8)).save(world.work / f"{i}.png")
    document = {
        "images": [{"id": i, "file_name": f"{i}.png"} for i in range(40)],
        "annotations": [{"image_id": i, "category_id": i % 2} for i in range(40)],
        "categories": [{"id": 0, "name": "grey"}, {"id": 1, "name": "red"}],
    }
    (world.work / "photos.coco").write_text(json.dumps(document))
    (world.work / "shelf").mkdir()
    (world.work / "shelf" / "team").symlink_to(world.work / "runs" / "red" / "model")
    own = {"DATAKIT_SHELF": world.work / "shelf", "ZOO_CACHE": world.work / "cache"}
    trained, exported, by_file, by_word, cache = world.zoo(
        "run simple_cnn ./photos.coco --epochs 3 --image-size 16 --name red --json",
        "export red --format kit",
        "predict runs/red/model.kit 1.png --json",
        "predict kit:team 1.png --json",
        "cache list",
        **own,
    )
    assert trained.json["classes"] == ["grey", "red"]
    assert exported.code == 0, exported.err
    answers = [answer.json["predictions"][0]["top"][0] for answer in (by_file, by_word)]
    assert answers[0]["class"] == answers[1]["class"]
    assert answers[0]["probability"] == pytest.approx(answers[1]["probability"], abs=1e-4)
    assert "models from the shelf" in cache.out


@pytest.mark.slow
def test_logbook_writes_stops_and_reports(world):
    book = world.work / "runs" / "logbook.jsonl"
    (stopped,) = world.zoo(f"run simple_cnn digits {SMALL} --name one --json", LOGBOOK_STOP_AT="0.01")
    assert stopped.json["status"] == "stopped"
    assert "LOGBOOK_STOP_AT" in stopped.json["stop_reason"]
    assert any(title == "Logbook" for title, _ in stopped.json["sections"])
    rows = [json.loads(line) for line in book.read_text("utf-8").splitlines()]
    assert [row["event"] for row in rows] == ["start", "epoch", "end"]


@pytest.mark.slow
def test_census_counts_runs_of_all(world):
    trained, counted, called, owners, doctor = world.zoo(
        "run xnet phantoms --epochs 1 --set dataset.patients=12 --name one",
        "census runs --json",
        "roll-call",
        "plugins owners",
        "doctor",
    )
    assert trained.code == 0, trained.err
    assert [(row["run"], row["status"]) for row in counted.json] == [("one", "completed")]
    assert (called.code, called.out) == (0, "one\n")
    assert {line.partition(":")[0] for line in owners.out.splitlines()} >= {"zoo-medical", "zoo-foundation"}
    assert "1 runs can be read." in doctor.out
