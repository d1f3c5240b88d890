"""``zoo detector``: fits, chooses, keeps; predictions by it everywhere; and refusals in plain words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import zoo as python
from zoo.api.models import read_attachments
from zoo_detectors.generated import generated


def fitted(zoo, run, *words) -> dict:
    code, out, err = zoo("detector", run, *words, "--json")
    assert code == 0, err
    return json.loads(out)


def test_every_detector_is_compared_and_the_best_is_kept(zoo, run):
    found = fitted(zoo, run)

    names = {"max_softmax", "max_logit", "energy", "mahalanobis", "relative_mahalanobis", "knn", "residual", "vim"}
    assert set(found["detectors"]) == names
    assert {name: each["source"] for name, each in found["foreign"].items()} == dict.fromkeys(
        ("textures", "noise", "shapes"), "generated"
    )
    best = found["detectors"][found["detector"]]
    assert best["chosen_by"] == max(each["chosen_by"] for each in found["detectors"].values())
    assert best["all"]["images"] == 36  # half of three kinds
    kept = read_attachments(run / "model")["detector"]
    assert kept.facts["detector"]["id"] == f"detectors/{found['detector']}"
    assert kept.facts["threshold"] == best["threshold"]


def test_predictions_are_decided_by_the_detector(zoo, run, foreign):
    noise = foreign("noise", 30)
    before = python.load(run).predict(sorted(noise.iterdir()))
    fitted(zoo, run, "--foreign", noise, "--detector", "knn")
    classifier = python.load(run)
    after = classifier.predict(sorted(noise.iterdir()))

    assert sum(not each["familiar"] for each in after) >= 27
    assert [each["label"] for each in after] == [each["label"] for each in before]
    _, out, _ = zoo("predict", run, noise, "--json")
    assert [each["familiar"] for each in json.loads(out)["predictions"]] == [each["familiar"] for each in after]
    assert "the detector of the model finds none of its classes" in zoo("predict", run, noise)[1]
    assert zoo("predict", run, noise, "--out", "rows.csv")[0] == 0
    rows = Path("rows.csv").read_text().splitlines()
    assert sum(",false," in row for row in rows) >= 27


def test_false_alarms_are_as_rare_as_was_asked_for(zoo, run):
    found = fitted(zoo, run, "--false-alarms", "0.2", "--detector", "mahalanobis")["detectors"]["mahalanobis"]
    low, high = found["false_alarms"]["interval"]
    assert low <= 0.2 <= high


def test_the_report_names_what_was_generated_and_where_the_detector_is(zoo, run):
    code, out, _ = zoo("detector", run, "--detector", "energy")
    assert code == 0
    text = " ".join(out.split())
    assert "The foreign images were generated" in text
    assert "saved in mine/model" in text
    assert all(len(line) <= 80 for line in out.splitlines())


def test_nothing_is_kept_unless_wanted_and_a_kept_one_can_be_removed(zoo, run):
    fitted(zoo, run, "--detector", "energy", "--no-keep")
    assert read_attachments(run / "model") == {}
    fitted(zoo, run, "--detector", "energy")
    assert zoo("detector", run, "--remove")[1] == "mine has no detector\n"
    assert read_attachments(run / "model") == {}


def test_another_tta_than_the_detectors_has_no_answer_by_it(zoo, run):
    fitted(zoo, run, "--detector", "knn")
    classifier = python.load(run)
    picture = generated("noise", 1)[0]
    assert "familiar" in classifier.predict(picture)[0]
    assert "familiar" not in classifier.predict(picture, tta="flip")[0]


def test_logits_alone_have_no_answer_of_a_detector_on_embeddings(zoo, run):
    fitted(zoo, run, "--detector", "knn")
    classifier = python.load(run)
    pixels = [classifier.pixels(generated("noise", 1)[0])]
    assert "familiar" not in classifier.answers_of(classifier.logits(pixels))[0]
    assert classifier.answers_of(classifier.compute(pixels)) == classifier.answers(pixels)


_OTHERS = ("mahalanobis", "relative_mahalanobis", "vim", "residual", "energy", "max_logit", "max_softmax")


@pytest.mark.slow
@pytest.mark.parametrize("name", _OTHERS)
def test_an_onnx_file_answers_as_the_run_does(zoo, run, foreign, name):
    pytest.importorskip("onnxruntime")
    noise = foreign("noise", 20)
    fitted(zoo, run, "--detector", name)
    code, out, err = zoo("export", run, "--json")
    assert code == 0, err
    checked = json.loads(out)["scores"]["detector"]
    assert checked["disagreements"] == 0
    files = sorted(noise.iterdir())
    own, other = python.load(run).predict(files), python.load(run / "model.onnx").predict(files)
    assert [each["familiar"] for each in own] == [each["familiar"] for each in other]


@pytest.mark.slow
def test_other_programs_find_the_score_of_an_onnx_file(zoo, run):
    onnxruntime = pytest.importorskip("onnxruntime")
    fitted(zoo, run, "--detector", "knn")
    zoo("export", run)
    session = onnxruntime.InferenceSession(run / "model.onnx")
    pictures = np.stack([np.asarray(each.convert("L"))[..., None] for each in generated("noise", 3)])
    probs, score = session.run(["probabilities", "detector"], {"images": pictures})
    facts = json.loads(session.get_modelmeta().custom_metadata_map["zoo.json"])["attachments"]["detector"]
    assert probs.shape == (3, 10)
    assert (score > facts["threshold"]).all()
    own, other = (python.load(each).predict(generated("noise", 3)) for each in (run, run / "model.onnx"))
    assert [each["familiar"] for each in own] == [each["familiar"] for each in other] == [False] * 3


def test_a_format_without_the_detector_says_so(zoo, run):
    fitted(zoo, run, "--detector", "knn")
    code, out, _ = zoo("export", run, "--format", "safetensors")
    assert code == 0
    assert "lacks the detector of the model" in out
    assert "familiar" not in python.load(run / "model.safetensors").predict(generated("noise", 1)[0])[0]


def test_a_model_in_training_loses_the_detector_of_older_weights(zoo, run):
    fitted(zoo, run, "--detector", "knn")
    code, _, err = zoo("run", "--resume", run, "--epochs", "3")
    assert code == 0, err
    assert read_attachments(run / "model") == {}
    assert not (run / "model" / "attachments.safetensors").exists()


def test_a_shared_model_has_its_detector(zoo, run):
    fitted(zoo, run, "--detector", "knn")
    assert zoo("models", "push", run, "./shared", "--name", "mine", "--license", "MIT")[0] == 0
    own = python.load(run).predict(generated("noise", 4))
    assert python.load("shared/mine").predict(generated("noise", 4)) == own
    assert "shared model" in zoo("detector", "shared/mine")[2]


def test_a_network_without_embeddings_has_detectors_on_logits_only(zoo, run, monkeypatch):
    from zoo.errors import RequestError
    from zoo.model.classifier import Classifier

    def none(*_: object, **__: object) -> None:
        raise RequestError("it gives no embeddings: the network has no last layer with weights.")

    monkeypatch.setattr(Classifier, "embed", none)
    code, out, err = zoo("detector", run, "--json")
    assert code == 0
    assert set(json.loads(out)["detectors"]) == {"max_softmax", "max_logit", "energy"}
    assert "Only detectors on logits were fitted" in err
    code, _, err = zoo("detector", run, "--detector", "knn")
    assert code == 2
    assert "no last layer with weights" in err


def test_a_disabled_plugin_leaves_a_model_usable_and_says_so(zoo, run):
    fitted(zoo, run, "--detector", "energy")
    card = json.loads((run / "model/zoo.json").read_text())
    card["attachments"]["detector"]["prediction_field"] = "acme/detector"
    (run / "model/zoo.json").write_text(json.dumps(card))
    generated("noise", 1)[0].save("noise.png")
    code, _, err = zoo("predict", run, "noise.png")
    assert code == 0
    assert "Predictions lack the fields of attachment 'detector'" in err


def test_a_detector_of_another_plugin_takes_part_and_is_blamed(zoo, run, make_plugin):
    source = '''
from zoo.plugin import hookimpl
from zoo_detectors import Detector
from zoo_detectors.fitted import FittedDetector

class Broken(FittedDetector):
    """Broken."""
    def fit(self, known):
        raise ValueError("no idea")

class Depth(FittedDetector):
    """By the first logit."""
    def forward(self, logits):
        return logits[:, 0]

@hookimpl
def zoo_components():
    yield Detector("broken", "zoo_acme:Broken", summary="Broken")
    yield Detector("depth", "zoo_acme:Depth", summary="By the first logit")
'''
    make_plugin("acme", source)
    code, out, err = zoo("detector", run, "--json", "--no-keep")
    assert code == 0
    assert "depth" in json.loads(out)["detectors"]
    assert "broken" in err
    assert "no idea" in err
    assert "zoo-acme" in err


def test_refusals(zoo, run, foreign, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    few = foreign("shapes", 7)
    unreadable = tmp_path / "unreadable"
    unreadable.mkdir()
    for number in range(25):
        (unreadable / f"{number}.png").write_bytes(b"no picture")
    bare = Path(shutil.copytree(run / "model", tmp_path / "bare"))
    (tmp_path / "model.onnx").write_bytes(b"")
    cases = {
        (run, "--foreign", "nowhere"): "nowhere is not a folder",
        (run, "--foreign", empty): "has no pictures, and at least 20 are needed",
        (run, "--foreign", few): "has 7 pictures, and at least 20 are needed",
        (run, "--foreign", unreadable, "--detector", "energy"): "Only 0 of the 25 pictures",
        (run, "--detector", "knnn"): "Did you mean 'knn'",
        (
            run,
            "--detector",
            "energy",
            "--false-alarms",
            "0.0001",
        ): "9,999 validation images, and the run has 360. Ask for at least 0.003",
        (bare,): "not the folder of a run",
        (tmp_path / "model.onnx",): "is an exported file",
    }
    for words, said in cases.items():
        code, _, err = zoo("detector", *words)
        assert (code, said in err) == (2, True), err
        assert "Traceback" not in err


def test_a_multi_label_model_is_refused(zoo, run):
    card = json.loads((run / "model/zoo.json").read_text())
    card["task"] = "multi-label"
    (run / "model/zoo.json").write_text(json.dumps(card))
    code, _, err = zoo("detector", run)
    assert code == 2
    assert "multi-label" in err
