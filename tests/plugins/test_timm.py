"""timm's models through the zoo."""

from __future__ import annotations

from importlib.resources import files

import pytest
import torch

from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import resolve
from zoo.plugin import Architecture, Family
from zoo.registry.entry import Origin, family_entries
from zoo.testing import checks_of, run_checks
from zoo_timm import models, plugin

LIST = files("zoo_timm").joinpath("models.txt").read_text()
FACTS = files("zoo_timm").joinpath("facts.tsv").read_text().splitlines()
LINES = sorted(line for line in LIST.splitlines() if not line.startswith("#"))
NAMES = [name for name in LINES if "." not in name]
TAGGED = [name for name in LINES if "." in name]
BORDERED = {"volo_d4_448": 1.15, "volo_d5_448": 1.15, "volo_d5_512": 1.15}  # smaller than what they are cut from
REGISTRY = open_registry()


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


def members() -> dict[str, Architecture]:
    (family,) = plugin.zoo_architectures()
    return {entry.component.name: entry.component for entry in family_entries(family, Origin("timm"))}  # type: ignore[misc]


def test_every_models_preprocessing_is_that_of_its_weights():
    import timm
    from timm.models import get_pretrained_cfg

    if timm.__version__ != models.LISTED:
        pytest.skip(f"timm {timm.__version__}: its own weights may have changed")
    tagged = {e.component.name: e.component for e in REGISTRY.variants("architecture")}
    seen = 0
    for name, ours in {**members(), **tagged}.items():
        theirs = get_pretrained_cfg(name)
        assert theirs is not None
        assert isinstance(ours, Architecture)
        _, height, width = theirs.input_size
        assert ours.input_size == height
        assert height == width or "_sapiens2" in name
        assert (ours.mean, ours.std, ours.interpolation) == (theirs.mean, theirs.std, theirs.interpolation), name
        wanted = None if theirs.crop_mode == "squash" else theirs.crop_pct
        assert wanted in (ours.crop_pct, BORDERED.get(name.partition(".")[0])), name
        assert ours.crop_pct is None or 0 < ours.crop_pct <= 1
        seen += 1
    assert len(NAMES) == 1371
    assert len(TAGGED) == 1826
    assert seen == len(LINES)


def test_listing_the_architectures_shows_every_model_once(zoo):
    code, out, _ = zoo("list", "architectures")
    assert code == 0
    shown = [line.split()[0] for line in out.splitlines()]
    assert sorted(word.removeprefix("timm/") for word in shown if word.startswith("timm/")) == NAMES
    assert len(NAMES) > 1300


def test_the_list_is_what_its_script_writes():
    import timm

    from zoo_timm.list_models import listing

    if timm.__version__ != models.LISTED:
        pytest.skip(f"of timm {timm.__version__}: python plugins/zoo_timm/list_models.py")
    assert listing() == LIST


def test_a_model_without_weights_is_listed_with_imagenets_preprocessing(monkeypatch: pytest.MonkeyPatch):
    import timm.models
    from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

    from zoo_timm.list_models import preprocessing

    monkeypatch.setattr(timm.models, "get_pretrained_cfg", lambda name: None)
    assert preprocessing("new") == {
        "input_size": 224,
        "mean": IMAGENET_DEFAULT_MEAN,
        "std": IMAGENET_DEFAULT_STD,
        "interpolation": "bicubic",
        "crop_pct": 0.875,
    }


def test_the_list_of_models_is_the_installed_timms():
    import timm

    installed = timm.list_models()
    if timm.__version__ == models.LISTED:
        assert sorted(installed) == NAMES
    else:
        assert len(set(installed) & set(NAMES)) > 0.9 * len(NAMES)


def test_the_variants_are_the_installed_timms_tags_and_the_default_one_is_timms_own():
    import timm
    from timm.models import get_pretrained_cfg

    if timm.__version__ != models.LISTED:
        pytest.skip(f"of timm {timm.__version__}")
    assert sorted(timm.list_pretrained()) == TAGGED
    (family,) = plugin.zoo_architectures()
    for entry in family_entries(family, Origin("timm")):
        config = get_pretrained_cfg(entry.component.name)
        assert entry.default_variant == (config.tag if config and entry.variants else None), entry.id


@pytest.mark.parametrize("name", ["timm/test_vit.r160_in1k", "test_vit.r160_in1k"])
def test_a_tag_is_a_component_like_any_other(name: str):
    entry = REGISTRY.find("architecture", name)
    assert (entry.id, entry.member) == ("timm/test_vit.r160_in1k", "test_vit.r160_in1k")
    assert entry.provenance()["id"] == "timm/test_vit.r160_in1k"
    report = run_checks(checks_of(entry))
    assert [(o.outcome, o.message) for o in report.outcomes] == [("passed", None)] * len(report.outcomes)


def test_a_job_has_its_tags_size_and_preprocessing_and_the_recipes_of_its_kind():
    words = {"dataset": "fake_data", "weights": None, "set": {"dataset.size": 300}}
    base, tagged = (
        resolve(make_request({"architecture": name, **words}), REGISTRY)
        for name in ("resnet50", "timm/resnet50.a1h_in1k")
    )
    assert (base.job.train.image_size, base.job.data.crop_pct) == (224, 0.95)
    assert (tagged.job.train.image_size, tagged.job.data.crop_pct) == (176, 0.9)
    assert base.job.recipe == tagged.job.recipe == "timm/*+*"
    trained = {"dataset": "fake_data", "pretrained": True}
    vit = resolve(make_request({"architecture": "vit_base_patch16_224.augreg_in21k", **trained}), REGISTRY)
    assert vit.job.recipe == "fine_tune_vit"


def test_a_tag_that_the_installed_timm_lacks_is_told_with_those_that_it_has():
    with pytest.raises(ValueError, match=r"has no weights 'a9' of resnet18; it has: resnet18\.a1_in1k, "):
        models.create("resnet18.a9", 2)


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


def test_the_facts_are_those_of_the_listed_models():
    import timm
    from timm.models import get_pretrained_cfg

    rows = {name: facts for name, *facts in (line.split("\t") for line in FACTS[1:])}
    assert FACTS[0].split("\t") == ["name", "num_parameters", "top1", "license"]
    assert set(NAMES) <= rows.keys() <= set(LINES)
    for name in ("test_resnet", "resnet18", "lcnet_035"):
        model = timm.create_model(name, num_classes=1000)
        assert int(rows[name][0]) == sum(p.numel() for p in model.parameters())
    assert rows["resnet50.a1_in1k"] == ["", "0.8121", str(get_pretrained_cfg("resnet50.a1_in1k").license)]
    assert all(0.5 < float(top1) < 0.92 for _, top1, _ in rows.values() if top1)
