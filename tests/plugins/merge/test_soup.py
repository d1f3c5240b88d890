"""A soup averages weights that began as the same ones, and only what helps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from zoo_merge.weights import average_weights, recalibrate_norms


def weights(run: str) -> dict[str, torch.Tensor]:
    return load_file(Path("runs") / run / "model" / "model.safetensors")


def test_weights_are_averaged_and_counters_kept():
    first = {"w": torch.tensor([1.0, 2.0]), "n": torch.tensor(5)}
    found = average_weights([first, {"w": torch.tensor([3.0, 6.0]), "n": torch.tensor(9)}])
    assert found["w"].tolist() == [2.0, 4.0]
    assert int(found["n"]) == 5


def test_norms_get_the_mean_statistics_of_the_batches():
    torch.manual_seed(0)
    model = nn.Sequential(nn.BatchNorm2d(2), nn.Dropout(0.9))
    model[0].running_mean.fill_(7)
    batches = [(torch.randn(50, 2, 4, 4) * 3 + 1, torch.zeros(50)) for _ in range(4)]
    recalibrate_norms(model, batches)
    every = torch.cat([images for images, _ in batches])
    assert torch.allclose(model[0].running_mean, every.mean(dim=(0, 2, 3)), atol=1e-5)
    assert not any(module.training for module in model.modules() if not list(module.children()))
    assert model[0].momentum == 0.1


def test_runs_from_the_same_weights_become_one_network(zoo, runs, read_result):
    code, out, _ = zoo("merge", "w1", "w2", "--as", "soup", "--name", "s", "--force")
    assert code == 0
    assert "by greedy choice on 36 val images" in out
    result = read_result("runs/s")
    assert result["model"]["id"] == "simple/simple_cnn"
    assert [result["provenance"][f"merged.{i}"]["id"] for i in range(2)] == ["w1", "w2"]
    if "The weights of 2 of 2 runs" in out:
        name = next(name for name in weights("s") if name.endswith("0.weight"))
        mean = (weights("w1")[name] + weights("w2")[name]) / 2
        assert torch.allclose(weights("s")[name], mean, atol=1e-6)
    assert zoo("evaluate", "s")[0] == 0


def test_the_mean_of_a_run_and_its_copy_is_the_run(zoo, runs):
    """Two equal runs: the second is added, and nothing changes."""
    import shutil

    shutil.copytree("runs/w1", "runs/copy")
    code, out, _ = zoo("merge", "w1", "copy", "--as", "soup", "--name", "s")
    assert code == 0
    assert "The weights of 2 of 2 runs are averaged" in out
    learned = [name for name in weights("s") if "running" not in name and "num_batches" not in name]
    assert all(torch.allclose(weights("s")[name], weights("w1")[name], atol=1e-6) for name in learned)


def test_other_beginnings_are_refused(refused, runs):
    error = refused("merge", "a", "w1", "--as", "soup")
    for word in ("random weights of seed 0", "(SHA-256)", "chance level", "--as ensemble", "--force"):
        assert word in error


def test_unrelated_weights_can_be_tried_and_the_choice_keeps_what_helps(zoo, runs):
    code, out, _ = zoo("merge", "a", "w1", "--as", "soup", "--name", "s", "--force")
    assert code == 0
    assert "alone: accuracy" in out


@pytest.mark.parametrize(
    ("others", "words"),
    [
        (("a", "c"), ("different architectures", "--as ensemble")),
        (("a", "b"), ("mean is", "--as ensemble")),
        (("m1", "m2"), ("different parameters", "--as ensemble")),
    ],
)
def test_other_networks_are_refused(refused, runs, others, words):
    error = refused("merge", *others, "--as", "soup", "--force")
    for word in words:
        assert word in error


def test_folds_share_no_images_to_choose_on(refused, runs):
    error = refused("merge", "whole", "--as", "soup")
    assert "share only 0 of them" in error
    assert "val folder" in error


def test_a_wrong_parameter_is_refused(refused, runs):
    assert "no parameter 'norm'" in refused("merge", "w1", "w2", "--as", "soup", "--set", "norm=3")
    assert "at least 1" in refused("merge", "w1", "w2", "--as", "soup", "--set", "norm_images=0")
    assert "NAME=VALUE" in refused("merge", "w1", "w2", "--as", "soup", "--set", "norm_images")
