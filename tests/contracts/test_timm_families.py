"""A small member of each family of timm, through a real run: one step, an evaluation, its bundle, and back.

A family is a module of timm. Its member here is the smallest that there is, or one that its parameters make small.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import zoo
from zoo.engine.layer_groups import blocks_of, find_head, freeze, heads_of, is_last_step
from zoo.errors import RequestError
from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import Resolved, resolve
from zoo.job.run_folder import MODEL
from zoo.model.build import build_model
from zoo.model.bundle import write_card
from zoo.model.classifier import Classifier
from zoo.runner.components import RunComponents, build_components
from zoo.runner.observer import Observer
from zoo.runner.result import bundle_card, run_record
from zoo.runner.training import Training
from zoo_timm.models import LISTED

REGISTRY = open_registry()
# Of each family the member that is tried, and what makes it small where it isn't.
MEMBERS: dict[str, str | tuple[str, dict[str, Any]]] = {
    "beit": ("beit_base_patch16_224", {"embed_dim": 48, "depth": 2, "num_heads": 3}),
    "byoanet": "botnet26t_256",
    "byobnet": "test_byobnet",
    "cait": "cait_xxs24_224",
    "coat": "coat_lite_tiny",
    "convit": "convit_tiny",
    "convmixer": "convmixer_768_32",
    "convnext": "test_convnext",
    "cpubone": "cpubone_nano",
    "crossvit": "crossvit_tiny_240",
    "csatv2": "csatv2",
    "cspnet": "cs3darknet_focus_s",
    "cspnext": "cspnext_tiny",
    "davit": "davit_tiny",
    "deepseek_vit": ("deepseek_vit_412m", {"embed_dim": 96, "depth": 2, "num_heads": 3}),
    "deit": "deit_tiny_patch16_224",
    "densenet": "densenet121",
    "dla": "dla46x_c",
    "dpn": "dpn48b",
    "edgenext": "edgenext_xx_small",
    "efficientformer": "efficientformer_l1",
    "efficientformer_v2": "efficientformerv2_s0",
    "efficientnet": "test_efficientnet",
    "efficientvim": "efficientvim_m1",
    "efficientvit_mit": "efficientvit_b0",
    "efficientvit_msra": "efficientvit_m0",
    "eva": "eva02_tiny_patch14_224",
    "fasternet": "fasternet_t0",
    "focalnet": "focalnet_tiny_srf",
    "gcvit": "gcvit_xxtiny",
    "gemma4_vit": ("gemma4_vit_167m", {"depth": 2}),
    "ghostnet": "ghostnet_050",
    "hardcorenas": "hardcorenas_a",
    "hgnet": "hgnetv2_b0",
    "hiera": "hiera_tiny_224",
    "hieradet_sam2": "hieradet_small",
    "hrnet": "hrnet_w18_small",
    "iformer": "iformer_t",
    "inception_next": "inception_next_atto",
    "inception_resnet_v2": "inception_resnet_v2",
    "inception_v3": "inception_v3",
    "inception_v4": "inception_v4",
    "lcnetv2": "lcnetv2_small",
    "levit": "levit_128s",
    "lowformer": "lowformer_b0",
    "mambaout": "test_mambaout",
    "maxxvit": "test_maxvit",
    "metaformer": "poolformerv2_s12",
    "mlp_mixer": "gmlp_ti16_224",
    "mobilenetv3": "lcnet_035",
    "mobilevit": "mobilevit_xxs",
    "mvitv2": "mvitv2_tiny",
    "naflexvit": ("naflexvit_base_patch16_gap", {"embed_dim": 96, "depth": 2, "num_heads": 3}),
    "nest": "nest_tiny",
    "nextvit": "nextvit_small",
    "nfnet": "test_nfnet",
    "pit": "pit_ti_224",
    "pvt_v2": "pvt_v2_b0",
    "qwen3_vit": ("qwen3_vit_88m", {"depth": 2}),
    "rdnet": "rdnet_tiny",
    "regnet": "regnetx_002",
    "repghost": "repghostnet_050",
    "repvit": "repvit_m0_9",
    "res2net": "res2net50_48w_2s",
    "resnest": "resnest14d",
    "resnet": "test_resnet",
    "resnetv2": "resnetv2_18",
    "rexnet": "rexnetr_100",
    "selecsls": "selecsls42",
    "senet": "legacy_seresnet18",
    "sequencer": "sequencer2d_s",
    "shvit": "shvit_s1",
    "sknet": "skresnet18",
    "starnet": "starnet_s050",
    "swiftformer": "swiftformer_xs",
    "swin_transformer": "swin_tiny_patch4_window7_224",
    "swin_transformer_v2": "swinv2_tiny_window8_256",
    "swin_transformer_v2_cr": "swinv2_cr_tiny_224",
    "tiny_vit": "tiny_vit_5m_224",
    "tnt": "tnt_s_patch16_224",
    "tresnet": "tresnet_m",
    "twins": "twins_svt_small",
    "visformer": "visformer_tiny",
    "vision_transformer": "test_vit",
    "vision_transformer_hybrid": "vit_tiny_r_s16_p8_224",
    "vision_transformer_relpos": "test_vit_relpos",
    "vision_transformer_sam": ("samvit_base_patch16_224", {"embed_dim": 96, "depth": 2, "num_heads": 3}),
    "vitamin": "vitamin_small_224",
    "volo": "volo_d1_224",
    "vovnet": "ese_vovnet19b_slim_dw",
    "xception": "legacy_xception",
    "xception_aligned": "xception41",
    "xcit": "xcit_nano_12_p16_224",
}
LEFT_OUT = {
    "mobilenetv5": "mobilenetv5_base has 81 M parameters, and nothing makes it smaller",
    "nasnet": "nasnetalarge has 85 M parameters, and nothing makes it smaller",
    "pnasnet": "pnasnet5large has 82 M parameters, and nothing makes it smaller",
    "vgg": "vgg11 has 129 M parameters, and nothing makes it smaller",
    "fastvit": "torch 2.15 ends the process: backward of a strided 1x1 convolution of 3 channels, channels last, CPU",
}
FAST = ("byobnet", "convnext", "efficientnet", "mambaout", "nfnet", "resnet", "vision_transformer")
# Whose last layer is not their last step: its output is flattened, or the mean of several heads' is taken.
NOT_LAST = {
    *("crossvit", "dla", "dpn", "efficientformer", "efficientformer_v2", "efficientvim"),
    *("levit", "resnetv2", "swiftformer", "volo"),
}
SIZES = (32, 64, 96, 128, 160, 192, 224)
CLASSES = ("dark", "middle", "bright")


class Shades:
    """Two noisy pictures of each class, uint8 (3, 40, 32)."""

    classes = CLASSES
    targets = (0, 1, 2, 0, 1, 2)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        noise = torch.randint(0, 60, (3, 40, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(i))
        return noise + 90 * self.targets[i], self.targets[i]


@dataclass
class Trained:
    """A run of one step, as it is when it is over."""

    family: str
    parts: RunComponents
    before: dict[str, Tensor]
    history: list[dict[str, Any]]
    loaded: Classifier


def member(family: str) -> tuple[str, dict[str, Any]]:
    """Its name, and parameters."""
    given = MEMBERS[family]
    return (given, {}) if isinstance(given, str) else given


def asked(family: str, **options: Any) -> Resolved:
    """The job: a network of the registry, the pictures, and all else as anyone's job has it."""
    name, params = member(family)
    settings = {f"architecture.{key}": value for key, value in params.items()}
    pictures = {"train": Shades(), "val": Shades()}
    words = {"architecture": f"timm/{name}", "dataset": pictures, "epochs": 1, "device": "cpu", "precision": "fp32"}
    return resolve(make_request({**words, "set": settings, **options}), REGISTRY)


