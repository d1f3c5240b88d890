"""What a component declares and nothing calls is an error."""

from __future__ import annotations

from typing import Any

import pytest

from zoo.errors import ContractError, ZooDeprecationWarning
from zoo.plugin import Dataset, Loss, Metric, Schedule
from zoo.registry.entry import Entry, Origin
from zoo.registry.protocols import check_methods


def method(self: Any) -> None: ...


def checked(cls: type, **members: Any) -> None:
    made = type("Made", (), members)()
    check_methods(Entry(cls("it", "m:it"), Origin("acme", "zoo-acme", "1.0")), made)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("cls", "members", "message"),
    [
        (
            Loss,
            {"weights_of": method},
            r"has weights_of\(\), which nothing calls\. Did you mean weight_of\(\)\?",
        ),
        (Loss, {"batch_weights": method}, r"Did you mean weight_of\(\)\?"),
        (Schedule, {"epoch_end": method}, r"Did you mean epoch_ended\(\)\?"),
        (Dataset, {"available_split": method}, r"Did you mean available_splits\(\)\?"),
        (Metric, {"batch_weight": method}, r"has batch_weight\(\), which only a loss uses"),
        (Loss, {"peek": classmethod(method)}, r"has peek\(\), which only a dataset uses"),
        (Loss, {"weight_of": 1.0}, r"has weight_of = 1\.0, which must be a method"),
    ],
)
def test_a_method_that_nothing_calls_is_refused(cls: type, members: dict[str, Any], message: str):
    with pytest.raises(ContractError, match=message) as caught:
        checked(cls, **members)
    assert "'acme/it' of plugin 'acme' (zoo-acme 1.0)" in str(caught.value)


def test_other_methods_are_the_components_own():
    checked(Loss, weight_of=method, reduce=method, weights=method)
    checked(Loss, weight_of=property(method))
    checked(Metric, peek=method, update=method, weight_of=method)
    checked(Dataset, peek=classmethod(method), name_of=method, names_of=method, targets=[])
    checked(Loss, weight_of=None)


def test_an_old_name_warns_with_the_new_one(recwarn: pytest.WarningsRecorder):
    with pytest.warns(
        ZooDeprecationWarning, match=r"loss 'acme/it'.* has batch_weight\(\).*Rename it to weight_of\(\)"
    ):
        checked(Loss, batch_weight=method)
    checked(Loss, batch_weight=None)
    checked(Loss, batch_weight=method, weight_of=method)  # for older versions, too
    assert not recwarn.list
