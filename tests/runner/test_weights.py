"""Weights to begin with: every form that files have, and every way in which they don't fit."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from zoo.errors import ContractError, RequestError
from zoo.host.loader import open_registry
from zoo.runner.weights import load_weights, read_tensors


def network(classes: int = 3, in_chans: int = 3, width: int = 4) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(in_chans, width, 3), nn.BatchNorm2d(width), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(width, classes),
    )  # fmt: skip


@pytest.fixture
def trained() -> nn.Module:
    torch.manual_seed(1)
    model = network()
    model[1].running_mean.uniform_()
    return model


def same(a: nn.Module, b: nn.Module, *, but: str = "nothing") -> bool:
    mine, theirs = a.state_dict(), b.state_dict()
    return all(torch.equal(mine[k], theirs[k]) for k in mine if not k.startswith(but))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": {}, "model_ema": state, "optimizer": {}},
        lambda state: {"state_dict": {f"module.{k}": v for k, v in state.items()}},
        lambda state: {f"_orig_mod.{k}": v for k, v in state.items()},
    ],
    ids=["plain", "state_dict", "ema", "parallel", "compiled"],
)
def test_checkpoints_of_every_form_are_read(tmp_path: Path, trained: nn.Module, wrap: Any):
    path = tmp_path / "checkpoint.pth"
    torch.save(wrap(trained.state_dict()), path)
    model = network()
    loaded = load_weights(model, str(path), "4", open_registry())
    assert same(model, trained)
    assert (loaded.loaded, loaded.fresh, loaded.adapted) == (len(model.state_dict()), (), ())


def test_safetensors_with_other_classes_leave_the_head_new(tmp_path: Path, trained: nn.Module):
    path = tmp_path / "weights.safetensors"
    save_file(trained.state_dict(), path)
    model = network(classes=7)
    before = model[4].weight.clone()
    loaded = load_weights(model, str(path), "4", open_registry())
    assert loaded.fresh == ("4.weight", "4.bias")
    assert same(model, trained, but="4")
    assert torch.equal(model[4].weight, before)
    assert "new: 4.weight, 4.bias" in loaded.sentence()
    assert len(loaded.sha256) == 64
    assert Path(loaded.file).is_absolute()


def test_a_file_without_a_head_will_do(tmp_path: Path, trained: nn.Module):
    path = tmp_path / "backbone.safetensors"
    save_file({k: v for k, v in trained.state_dict().items() if not k.startswith("4.")}, path)
    assert load_weights(network(), str(path), "4", open_registry()).fresh == ("4.weight", "4.bias")


@pytest.mark.parametrize("in_chans", [1, 6])
def test_a_first_layer_is_made_to_fit_other_channels_and_sees_grey_as_before(
    tmp_path: Path, trained: nn.Module, in_chans: int
):
    path = tmp_path / "weights.safetensors"
    save_file(trained.state_dict(), path)
    model = network(in_chans=in_chans)
    assert load_weights(model, str(path), "4", open_registry()).adapted == ("0.weight",)
    grey = torch.rand(2, 1, 9, 9)
    torch.testing.assert_close(
        model.eval()(grey.expand(2, in_chans, 9, 9)), trained.eval()(grey.expand(2, 3, 9, 9)), rtol=1e-4, atol=1e-5
    )


def test_a_file_of_another_network_says_which_names(tmp_path: Path, trained: nn.Module):
    path = tmp_path / "weights.safetensors"
    state = trained.state_dict()
    state["5.extra"] = torch.zeros(1)
    del state["1.weight"]
    save_file(state, path)
    model = network(width=8)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with pytest.raises(RequestError) as told:
        load_weights(model, str(path), "4", open_registry())
    text = str(told.value)
    assert "1 missing: 1.weight" in text
    assert "1 unknown: 5.extra" in text
    assert "of different shape: 0.weight (4, 3, 3, 3) in the file, (8, 3, 3, 3) in the network" in text
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items()), "nothing is taken over in part"


class Evil:
    """What a malicious checkpoint holds."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path("evil-was-here"),))


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.pth"
    torch.save({"state_dict": {"a": torch.zeros(1)}, "x": Evil()}, path)
    with pytest.raises(RequestError, match=r"execute code\. Give a \.safetensors file"):
        read_tensors(path)
    assert not (tmp_path / "evil-was-here").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.safetensors", b"not tensors"),
        ("a.pth", b"not tensors"),
        ("a.pth", pickle.dumps([1, 2])),
        ("a.pth", b""),
        ("a.safetensors", b""),
    ],
)
def test_a_damaged_file_is_told(tmp_path: Path, name: str, content: bytes):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(RequestError, match=r"can't be read as weights"):
        read_tensors(path)


def test_a_file_without_tensors_is_told(tmp_path: Path):
    path = tmp_path / "a.pth"
    torch.save({"epoch": 3}, path)
    with pytest.raises(RequestError, match="contains no weights: no named tensors"):
        read_tensors(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RequestError, match=r"There are no weights at 'nowhere\.pth'"):
        load_weights(network(), "nowhere.pth", None, open_registry())


class Renamed(nn.Module):
    """A network that reads the weights of a code with other names."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.calls = network(), 0

    def adapt_weights(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        self.calls += 1
        return {f"body.{name}": value for name, value in state.items()}


def test_a_network_maps_the_names_of_a_file_but_not_its_own(tmp_path: Path, trained: nn.Module):
    path, model = tmp_path / "foreign.pth", Renamed()
    torch.save(trained.state_dict(), path)
    loaded = load_weights(model, str(path), "body.4", open_registry())
    assert same(model.body, trained)
    assert (loaded.loaded, model.calls) == (len(trained.state_dict()), 1)
    torch.save(model.state_dict(), path)
    load_weights(model, str(path), "body.4", open_registry())
    assert model.calls == 1


def test_a_mapping_of_weights_that_is_none_is_refused(tmp_path: Path, trained: nn.Module):
    path, model = tmp_path / "foreign.pth", network()
    torch.save({f"other.{name}": value for name, value in trained.state_dict().items()}, path)
    model.adapt_weights = lambda state: None  # type: ignore[assignment]
    with pytest.raises(ContractError, match=r"adapt_weights\(\) of Sequential must return tensors by name"):
        load_weights(model, str(path), "4", open_registry())
