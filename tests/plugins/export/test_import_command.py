"""``zoo import``: other frameworks' models, and that what is kept answers as they do in their own framework."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from timm.data import create_transform, resolve_data_config
from timm.utils import CheckpointSaver, ModelEmaV3
from torch import nn

NET = "test_resnet"
CLASSES = ("cat", "dog", "fox")
Zoo = Callable[..., tuple[int, str, str]]


def spread(model: nn.Module, seed: int = 0) -> nn.Module:
    """The model with weights by which pictures are answered differently, as trained ones are."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith("running_var"):
                value.copy_(0.5 + torch.rand(value.shape, generator=draw))
            elif value.is_floating_point():
                value.add_(torch.randn(value.shape, generator=draw) * (0.1 if value.ndim > 1 else 0.05))
    return model.eval()


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Pictures that are not square, rough and smooth."""
    found = []
    for i, size in enumerate([(300, 200), (190, 260), (224, 224)]):
        small = np.random.default_rng(i).integers(0, 256, (9 + i, 7, 3), np.uint8)
        found.append(tmp_path / f"{i}.png")
        Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(found[-1])
    return found


@pytest.fixture
def model() -> nn.Module:
    return spread(timm.create_model(NET, num_classes=3))


def by_timm(model: nn.Module, pictures: list[Path], **said: Any) -> torch.Tensor:
    """What timm's own validation makes of the pictures: (n, K) probabilities."""
    transform = create_transform(**resolve_data_config(said, model=model), is_training=False)
    images = torch.stack([transform(Image.open(p).convert("RGB")) for p in pictures])
    with torch.inference_mode():
        return model.eval()(images).softmax(1)


def by_zoo(zoo: Zoo, run: object, pictures: list[Path], classes: tuple[str, ...] = CLASSES) -> torch.Tensor:
    code, out, err = zoo("predict", run, *pictures, "--json", "--top-k", 1000)
    assert code == 0, err
    rows = [{each["class"]: each["probability"] for each in row["top"]} for row in json.loads(out)["predictions"]]
    return torch.tensor([[row[name] for name in classes] for row in rows])


def checkpoint(folder: Path, model: nn.Module, ema: nn.Module | None = None, **said: Any) -> Path:
    """What timm's train.py leaves: its own saver, given what its own parser gives."""
    plain: dict[str, Any] = {"model": NET, "num_classes": 3, "mean": None, "std": None, "crop_pct": None, "gp": None}
    plain |= {"in_chans": None, "img_size": None, "input_size": None, "interpolation": "", "model_kwargs": {}}
    plain |= {"class_map": "", "dataset": "", "experiment": "", "opt": "sgd", "lr": 0.05, "epochs": 3}
    args = Namespace(**{**plain, **said})
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    averaged = ModelEmaV3(ema) if ema is not None else None
    folder.mkdir()
    saver = CheckpointSaver(model, optimizer, args, model_ema=averaged, checkpoint_dir=str(folder))
    saver.save_checkpoint(2, metric=71.25)
    return folder / "model_best.pth.tar"


@pytest.mark.slow
def test_a_checkpoint_of_timm_answers_as_timm_does(
    zoo: Zoo, tmp_path: Path, model: nn.Module, pictures: list[Path], make_folder: Callable[..., Path]
):
    how = {"mean": (0.4, 0.5, 0.6), "std": (0.2, 0.25, 0.3), "crop_pct": 0.8, "interpolation": "bicubic"}
    file = checkpoint(tmp_path / "out", model, img_size=128, **how)
    code, out, err = zoo("import", file, "--classes", "cat,dog,fox")
    assert code == 0, err
    assert "zoo predict model_best IMAGE" in out
    card = json.loads(Path("runs/model_best/model/zoo.json").read_text())
    assert card["preprocessing"]["image_size"] == 128
    assert card["preprocessing"]["interpolation"] == "bicubic"
    about = card["imported"]
    assert about["file"] == "model_best.pth.tar"
    assert about["importer"] == "timm/timm"
    assert len(about["sha256"]) == 64
    assert about["details"] == {"epoch": 2, "metric": 71.25}
    theirs = by_timm(model, pictures, img_size=128, **how)
    assert float((theirs.max(0).values - theirs.min(0).values).max()) > 0.005, "a constant answer would prove nothing"
    torch.testing.assert_close(by_zoo(zoo, "model_best", pictures), theirs, atol=1e-5, rtol=0)

    photos = make_folder({"dog": 3, "fox": 3})
    code, out, err = zoo("evaluate", "model_best", photos, "--json")
    assert code == 0, err
    assert json.loads(out)["splits"]["all"]["images"] == 6
    code, out, _ = zoo("runs", "list", "--json")
    assert [(row["run"], row["status"]) for row in json.loads(out)] == [("model_best", "imported")]
    assert "model_best.pth.tar" in zoo("runs", "show", "model_best")[1]
    code, out, err = zoo("export", "model_best", "--format", "safetensors", "--json")
    assert code == 0, err
    assert json.loads(out)["images"] == "noise"
    torch.testing.assert_close(by_zoo(zoo, "runs/model_best/model.safetensors", pictures), theirs, atol=1e-5, rtol=0)
    words = ("--weights", "model_best", "--epochs", 1, "--recipe", "none", "--image-size", 32, "--quiet")
    code, out, err = zoo("run", f"timm/{NET}", make_folder({"train/a": 4, "train/b": 4}, "two"), *words)
    assert code == 0, err


