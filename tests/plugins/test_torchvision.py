"""torchvision's classification models through the zoo."""

from __future__ import annotations

import math
import os
import pickle
from importlib.resources import files
from pathlib import Path

import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import nn
from torchvision.models import get_model, get_model_weights

from zoo.data.decode import Shape, to_pixels
from zoo.errors import RequestError
from zoo.plugin import Architecture, Family
from zoo.registry.entry import Origin, family_entries
from zoo_torchvision import models, plugin
from zoo_torchvision.list_models import facts, listing, share

LIST = files("zoo_torchvision").joinpath("models.txt").read_text()
NAMES = sorted(line for line in LIST.splitlines() if not line.startswith("#"))
# The smallest of each kind; no regnet, whose widths can't be computed without data.
KINDS = [
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "googlenet", "inception_v3", "maxvit_t", "mnasnet0_5",
    "mobilenet_v2", "mobilenet_v3_small", "resnet18", "resnext50_32x4d", "shufflenet_v2_x0_5", "squeezenet1_0",
    "swin_t", "swin_v2_t", "vgg11", "vgg11_bn", "vit_b_16",
]  # fmt: skip


def side_of(name: str) -> int:
    return 299 if name == "inception_v3" else 224


def made(name: str, num_classes: int = 3, in_chans: int = 3, **params: object) -> nn.Module:
    """On the meta device nothing is computed."""
    with torch.device("meta"):
        return models.create(name, num_classes, in_chans, **params)


def shape_of(model: nn.Module, side: int, in_chans: int = 3) -> tuple[int, ...]:
    return tuple(model(torch.zeros(2, in_chans, side, side, device="meta")).shape)


# -- the list -----------------------------------------------------------------------------------------------


def test_the_plugin_brings_one_family():
    (family,) = plugin.zoo_architectures()
    assert isinstance(family, Family)
    assert (family.kind, family.target) == ("architecture", "zoo_torchvision.models:create")
    assert set(family.samples) <= set(NAMES)


def members() -> dict[str, Architecture]:
    (family,) = plugin.zoo_architectures()
    return {entry.component.name: entry.component for entry in family_entries(family, Origin("torchvision"))}  # type: ignore[misc]


def is_listed() -> bool:
    """Whether the installed torchvision is the one whose models are listed."""
    return torchvision.__version__.partition("+")[0] == models.LISTED


def test_every_models_preprocessing_is_that_of_its_weights():
    if not is_listed():
        pytest.skip(f"torchvision {torchvision.__version__}: its own weights may have changed")
    ours = members()
    assert len(ours) == 80
    for name, mine in ours.items():
        theirs = get_model_weights(name).DEFAULT.transforms()
        assert theirs.crop_size == [mine.input_size]
        assert (mine.mean, mine.std) == (tuple(theirs.mean), tuple(theirs.std))
        assert mine.interpolation == theirs.interpolation.value
        shape = Shape(mine.input_size or 0, 3, "crop", mine.interpolation, mine.crop_pct or 0)  # type: ignore[arg-type]
        assert theirs.resize_size == [shape.shorter], name


@pytest.mark.parametrize("name", ["resnet18", "inception_v3", "efficientnet_b1", "swin_v2_s", "maxvit_t"])
def test_images_are_prepared_as_for_its_weights(name: str):
    from torchvision.transforms.functional import normalize, pil_to_tensor

    if not is_listed():
        pytest.skip(f"torchvision {torchvision.__version__}: its own weights may have changed")
    mine, theirs = members()[name], get_model_weights(name).DEFAULT.transforms()
    image = Image.effect_mandelbrot((500, 375), (-2, -1.5, 1, 1.5), 100).convert("RGB")
    pixels = to_pixels(image, mine.input_size or 0, 3, "crop", mine.interpolation, mine.crop_pct or 0)  # type: ignore[arg-type]
    ours = normalize(torch.from_numpy(pixels.copy()).permute(2, 0, 1) / 255, mine.mean, mine.std)  # type: ignore[arg-type]
    assert pil_to_tensor(image).unique().numel() > 10, "a picture that shows what is done to it"
    torch.testing.assert_close(ours, theirs(image))


def test_the_list_is_what_its_script_writes():
    if not is_listed():
        pytest.skip(f"of torchvision {torchvision.__version__}: python plugins/zoo_torchvision/list_models.py")
    assert listing() == LIST
    assert facts() == files("zoo_torchvision").joinpath("facts.tsv").read_text()