def smallest_size(family: str) -> int:
    """The first of a few sizes that the network takes, else its own."""
    name, params = member(family)
    entry = REGISTRY.find("architecture", f"timm/{name}")
    for size in SIZES:
        try:
            build_model(entry, dict(params), len(CLASSES), 3, size)
        except RequestError:
            continue
        return size
    own = getattr(entry.component, "input_size", None)
    assert isinstance(own, int)
    return own


@pytest.fixture(scope="module", params=[pytest.param(f, marks=[] if f in FAST else pytest.mark.slow) for f in MEMBERS])
def trained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, session_cache: Path
) -> Iterator[Trained]:
    """A run of each family, once for all tests of it."""
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(session_cache))
        patch.setenv("ZOO_OFFLINE", "1")
        parts = build_components(asked(request.param, image_size=smallest_size(request.param)), Observer())
        before = {name: p.detach().clone() for name, p in parts.model.named_parameters()}
        training = Training(parts, folder, Observer())
        (folder / MODEL).mkdir()
        write_card(folder / MODEL, bundle_card(parts))
        assert training.epochs(run_record(parts, folder)) is None
        loaded = zoo.load(folder, device="cpu")
    yield Trained(request.param, parts, before, training.state.history, loaded)
    shutil.rmtree(folder)  # hundreds of megabytes of optimizers' states


