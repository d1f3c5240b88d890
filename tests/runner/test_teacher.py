"""A run that learns from another: whose answers, about which pictures, in which order, and what is kept of it."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zoo.api import load
from zoo.data.batches import Normalize
from zoo.engine.execution import Execution
from zoo.engine.task import MULTI_LABEL, SINGLE_LABEL, Task
from zoo.errors import BundleError, RequestError
from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import resolve
from zoo.model.bundle import find_bundle
from zoo.runner.components import RunComponents, build_components
from zoo.runner.observer import Observer
from zoo.runner.teacher import Teacher

CPU = torch.device("cpu")
PLAIN = Execution(CPU)
ON_COLOURS = (
    *("--recipe", "none", "--image-size", "16", "--batch-size", "8", "--lr", "0.02", "--epochs", "4"),
    *("--set", "architecture={channels: [8], batch_norm: true, global_pool: avg, dropout: 0.0}", "--device", "cpu"),
)
STUDENT = (*ON_COLOURS, "--set", "architecture.channels=[4]", "--image-size", "12")
COLOURS = ("blue", "green", "red")


@pytest.fixture(scope="module")
def world(session_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder of three colours, and a run that has learned them."""
    import numpy as np
    from PIL import Image

    from zoo.__main__ import main

    root = tmp_path_factory.mktemp("taught")
    for name, colour in zip(COLOURS, [(30, 60, 220), (20, 200, 60), (230, 40, 30)], strict=True):
        (root / "data" / name).mkdir(parents=True)
        for i in range(15):
            noise = np.random.default_rng([sum(colour), i]).integers(-30, 30, (20, 20, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / "data" / name / f"{i:02}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(session_cache))
        patch.setenv("ZOO_OFFLINE", "1")
        patch.setenv("XDG_CONFIG_HOME", str(root / "config"))
        patch.chdir(root)
        assert main(["run", "simple_cnn", str(root / "data"), *ON_COLOURS, "--name", "teacher", "--quiet"]) == 0
    return {"data": root / "data", "run": root / "runs" / "teacher"}


def teacher(
    run: Path,
    classes: tuple[str, ...] = COLOURS,
    in_chans: int = 3,
    mean: tuple[float, ...] = (0.5,),
    std: tuple[float, ...] = (0.25,),
    task: Task = SINGLE_LABEL,
) -> Teacher:
    return Teacher(str(run), classes, task, Normalize(mean, std, CPU), in_chans, PLAIN, open_registry())


def pictures(count: int = 6, size: int = 16, in_chans: int = 3) -> Tensor:
    return torch.rand(count, in_chans, size, size, generator=torch.Generator().manual_seed(0))


def result_of(run: Path | str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(run) / "result.json").read_text("utf-8"))
    return found


def retold(run: Path, folder: Path, **changes: Any) -> Path:
    """A copy of a bundle whose zoo.json says something else."""
    import shutil

    shutil.copytree(find_bundle(run), folder)
    card = json.loads((folder / "zoo.json").read_text("utf-8"))
    for key, value in changes.items():
        card[key] = {**card[key], **value} if isinstance(value, dict) else value
    (folder / "zoo.json").write_text(json.dumps(card))
    return folder


def test_it_answers_as_the_trained_model_does(world: dict[str, Path]):
    pixels = (pictures() * 255).round().to(torch.uint8)
    wanted = load(world["run"], device="cpu").probabilities([p.permute(1, 2, 0).numpy() for p in pixels])
    asked = teacher(world["run"], mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.1))
    normalize = Normalize((0.4, 0.5, 0.6), (0.2, 0.3, 0.1), CPU)
    logits = asked(normalize(normalize.to_unit(pixels)))
    torch.testing.assert_close(logits.softmax(dim=1), wanted, rtol=1e-4, atol=1e-5)
    assert not logits.requires_grad
    assert not asked.model.training


def test_a_gradient_passes_by_its_answers(world: dict[str, Path]):
    student = torch.zeros(6, 3, requires_grad=True)
    (student * teacher(world["run"])(pictures())).sum().backward()
    assert student.grad is not None


def test_classes_go_by_name_and_further_ones_are_left_out(world: dict[str, Path]):
    images = pictures()
    every = teacher(world["run"])(images)
    torch.testing.assert_close(teacher(world["run"], ("red", "blue"))(images), every[:, [2, 0]])


def test_a_class_that_it_does_not_know_is_told_by_name(world: dict[str, Path]):
    with pytest.raises(RequestError, match=r"lacks 2 of the 3 classes of the job: pink, yellow\. It has: blue,"):
        teacher(world["run"], ("pink", "red", "yellow"))


@pytest.mark.parametrize("size", [8, 16, 40])
def test_pictures_of_any_size_are_brought_to_its_own(world: dict[str, Path], size: int):
    grey = torch.full((2, 3, size, size), 0.25)
    seen = teacher(world["run"], mean=(0.1,), std=(2.0,)).seen(Normalize((0.1,), (2.0,), CPU)(grey))
    torch.testing.assert_close(seen, torch.full((2, 3, 16, 16), (0.25 - 0.5) / 0.25))


