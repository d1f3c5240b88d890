"""torchvision's weights, in every form that they come in, answer in the zoo as they do in torchvision."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch import nn
from torchvision.transforms._presets import ImageClassification

from zoo.errors import RequestError
from zoo_torchvision.importing import read
from zoo_torchvision.models import installed_names
from zoo_torchvision.shapes import known, last_layer, listing, models_with, shapes_of

Zoo = Callable[..., tuple[int, str, str]]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    small = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    Image.fromarray(small).resize((300, 200), Image.Resampling.BICUBIC).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


def trained(name: str, classes: int = 3) -> nn.Module:
    torch.manual_seed(0)
    model = torchvision.models.get_model(name, num_classes=classes)
    with torch.no_grad():
        for value in model.state_dict().values():
            if value.is_floating_point() and value.ndim == 1:
                value.add_(torch.rand_like(value) * 0.2)
        for key, value in model.state_dict().items():
            if key.startswith(last_layer(model_shapes(model))):
                value.mul_(20)
    return model.eval()


def model_shapes(model: nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in model.state_dict().items()}


def answer(zoo: Zoo, run: str, picture: Path) -> list[float]:
    code, out, err = zoo("predict", run, picture, "--json")
    assert code == 0, err
    (row,) = json.loads(out)["predictions"]
    found = {each["class"]: each["probability"] for each in row["top"]}
    return [found[name] for name in "abc"]


def theirs(model: nn.Module, picture: Path, **how: int) -> list[float]:
    prepare = ImageClassification(**{"crop_size": 224, "resize_size": 256, **how})
    with torch.inference_mode():
        return model(prepare(Image.open(picture))[None]).softmax(1)[0].tolist()


def test_bare_weights_are_known_by_their_shapes(zoo: Zoo, tmp_path: Path, picture: Path):
    model = trained("shufflenet_v2_x0_5")
    torch.save(model.state_dict(), tmp_path / "w.pth")
    code, out, err = zoo("import", tmp_path / "w.pth", "--classes", "a,b,c")
    assert code == 0, err
    assert "torchvision/shufflenet_v2_x0_5" in out
    assert "match torchvision" in out
    found, wanted = answer(zoo, "w", picture), theirs(model, picture)
    assert max(wanted) - min(wanted) > 0.05
    assert found == pytest.approx(wanted, abs=1e-5)


@pytest.mark.slow
def test_a_checkpoint_of_the_reference_script(zoo: Zoo, tmp_path: Path, picture: Path):
    last, averaged = trained("mobilenet_v3_small"), trained("mobilenet_v3_small")
    with torch.no_grad():
        averaged.classifier[3].bias.copy_(torch.tensor([0.5, -0.5, 0.0]))
    ema = torch.optim.swa_utils.AveragedModel(averaged)
    args = Namespace(model="mobilenet_v3_small", val_crop_size=160, val_resize_size=176, interpolation="bilinear")
    optimizer = torch.optim.SGD(last.parameters(), lr=0.1)
    checkpoint = {"model": last.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 7, "args": args}
    torch.save({**checkpoint, "model_ema": ema.state_dict()}, tmp_path / "checkpoint.pth")
    assert zoo("import", tmp_path / "checkpoint.pth", "--classes", "a,b,c")[0] == 0
    card = json.loads(Path("runs/checkpoint/model/zoo.json").read_text())
    assert card["imported"]["details"] == {"epoch": 7}
    wanted = theirs(averaged, picture, crop_size=160, resize_size=176)
    assert answer(zoo, "checkpoint", picture) == pytest.approx(wanted, abs=1e-5)


def test_a_checkpoint_of_the_imagenet_example(zoo: Zoo, tmp_path: Path, picture: Path):
    model = trained("resnet18")
    state = {f"module.{key}": value for key, value in model.state_dict().items()}
    content = {"epoch": 90, "arch": "resnet18", "state_dict": state, "best_acc1": torch.tensor(70.0), "optimizer": {}}
    torch.save(content, tmp_path / "model_best.pth.tar")
    assert zoo("import", tmp_path / "model_best.pth.tar", "--classes", "a,b,c")[0] == 0
    assert answer(zoo, "model_best", picture) == pytest.approx(theirs(model, picture), abs=1e-5)


def test_auxiliary_heads_and_old_names_are_left_behind():
    model = torchvision.models.googlenet(num_classes=3, init_weights=False, aux_logits=True)
    found = read(Path("w.pth"), model.state_dict())
    assert found is not None
    assert found.architecture == "torchvision/googlenet"
    assert not any(name.startswith("aux") for name in found.tensors)
    assert any("transform_input=true" in notice for notice in found.notices)
    moved = read(Path("w.pth"), model.state_dict(), transform_input=True)
    assert moved.params == {"transform_input": True}
    old = {
        key.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): value
        for key, value in torchvision.models.densenet121(num_classes=3).state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    found = read(Path("w.pth"), old)
    assert found is not None
    assert found.architecture == "torchvision/densenet121"


def test_what_is_of_no_model_of_torchvision():
    assert read(Path("w.pth"), {"weight": torch.zeros(2, 2)}) is None
    assert read(Path("w.pth"), {"epoch": 3}) is None
    assert read(Path("w.pth"), trained("resnet18").state_dict(), "timm/resnet18") is None
    with pytest.raises(RequestError, match="'nosuch', which is not a classification model"):
        read(Path("w.pth"), {"model": {"w": torch.zeros(2)}, "args": Namespace(model="nosuch")})


@pytest.mark.parametrize("name", ["resnet18", "vit_b_32", "swin_t", "squeezenet1_1", "regnet_x_400mf", "mnasnet0_5"])
def test_shapes_tell_a_model(name: str):
    shapes = shapes_of(name)
    last = last_layer(shapes)
    assert models_with(shapes) == [name]
    other = {key: (7, *shape[1:]) if key.startswith(f"{last}.") else shape for key, shape in shapes.items()}
    assert models_with(other) == [name]
    assert models_with({**shapes, "more": (1,)}) == []


def test_each_listed_model_is_told_from_the_others():
    assert len(set(known().values())) == len(known()) >= 80


@pytest.mark.slow
def test_the_list_is_what_the_installed_torchvision_has():
    text = resources.files("zoo_torchvision").joinpath("shapes.txt").read_text("utf-8")
    assert listing(installed_names()) == text, "python -m zoo_torchvision.shapes"