@given(crop=st.integers(1, 1024), more=st.integers(0, 400))
def test_a_share_gives_the_size_to_resize_to_back(crop: int, more: int):
    assert 0 < share(crop, crop + more) <= 1
    assert math.floor(crop / share(crop, crop + more)) == crop + more


def test_the_list_of_models_is_the_installed_torchvisions():
    installed = models.installed_names()
    if is_listed():
        assert installed == NAMES
    else:
        new = sorted(set(installed) - set(NAMES))
        assert len(set(installed) & set(NAMES)) > 0.9 * len(NAMES), f"of torchvision {torchvision.__version__}: {new}"


def test_the_list_has_nothing_but_classification():
    assert not [name for name in NAMES if any(w in name for w in ("rcnn", "deeplab", "r3d", "raft", "quantized"))]
    assert len(NAMES) == 80


# -- what is built ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
def test_logits_for_any_classes_and_channels_also_in_training(name: str):
    model = made(name, 7, in_chans=1)
    assert model.training
    assert shape_of(model, side_of(name), 1) == (2, 7), "a tensor, with no auxiliary outputs"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_listed_model_can_be_built(name: str):
    if name not in models.installed_names():
        pytest.skip(f"torchvision {torchvision.__version__} has no {name}")
    if name.startswith("regnet"):
        if "gf" in name and name.split("_")[2].removesuffix("gf") in ("16", "32", "128", "8"):
            pytest.skip("too large to be made in earnest, and it can't be made otherwise")
        assert models.create(name, 7, in_chans=1).eval()(torch.rand(1, 1, 64, 64)).shape == (1, 7)
    else:
        assert shape_of(made(name, 7, in_chans=1, dropout=0.3).eval(), side_of(name), 1) == (2, 7)


@pytest.mark.parametrize(
    "name", ["alexnet", "googlenet", "inception_v3", "resnet18", "squeezenet1_0", "vgg11", "vit_b_16"]
)
def test_dropout_stands_before_the_last_layer(name: str):
    model = made(name, dropout=0.375)
    layers = [m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.Dropout)]
    assert any(isinstance(m, nn.Dropout) and m.p == 0.375 for m in layers)
    plain = made(name)
    assert not any(isinstance(m, nn.Dropout) and m.p == 0.375 for m in plain.modules())


def test_dropout_drops_in_training_only():
    torch.manual_seed(0)
    model = models.create("resnet18", 3, dropout=0.5)
    images = torch.rand(4, 3, 32, 32)
    model.eval()
    assert torch.equal(model(images), model(images))
    model.fc.train()
    assert not torch.equal(model(images), model(images))


def test_without_dropout_a_models_own_is_kept():
    own = {m.p for m in get_model("mobilenet_v3_small", weights=None).modules() if isinstance(m, nn.Dropout)}
    assert {m.p for m in made("mobilenet_v3_small").modules() if isinstance(m, nn.Dropout)} == own == {0.2}


@pytest.mark.parametrize(("name", "size"), [("vit_b_16", 96), ("vit_b_32", 64), ("maxvit_t", 448), ("resnet18", 96)])
def test_model_is_built_for_the_jobs_image_size(name: str, size: int):
    assert shape_of(made(name, image_size=size).eval(), size) == (2, 3)


@pytest.mark.parametrize(
    ("name", "size", "near"),
    [("vit_b_16", 100, 96), ("vit_l_32", 10, 32), ("vit_h_14", 224 + 3, 224), ("maxvit_t", 96, 224)],
)
def test_a_size_that_does_not_fit_is_refused_with_one_that_does(name: str, size: int, near: int):
    with pytest.raises(
        ValueError, match=rf"{name} needs an image size that is a multiple of .*not {size}: --image-size {near}$"
    ):
        made(name, image_size=size)


@pytest.mark.parametrize("in_chans", [1, 2, 6])
def test_a_new_first_layer_answers_as_strongly_as_the_old(in_chans: int):
    torch.manual_seed(0)
    given = torch.randn(8, in_chans, 32, 32)
    wide = float(models.create("resnet18", 2, in_chans).conv1(given).detach().std())
    colour = float(models.create("resnet18", 2).conv1(torch.randn(8, 3, 32, 32)).detach().std())
    assert math.isclose(wide, colour, rel_tol=0.1)


def test_a_real_forward_and_backward_pass_is_finite():
    model = models.create("mobilenet_v3_small", 3, in_chans=2)
    loss = model(torch.rand(2, 2, 64, 64)).square().mean()
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


