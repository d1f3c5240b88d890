import numpy as np
import pytest
import torch
import zoo
from PIL import Image
from zoo.testing import parametrize
from zoo_medical.clinical import SensitivityAtSpecificity
from zoo_medical.study import Study


@parametrize("medical")
def test_contract(check):
    check()


@pytest.fixture
def study(tmp_path):
    """24 images of 16 bits of 12 patients, as PNG and npy in turn."""
    rng, lines = np.random.default_rng(0), ["image\tpatient\tfinding"]
    for i in range(24):
        label = i // 2 % 2
        pixels = rng.integers(1000 + 20000 * label, 20000 + 30000 * label, (32, 32)).astype(np.uint16)
        name = f"{i}.npy" if i % 2 else f"{i}.png"
        np.save(tmp_path / name, pixels[None]) if i % 2 else Image.fromarray(pixels).save(tmp_path / name)
        lines.append(f"{name}\tp{i // 2}\t{['normal', 'opacity'][label]}")
    (tmp_path / "chest.study").write_text("\n".join(lines) + "\n")
    return tmp_path / "chest.study"


def test_groups_are_patients(study):
    dataset = Study(study, "train")
    assert dataset.groups[:4] == [0, 0, 1, 1]
    assert dataset.available_splits(study) == ("train",)


def test_a_window_keeps_what_is_in_it(study):
    image, _ = Study(study, "train", window=(0.0, 1.0))[0]
    assert image.shape == (1, 32, 32)
    assert image.min() == 255


def test_perfect_scores_have_full_sensitivity():
    metric = SensitivityAtSpecificity(2)
    metric.update(10 * torch.eye(2)[[0, 1, 0, 1]], torch.tensor([0, 1, 0, 1]))
    assert metric.compute() == 1.0


@pytest.mark.parametrize("window", [None, [0.0, 50000.0]])
def test_sixteen_bits_are_trained_on(study, window, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = {"dataset.window": window} if window else {}
    result = zoo.run("medical/xray_net", str(study), epochs=2, image_size=32, set=settings)
    assert result["status"] == "completed"
    assert result["splits"]["train"]["images"] + result["splits"]["val"]["images"] == 24
    assert result["splits"]["val"]["images"] % 2 == 0, "both images of a patient are held out"
