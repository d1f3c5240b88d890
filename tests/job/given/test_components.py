"""Networks, losses, metrics, augmentations, optimizers and schedules given from Python, as factories of their kind."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR, ReduceLROnPlateau, StepLR
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score
from torchvision.transforms import v2

from zoo.errors import ContractError, RequestError
from zoo.job.given import entry_of
from zoo.job.request import make_request
from zoo.model.build import build, build_model
from zoo.registry.signature import parameters

ASKED = {"architecture": "simple_cnn", "dataset": "digits"}


def made(kind: str, value: Any, *runner: Any, params: dict[str, Any] | None = None, **given: Any) -> Any:
    return build(entry_of(kind, value), params or {}, kind, *runner, **given)


def settable(kind: str, value: Any) -> dict[str, Any]:
    """Parameters that a job can set, with their defaults."""
    return {one.name: one.default for one in parameters(kind, entry_of(kind, value).factory())}


def network(outputs: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, outputs))


# -- networks ----------------------------------------------------------------------------------------


def test_a_network_is_copied_with_its_weights_each_time():
    own = network()
    entry = entry_of("architecture", own)
    one, other = (build_model(entry, {}, 3, 3, 8) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), own.parameters(), strict=True))
    with torch.no_grad():
        one[0].weight.zero_()
    assert own[0].weight.any()
    assert other[0].weight.any()
    assert (entry.id, entry.form) == ("python/Sequential", "object")


def test_a_network_with_other_outputs_is_refused_with_the_line_that_replaces_them():
    with pytest.raises(RequestError, match=r"3 outputs, and the data have 5.*network\[3\] = torch.nn.Linear\(4, 5\)"):
        build_model(entry_of("architecture", network()), {}, 5, 3, 8)


def test_a_network_for_other_channels_is_refused_with_their_number():
    with pytest.raises(RequestError, match=r'can\'t take images of 1x8x8.*set=\{"data.in_chans": 3\}'):
        build_model(entry_of("architecture", network()), {}, 3, 1, 8)


def test_a_network_that_cannot_be_copied_is_refused():
    own = network()
    own.generator = (i for i in range(3))  # type: ignore[assignment]
    with pytest.raises(RequestError, match="Sequential, can't be copied"):
        build_model(entry_of("architecture", own), {}, 3, 3, 8)


def test_a_trained_network_states_its_preprocessing():
    own = network()
    own.pretrained_cfg = {"mean": (0.1, 0.2, 0.3), "std": (1, 1, 1), "input_size": (3, 64, 64), "crop_pct": 0.9}  # type: ignore[assignment]
    component: Any = entry_of("architecture", own).component
    assert (component.mean, component.input_size, component.crop_pct) == ((0.1, 0.2, 0.3), 64, 0.9)


# -- losses ------------------------------------------------------------------------------------------


def scaled(logits: Tensor, targets: Tensor, factor: float = 2.0) -> Tensor:
    return nn.functional.cross_entropy(logits, targets) * factor


def scaling(factor: float = 2.0) -> Callable[[Tensor, Tensor], Tensor]:
    return functools.partial(scaled, factor=factor)


LOGITS, LABELS = torch.tensor([[2.0, 0, 0], [0, 1.0, 0]]), torch.tensor([0, 1])
ENTROPY = nn.functional.cross_entropy(LOGITS, LABELS)


@pytest.mark.parametrize(
    ("value", "own"),
    [
        (scaled, {"factor": 2.0}),
        (scaling, {"factor": 2.0}),
        (nn.CrossEntropyLoss(), {}),
        (lambda logits, targets: scaled(logits, targets), {}),
        (functools.partial(scaled, factor=2.0), {"factor": 2.0}),
    ],
)
def test_a_loss_is_a_function_a_factory_or_a_module(value: Any, own: dict[str, Any]):
    assert settable("loss", value) == own
    cost = made("loss", value, num_classes=3, multilabel=False)(LOGITS, LABELS)
    assert cost == pytest.approx(float(ENTROPY) * (1 if isinstance(value, nn.Module) else 2))


def test_parameters_of_a_functional_loss_can_be_set():
    assert made("loss", scaled, params={"factor": 5.0})(LOGITS, LABELS) == pytest.approx(float(ENTROPY) * 5)
    smooth = made("loss", nn.functional.cross_entropy, params={"label_smoothing": 0.5})
    assert smooth(LOGITS, LABELS) > ENTROPY


def test_a_module_as_a_loss_is_copied():
    own = nn.CrossEntropyLoss()
    assert made("loss", own) is not own


# -- metrics -----------------------------------------------------------------------------------------


def hits(logits: Tensor, targets: Tensor) -> Tensor:
    return (logits.argmax(1) == targets).float().mean()


@pytest.mark.parametrize("value", [hits, MulticlassAccuracy(3), MulticlassAccuracy, lambda a, b: hits(a, b)])
def test_a_metric_is_a_function_an_object_or_a_class(value: Any):
    metric = made("metric", value, 3, multilabel=False)
    for _ in range(2):
        metric.reset()
        metric.update(LOGITS, LABELS)
        metric.update(LOGITS.flip(0), LABELS)
        assert float(metric.compute()) == 0.5


def test_a_metric_says_which_values_are_better():
    class Errors:
        higher_is_better = False
        update = compute = reset = lambda self: None

    assert entry_of("metric", Errors()).component.higher_is_better is False  # type: ignore[attr-defined]
    assert entry_of("metric", Errors).component.higher_is_better is False  # type: ignore[attr-defined]
    assert entry_of("metric", hits).component.higher_is_better is True  # type: ignore[attr-defined]


def test_a_metric_for_other_classes_is_refused():
    with pytest.raises(RequestError, match=r"is for 4 classes, and the data have 3.*metrics=\[MulticlassF1Score\]"):
        made("metric", MulticlassF1Score(4), 3)


# -- augmentations -----------------------------------------------------------------------------------


IMAGES, TARGETS = torch.rand(32, 1, 6, 6), torch.arange(32) % 2


class SameOnBatch(nn.Module):
    """Like Kornia's: of a batch, with random numbers for each image."""

    same_on_batch = False

    def forward(self, images: Tensor) -> Tensor:
        assert images.ndim == 4
        return images * torch.rand(len(images), 1, 1, 1)