# -- what is refused ----------------------------------------------------------------------------------------


def test_unknown_model_is_named():
    with pytest.raises(ValueError, match=r"no classification model 'resnet19'; see: zoo list architecture"):
        made("resnet19")
    with pytest.raises(ValueError, match="no classification model 'fasterrcnn"):
        made("fasterrcnn_resnet50_fpn")


def test_a_parameter_that_the_model_lacks_is_named():
    with pytest.raises(ValueError, match=r"resnet18 does not accept all of .*stochastic_depth_prob"):
        made("resnet18", stochastic_depth_prob=0.1)
    assert made("resnet18", zero_init_residual=True)


def test_auxiliary_outputs_are_refused():
    with pytest.raises(ValueError, match="aux_logits"):
        made("googlenet", aux_logits=True)


def test_dropout_is_a_share():
    with pytest.raises(ValueError, match=r"not 1\.5"):
        made("resnet18", dropout=1.5)


# -- pretrained weights -------------------------------------------------------------------------------------


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of torch's, and no network."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints"


def cached(hub: Path, name: str) -> nn.Module:
    """Weights of that model, drawn at random, put where torch keeps what it has downloaded."""
    torch.manual_seed(1)
    model = get_model(name, weights=None, **({"init_weights": True} if name == "googlenet" else {}))
    torch.save(model.state_dict(), hub / get_model_weights(name).DEFAULT.url.rpartition("/")[2])
    return model


def test_weights_that_are_not_there_are_said_offline(hub: Path):
    with pytest.raises(
        RequestError, match=r"'resnet18' are not available: offline .*pytorch\.org.*--weights FILE"
    ) as caught:
        models.create("resnet18", 2, pretrained=True)
    assert str(hub) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v3_small", "googlenet"])
def test_cached_weights_are_used_offline_and_the_last_layer_is_new(hub: Path, name: str):
    theirs = cached(hub, name).state_dict()
    trained = models.create(name, 5, pretrained=True)
    assert isinstance(trained.train()(torch.rand(2, 3, 64, 64)), torch.Tensor)
    mine = models.create(name, 5, pretrained=True).state_dict()
    new = [key for key in mine if mine[key].shape != theirs[key].shape]
    assert len(new) == 2, "weight and bias of the last layer"
    assert all(torch.equal(mine[key], theirs[key]) for key in mine if key not in new)


def test_a_thousand_classes_keep_the_pretrained_last_layer(hub: Path):
    theirs = cached(hub, "mobilenet_v3_small")
    mine = models.create("mobilenet_v3_small", 1000, pretrained=True)
    assert torch.equal(mine.classifier[-1].weight, theirs.classifier[-1].weight)


def test_a_pretrained_first_layer_sees_grey_as_it_saw_colour(hub: Path):
    cached(hub, "googlenet")
    colour = models.create("googlenet", 4, pretrained=True)
    grey, six = (models.create("googlenet", 4, in_chans, pretrained=True) for in_chans in (1, 6))
    images = torch.rand(2, 1, 32, 32)
    stem = colour.conv1.conv(images.expand(-1, 3, -1, -1))
    torch.testing.assert_close(grey.conv1.conv(images), stem, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(six.conv1.conv(images.expand(-1, 6, -1, -1)), stem, rtol=1e-4, atol=1e-5)
    assert colour.transform_input
    assert not grey.transform_input
    assert grey.eval()(torch.rand(2, 1, 64, 64)).shape == (2, 4)


def test_a_file_in_the_cache_that_would_run_code_is_refused(hub: Path, tmp_path: Path):
    mark = tmp_path / "it ran"

    class Harmful:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(mark),)

    file = hub / get_model_weights("resnet18").DEFAULT.url.rpartition("/")[2]
    file.write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(RequestError, match="'resnet18' are not available"):
        models.create("resnet18", 2, pretrained=True)
    assert not mark.exists()


@pytest.mark.slow
def test_a_pretrained_transformer_takes_another_image_size(hub: Path):
    theirs = cached(hub, "vit_b_32")
    model = models.create("vit_b_32", 2, pretrained=True, image_size=96).eval()
    assert model.encoder.pos_embedding.shape == (1, 1 + 3 * 3, 768)
    assert torch.equal(model.conv_proj.weight, theirs.conv_proj.weight)
    assert model(torch.rand(1, 3, 96, 96)).shape == (1, 2)
