"""ONNX classifiers of every form: what is kept answers, from pixels, as the file itself does in onnxruntime."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from torch import nn

from zoo_export.onnx_import import names_in

Zoo = Callable[..., tuple[int, str, str]]
SIDE = 32
SHAPE = ("--image-size", SIDE, "--mean", "0.4,0.5,0.6", "--std", "0.2,0.25,0.3", "--crop-pct", "1")


class Small(nn.Module):
    """A network of three classes, and what comes after its logits.

    Args:
        last: from logits to what it answers with.
        fixed: answers are (1, 3) whatever is given.
        channels_last: it takes (N, H, W, C).
    """

    def __init__(self, last: Any = None, fixed: bool = False, channels_last: bool = False):
        super().__init__()
        torch.manual_seed(0)
        ends = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 8, 3, 2), *ends)
        with torch.no_grad():
            self.body[5].weight.mul_(30)
        self.last, self.fixed, self.channels_last = last, fixed, channels_last

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        found = self.body(images.permute(0, 3, 1, 2) if self.channels_last else images)
        found = found.reshape(1, 3) if self.fixed else found
        return found if self.last is None else self.last(found)


def written(path: Path, model: nn.Module, *, opset: int = 17, batch: int = 1, any_number: bool = False) -> Path:
    """As PyTorch's users write ONNX; names in it are those that the zoo's own nodes have."""
    sides = (SIDE, SIDE, 3) if getattr(model, "channels_last", False) else (3, SIDE, SIDE)
    torch.onnx.export(
        model.eval(), (torch.zeros(batch, *sides),), str(path), dynamo=False, opset_version=opset,
        input_names=["images"], output_names=["logits"], dynamic_axes={"images": {0: "n"}} if any_number else None,
    )  # fmt: skip
    return path


def with_metadata(path: Path, **said: str) -> Path:
    model = onnx.load(path)
    onnx.helper.set_model_props(model, said)
    onnx.save(model, path)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    found = []
    for i in range(3):
        small = np.random.default_rng(i).integers(0, 256, (5, 5, 3), np.uint8)
        found.append(tmp_path / f"{i}.png")
        Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(found[-1])
    return found


def by_onnx(path: Path, pictures: list[Path], *, channels_last: bool = False, batch: int = 1) -> np.ndarray:
    """The file's own numbers, image by image."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rows = []
    for picture in pictures:
        image = np.asarray(Image.open(picture), np.float32) / 255
        image = (image - np.float32([0.4, 0.5, 0.6])) / np.float32([0.2, 0.25, 0.3])
        image = image if channels_last else image.transpose(2, 0, 1)
        rows.append(session.run(None, {"images": np.repeat(image[None], batch, 0)})[0][0])
    return np.stack(rows)


def by_zoo(zoo: Zoo, run: object, pictures: list[Path], classes: str = "abc") -> np.ndarray:
    code, out, err = zoo("predict", run, *pictures, "--json")
    assert code == 0, err
    rows = [{each["class"]: each["probability"] for each in row["top"]} for row in json.loads(out)["predictions"]]
    return np.array([[row[name] for name in classes] for row in rows])


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


@pytest.mark.parametrize(
    ("model", "how"),
    [
        (Small(), {"opset": 11}),
        (Small(), {"opset": 18, "any_number": True}),
        (Small(fixed=True), {}),
        (Small(), {"batch": 4}),
        (Small(channels_last=True), {"opset": 13}),
        (Small(last=lambda z: z[:, :, None, None]), {}),
    ],
    ids=["old opset", "any number", "one at a time", "four at a time", "channels last", "1x1 map"],
)
def test_logits_in_every_form(zoo: Zoo, tmp_path: Path, pictures: list[Path], model: Small, how: dict[str, Any]):
    path = written(tmp_path / "net.onnx", model, **how)
    code, out, err = zoo("import", path, "--classes", "a,b,c", *SHAPE, "--json")
    assert code == 0, err
    check = json.loads(out)["check"]
    assert check["largest_difference"] < check["tolerance"] == 1e-4
    logits = by_onnx(path, pictures, channels_last=model.channels_last, batch=how.get("batch", 1)).reshape(3, 3)
    wanted = softmax(logits)
    assert np.ptp(wanted, axis=0).max() > 0.02, "a constant answer would prove nothing"
    np.testing.assert_allclose(by_zoo(zoo, "net", pictures), wanted, atol=1e-4)


