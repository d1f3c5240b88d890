"""FSDP: each process holds a shard of every weight, of its gradient and of the optimizer's state.

The memory of training, four times the weights with Adam, is divided by the number of processes; while a part of the
network computes, its weights are gathered on each. Evaluation and the bundle use the unsharded network.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from zoo.engine.ranks import Ranks

__all__ = ["Divided"]

_WORTH = 100_000
"""Minimum number of weights of a separately sharded part; for smaller parts communication costs too much."""


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

    def stateful(self, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        """States of the network and the optimizer for a checkpoint: unsharded, for any number of processes."""
        return {"model": _Network(self.model), "optimizer": _Optimizer(self.model, optimizer)}


def _parts(model: nn.Module) -> Iterator[nn.Module]:
    """Modules of the network to shard separately, the inner ones first: large children, and items of sequences."""
    for child in model.children():
        if isinstance(child, nn.Sequential | nn.ModuleList):
            yield from _parts(child)
        elif sum(p.numel() for p in child.parameters()) >= _WORTH:
            yield child


class _Network:
    def __init__(self, model: nn.Module):
        self.model = model

    def state_dict(self) -> dict[str, Any]:
        """Gather the state on rank 0; every process has to call it."""
        from torch.distributed.checkpoint.state_dict import get_model_state_dict

        return dict(get_model_state_dict(self.model, options=_whole()))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        from torch.distributed.checkpoint.state_dict import set_model_state_dict

        set_model_state_dict(self.model, state, options=_whole())


class _Optimizer:
    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer):
        self.model, self.optimizer = model, optimizer

    def state_dict(self) -> dict[str, Any]:
        """Gather the state on rank 0; every process has to call it."""
        from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict

        return dict(get_optimizer_state_dict(self.model, self.optimizer, options=_whole()))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        from torch.distributed.checkpoint.state_dict import set_optimizer_state_dict

        set_optimizer_state_dict(self.model, self.optimizer, state, options=_whole())


def _whole() -> Any:
    from torch.distributed.checkpoint.state_dict import StateDictOptions

    return StateDictOptions(full_state_dict=True, cpu_offload=True)