def darken(image: Tensor) -> Tensor:
    assert image.ndim == 3
    return image * torch.rand(())


def darken_all(images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    return images * torch.rand(len(images), 1, 1, 1), targets


@pytest.mark.parametrize(
    "value",
    [
        v2.RandomHorizontalFlip(),
        v2.Compose([v2.RandomHorizontalFlip(), v2.ToDtype(torch.float32)]),
        v2.RandomHorizontalFlip,
        functools.partial(v2.RandomResizedCrop, scale=(0.2, 0.5)),
        SameOnBatch(),
        SameOnBatch,
        darken,
        darken_all,
    ],
)
def test_each_image_gets_random_numbers_of_its_own(value: Any):
    augment = made("augmentation", value, 6, num_classes=2)
    images, targets = augment(IMAGES[:1].repeat(32, 1, 1, 1), TARGETS)
    assert type(images) is Tensor
    assert images.shape == IMAGES.shape
    assert len({tuple(image.flatten().tolist()) for image in images}) > 1
    assert torch.equal(targets, TARGETS)


def test_parameters_of_a_transforms_class_can_be_set():
    assert settable("augmentation", v2.RandomHorizontalFlip) == {"p": 0.5}
    images, _ = made("augmentation", v2.RandomHorizontalFlip, 6, params={"p": 1.0})(IMAGES, TARGETS)
    assert torch.equal(images, IMAGES.flip(-1))


def test_mixup_mixes_the_targets():
    for value in (v2.MixUp(num_classes=2), v2.RandomChoice([v2.CutMix(num_classes=2), v2.MixUp(num_classes=2)])):
        images, targets = made("augmentation", value, 6)(IMAGES, TARGETS)
        assert (images.shape, targets.shape) == (IMAGES.shape, (32, 2))


def test_kornia_itself_draws_for_each_image():
    augmentation = pytest.importorskip("kornia.augmentation")
    images, _ = made("augmentation", augmentation.RandomHorizontalFlip(), 6)(IMAGES[:1].repeat(32, 1, 1, 1), TARGETS)
    assert len({tuple(image.flatten().tolist()) for image in images}) == 2


def test_a_transform_that_normalises_is_refused():
    for value in (v2.Normalize([0.5], [0.5]), v2.Compose([v2.RandomHorizontalFlip(), v2.Normalize([0.5], [0.5])])):
        with pytest.raises(RequestError, match="Leave out Normalize"):
            entry_of("augmentation", value)


def test_a_transform_that_resizes_is_refused():
    with pytest.raises(ContractError, match=r"an object of Resize, returned \(1, 4, 4\).*image_size="):
        made("augmentation", v2.Resize(4), 6)(IMAGES, TARGETS)


# -- optimizers and schedules ------------------------------------------------------------------------


WEIGHTS = [nn.Parameter(torch.ones(2))]


def test_a_class_of_torch_is_an_optimizer():
    optimizer = made("optimizer", torch.optim.SGD, WEIGHTS, 0.1, params={"momentum": 0.9})
    assert (optimizer.defaults["lr"], optimizer.defaults["momentum"]) == (0.1, 0.9)
    partial = functools.partial(torch.optim.AdamW, betas=(0.5, 0.9))
    assert made("optimizer", partial, WEIGHTS, 0.1).defaults["betas"] == (0.5, 0.9)
    assert entry_of("optimizer", torch.optim.Adadelta).component.lr == 1.0  # type: ignore[attr-defined]


def test_an_optimizer_over_the_network_that_is_given_is_its_class_and_parameters():
    own = network()
    optimizer = torch.optim.SGD(own.parameters(), lr=0.05, momentum=0.9, weight_decay=0.01)
    request = make_request({**ASKED, "architecture": own, "optimizer": optimizer})
    assert request.options["train"] == {
        "optimizer": {"name": "python/SGD", "momentum": 0.9},
        "lr": 0.05,
        "weight_decay": 0.01,
    }
    assert make_request({**ASKED, "architecture": own, "optimizer": optimizer, "lr": 0.3}).options["train"]["lr"] == 0.3


def test_any_other_optimizer_is_refused_with_the_line_that_works():
    own = network()
    optimizer = torch.optim.SGD(own.parameters(), lr=0.05, momentum=0.9)
    line = r"optimizer=torch.optim.SGD, lr=0.05, set=\{'train.optimizer.momentum': 0.9\}"
    for asked in ({}, {"architecture": network()}):
        with pytest.raises(RequestError, match=f"another network.*{line}"):
            make_request({**ASKED, **asked, "optimizer": optimizer})
    own(torch.rand(1, 3, 8, 8)).sum().backward()
    optimizer.step()
    with pytest.raises(RequestError, match="made steps already"):
        make_request({**ASKED, "architecture": own, "optimizer": optimizer})
    groups = torch.optim.SGD([{"params": own[0].parameters()}, {"params": own[3].parameters()}], lr=0.1)
    with pytest.raises(RequestError, match="it has 2 groups"):
        make_request({**ASKED, "architecture": own, "optimizer": groups})
    with pytest.raises(RequestError, match=r"no parameter lr.*lambda params, lr: torch.optim.SGD"):
        entry_of("optimizer", lambda params: None)


def rates(schedule: Any, optimizer: Any, epochs: int = 4, steps: int = 3) -> list[float]:
    """Learning rate in each epoch."""
    found = []
    for epoch in range(epochs):
        found.append(optimizer.param_groups[0]["lr"])
        for _ in range(steps):
            optimizer.step()
            schedule.step()
        getattr(schedule, "epoch_ended", lambda *_: None)(1.0 - epoch, True)
    return found


def scheduled(value: Any, **params: Any) -> tuple[Any, Any]:
    optimizer = torch.optim.SGD(WEIGHTS, 1.0)
    return made("schedule", value, optimizer, 12, params=params), optimizer


def test_a_schedule_of_torch_is_stepped_once_an_epoch():
    assert rates(*scheduled(StepLR, step_size=2)) == pytest.approx([1, 1, 0.1, 0.1])
    assert rates(*scheduled(functools.partial(StepLR, step_size=1, gamma=0.5))) == pytest.approx([1, 0.5, 0.25, 0.125])
    assert rates(*scheduled(CosineAnnealingLR, T_max=4))[2] == pytest.approx(0.5)
    assert settable("schedule", StepLR) == {"step_size": None, "gamma": 0.1}


def test_a_plateau_watches_the_monitored_value_in_its_own_direction():
    schedule, optimizer = scheduled(ReduceLROnPlateau, patience=0)
    assert rates(schedule, optimizer) == pytest.approx([1, 1, 0.1, 0.01])
    other, _ = scheduled(ReduceLROnPlateau, patience=0)
    other.load_state_dict(schedule.state_dict())
    assert other.scheduler.mode == "max"


def test_one_cycle_is_stepped_at_each_step_up_to_the_rate_of_the_job():
    schedule, optimizer = scheduled(OneCycleLR)
    assert not hasattr(schedule, "epoch_ended")
    assert max(rates(schedule, optimizer, 12, 1)) == pytest.approx(1.0, rel=0.02)


def test_a_schedule_of_another_optimizer_is_refused_with_the_line_that_works():
    line = r"schedule=functools.partial\(torch.optim.lr_scheduler.StepLR, step_size=3, gamma=0.1\)"
    with pytest.raises(RequestError, match=line):
        entry_of("schedule", StepLR(torch.optim.SGD(WEIGHTS, 1.0), 3))


# -- all kinds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("architecture", 5, "The architecture given, 5, is neither a name nor a factory"),
        ("loss", 5, "loss=lambda logits, targets"),
        ("metrics", 5, "The metric given, 5, .*metrics=\\[torchmetrics"),
        ("metrics", [len], "The metric given, the function len, "),
        ("augment", [5], "The augmentation given, 5, .*augment=\\[torchvision"),
        ("augment", lambda: None, "takes 0 arguments"),
        ("optimizer", 5, "optimizer=torch.optim.SGD"),
        ("schedule", lambda step: 1.0, "schedule=functools.partial"),
        ("epochs", len, "train.epochs takes a value, not the function len"),
    ],
)
def test_a_refusal_says_what_was_given_and_the_line_that_works(option: str, value: Any, said: str):
    with pytest.raises(RequestError, match=said):
        make_request({**ASKED, option: value})


