"""What is shared says nothing of the machine that trained it."""

from __future__ import annotations

import getpass
import json
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.runs import RunResult
from zoo_hub.model_card import write_model_card
from zoo_hub.public import Places


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("images in /home/alice/my photos/cats", "images in cats"),
        ("photos in /data/x/y, and ~/z/w.csv.", "photos in y, and w.csv."),
        ("/srv/nets.py:TinyNet", "nets.py:TinyNet"),
        (r"C:\Users\alice\nets.py:TinyNet", "nets.py:TinyNet"),
        (r"\\server\share\cats", "cats"),
        ("s3://alice:key@bucket/a/b/train.tar", "s3://bucket/…/train.tar"),
        ("https://host/a/b?token=secret", "https://host/…/b"),
        (
            "timm/resnet18 and/or 1/2, val/accuracy; scikit-learn's",
            "timm/resnet18 and/or 1/2, val/accuracy; scikit-learn's",
        ),
        ("/home/alice/my photos/cats/cat.jpg", "cat.jpg"),
    ],
)
def test_of_a_path_the_last_name_is_left(text, public):
    assert Places(["/home/alice/my photos/cats"]).text(text) == public


def test_the_home_folder_itself_has_no_name(monkeypatch):
    monkeypatch.setenv("HOME", "/home/alice")
    assert "alice" not in Places([Path.home()]).text("in /home/alice, and /home/alice/")


@given(parts=st.lists(st.text("abcdefgh-_.0123456789é", min_size=1, max_size=8), min_size=2, max_size=5))
def test_no_folder_of_any_path_is_left(parts):
    path = "/zzz-" + "/".join(parts) + "/last"
    assert "zzz-" not in Places([]).text(f"read from {path} and written")


@pytest.fixture
def pushed(zoo, tmp_path, make_folder, monkeypatch):
    """All that is shared of a run whose network, pictures and weights lie in places with telling names."""
    secret = tmp_path / "home of alice"
    secret.mkdir()
    root = make_folder({"train/red": 8, "train/blue": 8, "val/red": 4, "val/blue": 4}, "home of alice/red and blue")
    (root / "train" / "red" / "broken holiday.png").write_bytes(b"nothing")
    (secret / "nets.py").write_text(
        "import torch\nclass Net(torch.nn.Module):\n"
        "    def __init__(self, num_classes: int, in_chans: int = 3, where: str = ''):\n"
        "        super().__init__()\n        self.out = torch.nn.Linear(in_chans, num_classes)\n"
        "    def forward(self, x):\n        return self.out(x.mean((2, 3)))\n"
    )
    params = f"{{where: '{secret / 'cache.bin'}'}}"
    (secret / "registry.yaml").write_text(
        f'version: 1\ncomponents: {{architecture: {{net: {{target: "./nets.py:Net", params: {params}}}}}}}\n'
    )
    monkeypatch.chdir(secret)
    words = ("--epochs", "1", "--image-size", "16", "--recipe", "none", "--set", "data.max_bad_fraction=0.5")
    code, _, err = zoo("run", "net", root, *words, "--name", "colours", "--quiet")
    assert code == 0, err
    code, out, err = zoo("models", "push", "colours", tmp_path / "shared", "--json")
    assert code == 0, err
    return json.loads(out), {p.name: p.read_bytes() for p in (tmp_path / "shared" / "colours").iterdir()}


def test_nothing_shared_names_a_place_a_user_or_a_machine(pushed, tmp_path):
    document, files = pushed
    for name, content in files.items():
        for word in ("home of alice", str(tmp_path), socket.gethostname(), str(Path.home()), "broken holiday"):
            assert word.encode() not in content, (name, word)
        if len(getpass.getuser()) > 5:
            assert getpass.getuser().encode() not in content
    card = json.loads(files["zoo.json"])
    assert card["architecture"]["target"] == "nets.py:Net"
    assert card["architecture"]["params"]["where"] == "cache.bin"
    assert any("architecture.target" in notice for notice in document["notices"])
    assert any("Its network is not part of a plugin" in notice for notice in document["notices"])


def test_the_card_tells_what_was_left_out_and_what_is_needed(pushed):
    readme = pushed[1]["README.md"].decode()
    assert "| train | 16 | 1 (" in readme
    assert "Images: images in red and blue." in readme
    assert "**Its network is not part of a plugin**: `nets.py:Net` is also needed, with a `registry.yaml`" in readme


# -- the card ---------------------------------------------------------------------------------------------


@pytest.fixture
def documents(run):
    return json.loads((run / "model" / "zoo.json").read_text()), json.loads((run / "result.json").read_text())