def test_averaged_weights_are_taken_unless_others_are_wanted(zoo: Zoo, tmp_path: Path, pictures: list[Path]):
    last, averaged = (spread(timm.create_model(NET, num_classes=3), seed) for seed in (1, 2))
    file = checkpoint(tmp_path / "out", last, averaged)
    assert zoo("import", file, "--classes", "cat,dog,fox", "--name", "mean")[0] == 0
    assert zoo("import", file, "--classes", "cat,dog,fox", "--name", "last", "--set", "ema=false")[0] == 0
    torch.testing.assert_close(by_zoo(zoo, "mean", pictures), by_timm(averaged, pictures), atol=1e-5, rtol=0)
    torch.testing.assert_close(by_zoo(zoo, "last", pictures), by_timm(last, pictures), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("prefix", "suffix"),
    [("", ".safetensors"), ("module.", ".pth"), ("_orig_mod.", ".bin"), ("_orig_mod.module.", ".pt")],
)
def test_bare_weights_take_an_architecture(
    zoo: Zoo, tmp_path: Path, model: nn.Module, pictures: list[Path], prefix: str, suffix: str
):
    file = tmp_path / f"w{suffix}"
    tensors = {prefix + name: value.contiguous() for name, value in model.state_dict().items()}
    (save_file if suffix == ".safetensors" else torch.save)(tensors, file)
    code, _, err = zoo("import", file, "--architecture", NET, "--classes", "cat,dog,fox")
    assert code == 0, err
    torch.testing.assert_close(by_zoo(zoo, "w", pictures), by_timm(model, pictures), atol=1e-5, rtol=0)


def test_grey_weights_are_seen_to_be_grey(zoo: Zoo, tmp_path: Path):
    save_file(timm.create_model(NET, num_classes=2, in_chans=1).state_dict(), tmp_path / "grey.safetensors")
    assert zoo("import", tmp_path / "grey.safetensors", "--architecture", NET, "--classes", "a,b")[0] == 0
    assert json.loads(Path("runs/grey/model/zoo.json").read_text())["preprocessing"]["in_chans"] == 1


# -- names of classes -------------------------------------------------------------------------------------


@pytest.fixture
def weights(tmp_path: Path, model: nn.Module) -> Path:
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    return tmp_path / "w.safetensors"


def test_names_from_every_place(zoo: Zoo, weights: Path, tmp_path: Path):
    (tmp_path / "names.txt").write_text("cat\ndog\nred fox\n\n")
    (tmp_path / "list.json").write_text('["cat", "dog", "red fox"]')
    (tmp_path / "numbers.json").write_text('{"0": "cat", "2": "red fox", "1": "dog"}')
    (tmp_path / "class_to_idx.json").write_text('{"dog": 1, "cat": 0, "red fox": 2}')
    (tmp_path / "names.csv").write_text("0,cat\n1,dog\n2,red fox\n")
    for name in ("red fox", "cat", "dog"):
        (tmp_path / "train" / name).mkdir(parents=True)
    places = ["names.txt", "list.json", "numbers.json", "class_to_idx.json", "names.csv", "train"]
    for i, place in enumerate(places):
        words = ("--architecture", NET, "--classes", tmp_path / place, "--name", f"n{i}", "--json")
        code, out, err = zoo("import", weights, *words)
        assert code == 0, err
        assert json.loads(out)["classes"] == ["cat", "dog", "red fox"], place


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "has no names for its 3 classes"),
        (("--classes", "cat,dog"), "has 2 names (cat, dog), but the model has 3 classes"),
        (("--classes", "cat,dog,cat"), "the name 'cat' more than once"),
        (("--classes", "cat,,dog"), "an empty name"),
        (("--classes", "nowhere.txt"), "no file or folder 'nowhere.txt'"),
        (("--classes", "imagenet-1k"), "has 3 classes"),
        (("--mean", "0.5,0.5", "--classes", "a,b,c"), "one per channel (3), not 2"),
        (("--mean", "half", "--classes", "a,b,c"), "'half' is not a list of numbers such as 0.485,0.456,0.406. See:"),
        (("--std", "0", "--classes", "a,b,c"), "above 0"),
        (("--set", "emu=false", "--classes", "a,b,c"), "Did you mean 'ema'?"),
        (("--set", "ema=7", "--classes", "a,b,c"), "must be bool"),
        (("--format", "onxx", "--classes", "a,b,c"), "Did you mean 'onnx'?"),
        (("--name", "../up", "--classes", "a,b,c"), "not a valid name"),
    ],
)
def test_what_is_wrong_is_told(weights: Path, refused: Callable[..., str], words: tuple[str, ...], said: str):
    assert said in refused("import", weights, "--architecture", NET, *words)


