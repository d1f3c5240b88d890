"""Optimizers given from Python: a class or factory; an object is described by its class and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import Parameter
from typing import Any

from zoo.errors import RequestError
from zoo.job.given.factory import Given, around, class_of, is_plain, parameters_of, titled, torch_class

RUNNER = ("params", "lr", "weight_decay")


def is_optimizer(value: Any) -> bool:
    """Check for an object, which has parameters of a network already."""
    cls = torch_class("optim.Optimizer")
    return cls is not None and isinstance(value, cls)


def adapt(value: Any) -> Given:
    """Make a factory of an optimizer.

    Raises:
        RequestError: it can't be called with parameters and a learning rate.
    """
    if is_optimizer(value):
        raise RequestError(refusal(value, "it has the parameters of a network already"))
    if not callable(value):
        raise RequestError(f"{titled('optimizer', value)} is neither a name nor a class: optimizer=torch.optim.SGD")
    own = {one.name: one for one in parameters_of(value)}
    if "lr" not in own and not any(one.kind is Parameter.VAR_KEYWORD for one in own.values()):
        raise RequestError(
            f"{titled('optimizer', value)} has no parameter lr, which the job sets. Give a class, or a function of "
            "both: optimizer=lambda params, lr: torch.optim.SGD(params, lr, momentum=0.9)"
        )
    lr = own["lr"].default if "lr" in own else None
    fields = {"lr": float(lr)} if isinstance(lr, int | float) and lr > 0 else {}
    if list(own)[:2] == ["params", "lr"] and own["lr"].kind is Parameter.POSITIONAL_OR_KEYWORD:
        return Given(value, class_of(value), fields)
    rest = [one for one in list(own.values())[1:] if one.name != "lr" and one.kind is not Parameter.VAR_POSITIONAL]
    build = lambda params, lr, **more: value(params, lr=lr, **more)  # noqa: E731
    return Given(around(build, class_of(value), ("params", "lr"), rest), class_of(value), fields)


def taken_apart(optimizer: Any, network: Any) -> tuple[type, Mapping[str, Any], float, float]:
    """Describe an optimizer over a network's own parameters by its class and parameters.

    Returns:
        Its class, the parameters that differ from the defaults, the learning rate, and the weight decay.

    Raises:
        RequestError: it has other parameters than the network's, several groups, or has made steps already.
    """
    own = {id(p) for p in network.parameters()} if hasattr(network, "parameters") else set()
    groups = optimizer.param_groups
    if not own or {id(p) for group in groups for p in group["params"]} - own:
        raise RequestError(refusal(optimizer, "it has the parameters of another network than the one that is trained"))
    if len(groups) > 1:
        raise RequestError(refusal(optimizer, f"it has {len(groups)} groups, and the job makes the groups"))
    if optimizer.state:
        raise RequestError(refusal(optimizer, "it has made steps already"))
    lr, decay = float(groups[0]["lr"]), float(groups[0].get("weight_decay", 0.0))
    return type(optimizer), _changed(optimizer), lr, decay


def refusal(optimizer: Any, reason: str) -> str:
    """Message for an optimizer that can't be used, with the line that works."""
    name, group = type(optimizer).__name__, optimizer.param_groups[0]
    params = {f"train.optimizer.{key}": value for key, value in _changed(optimizer).items()}
    if decay := group.get("weight_decay"):
        params["train.weight_decay"] = decay
    more = f", set={params}" if params else ""
    return (
        f"The optimizer {name} can't be used: {reason}. Give the class, and its parameters: "
        f"optimizer={type(optimizer).__module__.partition('.')[0]}.optim.{name}, lr={float(group['lr']):g}{more}"
        if type(optimizer).__module__.startswith("torch.")
        else f"The optimizer {name} can't be used: {reason}. Give the class, and its parameters: optimizer={name}, "
        f"lr={float(group['lr']):g}{more}"
    )


def _changed(optimizer: Any) -> Mapping[str, Any]:
    """Parameters of an optimizer that differ from the defaults of its class."""
    known = {one.name: one.default for one in parameters_of(type(optimizer)) if one.name not in RUNNER}
    group = optimizer.param_groups[0]
    return {
        name: group[name]
        for name, default in known.items()
        if name in group and group[name] != default and is_plain(group[name])
    }