def test_provenance_has_what_was_given_and_the_hash_of_its_source():
    found = entry_of("loss", scaled).provenance()
    assert (found["id"], found["target"], found["given"]) == ("python/scaled", f"{__name__}:scaled", "function")
    assert len(found["sha256"]) == 64
    assert entry_of("loss", nn.CrossEntropyLoss()).provenance()["target"] == "torch.nn.modules.loss:CrossEntropyLoss"
    assert entry_of("metric", MulticlassAccuracy).provenance()["given"] == "class"


def test_the_signature_is_that_of_the_kind():
    names = list(inspect.signature(entry_of("augmentation", v2.RandomHorizontalFlip).factory()).parameters)
    assert names[:2] == ["size", "num_classes"]


# -- samplers and callbacks --------------------------------------------------------------------------


def test_a_sampler_is_a_function_of_the_epoch_a_factory_or_torchs():
    assert list(made("sampler", lambda epoch: [epoch, 0], count=2, seed=0)(3)) == [3, 0]
    assert made("sampler", lambda count, seed: lambda epoch: [count - 1], count=4, seed=0)(1) == [3]
    weighted = made("sampler", torch.utils.data.WeightedRandomSampler([1.0, 0.0, 1.0], 50), seed=1)
    assert set(weighted(1)) == {0, 2}
    assert weighted(1) == weighted(1) != weighted(2)
    with pytest.raises(RequestError, match=r"The sampler given, 5, .*WeightedRandomSampler"):
        entry_of("sampler", 5)


def test_a_callback_is_an_object_that_is_not_copied_or_its_class():
    from zoo.api.running import Callback

    class Stop(Callback):
        """Stop."""

    own = Stop()
    assert made("callback", own) is own
    assert isinstance(made("callback", Stop), Stop)
    request = make_request({**ASKED, "callbacks": [own, "log"]})
    assert request.options["callbacks"] == ["python/Stop", "log"]
    with pytest.raises(RequestError, match=r"The callback given, the function print_all.*zoo.plugin.TrainingCallback"):
        make_request({**ASKED, "callbacks": [print_all]})


def print_all(text: str) -> None: ...