@pytest.mark.parametrize(
    ("architecture", "said"),
    [
        ("test_vit", "doesn't fit timm/test_vit"),
        ("test_efficientnet", "doesn't fit timm/test_efficientnet"),
        ("resnet18", "doesn't fit timm/resnet18"),
        ("test_resnett", "Did you mean 'test_resnet'"),
        ("simple_cnn", "none of timm, torchvision can import it as simple/simple_cnn"),
        ("torchvision/resnet18", "doesn't fit torchvision/resnet18"),
    ],
)
def test_another_architecture_is_told(weights: Path, refused: Callable[..., str], architecture: str, said: str):
    assert said in refused("import", weights, "--architecture", architecture, "--classes", "a,b,c")


def test_weights_alone_are_nobodys(weights: Path, refused: Callable[..., str]):
    assert "--architecture timm/resnet18" in refused("import", weights, "--classes", "a,b,c")


def test_a_backbone_without_a_head_is_told(tmp_path: Path, refused: Callable[..., str], model: nn.Module):
    tensors = {k: v for k, v in model.state_dict().items() if not k.startswith("fc.")}
    save_file(tensors, tmp_path / "backbone.safetensors")
    assert "no last layer" in refused("import", tmp_path / "backbone.safetensors", "--architecture", NET)


def test_weights_that_are_no_numbers_are_told(tmp_path: Path, refused: Callable[..., str], model: nn.Module):
    tensors = {**model.state_dict(), "fc.bias": torch.tensor([0.0, float("nan"), 1.0])}
    save_file(tensors, tmp_path / "bad.safetensors")
    words = ("--architecture", NET, "--classes", "a,b,c")
    assert "not finite" in refused("import", tmp_path / "bad.safetensors", *words)


def test_a_name_is_not_taken_twice(zoo: Zoo, weights: Path, refused: Callable[..., str]):
    words = ("import", weights, "--architecture", NET, "--classes")
    assert zoo(*words, "a,b,c")[0] == 0
    assert "--overwrite" in refused(*words, "d,e,f")
    assert zoo(*words, "d,e,f", "--overwrite")[0] == 0
    assert json.loads(Path("runs/w/model/zoo.json").read_text())["classes"] == ["d", "e", "f"]
    assert [p.name for p in Path("runs").iterdir()] == ["w"]


def test_a_model_without_images_says_what_to_type(zoo: Zoo, weights: Path, refused: Callable[..., str]):
    assert zoo("import", weights, "--architecture", NET, "--classes", "a,b,c")[0] == 0
    assert "zoo evaluate w DATASET" in refused("evaluate", "w")
    assert "--data FOLDER" in refused("export", "w", "--quantize", "int8")


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path, weights: Path, refused: Callable[..., str]):
    (tmp_path / "file").write_text("")
    words = ("--architecture", NET, "--classes", "a,b,c", "--out", tmp_path / "file")
    assert "--out" in refused("import", weights, *words, code=1)


# -- files that are not what they should be ---------------------------------------------------------------


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, place: Path):
        self.place = place

    def __reduce__(self) -> Any:
        return Path.touch, (self.place,)


@pytest.mark.parametrize("wrap", ["bare", "in a checkpoint", "in the arguments", "old pickle"])
def test_code_in_a_pickle_is_not_run(tmp_path: Path, refused: Callable[..., str], model: nn.Module, wrap: str):
    sprung, file = tmp_path / "sprung", tmp_path / "model.pth"
    trap: Any = Trap(sprung)
    if wrap == "in a checkpoint":
        trap = {"state_dict": model.state_dict(), "arch": NET, "args": Namespace(model=NET), "extra": trap}
    if wrap == "in the arguments":
        trap = {"state_dict": model.state_dict(), "arch": NET, "args": Namespace(model=NET, extra=trap)}
    torch.save(trap, file, _use_new_zipfile_serialization=wrap != "old pickle")
    message = refused("import", file, "--architecture", NET, "--classes", "a,b,c")
    assert "reading it would execute code" in message
    assert not sprung.exists()
    torch.load(file, weights_only=False)
    assert sprung.exists(), "the trap works where it is sprung"


