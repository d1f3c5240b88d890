"""A network that returns a mapping gives logits to all who call it, and its other outputs to those who name them."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zoo.engine.evaluate import evaluate_logits, predict_logits, predict_outputs
from zoo.engine.execution import Execution
from zoo.engine.fuse_bn import fold_norms
from zoo.engine.outputs import all_outputs, call_scored, give_logits, outputs_of, takes, with_outputs
from zoo.engine.tta import looking
from zoo.errors import ContractError

PLAIN = Execution(torch.device("cpu"))
IMAGES, LABELS = torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(5) % 2


class Net(nn.Module):
    """Logits, features, and the output of the convolution before its norm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2)

    def forward(self, images: Tensor) -> Any:
        before = self.conv(images)
        features = self.norm(before).relu().mean((2, 3))
        return {"logits": self.head(features), "features": features, "before": before, "names": ["no tensor"]}


def net() -> Net:
    torch.manual_seed(0)
    model = Net().eval()
    model.norm.running_mean.normal_()  # type: ignore[union-attr,operator]
    give_logits(model, model(IMAGES[:2]))
    return model


def spread(logits: Tensor, targets: Tensor, features: Tensor) -> Tensor:
    return features.std() + logits.mean()


def test_everyone_gets_logits_and_who_names_them_more():
    model = net()
    assert model(IMAGES).shape == (5, 2)
    assert {name: tuple(value.shape) for name, value in outputs_of(model).items()} == {
        "features": (2, 4),
        "before": (2, 4, 6, 6),
    }
    logits, outputs = with_outputs(model, spread, nn.CrossEntropyLoss())(IMAGES)
    assert torch.equal(logits, model(IMAGES))
    assert list(outputs) == ["features"]
    assert torch.equal(call_scored(spread, logits, LABELS, outputs), spread(logits, LABELS, outputs["features"]))
    assert with_outputs(model, nn.CrossEntropyLoss())(IMAGES)[1] == {}
    assert model(IMAGES).shape == (5, 2)


def test_copies_and_averages_do_the_same():
    model = copy.deepcopy(net())
    assert all_outputs(model, IMAGES).keys() == {"logits", "features", "before"}
    averaged = torch.optim.swa_utils.AveragedModel(model)
    assert averaged(IMAGES).shape == (5, 2)
    assert list(with_outputs(averaged, spread)(IMAGES)[1]) == ["features"]


def test_a_mapping_without_logits_is_refused():
    with pytest.raises(ContractError, match=r"a mapping without 'logits'; it has: scores"):
        give_logits(nn.Identity(), {"scores": torch.zeros(2, 2)})


def test_a_network_that_returns_less_in_training_is_refused():
    class Less(Net):
        def forward(self, images: Tensor) -> Any:
            found = super().forward(images)
            return found["logits"] if self.training else found

    model = Less().eval()
    give_logits(model, model(IMAGES[:2]))
    with pytest.raises(ContractError, match=r"no 'features' in training"):
        with_outputs(model.train(), spread)(IMAGES)


def test_what_a_loss_takes_is_read_from_its_call():
    class Loss(nn.Module):
        def forward(self, logits: Tensor, targets: Tensor, features: Tensor, *, scale: float = 1.0) -> Tensor:
            return features.mean() * scale

    class Callable:
        def __call__(self, logits: Tensor, targets: Tensor, *, features: Tensor) -> Tensor:
            return features.mean()

    assert takes(Loss()) == {"features": True, "scale": False}
    assert takes(Callable()) == {"features": True}
    assert takes(partial(spread, features=torch.zeros(1))) == {"features": False}
    assert takes(nn.CrossEntropyLoss()) == takes(lambda logits, targets, **more: 0) == takes(torch.add) == {}


def test_an_evaluation_collects_what_its_loss_and_metrics_take():
    model, batches = net(), [(IMAGES[:3], LABELS[:3]), (IMAGES[3:], LABELS[3:])]
    answers = predict_outputs(model, batches, PLAIN, takers=[spread])
    assert torch.equal(answers.logits, predict_logits(model, batches, PLAIN)[0])
    torch.testing.assert_close(answers.outputs["features"], all_outputs(model, IMAGES)["features"])
    found = evaluate_logits(*answers[:2], spread, ["a", "b"], outputs=answers.outputs)
    assert found["loss"] == pytest.approx(float(spread(*answers[:2], answers.outputs["features"])))
    assert "loss" not in evaluate_logits(*answers[:2], None, ["a", "b"])


def test_views_are_averaged():
    model = net()
    answers = predict_outputs(looking(model, "flip"), [(IMAGES, LABELS)], PLAIN, takers=[spread])
    each = [all_outputs(model, images)["features"] for images in (IMAGES, IMAGES.flip(-1))]
    torch.testing.assert_close(answers.outputs["features"], torch.stack(each).mean(0))


def test_norms_are_not_fused_where_that_changes_another_output():
    model = net()
    assert fold_norms(model, IMAGES) is model, "the convolution's own output is one, too"

    class Without(Net):
        def forward(self, images: Tensor) -> Any:
            found = super().forward(images)
            return {name: found[name] for name in ("logits", "features")}

    fused = Without().eval()
    fused.load_state_dict(model.state_dict())
    give_logits(fused, fused(IMAGES[:2]))
    assert fold_norms(fused, IMAGES) is not fused
    torch.testing.assert_close(fold_norms(fused, IMAGES)(IMAGES), model(IMAGES))


@pytest.mark.slow
def test_a_compiled_network_gives_both():
    model = net()
    compiled = torch.compile(model, backend="aot_eager")  # traced as always; C++ needs a process without setuptools
    logits, outputs = with_outputs(compiled, spread)(IMAGES)
    torch.testing.assert_close(logits, model(IMAGES))
    torch.testing.assert_close(outputs["features"], all_outputs(model, IMAGES)["features"])
    assert compiled(IMAGES).shape == (5, 2)
