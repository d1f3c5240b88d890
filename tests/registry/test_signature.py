"""Parameters are a factory's own signature: what it shows, what it converts, and what it refuses."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Optional, Union

import pytest
import torch

from zoo.registry.signature import accepts, check, open_ended, parameters, plain, type_name


def net(
    num_classes: int,
    in_chans: int = 3,
    *,
    image_size: int = 32,
    width: int,
    dropout: float = 0.5,
    pool: Literal["avg", "max"] = "avg",
    channels: tuple[int, ...] = (8, 16),
    names: list[str] | None = None,
    scale: tuple[float, float] = (0.5, 1.0),
    bias: bool = True,
) -> None: ...


class Net:
    def __init__(self, num_classes: int, width: int = 4, *args: int, **kwargs: int) -> None: ...


def typed(**given: Any) -> tuple[dict[str, Any], list[str]]:
    return check("architecture", net, given, "architecture")


def test_what_the_runner_gives_is_no_parameter_of_a_job():
    assert [p.name for p in parameters("architecture", net)] == [
        "width",
        "dropout",
        "pool",
        "channels",
        "names",
        "scale",
        "bias",
    ]
    assert [p.name for p in parameters("loss", net)][:3] == ["in_chans", "image_size", "width"]


def test_a_parameter_is_shown_with_type_default_and_whether_it_is_required():
    shown = {p.name: p.as_dict() for p in parameters("architecture", net)}
    assert shown["width"] == {"name": "width", "type": "int", "default": None, "required": True, "description": ""}
    assert shown["dropout"] == {
        "name": "dropout",
        "type": "float",
        "default": 0.5,
        "required": False,
        "description": "",
    }
    assert shown["channels"]["default"] == [8, 16]
    assert {name: p["type"] for name, p in shown.items()} == {
        "width": "int",
        "dropout": "float",
        "pool": "'avg' | 'max'",
        "channels": "tuple[int, ...]",
        "names": "list[str] | None",
        "scale": "tuple[float, float]",
        "bias": "bool",
    }


def test_a_classs_parameters_are_its_constructors():
    assert [(p.name, p.type) for p in parameters("architecture", Net)] == [("width", "int")]
    assert open_ended(Net)
    assert accepts(Net, "width")
    assert not accepts(Net, "depth")


def test_a_family_members_parameters_are_the_rest_of_the_factorys():
    def create(name: str, num_classes: int, rate: float = 0.1, **kwargs: Any) -> None: ...

    member = functools.partial(create, "resnet18")
    assert [(p.name, p.type) for p in parameters("architecture", member)] == [("rate", "float")]
    assert check("architecture", member, {"rate": "0.5", "depth": 3}, "architecture") == ({"rate": 0.5, "depth": 3}, [])


def test_a_datasets_root_may_be_left_out():
    def photos(root: Path, split: str, size: int) -> None: ...

    values, problems = check("dataset", photos, {"size": 3}, "dataset")
    assert (values, problems) == ({"size": 3}, [])
    assert check("dataset", photos, {"root": "x", "size": 3}, "dataset")[0]["root"] == Path("x")


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("dropout", 1, 1.0),
        ("dropout", "1e-3", 0.001),
        ("width", "16", 16),
        ("channels", [1, 2, 3], (1, 2, 3)),
        ("scale", [0.1, 1], (0.1, 1.0)),
        ("names", ["a"], ["a"]),
        ("names", None, None),
        ("bias", "false", False),
        ("pool", "max", "max"),
    ],
)
def test_values_are_converted_to_the_factorys_types(name: str, given: object, value: object):
    values, problems = typed(**{"width": 1, name: given})
    assert problems == []
    assert values[name] == value
    assert type(values[name]) is type(value)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("width", 2.5, "architecture.width must be int, not 2.5"),
        ("width", "wide", "architecture.width must be int, not 'wide'"),
        ("width", None, "architecture.width must be int, not None"),
        ("pool", "min", "architecture.pool must be 'avg' | 'max', not 'min'"),
        ("channels", 3, "architecture.channels must be tuple[int, ...], not 3"),
        ("channels", [1, "x"], "architecture.channels must be tuple[int, ...], not [1, 'x']"),
        ("scale", [1], "architecture.scale must be tuple[float, float], not [1]"),
        ("names", "abc", "architecture.names must be list[str] | None, not 'abc'"),
        ("bias", 7, "architecture.bias must be bool, not 7"),
    ],
)
def test_a_value_of_a_wrong_type_is_one_sentence(name: str, given: object, said: str):
    values, problems = typed(**{"width": 1, name: given})
    assert len(problems) == 1
    assert problems[0].startswith(f"{said} (")
    assert problems[0].endswith(").")
    assert name not in values


def test_everything_wrong_is_told_at_once():
    _, problems = typed(drpout=0.5, pool="min")
    assert len(problems) == 3
    assert problems[0].startswith(
        "architecture has no parameter 'drpout'. Did you mean 'dropout'? It has: width, dropout"
    )
    assert problems[2] == "architecture.width is required: --set architecture.width=…"


def test_what_the_runner_gives_cannot_be_set():
    _, problems = typed(width=1, num_classes=5)
    assert problems[0].startswith("architecture has no parameter 'num_classes'.")
    for name, instead in (("in_chans", "--set data.in_chans=N"), ("image_size", "--image-size N")):
        _, problems = typed(width=1, **{name: 5})
        assert problems == [f"architecture.{name} is set elsewhere in the job. Type: {instead}"]
    _, problems = check("optimizer", lambda params, lr, **kwargs: None, {"lr": 1}, "train.optimizer")
    assert problems == ["train.optimizer.lr is set elsewhere in the job. Type: --lr X"]


def test_a_components_own_name_is_no_parameter():
    def named(num_classes: int, name: str, width: int = 1) -> None: ...

    values, problems = check("metric", named, {"width": 2}, "metrics.mine")
    assert values == {"width": 2}
    assert problems == [
        "metrics.mine needs a parameter 'name', which is reserved for the name of the component. Rename the "
        "parameter of the factory, or give it a default."
    ]
    assert [p.name for p in parameters("metric", named)] == ["width"]
    assert check("metric", lambda name="acc": None, {}, "metrics.mine") == ({}, [])
    assert [p.name for p in parameters("exporter", named)] == ["num_classes", "name", "width"], "not of a job"


def test_what_is_not_annotated_takes_anything():
    assert check("loss", lambda weight=None: None, {"weight": [1, {"a": 2}]}, "loss") == ({"weight": [1, {"a": 2}]}, [])


def test_an_annotation_that_only_a_checker_sees_takes_anything():
    def factory(weight: NotImported = None) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    assert [p.type for p in parameters("loss", factory)] == ["any"]
    assert check("loss", factory, {"weight": "x"}, "loss") == ({"weight": "x"}, [])


def test_a_type_of_a_librarys_own_must_be_an_instance():
    def factory(weight: torch.Tensor | None = None, then: Callable[[int], int] | None = None) -> None: ...

    weight = torch.ones(2)
    assert check("loss", factory, {"weight": weight}, "loss")[0]["weight"] is weight
    assert len(check("loss", factory, {"weight": 3}, "loss")[1]) == 1


def test_a_module_without_a_constructor_of_its_own_has_no_parameters():
    class Plain(torch.nn.Module):
        def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            return logits.sum()

    _, problems = check("loss", Plain, {"gamma": 2}, "loss")
    assert problems == ["loss has no parameter 'gamma'. It has: none."]


@pytest.mark.parametrize(
    ("annotation", "name"),
    [
        (int, "int"),
        (Any, "any"),
        (Path, "Path"),
        (Path | None, "Path | None"),
        (list[Path], "list[Path]"),
        (list[str] | None, "list[str] | None"),
        (Literal["macro", 1], "'macro' | 1"),
        (Literal["a", "b"] | None, "'a' | 'b' | None"),
        (Optional[int], "int | None"),  # noqa: UP045
        (Union[float, Literal["auto"]], "float | 'auto'"),  # noqa: UP007
        (tuple[float, float], "tuple[float, float]"),
        (dict[str, float], "dict[str, float]"),
        (Callable[[int], int], "Callable[[int], int]"),
    ],
)
def test_a_type_is_named_as_a_person_would_write_it(annotation: object, name: str):
    assert type_name(annotation) == name


def test_a_plain_value_is_what_yaml_and_json_have():
    value = {"a": (1, [2.5, None]), 3: {True}, "p": Path("x/y"), "t": torch.float32}
    assert plain(value) == {"a": [1, [2.5, None]], "3": [True], "p": str(Path("x/y")), "t": "torch.float32"}