def test_a_whole_model_is_told_from_its_weights(tmp_path: Path, refused: Callable[..., str], model: nn.Module):
    torch.save(model, tmp_path / "whole.pth")
    message = refused("import", tmp_path / "whole.pth", "--architecture", NET)
    assert "model.state_dict()" in message
    assert "ResNet" in message


def test_a_torchscript_program_is_told(tmp_path: Path, refused: Callable[..., str]):
    torch.jit.script(nn.Linear(2, 2)).save(str(tmp_path / "program.pt"))
    assert "TorchScript" in refused("import", tmp_path / "program.pt")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.pth", b"", "is empty"),
        ("a.pth", b"nonsense", "can't be read as weights"),
        ("a.safetensors", b"\xff" * 64, "can't be read as weights"),
        ("a.pth", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("a.onnx", b"nonsense", "is not a model that importer onnx supports"),
        ("a.h5", b"nonsense", "No importer reads files"),
    ],
)
def test_what_is_no_model_is_told(tmp_path: Path, refused: Callable[..., str], name: str, content: bytes, said: str):
    (tmp_path / name).write_bytes(content)
    assert said in refused("import", tmp_path / name)


def test_what_is_not_there_is_told(tmp_path: Path, refused: Callable[..., str], weights: Path):
    assert "Did you mean 'w.safetensors'?" in refused("import", tmp_path / "w.safetensor")
    assert "is a folder" in refused("import", tmp_path)


# -- in a terminal ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_names_are_asked_for_in_a_terminal(weights: Path):
    main, side = pty.openpty()
    words = [sys.executable, "-m", "zoo", "import", str(weights), "--architecture", NET]
    process = subprocess.Popen(words, stdin=side, stdout=side, stderr=side, env={**os.environ, "COLUMNS": "80"})
    os.close(side)
    seen = answered(main, process, [("a file with names: ", "cat,dog\n"), ("a file with names: ", "cat,dog,fox\n")])
    assert process.wait(60) == 0, seen
    assert "has 2 names" in seen
    assert json.loads(Path("runs/w/model/zoo.json").read_text())["classes"] == ["cat", "dog", "fox"]


def answered(terminal: int, process: subprocess.Popen[bytes], talk: list[tuple[str, str]]) -> str:
    """Wait for each question, and answer it; everything that was printed."""
    seen, fresh, end = "", "", time.monotonic() + 120
    while time.monotonic() < end:
        ready, _, _ = select.select([terminal], [], [], 1)
        try:
            text = os.read(terminal, 4096).decode() if ready else ""
        except OSError:  # the other side has closed it
            break
        seen, fresh = seen + text, fresh + text
        if talk and talk[0][0] in " ".join(fresh.split()) + " ":
            os.write(terminal, talk.pop(0)[1].encode())
            fresh = ""
        if not ready and process.poll() is not None:
            break
    return seen


# -- real weights, real photographs -----------------------------------------------------------------------


@pytest.mark.slow
def test_real_weights_name_real_photos_as_timm_does(zoo: Zoo, photos: Path):
    file = photos.parents[1] / "weights" / "tf_efficientnet_lite0.safetensors"
    if not file.is_file():
        pytest.skip(f"no weights at {file}")
    from safetensors.torch import load_file

    words = ("--architecture", "timm/tf_efficientnet_lite0", "--classes", "imagenet-1k", "--name", "lite0")
    assert zoo("import", file, *words)[0] == 0
    model = timm.create_model("tf_efficientnet_lite0")
    model.load_state_dict(load_file(file))
    pictures = [*sorted((photos / "val" / "cats").iterdir())[:8], *sorted((photos / "val" / "dogs").iterdir())[:8]]
    classes = tuple(json.loads(Path("runs/lite0/model/zoo.json").read_text())["classes"])
    found, theirs = by_zoo(zoo, "lite0", pictures, classes), by_timm(model, pictures)
    assert found.argmax(1).tolist() == theirs.argmax(1).tolist()
    torch.testing.assert_close(found, theirs, atol=1e-4, rtol=0)
    cats, dogs = found[:8].argmax(1), found[8:].argmax(1)
    assert sum(281 <= int(i) <= 287 for i in cats) >= 5, [classes[i] for i in cats]
    assert sum(151 <= int(i) <= 268 for i in dogs) >= 6, [classes[i] for i in dogs]
