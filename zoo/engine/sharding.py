"""FSDP: each process holds a shard of every weight, of its gradient and of the optimizer's state.

The memory of training, four times the weights with Adam, is divided by the number of processes; while a part of the
network computes, its weights are gathered on each. Evaluation and the bundle use the unsharded network.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from zoo.engine.ranks import Ranks

__all__ = ["Divided", "Stateful"]

_WORTH = 100_000
"""Minimum number of weights of a separately sharded part; for smaller parts communication costs too much."""


class Stateful(Protocol):
    """A part of a run whose state a checkpoint holds."""

    def state_dict(self) -> Mapping[str, Any]: ...
    def load_state_dict(self, state: Any, /) -> object: ...


class Divided:
    """Shard a network in place over the processes of a run.

    Args:
        model: network with equal weights on every process, on its device; its parameters are replaced.
        ranks: the processes.
    """

    def __init__(self, model: nn.Module, ranks: Ranks):
        from torch.distributed.device_mesh import DeviceMesh
        from torch.distributed.fsdp import fully_shard

        self.model = model
        self.whole = copy.deepcopy(model)
        """Unsharded copy of the network for evaluation and the bundle; see :meth:`gather`."""
        for parameter in model.parameters():  # FSDP needs contiguous weights
            parameter.data = parameter.data.contiguous()
        mesh = DeviceMesh.from_group(ranks.short_timeout_group(), ranks.device.type)
        for part in (*_parts(model), model):
            fully_shard(part, mesh=mesh)

    def gather(self) -> None:
        """Copy the current weights into ``whole``, on every process."""
        from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

        state = get_model_state_dict(self.model, options=StateDictOptions(full_state_dict=True))
        own = self.whole.state_dict()
        with torch.no_grad():
            for name, value in state.items():
                own[name].copy_(value)

    def stateful(self, optimizer: torch.optim.Optimizer) -> dict[str, Stateful]:
        """States of the network and the optimizer for a checkpoint: unsharded, for any number of processes."""
        from torch.distributed.checkpoint import state_dict as torchs

        options = torchs.StateDictOptions(full_state_dict=True, cpu_offload=True)
        both = (self.model, optimizer)
        return {
            "model": _Gathered(torchs.get_model_state_dict, torchs.set_model_state_dict, (self.model,), options),
            "optimizer": _Gathered(torchs.get_optimizer_state_dict, torchs.set_optimizer_state_dict, both, options),
        }


def _parts(model: nn.Module) -> Iterator[nn.Module]:
    """Modules of the network to shard separately, the inner ones first: large children, and items of sequences."""
    for child in model.children():
        if isinstance(child, nn.Sequential | nn.ModuleList):
            yield from _parts(child)
        elif sum(p.numel() for p in child.parameters()) >= _WORTH:
            yield child


@dataclass(frozen=True)
class _Gathered:
    """State that is gathered on rank 0 and distributed from it; every process has to call these functions."""

    get: Callable[..., Mapping[str, object]]
    put: Callable[..., object]
    whose: tuple[object, ...]
    options: object

    def state_dict(self) -> Mapping[str, object]:
        return dict(self.get(*self.whose, options=self.options))

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        self.put(*self.whose, state, options=self.options)