def test_grey_pictures_are_shown_in_every_channel_and_colours_as_pillow_makes_them_grey(world, tmp_path):
    from PIL import Image

    seen = teacher(world["run"], in_chans=1).seen(pictures(in_chans=1))
    assert seen.shape == (6, 3, 16, 16)
    assert torch.equal(seen[:, 0], seen[:, 2])
    asked = teacher(world["run"])
    asked.in_chans = 1
    pixels = (pictures(1) * 255).round().to(torch.uint8)
    grey = torch.tensor(list(Image.fromarray(pixels[0].permute(1, 2, 0).numpy()).convert("L").tobytes()))
    normalize = Normalize((0.5,), (0.25,), CPU)
    unit = asked.seen(normalize(pixels / 255)) * 0.25 + 0.5
    assert unit.shape == (1, 1, 16, 16)
    assert float((unit.flatten() * 255 - grey).abs().max()) < 1


def test_channels_that_it_cannot_see_are_refused(world: dict[str, Path]):
    with pytest.raises(RequestError, match="takes images with 3 channels, but those of the job have 6"):
        teacher(world["run"], in_chans=6)


def test_a_teacher_of_one_class_an_image_cannot_teach_several(world: dict[str, Path], tmp_path: Path):
    with pytest.raises(RequestError, match="is single-label, but the job is multi-label"):
        teacher(world["run"], task=MULTI_LABEL)
    several = retold(world["run"], tmp_path / "bundle", task="multi-label")
    assert teacher(several, task=MULTI_LABEL)(pictures()).shape == (6, 3)
    with pytest.raises(RequestError, match="is multi-label, but the job is single-label"):
        teacher(several)


def test_a_word_that_is_no_run_is_refused(world: dict[str, Path], tmp_path: Path):
    with pytest.raises(BundleError, match="contains no trained model"):
        teacher(tmp_path)
    with pytest.raises(RequestError, match="There is no run 'nobody'"):
        teacher(Path("nobody"))


def test_a_run_learns_from_it_and_says_from_whom(zoo, world: dict[str, Path]):
    words = ("run", "simple_cnn", world["data"], *STUDENT, "--quiet")
    assert zoo(*words, "--name", "alone")[0] == 0
    code, out, err = zoo(*words, "--name", "taught", "--teacher", world["run"], "--set", "train.distill_weight=0.9")
    assert code == 0, out + err
    alone, taught = result_of("runs/alone"), result_of("runs/taught")
    weights = find_bundle(world["run"]) / "model.safetensors"
    assert taught["model"]["teacher"] == {
        "run": "teacher",
        "bundle": str(find_bundle(world["run"])),
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "architecture": "simple/simple_cnn",
        "accuracy": result_of(world["run"])["metrics"]["val"]["accuracy"],
    }
    assert "teacher" not in alone["model"]
    assert taught["job"]["teacher"] == str(world["run"])
    assert taught["job"]["train"]["distill_weight"] == 0.9
    assert [e["train"] for e in alone["epochs"]] != [e["train"] for e in taught["epochs"]]
    code, out, err = zoo("run", "runs/taught/job.yaml", "--name", "again", "--quiet")
    assert code == 0, out + err
    assert result_of("runs/again")["metrics"] == taught["metrics"]


def test_of_weight_0_the_run_is_the_one_without_to_the_bit(zoo, world: dict[str, Path]):
    words = ("run", "simple_cnn", world["data"], *STUDENT, "--quiet", "--set", "augment=[flip]")
    assert zoo(*words, "--name", "alone")[0] == 0
    assert zoo(*words, "--name", "idle", "--teacher", world["run"], "--set", "train.distill_weight=0")[0] == 0
    assert result_of("runs/idle")["metrics"] == result_of("runs/alone")["metrics"]


def test_with_shuffled_labels_the_student_learns_what_the_teacher_knows(zoo, world: dict[str, Path], tmp_path: Path):
    """A table that calls every picture something else; val is told the truth."""
    rows = ["path,label,split"]
    for i in range(15):
        for k, name in enumerate(COLOURS):
            label = COLOURS[(k + i) % 3] if i < 12 else name
            rows.append(f"{world['data'] / name / f'{i:02}.png'},{label},{'train' if i < 12 else 'val'}")
    (tmp_path / "shuffled.csv").write_text("\n".join(rows))
    words = ("run", "simple_cnn", tmp_path / "shuffled.csv", *STUDENT, "--epochs", "10", "--quiet")
    taught = ("--teacher", world["run"], "--set", "train.distill_weight=1")
    code, out, err = zoo(*words, "--name", "taught", *taught)
    assert code == 0, out + err
    assert result_of("runs/taught")["metrics"]["val"]["accuracy"] == 1.0
    assert result_of("runs/taught")["epochs"][-1]["train"]["accuracy"] < 0.5, "of the labels, which are wrong"