def front_matter(text: str) -> dict:
    from huggingface_hub import ModelCard

    found: dict = ModelCard(text).data.to_dict()
    return found


def test_the_hubs_own_library_reads_the_card(documents):
    card, result = documents
    text = write_model_card(card, RunResult.read(result), name="digits", license="mit", address="hf:alice/digits")
    front = front_matter(text)
    assert front["license"] == "mit"
    assert front["library_name"] == "visionzoo"
    assert front["pipeline_tag"] == "image-classification"
    assert "visionzoo" in front["tags"]
    (measured,) = front["model-index"][0]["results"]
    assert measured["metrics"][0]["value"] == pytest.approx(result["metrics"]["val"]["accuracy"], abs=1e-6)
    assert measured["dataset"]["split"] == "val"


def test_the_card_has_its_sections_and_numbers(documents):
    card, result = documents
    text = write_model_card(card, RunResult.read(result), name="digits", license="unknown")
    for title in ("Usage", "Data", "Metrics", "Limits", "Training", "Licence"):
        assert f"\n## {title}\n" in text
    low, high = result["metrics"]["val"]["intervals"]["accuracy"]
    assert f"{100 * low:.1f}–{100 * high:.1f}%" in text
    assert f"| {sum(map(sum, result['metrics']['val']['confusion_matrix'])):,} |" in text or "On 360 val images" in text
    assert "specified none" in text
    assert "seed: 0" in text


def test_test_images_speak_before_validation_images_and_drawings_are_said(documents):
    card, result = documents
    result["metrics"]["test"] = result["metrics"]["val"]
    result["splits"]["test"] = {**result["splits"]["val"], "source": "drawn by the zoo: drawings, not photos"}
    text = write_model_card(card, RunResult.read(result), name="digits", license="mit")
    assert "measured | test/accuracy" in text
    assert "trained on drawings, not on photos" in text


def test_names_of_classes_can_not_change_the_page(documents):
    card, result = documents
    names = ["<script>", "a|b", "# top", "`x`", "---", "[link](http://x)", "*b*", "8", "line\nbreak", "{{x}}"]
    card["classes"] = result["classes"] = names
    figures = result["metrics"]["val"]["per_class"].values()
    result["metrics"]["val"]["per_class"] = dict(zip(names, figures, strict=True))
    text = write_model_card(card, RunResult.read(result), name="digits", license="mit")
    assert front_matter(text)["license"] == "mit"
    assert "`<script>`" in text
    assert "<script>" not in text.replace("`<script>`", "")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert not any("a|b" in row for row in rows)


@pytest.mark.parametrize("lost", ["metrics", "splits", "job", "environment", "best", "timing", "epochs", "task"])
def test_a_result_that_lacks_something_still_makes_a_card(documents, lost):
    card, result = documents
    result.pop(lost)
    assert "# digits" in write_model_card(card, RunResult.read(result), name="digits", license="mit")


def test_a_bundle_alone_is_shared_without_numbers(zoo, run, tmp_path):
    import shutil

    shutil.copytree(run / "model", tmp_path / "alone")
    code, out, err = zoo("models", "push", tmp_path / "alone", tmp_path / "shared", "--json")
    assert code == 0, err
    assert "metric" in out
    assert json.loads(out)["metric"] is None
    assert any("no result.json" in notice for notice in json.loads(out)["notices"])
    assert "so its data is unknown" in (tmp_path / "shared" / "alone" / "README.md").read_text()


def test_the_card_of_a_regression_has_its_error(regression_result):
    from zoo_hub.model_card import headline_metric
    from zoo_hub.report import answers, measured

    card = {
        "classes": ["value"],
        "task": "regression",
        "architecture": {"id": "simple/simple_cnn"},
        "preprocessing": {"image_size": 16, "in_chans": 1},
    }
    result = RunResult.read(regression_result)
    text = write_model_card(card, result, name="digits", license="mit")
    assert "A network that predicts a value for an image: `value`." in text
    assert "MAE 0.6943 (95% interval 0.6349–0.7577) on 360 images" in text
    assert "| MAE | 0.6943 | 0.6349–0.7577 | 2.489 |" in text
    assert "type: mae" in text
    for word in ("accuracy", "lassif", "one of its classes", "majority"):
        assert word not in text, word
    metric = headline_metric(result)
    assert (metric["name"], metric["value"]) == ("val/mae", pytest.approx(0.6943, abs=1e-4))
    assert measured(metric) == "MAE 0.6943 (0.6349–0.7577)"
    assert answers({"classes": 1, "task": "regression"}) == "1 value"
    assert answers({"classes": 3, "task": "single-label"}) == "3 classes"
