"""From names to objects: what a component may be given, and what it must give back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from zoo.data.decode import Shape
from zoo.engine.layer_groups import Block
from zoo.engine.param_groups import parameter_groups
from zoo.errors import ContractError, JobError, RequestError
from zoo.host.loader import open_registry
from zoo.job.request import entry_of, make_request
from zoo.job.resolve import resolve
from zoo.job.schema import Choice
from zoo.model.build import build, build_model, count_parameters
from zoo.plugin import Loss, Optimizer
from zoo.registry.entry import Entry, Origin
from zoo.runner.build import build_opener, build_optimizer, unique_names
from zoo.runner.losses import Scored, build_loss, loss_weights


def entry(factory: Any) -> Entry:
    return entry_of("architecture", factory)


def linear(num_classes: int, in_chans: int = 3, image_size: int = 8, bias: bool = True) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(in_chans * image_size**2, num_classes, bias=bias))


def test_a_network_is_given_classes_channels_size_and_the_jobs_parameters():
    model = build_model(entry(linear), {"bias": "false"}, 5, 1, 6)
    assert count_parameters(model) == 5 * 36
    assert parameter_groups([Block("all", tuple(model.parameters()))], 0.1, 0.1)[0]["params"][0].shape == (5, 36)


def test_a_factory_that_does_not_ask_for_the_size_is_not_given_it():
    def any_size(num_classes: int, in_chans: int = 3) -> nn.Module:
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(in_chans, num_classes))

    assert build_model(entry(any_size), {}, 4, 3, 77)(torch.zeros(1, 3, 5, 5)).shape == (1, 4)


def test_what_is_no_module_or_gives_no_logits_breaks_the_contract():
    with pytest.raises(ContractError, match=r"gave int, not a torch\.nn\.Module"):
        build_model(entry(lambda num_classes, in_chans: 3), {}, 2, 3, 8)
    with pytest.raises(ContractError, match=r"must return logits \(N, 3\); for 2 images it returned \(2, 192\)"):
        build_model(entry(lambda num_classes, in_chans: nn.Flatten()), {}, 3, 3, 8)


def test_a_size_that_the_network_does_not_take_is_told():
    with pytest.raises(RequestError, match=r"can't take images of 3x4x4: .*Try another --image-size"):
        build_model(entry(lambda num_classes, in_chans: nn.Conv2d(3, 2, 5)), {}, 2, 3, 4)


def test_a_value_that_the_factory_refuses_is_told_with_its_component():
    def picky(num_classes: int, in_chans: int = 3, width: int = 1) -> nn.Module:
        raise ValueError(f"width must be odd, not {width}")

    with pytest.raises(
        RequestError, match=r"'python/picky' rejects its parameters: width must be odd, not 2\. See: zoo"
    ):
        build_model(entry(picky), {"width": 2}, 2, 3, 8)
    with pytest.raises(JobError, match="architecture has no parameter 'widht'"):
        build_model(entry(picky), {"widht": 2}, 2, 3, 8)


def test_any_factory_is_called_with_its_own_types():
    def sharp(gamma: float = 1.0, num_classes: int = 0) -> tuple[float, int]:
        return gamma, num_classes

    loss = Entry(Loss("sharp", "m:sharp"), Origin("python"), given=sharp)
    assert build(loss, {"gamma": "2"}, "loss", num_classes=7, other=1) == (2.0, 7)


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        (["top_k", "f1"], ["top_k", "f1"]),
        (["top_k", "top_k", "top_k"], ["top_k", "top_k_2", "top_k_3"]),
        (["f1_macro", "f1"], ["f1_macro", "f1"]),
        (["f1", "f1_macro", "f1"], ["f1", "f1_macro", "f1_2"]),
        (["f1_2", "f1", "f1"], ["f1_2", "f1", "f1_3"]),
    ],
)
def test_each_metric_has_a_name_of_its_own_and_a_number_only_where_it_needs_one(chosen: list[str], names: list[str]):
    assert unique_names([Choice(name=name) for name in chosen]) == names


def test_a_dataset_is_opened_as_the_job_says_and_seen_as_one_is_told():
    data = {"resize": "crop", "crop_pct": 0.5, "interpolation": "bicubic", "in_chans": 1}
    policy = {"store": "disk", "on_bad_image": "fail", "max_bad_fraction": 0.25}
    asked = {"architecture": "simple_cnn", "dataset": "digits", "image_size": 24}
    settings = {f"data.{name}": value for name, value in {**data, **policy}.items()}
    resolved = resolve(make_request({**asked, "set": settings}, recipe="none"), open_registry())
    opener, other = build_opener(resolved), build_opener(resolved, Shape(9, 3))
    assert (opener.shape, other.shape) == (Shape(24, 1, "crop", "bicubic", 0.5, "own"), Shape(9, 3))
    for each in (opener, other):
        assert (each.store, each.on_bad_image, each.max_bad_fraction) == ("disk", "fail", 0.25)


def optimizer_of(model: nn.Module, *sets: str) -> torch.optim.Optimizer:
    asked = make_request({"architecture": "simple_cnn", "dataset": "digits"})
    resolved = resolve(replace(asked, sets=sets), open_registry())
    return build_optimizer(resolved, [Block("all", tuple(model.parameters()))])


@pytest.mark.parametrize(
    ("sets", "fused"),
    [
        (["train.optimizer=adamw"], True),
        (["train.optimizer=adam"], True),
        (["train.optimizer=adamw", "train.optimizer.fused=false"], False),
        (["train.optimizer=adamw", "train.optimizer.foreach=true"], None),
        (["train.optimizer=radam"], None),
    ],
)
def test_a_fused_kernel_is_used_where_nothing_speaks_against_it(sets: list[str], fused: bool | None):
    assert optimizer_of(linear(2), *sets).defaults.get("fused") is fused


def test_fused_or_not_the_weights_are_the_same():
    models = [linear(2), linear(2)]
    models[1].load_state_dict(models[0].state_dict())
    images = torch.rand(4, 3, 8, 8)
    for model, word in zip(models, ("true", "false"), strict=True):
        optimizer = optimizer_of(model, "train.optimizer=adamw", f"train.optimizer.fused={word}")
        for _ in range(5):
            optimizer.zero_grad()
            model(images).square().mean().backward()
            optimizer.step()
    for one, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


class Margin(nn.Module):
    """A loss with a centre for each class, as ArcFace has."""

    def __init__(self, num_classes: int = 2, learns: bool = True):
        super().__init__()
        self.centres = nn.Parameter(torch.randn(num_classes, num_classes), requires_grad=learns)

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(logits @ self.centres, targets)


class Holds:
    """A loss that is no module, and holds one."""

    def __init__(self, num_classes: int = 2):
        self.inner = Margin(num_classes)

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return self.inner(logits, targets)


def with_loss(factory: Any) -> Any:
    asked = make_request({"architecture": "simple_cnn", "dataset": "digits", "loss": factory})
    return build_loss(resolve(asked, open_registry()), Scored([str(i) for i in range(10)]))


def test_a_loss_with_weights_is_trained_if_a_run_can_save_them():
    assert [tuple(weight.shape) for weight in loss_weights(with_loss(Margin))] == [(10, 10)]
    with pytest.raises(ContractError, match=r"loss 'python/Holds' .*\(inner\.centres\).*torch\.nn\.Module"):
        with_loss(Holds)

    def frozen(num_classes: int) -> nn.Module:
        return Margin(num_classes, learns=False)

    assert loss_weights(with_loss(frozen)) == []


def test_weights_of_the_loss_have_groups_of_their_own_that_decay_like_the_networks():
    block = Block("all", tuple(nn.Linear(2, 2).parameters()))
    weights = [nn.Parameter(torch.zeros(3, 2)), nn.Parameter(torch.zeros(3))]
    groups = parameter_groups([block], 0.1, 0.01, head_lr=0.5, loss=weights)
    told = [(group["lr"], group["weight_decay"], len(group["params"])) for group in groups]
    assert told == [(0.5, 0.01, 1), (0.5, 0.0, 1), (0.1, 0.01, 1), (0.1, 0.0, 1)]
    assert groups[2]["params"][0] is weights[0]


def with_optimizer(cls: Any, **options: Any) -> torch.optim.Optimizer:
    def made(params: Any, lr: float, weight_decay: float = 0.0) -> torch.optim.Optimizer:
        return cls(params, lr=lr)

    resolved = resolve(
        make_request({"architecture": "simple_cnn", "dataset": "digits", "set": options}), open_registry()
    )
    given = Entry(Optimizer("free", "m:free"), Origin("acme"), given=made)
    resolved = replace(resolved, entries={**resolved.entries, "train.optimizer": given})
    params = {name: value for name, value in resolved.job.train.optimizer.params.items() if name == "weight_decay"}
    resolved.job.train.optimizer.params.clear()
    resolved.job.train.optimizer.params.update(params)
    return build_optimizer(resolved, [Block("all", tuple(nn.Linear(2, 2).parameters()))])


class TwoWeights(torch.optim.SGD):
    def train(self) -> None: ...
    def eval(self) -> None: ...


class Closure(torch.optim.SGD):
    needs_closure = True


def test_optimizers_of_other_forms_are_refused_where_they_do_not_work():
    assert isinstance(with_optimizer(TwoWeights), TwoWeights)
    with pytest.raises(RequestError, match=r"optimizer 'acme/free' has evaluation weights.*train\.ema_decay=none"):
        with_optimizer(TwoWeights, **{"train.ema_decay": 0.9})
    for cls, why in ((TwoWeights, "has evaluation weights"), (Closure, "needs a closure")):
        with pytest.raises(RequestError, match=rf"'acme/free' {why}.*train\.fsdp=false"):
            with_optimizer(cls, **{"train.fsdp": True})
