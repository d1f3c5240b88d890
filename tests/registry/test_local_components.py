"""A user's own components: a class in a file and a line of registry.yaml, no package."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from zoo.host.loader import open_registry

PARTS = '''
import torch
from torch import nn

from my_layers import hidden_layer


class TinyNet(nn.Module):
    """One hidden layer."""

    def __init__(self, num_classes: int, in_chans: int = 3, image_size: int = 8, width: int = 16):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), hidden_layer(in_chans * image_size**2, width), nn.ReLU(), nn.Linear(width, num_classes)
        )

    def forward(self, images):
        return self.layers(images)


class Hinge:
    """The multi-class hinge loss."""

    def __init__(self, margin: float = 1.0):
        self.margin = margin

    def __call__(self, logits, targets):
        return nn.functional.multi_margin_loss(logits, targets, margin=self.margin)


class Errors:
    """How many are wrong."""

    def __init__(self, num_classes: int):
        self.reset()

    def reset(self):
        self.count = 0

    def update(self, logits, targets):
        self.count += int((logits.argmax(1) != targets).sum())

    def compute(self):
        return self.count


class Stripes:
    """Lying and standing stripes, made here."""

    classes = ["standing", "lying"]

    def __init__(self, root, split: str, count: int = 40):
        self.targets = [i % 2 for i in range(count)]
        self.first = 0 if split == "train" else 1

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, i):
        rows = ((torch.arange(8) + self.first + i // 2) % 2 * 255).to(torch.uint8).expand(8, 8)
        return (rows if self.targets[i] == 0 else rows.T)[None], self.targets[i]
'''
LAYERS = "from torch import nn\n\n\ndef hidden_layer(inputs, outputs):\n    return nn.Linear(inputs, outputs)\n"
REGISTRY = """
components:
  architecture:
    tiny: {target: "./my_models.py:TinyNet", params: {width: 24}, summary: One hidden layer}
  loss:
    hinge: {target: "./my_models.py:Hinge"}
  metric:
    errors: {target: "./my_models.py:Errors"}
  dataset:
    stripes: {target: "./my_models.py:Stripes", params: {count: 60}}