def test_a_run_that_was_stopped_goes_on_with_the_same_teacher(zoo, world: dict[str, Path], tmp_path: Path):
    bundle = retold(world["run"], tmp_path / "bundle")
    words = ("run", "simple_cnn", world["data"], *STUDENT, "--quiet", "--teacher", bundle)
    assert zoo(*words, "--name", "whole")[0] == 0
    resumed = ("run", "--resume", "runs/part", "--quiet")
    _stop_after(zoo, 2, *words, "--name", "part")
    code, out, err = zoo(*resumed)
    assert code == 0, out + err
    part, whole = result_of("runs/part"), result_of("runs/whole")
    assert len(part["epochs"]) == 4
    assert part["metrics"] == whole["metrics"]


def test_a_run_does_not_go_on_with_another_teacher(zoo, world: dict[str, Path], tmp_path: Path):
    bundle = retold(world["run"], tmp_path / "bundle")
    words = ("run", "simple_cnn", world["data"], *STUDENT, "--quiet", "--teacher", bundle)
    _stop_after(zoo, 2, *words, "--name", "part")
    from safetensors.torch import load_file, save_file

    changed = {name: tensor * 2 for name, tensor in load_file(bundle / "model.safetensors").items()}
    save_file(changed, bundle / "model.safetensors")
    code, _, err = zoo("run", "--resume", "runs/part", "--quiet")
    assert code == 2
    assert "has changed since the start of this run" in err


def _stop_after(zoo: Any, epochs: int, *words: object) -> None:
    """Train, interrupted after some epochs as by Ctrl-C."""
    from zoo.runner.training import Training

    own, done = Training._epoch, []

    def interrupted(self: Training, epoch: int) -> dict[str, Any]:
        if len(done) == epochs:
            raise KeyboardInterrupt
        done.append(epoch)
        return own(self, epoch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "_epoch", interrupted)
        assert zoo(*words)[0] == 130


def test_the_student_is_evaluated_without_it_and_when_it_is_gone(zoo, world: dict[str, Path], tmp_path: Path):
    import shutil

    bundle = retold(world["run"], tmp_path / "bundle")
    assert zoo("run", "simple_cnn", world["data"], *STUDENT, "--teacher", bundle, "--name", "taught", "--quiet")[0] == 0
    shutil.rmtree(bundle)
    code, out, err = zoo("evaluate", "runs/taught", "--json", "--device", "cpu")
    assert code == 0, err
    assert json.loads(out)["metrics"]["val"] == result_of("runs/taught")["metrics"]["val"]
    code, _, err = zoo("run", "runs/taught/job.yaml", "--name", "again")
    assert code == 2
    assert "There is no run" in err
    assert not Path("runs/again").exists()


def parts_of(world: dict[str, Path], **more: Any) -> RunComponents:
    options = {
        "architecture": "simple_cnn",
        "dataset": world["data"],
        "teacher": world["run"],
        "device": "cpu",
        "set": {"train.image_size": 12, "architecture.channels": [4], **more},
    }
    return build_components(resolve(make_request(options, recipe="none"), open_registry()), Observer())


def test_a_frozen_backbone_runs_at_every_step_for_the_teacher_looks_at_images(world: dict[str, Path]):
    parts = parts_of(world, **{"train.freeze": "backbone", "augment": []})
    assert not parts.learner.alone
    images, _ = next(iter(parts.train_batches))
    assert images.ndim == 4


def test_it_sees_the_pictures_as_they_were_augmented(world: dict[str, Path]):
    parts = parts_of(world, augment=["flip"])
    assert parts.teacher is not None
    assert parts.distill is not None
    seen: list[Tensor] = []
    parts.teacher.model.register_forward_pre_hook(lambda _, given: seen.append(given[0].clone()))
    images, _ = next(iter(parts.train_batches))
    parts.distill(torch.tensor(0.0), torch.zeros(len(images), 3), images)
    torch.testing.assert_close(seen[0], parts.teacher.seen(images))


def test_asking_it_leaves_it_as_it_was_and_learns_nothing(world: dict[str, Path]):
    asked = teacher(world["run"])
    before = copy.deepcopy(asked.model.state_dict())
    asked(pictures())
    assert all(torch.equal(before[key], value) for key, value in asked.model.state_dict().items())
    assert not any(p.requires_grad for p in asked.model.parameters())
    assert isinstance(asked.model, nn.Module)


@pytest.mark.parametrize("name", ["distill_weight=0.3", "distill_temperature=2"])
def test_its_numbers_without_it_are_refused(zoo, name: str):
    code, _, err = zoo("run", "simple_cnn", "digits", "--set", f"train.{name}", "--dry-run")
    assert code == 2
    assert "needs a teacher: --teacher RUN" in err


def test_a_name_becomes_the_runs_folder_in_the_job(zoo, world: dict[str, Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(world["run"].parents[1])
    code, out, err = zoo("run", "simple_cnn", "digits", "--teacher", "teacher", "--dry-run", "--json")
    assert code == 0, err
    assert json.loads(out)["job"]["teacher"] == str(world["run"])
