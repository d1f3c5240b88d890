"""One door from Python: objects and registered names of every kind, in a script and in a notebook."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

DEFINITIONS = '''
import torch
import torchmetrics
import zoo
from torch import nn
from torchvision.transforms import v2
from zoo.api.jobs import components
from zoo.api.running import Callback, Observer

torch.manual_seed(0)
network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
digits = components().find("dataset", "digits").make(None, "train")
images = torch.stack([torch.as_tensor(digits[i][0]) for i in range(400)])
labels = torch.tensor([digits[i][1] for i in range(400)])
data = torch.utils.data.Subset(torch.utils.data.TensorDataset(images, labels), range(10, 400))


@zoo.register.loss("mine", summary="An earlier definition")
def mine(logits, targets):
    raise AssertionError("it was replaced")


@zoo.register.loss("mine")
def mine(logits, targets, smooth: float = 0.0):
    """Cross-entropy."""
    return nn.functional.cross_entropy(logits, targets, label_smoothing=smooth)


@zoo.register.metric
def agree(logits, targets):
    return (logits.argmax(1) == targets).float().mean()


class Stop(Callback):
    seen = 0

    def epoch_end(self, run, epoch):
        self.seen += 1
        return "enough"
'''


def run_source(**more: str) -> str:
    options = {
        "classes": 'list("0123456789")',
        "epochs": "3",
        "image_size": "8",
        "lr": "0.05",
        "loss": '"mine"',
        "metrics": '["agree", torchmetrics.classification.MulticlassF1Score(10)]',
        "augment": "[v2.RandomAffine(2)]",
        "optimizer": "torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)",
        "schedule": "torch.optim.lr_scheduler.ExponentialLR",
        "set": '{"data.in_chans": 1, "loss.smooth": 0.1, "train.schedule.gamma": 0.9}',
        "callbacks": "[stop]",
        "name": '"all"',
        "observer": "Observer()",
        **more,
    }
    given = ", ".join(f"{name}={value}" for name, value in options.items())
    return f"stop = Stop()\nresult = zoo.run(network, data, {given})\n"


SHOWN = """
kept = zoo.load(result.dir, architecture=network)
print(sorted(set(result.metrics["val"]) & {"agree", "MulticlassF1Score"}), result["status"], stop.seen)
print(result["job"]["loss"], result["job"]["train"]["optimizer"]["momentum"], len(kept.classes))
print(kept.predict(images[0].numpy())[0]["label"] in kept.classes)
"""
EXPECTED = """['MulticlassF1Score', 'agree'] stopped 1
{'name': 'python/mine', 'smooth': 0.1} 0.9 10
True
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a script that gives everything from Python, and what it prints."""
    folder = tmp_path_factory.mktemp("door")
    (folder / "everything.py").write_text(DEFINITIONS + run_source() + SHOWN)
    done = subprocess.run([sys.executable, "everything.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_a_script_gives_every_kind(script: tuple[Path, str]):
    assert script[1] == EXPECTED


def test_the_job_and_the_result_describe_what_was_given(script: tuple[Path, str]):
    folder = script[0] / "runs" / "all"
    job, result = (folder / "job.yaml").read_text(), json.loads((folder / "result.json").read_text())
    assert "# Passed from Python:\n# architecture: python/Sequential is an object of torch.nn." in job
    assert "# loss: python/mine is __main__:mine, SHA-256 of its source" in job
    given = {path: each.get("given") for path, each in result["provenance"].items() if each["id"].startswith("python/")}
    assert given["loss"] == "function"
    assert given["dataset"] == given["callbacks.0"] == given["augment.0"] == "object"
    assert given["train.optimizer"] == "class"


def test_another_process_says_what_must_be_imported_or_given(script: tuple[Path, str]):
    from zoo import load
    from zoo.api import components, make_request
    from zoo.api.jobs import resolve
    from zoo.errors import BundleError, JobError

    with pytest.raises(BundleError, match=r"zoo.load\(.*architecture=…\) with an object of torch.nn.*:Sequential"):
        load(script[0] / "runs" / "all")
    with pytest.raises(JobError) as caught:
        resolve(make_request({}, file=script[0] / "runs" / "all" / "job.yaml"), components())
    assert "loss 'python/mine' comes from Python code that this process has not run" in str(caught.value)
    assert "zoo.run(…, metrics=…)" in str(caught.value)


def test_another_process_loads_the_model_once_the_name_is_registered(script: tuple[Path, str]):
    from torch import nn

    import zoo
    from zoo.registry import registered

    zoo.register.architecture("Sequential")(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)))
    try:
        assert len(zoo.load(script[0] / "runs" / "all").classes) == 10
    finally:
        registered.clear()


@pytest.mark.slow
def test_a_notebook_gives_every_kind_and_replaces_a_definition(tmp_path: Path):
    import nbformat

    sys.path.append(str(ROOT / "docs"))
    import execute_notebook

    earlier = DEFINITIONS.replace("def mine(logits, targets, smooth: float = 0.0):", "def mine(logits, targets):")
    cells = [nbformat.v4.new_code_cell(source) for source in (earlier, DEFINITIONS, run_source(), SHOWN)]
    done: Any = execute_notebook.execute(tmp_path, notebook=nbformat.v4.new_notebook(cells=cells))
    printed = "".join(output["text"] for output in done.cells[-1]["outputs"])
    assert printed == EXPECTED


def test_a_run_is_resumed_with_the_same_objects_and_says_what_has_changed(tmp_path: Path):
    import torch
    from torch import nn

    import zoo
    from zoo.api.running import Observer
    from zoo.errors import RequestError

    class Said(Observer):
        texts: list[str]

        def __init__(self) -> None:
            self.texts = []

        def notice(self, text: str) -> None:
            self.texts.append(text)

    def network(width: int = 4) -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.Linear(width, 10))

    def loss(logits: Any, targets: Any) -> Any:
        return nn.functional.cross_entropy(logits, targets)

    first, said = loss, Said()

    def loss(logits: Any, targets: Any) -> Any:  # type: ignore[no-redef]
        return nn.functional.cross_entropy(logits, targets) * 2

    asked = {"dataset": "digits", "image_size": 8, "out": tmp_path, "name": "again", "observer": said}
    own = network()
    before = own[1].weight.clone()  # type: ignore[index]
    zoo.run(own, epochs=1, loss=first, **asked)
    assert torch.equal(own[1].weight, before), "a copy is trained"  # type: ignore[index]
    zoo.run(network(), epochs=2, loss=first, resume=True, **asked)
    assert len((tmp_path / "again" / "metrics.jsonl").read_text().splitlines()) == 2
    assert not any("its source has changed" in text for text in said.texts)
    with pytest.raises(RequestError, match=r"The checkpoint does not fit the model .*another one of the same name"):
        zoo.run(network(5), epochs=3, loss=loss, resume=True, **asked)
    assert "loss 'python/loss' is not what this run began with" in "".join(said.texts)
    with pytest.raises(RequestError, match=r"was another job \(loss.name: .*with the same objects: zoo.run"):
        zoo.run(network(), epochs=2, resume=True, **asked)
    with pytest.raises(zoo.errors.JobError, match=r"architecture 'python/Sequential' comes from Python code"):
        zoo.run(job=tmp_path / "again" / "job.yaml", resume=True, out=tmp_path, name="again")