"""


@pytest.fixture
def mine() -> Path:
    """A working folder with components of its own."""
    Path("my_models.py").write_text(PARTS)
    Path("my_layers.py").write_text(LAYERS)
    Path("registry.yaml").write_text(REGISTRY)
    return Path.cwd()


@pytest.mark.usefixtures("mine")
def test_a_class_in_a_file_runs_by_its_name(zoo):
    code, out, err = zoo("run", "tiny", "digits", "--epochs", "2", "--name", "t")
    assert (code, err) == (0, "")
    assert "local/tiny" in out
    result = json.loads(Path("runs/t/result.json").read_text())
    assert result["model"]["parameters"] == 64 * 24 + 24 + 24 * 10 + 10, "width 24 comes from registry.yaml"
    assert result["metrics"]["val"]["accuracy"] > 0.5
    assert result["job"]["architecture"] == {"name": "tiny", "width": 24}
    provenance = result["provenance"]["architecture"]
    assert provenance["id"] == "local/tiny"
    assert provenance["target"].endswith("my_models.py:TinyNet")
    assert len(provenance["sha256"]) == 64


@pytest.mark.slow
@pytest.mark.usefixtures("mine")
def test_its_run_can_be_used_where_the_registry_names_it(zoo, tmp_path, monkeypatch):
    assert zoo("run", "tiny", "digits", "--epochs", "1", "--name", "t", "--set", "architecture.width=8", "-q")[0] == 0
    run = Path("runs/t").absolute()
    Image.new("L", (8, 8), 200).save("digit.png")
    picture = Path("digit.png").absolute()
    assert zoo("predict", "t", picture)[0] == 0
    assert zoo("evaluate", "t")[0] == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    code, _, err = zoo("predict", run, picture)
    assert code == 2
    assert "local/tiny" in err
    assert "registry.yaml" in err


@pytest.mark.usefixtures("mine")
def test_every_kind_of_component_can_be_local(zoo):
    words = ("--set", "loss=hinge", "--set", "loss.margin=0.5", "--set", "metrics=[errors]", "--epochs", "8")
    code, _, err = zoo("run", "tiny", "stripes", "--name", "t", "--image-size", "8", "--lr", "0.01", *words)
    assert (code, err) == (0, "")
    result = json.loads(Path("runs/t/result.json").read_text())
    assert result["classes"] == ["lying", "standing"], "sorted, whatever the order of the dataset's own"
    assert result["metrics"]["val"]["accuracy"] == 1.0
    assert result["metrics"]["val"]["errors"] == 0
    assert result["job"]["loss"] == {"name": "hinge", "margin": 0.5}
    assert result["splits"]["val"]["images"] == 60


@pytest.mark.usefixtures("mine")
def test_they_are_listed_and_explained_like_any_other(zoo):
    rows = json.loads(zoo("list", "architectures", "--search", "hidden layer", "--json")[1])
    assert [(row["id"], row["plugin"]) for row in rows] == [("local/tiny", "local")]
    details = json.loads(zoo("info", "tiny", "--json")[1])
    assert details["presets"] == {"width": 24}
    assert details["source"].endswith("my_models.py")
    assert [p["name"] for p in details["parameters"]] == ["width"]


def test_reading_registry_yaml_runs_nothing(zoo, mine):
    (mine / "my_models.py").write_text("raise SystemExit('imported')")
    assert zoo("list")[0] == 0
    assert "local/tiny" in zoo("list", "architectures", "--search", "tiny")[1]


def test_a_local_dataset_on_another_ones_base(zoo, make_folder):
    make_folder({"rose": 8, "tulip": 8}, name=str(Path("data/flowers").absolute()))
    Path("registry.yaml").write_text(
        "components: {dataset: {flowers: {base: image_folder, params: {root: ./data/flowers}}}}\n"
    )
    words = ("--recipe", "none", "--image-size", "16", "--epochs", "1", "--set", "architecture.channels=[4]")
    code, _, err = zoo("run", "simple_cnn", "flowers", *words, "--name", "f")
    assert (code, err) == (0, "")
    result = json.loads(Path("runs/f/result.json").read_text())
    assert result["classes"] == ["rose", "tulip"]
    assert result["job"]["dataset"]["name"] == "flowers"
    assert zoo("evaluate", "f")[0] == 0


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("./my_models.py:TinyNet", "./my_modles.py:TinyNet"), ["my_modles.py", "no such Python file"]),
        (("./my_models.py:TinyNet", "./my_models.py:TinyNett"), ["'TinyNett'", "my_models.py", "'TinyNet'"]),
        (("./my_models.py:TinyNet", "my_package.models:TinyNet"), ["my_package", "No module named"]),
        (("./my_models.py:TinyNet", "./my_models.py"), ["registry.yaml", "tiny", "package.module:attribute"]),
        (("width: 24", "widht: 24"), ["'widht'", "'width'"]),
        (("width: 24", "width: wide"), ["width", "'wide'"]),
    ],
)
def test_a_mistake_in_registry_yaml_is_told_with_the_place(zoo, change, said):
    Path("registry.yaml").write_text(REGISTRY.replace(*change))
    code, _, err = zoo("run", "tiny", "digits")
    assert code == 2
    assert "Traceback" not in err
    for word in said:
        assert word in err
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        ("import no_such_library", 2, ["my_models.py", "no_such_library"]),
        ("def TinyNet(:", 2, ["my_models.py", "SyntaxError"]),
        (
            "def TinyNet(num_classes, in_chans=3, width=24):\n    return 'a network'",
            1,
            ["'local/tiny'", "torch.nn.Module"],
        ),
        (PARTS.replace("nn.Linear(width, num_classes)", "nn.Linear(width, 3)"), 1, ["(N, 10)", "(2, 3)"]),
        (PARTS.replace("in_chans * image_size**2", "99"), 2, ["'local/tiny'", "1x8x8"]),
    ],
)
def test_a_mistake_in_the_file_is_told_with_the_component(zoo, mine, source, code, said):
    (mine / "my_models.py").write_text(source)
    got, _, err = zoo("run", "tiny", "digits")
    assert got == code
    assert "Traceback" not in err
    for word in said:
        assert word in err
    assert not Path("runs").exists()


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(("said", "best"), [(", higher_is_better: false", min), ("", max)])
def test_a_local_metric_says_which_way_is_better(zoo, read_result, said, best):
    Path("registry.yaml").write_text(REGISTRY.replace(':Errors"', f':Errors"{said}'))
    words = ("--lr", "0.3", "--set", "metrics=[errors]", "--set", "train.monitor=val/errors", "--name", "r", "--quiet")
    code, _, err = zoo("run", "tiny", "digits", "--epochs", "4", *words)
    assert code == 0, err
    result = read_result("runs/r")
    values = [epoch["val"]["errors"] for epoch in result["epochs"]]
    assert len(set(values)) > 1
    assert result["best"]["value"] == best(values)


def test_a_metric_on_anothers_base_is_better_as_that_is():
    spec = {"mine": {"base": "hamming"}, "other": {"base": "hamming", "higher_is_better": True}}
    Path("registry.yaml").write_text(json.dumps({"components": {"metric": spec}}))
    registry = open_registry()
    assert [registry.find("metric", name).component.higher_is_better for name in spec] == [False, True]


def test_a_metric_of_a_taken_name_stands_beside_the_number_by_its_full_id(zoo, read_result):
    Path("registry.yaml").write_text("components: {metric: {accuracy: {base: top_k, params: {k: 10}}}}\n", "utf-8")
    words = ("run", "simple_cnn", "digits", "--set", "architecture.channels=[4]", "--epochs", "1", "--name", "r")
    code, _, err = zoo(*words, "--set", "metrics=[accuracy]")
    assert code == 2
    assert "metrics=[local/accuracy]" in err
    assert zoo(*words, "--set", "metrics=[local/accuracy]", "--set", "train.monitor=val/local/accuracy")[0] == 0
    found = read_result("runs/r")["metrics"]["val"]
    assert found["local/accuracy"] == 1.0
    assert found["accuracy"] < 1.0