def test_every_family_of_timm_has_a_member_here():
    import timm

    families = {timm.models.model_entrypoint(name).__module__.rpartition(".")[2] for name in timm.list_models()}
    assert set(MEMBERS).isdisjoint(LEFT_OUT)
    assert len(MEMBERS) >= 60
    if timm.__version__ == LISTED:
        assert families == {*MEMBERS, *LEFT_OUT}
        assert len(MEMBERS) >= 90
    for family in MEMBERS:
        assert timm.models.model_entrypoint(member(family)[0]).__module__ == f"timm.models.{family}"


def test_it_learns_in_one_step(trained: Trained):
    (epoch,) = trained.history
    assert 0 < epoch["train"]["loss"] < 20
    assert 0 <= epoch["val"]["accuracy"] <= 1
    learning = {name: p for name, p in trained.parts.model.named_parameters() if p.requires_grad}
    without = [name for name, p in learning.items() if p.grad is None or not p.grad.isfinite().all()]
    assert without == []
    # A gradient as small as 1e-6 of an Adam step may leave a weight of about 1 as it is.
    still = [name for name, p in learning.items() if torch.equal(p, trained.before[name]) and p.grad.abs().max() > 1e-6]
    assert still == []
    assert any(p.grad.abs().max() > 1e-6 for p in learning.values())


def test_its_bundle_is_the_network_that_was_trained(trained: Trained):
    size = trained.loaded.preprocessing.image_size
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        ours, theirs = trained.loaded.model(images), trained.parts.learner.final.eval()(images)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    (named,) = trained.loaded.predict(Shades()[0][0])
    assert {entry["class"] for entry in named["top"]} == set(CLASSES)


def test_its_bundle_prepares_images_as_timm_does(trained: Trained):
    from timm.data import resolve_data_config

    said = resolve_data_config({}, model=trained.parts.model)
    ours = trained.loaded.preprocessing
    assert (tuple(ours.mean), tuple(ours.std)) == (said["mean"], said["std"])
    assert ours.interpolation == said["interpolation"]
    squashed = said["crop_mode"] == "squash"
    assert (ours.resize, ours.crop_pct) == (("squash", 1.0) if squashed else ("crop", said["crop_pct"]))
    begins_with_weights = asked(trained.family, pretrained=True).job.train
    assert begins_with_weights.image_size == said["input_size"][-1], "unless another is asked for"


def test_freezing_its_backbone_leaves_its_head_to_learn(trained: Trained):
    model, size = trained.parts.model, trained.loaded.preprocessing.image_size
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    head = find_head(model, images)
    assert is_last_step(model, head, images) == (trained.family not in NOT_LAST)
    blocks = blocks_of(model, head)
    found = [id(p) for block in blocks for p in block.parameters]
    assert len(found) == len(set(found)), "each once"
    assert set(found) == {id(p) for p in model.parameters() if p.requires_grad}
    freeze(model, blocks, len(blocks) - 1)
    heads = [model.get_submodule(path) for path in heads_of(model, head)]
    assert {id(p) for p in model.parameters() if p.requires_grad} == {id(p) for h in heads for p in h.parameters()}