@pytest.mark.parametrize(
    "last", [nn.Softmax(1), lambda z: z.exp() / z.exp().sum(1, keepdim=True)], ids=["node", "looks"]
)
def test_probabilities_are_seen_to_be_such(zoo: Zoo, tmp_path: Path, pictures: list[Path], last: Any):
    path = written(tmp_path / "net.onnx", Small(last))
    assert zoo("import", path, "--classes", "a,b,c", *SHAPE)[0] == 0
    np.testing.assert_allclose(by_zoo(zoo, "net", pictures), by_onnx(path, pictures), atol=1e-4)
    words = ("--set", "answers=logits", "--name", "other")
    assert zoo("import", path, "--classes", "a,b,c", *SHAPE, *words)[0] == 0
    np.testing.assert_allclose(by_zoo(zoo, "other", pictures), softmax(by_onnx(path, pictures)), atol=1e-4)


def test_a_sigmoid_is_several_labels_an_image(zoo: Zoo, tmp_path: Path, pictures: list[Path]):
    path = written(tmp_path / "net.onnx", Small(nn.Sigmoid()))
    code, out, _ = zoo("import", path, "--classes", "a,b,c", *SHAPE)
    assert code == 0
    assert "a multi-label model" in out
    np.testing.assert_allclose(by_zoo(zoo, "net", pictures), by_onnx(path, pictures), atol=1e-4)
    assert "labels" in json.loads(zoo("predict", "net", pictures[0], "--json")[1])["predictions"][0]


def test_one_number_is_the_second_of_two_classes(zoo: Zoo, tmp_path: Path, pictures: list[Path]):
    path = written(tmp_path / "net.onnx", Small(lambda z: torch.sigmoid(z[:, :1])))
    assert zoo("import", path, "--classes", "a,b", *SHAPE)[0] == 0
    np.testing.assert_allclose(by_zoo(zoo, "net", pictures, "ab")[:, 1:], by_onnx(path, pictures), atol=1e-4)


def test_an_imported_file_is_taken_by_its_name(
    zoo: Zoo, tmp_path: Path, make_folder: Callable[..., Path], refused: Callable[..., str]
):
    path = written(tmp_path / "net.onnx", Small())
    assert zoo("import", path, "--classes", "a,b,c", *SHAPE)[0] == 0
    code, out, err = zoo("evaluate", "net", make_folder({"a": 3, "c": 2}), "--json")
    assert code == 0, err
    assert json.loads(out)["splits"]["all"]["images"] == 5
    assert zoo("bench", "net", "--steps", 2, "--batch-size", 2)[0] == 0
    assert "is already an exported file" in refused("export", "net")
    assert "use it directly" in refused("import", "runs/net/model.onnx", "--name", "again")


def test_names_in_the_metadata(zoo: Zoo, tmp_path: Path):
    path = with_metadata(written(tmp_path / "net.onnx", Small()), names="{0: 'cat', 1: 'dog', 2: 'red fox'}")
    code, out, err = zoo("import", path, "--json")
    assert code == 0, err
    document = json.loads(out)
    assert document["classes"] == ["cat", "dog", "red fox"]
    assert any("ASSUMED" in notice for notice in document["notices"])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{0: 'a', 1: 'b'}", ["a", "b"]),
        ('{"1": "b", "0": "a"}', ["a", "b"]),
        ("['a', 'b']", ["a", "b"]),
        ("a, b", ["a", "b"]),
        ("a\nb\n", ["a", "b"]),
        ("{0: 'a', 2: 'b'}", None),
        ("__import__('os').mkdir('sprung')", None),
        ("[" * 5000, None),
        ("{}", None),
        ("[1.5, {}]", None),
    ],
)
def test_names_are_read_and_never_run(text: str, names: list[str] | None):
    assert names_in({"names": text}) == names
    assert not Path("sprung").exists()


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (nn.Flatten(2), "(1, 3, 1024); a classifier returns (N, K)"),
        (nn.Conv2d(3, 2, 1), "Detection and segmentation are not supported"),
        (Small(lambda z: (z, z + 1)), "gives 2 outputs"),
        (Small(lambda z: z[:, :1]), "--set answers=sigmoid"),
        (Small(lambda z: z.argmax(1)), "a classifier returns (N, K)"),
    ],
    ids=["boxes", "map", "two outputs", "one number", "class alone"],
)
def test_what_is_no_classifier_is_told(tmp_path: Path, refused: Callable[..., str], model: nn.Module, said: str):
    path = written(tmp_path / "net.onnx", model)
    assert said in refused("import", path, "--classes", "a,b,c")


def test_other_tasks_and_sizes_are_told(tmp_path: Path, refused: Callable[..., str]):
    path = written(tmp_path / "net.onnx", Small())
    assert "only images of 32 pixels" in refused("import", path, "--classes", "a,b,c", "--image-size", 64)
    assert "'detect'" in refused("import", with_metadata(path, task="detect"), "--classes", "a,b,c")


def test_weights_in_another_file_that_is_gone(tmp_path: Path, refused: Callable[..., str]):
    path = written(tmp_path / "net.onnx", Small())
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="net.bin", size_threshold=0)
    (tmp_path / "net.bin").unlink()
    assert "weights in another file" in refused("import", path, "--classes", "a,b,c")
