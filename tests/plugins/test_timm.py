"""timm's models through the zoo."""

from __future__ import annotations

from importlib.resources import files

import pytest
import torch

from zoo.plugin import Family
from zoo_timm import models, plugin

NAMES = files("zoo_timm").joinpath("models.txt").read_text().split()


def logits_of(name: str, size: int, num_classes: int = 3, in_chans: int = 3, **params: object) -> torch.Size:
    """Shape of the logits; on the meta device nothing is computed."""
    with torch.device("meta"):
        model = models.create(name, num_classes, in_chans, **params).eval()
        return model(torch.zeros(2, in_chans, size, size)).shape


def test_the_plugin_brings_one_family():
    (family,) = plugin.zoo_architectures()
    assert isinstance(family, Family)
    assert (family.kind, family.target) == ("architecture", "zoo_timm.models:create")
    assert family.names == "zoo_timm:models.txt"
    assert family.summary


def test_the_family_is_normalised_as_most_of_timms_weights_are():
    from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

    (family,) = plugin.zoo_architectures()
    assert family.attributes == {"mean": IMAGENET_DEFAULT_MEAN, "std": IMAGENET_DEFAULT_STD}


def test_the_list_of_models_is_the_installed_timms():
    import timm

    installed = timm.list_models()
    if timm.__version__ == models.LISTED:
        assert installed == NAMES
    else:
        assert len(set(installed) & set(NAMES)) > 0.9 * len(NAMES)


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv3_small_050", "vit_tiny_patch16_224", "convnext_atto"])
@pytest.mark.parametrize(("num_classes", "in_chans"), [(2, 1), (7, 3)])
def test_model_gives_logits_for_any_classes_and_channels(name: str, num_classes: int, in_chans: int):
    assert logits_of(name, 224, num_classes, in_chans) == (2, num_classes)


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "swin_tiny_patch4_window7_224", "mixer_s32_224", "resnet18"])
@pytest.mark.parametrize("size", [96, 224])
def test_model_is_built_for_the_jobs_image_size(name: str, size: int):
    assert logits_of(name, size, image_size=size) == (2, 3)


def test_a_real_forward_pass_is_finite():
    model = models.create("test_resnet", 3, in_chans=1).eval()
    assert model(torch.rand(2, 1, 40, 40)).isfinite().all()


def test_only_what_is_set_is_passed_on(monkeypatch: pytest.MonkeyPatch):
    import timm

    seen: list[dict[str, object]] = []
    monkeypatch.setattr(timm, "create_model", lambda name, **given: seen.append({"name": name, **given}))
    models.create("resnet18", 5, 1)
    models.create(
        "resnet18", 5, drop_rate=0.2, drop_path_rate=0.0, global_pool="max", image_size=96, zero_init_last=False
    )
    base = {"name": "resnet18", "num_classes": 5, "pretrained": False}
    further = {"drop_rate": 0.2, "drop_path_rate": 0.0, "global_pool": "max", "zero_init_last": False}
    assert seen == [{**base, "in_chans": 1}, {**base, "in_chans": 3, **further}]


def test_parameters_reach_the_model():
    with torch.device("meta"):
        model = models.create("resnet18", 3, drop_rate=0.25, global_pool="catavgmax")
    assert model.drop_rate == 0.25
    assert model.fc.in_features == 2 * 512


def test_unknown_model_is_named():
    with pytest.raises(ValueError, match=r"no model 'resnet19'; see: zoo list architecture --search resnet19"):
        models.create("resnet19", 2)


def test_a_pretrained_tag_is_part_of_the_name():
    assert logits_of("resnet18.a1_in1k", 64) == (2, 3)


def test_a_parameter_that_the_model_lacks_is_named():
    with pytest.raises(ValueError, match=r"vgg11.*drop_path_rate"), torch.device("meta"):
        models.create("vgg11", 2, drop_path_rate=0.1)
