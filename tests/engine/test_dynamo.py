"""Optimizers don't import torch's compiler, take the steps that torch's own would, and are compiled where one asks."""

from __future__ import annotations

import subprocess
import sys

import pytest

OPTIMIZERS = ["SGD", "Adam", "AdamW", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adadelta", "Adamax"]
STEPS = """
import sys, torch
from torch import nn
if DEFER:
    from zoo.engine.dynamo import defer_dynamo
    defer_dynamo()
    defer_dynamo()
for name in NAMES:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    optimizer = getattr(torch.optim, name)(model.parameters(), lr=0.1)
    for i in range(4):
        optimizer.zero_grad()
        model(torch.randn(8, 3)).square().sum().backward()
        optimizer.step()
        assert torch.is_grad_enabled()
        if i == 1:
            state = optimizer.state_dict()
            optimizer = getattr(torch.optim, name)([{"params": [p]} for p in model.parameters()], lr=0.1)
            optimizer = getattr(torch.optim, name)(model.parameters(), lr=0.1)
            optimizer.load_state_dict(state)
    print(name, [p.tolist() for p in model.parameters()])
"""


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_the_steps_are_those_of_torch_alone() -> None:
    head = f"NAMES = {OPTIMIZERS}"
    deferred = run(f"{head}\nDEFER = True\n{STEPS}\nassert 'torch._dynamo' not in sys.modules")
    assert deferred == run(f"{head}\nDEFER = False\n{STEPS}\nassert 'torch._dynamo' in sys.modules")
    assert deferred.count("\n") == len(OPTIMIZERS)


@pytest.mark.slow
def test_once_the_compiler_is_there_torchs_own_wrappers_are_called() -> None:
    run(f"""
DEFER, NAMES = True, ["AdamW"]
{STEPS}
import torch._dynamo
broken = []
torch._dynamo.graph_break = lambda *args, **kwargs: broken.append(1)
assert model(torch.randn(8, 3)).square().sum().backward() is None
optimizer.step(); optimizer.zero_grad(); optimizer.state_dict()
assert len(broken) == 2
inner = torch.optim.Optimizer.zero_grad.__wrapped__
assert vars(inner)["__dynamo_disable"].__module__ != "zoo.engine.dynamo", vars(inner)
""")


@pytest.mark.slow
@pytest.mark.parametrize("deferred", [True, False])
def test_a_step_is_compiled_where_one_asks(deferred: bool) -> None:
    code = f"""
DEFER, NAMES = {deferred}, ["SGD"]
{STEPS}
@torch.compile(backend="eager")
def step():
    optimizer.step()
before = model[0].weight.detach().clone()
model(torch.randn(8, 3)).square().sum().backward()
step()
assert not torch.equal(before, model[0].weight)
"""
    run(code)


@pytest.mark.slow
def test_where_the_compiler_is_imported_already_nothing_changes() -> None:
    run("""
import torch, torch._dynamo
from zoo.engine.dynamo import defer_dynamo
step, method = torch.optim.AdamW.step, torch.optim.Optimizer.zero_grad
defer_dynamo()
assert torch.optim.AdamW.step is step and "__dynamo_disable" not in vars(method.__wrapped__)
""")
