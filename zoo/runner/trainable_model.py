"""The network in training: its frozen blocks, its weight average, and the part that is computed in each step."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, get_swa_multi_avg_fn

from zoo.engine.layer_groups import Block, blocks_of, find_head, freeze, is_last_step
from zoo.engine.sharding import Stateful
from zoo.errors import RequestError
from zoo.job.schema import Train


class TrainableModel:
    """A network, its blocks, and the average of its weights.

    Args:
        model: network on its device, with its initial weights.
        train: the job's training settings.
        images: example images (2, C, H, W).
        plain: images are the same in every epoch; a frozen backbone then runs once, and the head is trained on its
            features.

    Raises:
        RequestError: the job needs the network's last layer, and it can't be found; or it freezes too many blocks.
    """

    def __init__(self, model: nn.Module, train: Train, images: Tensor, *, plain: bool):
        self.model, self.train = model, train
        self.head = self._find_head(images)
        whole = [Block("network", tuple(p for p in model.parameters() if p.requires_grad))]
        self.blocks = blocks_of(model, self.head) if self.head else whole
        self._check_freeze()
        self.frozen: list[nn.Module] = []
        for_good = train.freeze_epochs is None and train.frozen_blocks(1, len(self.blocks)) == len(self.blocks) - 1
        backbone = bool(self.head) and train.freeze is not None and for_good
        self.alone = backbone and plain and is_last_step(model, str(self.head), images)
        self.whole: nn.Module | None = None
        """The complete network for evaluation, where it is sharded across processes."""
        self.begin_epoch(1)

    def _find_head(self, images: Tensor) -> str | None:
        train = self.train
        if train.freeze is None and train.head_lr is None and train.layer_decay == 1:
            return None
        try:
            return find_head(self.model, images)
        except ValueError as error:
            raise RequestError(
                f"train.freeze, train.head_lr and train.layer_decay need the network's last layer: {error}. "
                "Give the network a method get_classifier() that returns it."
            ) from error

    def _check_freeze(self) -> None:
        wanted, most = self.train.freeze, len(self.blocks) - 1
        if isinstance(wanted, int) and wanted > most:
            raise RequestError(
                f"--freeze {wanted}: the network has {most} blocks before its last layer, which is always trained. "
                f"Type: --freeze backbone, or a number from 1 to {most}"
            )

    @property
    def trained(self) -> nn.Module:
        """The module computed in a training step: the network, or its head alone."""
        return self.part_of(self.model)

    def part_of(self, model: nn.Module) -> nn.Module:
        """The corresponding part of a copy of the network."""
        return model.get_submodule(str(self.head)) if self.alone else model

    def begin_epoch(self, epoch: int) -> None:
        """Freeze the blocks and batch norms of an epoch."""
        frozen: list[nn.Module] = []
        if self.train.freeze is not None:
            frozen += freeze(self.model, self.blocks, self.train.frozen_blocks(epoch, len(self.blocks)))
        if self.train.freeze_norms:
            # Pretrained on larger batches of other images; statistics of small batches would degrade the features.
            frozen += [module for module in self.model.modules() if isinstance(module, _BatchNorm)]
        self.frozen = [] if self.alone else frozen

    def train_on_images(self) -> None:
        """Train the whole network, not the head alone, for a loss that takes more than the logits."""
        self.alone = False
        self.begin_epoch(1)

    def sees_batches(self) -> bool:
        """Check for a trainable batch norm, whose statistics depend on the micro-batch."""
        return any(isinstance(module, _BatchNorm) and module not in self.frozen for module in self.trained.modules())

    def learning(self) -> list[Block]:
        """The blocks that are trained in any epoch."""
        for_good = self.train.freeze is not None and self.train.freeze_epochs is None
        return self.blocks[self.train.frozen_blocks(1, len(self.blocks)) :] if for_good else self.blocks

    def begin_average(self) -> None:
        """Start an average of the weights, where the job asks for one."""
        train = self.train
        self._average: AveragedModel | None = None
        self._averaged = self.model
        if train.ema_decay is None and not train.swa_epochs:
            return
        moving = train.ema_decay is not None
        average: Any = get_ema_multi_avg_fn(train.ema_decay) if moving else _mean  # type: ignore[no-untyped-call]
        self._average = AveragedModel(self.trained, multi_avg_fn=average, use_buffers=True)
        self._averaged = self._average.module
        if self.alone:
            self._averaged = copy.deepcopy(self.model)
            self._averaged.set_submodule(str(self.head), self._average.module)

    def after_step(self) -> None:
        """Update the exponential moving average (EMA) of the weights."""
        if self._average is not None and self.train.ema_decay is not None:
            self._average.update_parameters(self.trained)

    def end_epoch(self, epoch: int) -> None:
        """Update the stochastic weight average (SWA) at the end of one of the last epochs."""
        if self._average is not None and epoch > self.train.epochs - self.train.swa_epochs:
            self._average.update_parameters(self.trained)

    @property
    def final(self) -> nn.Module:
        """The network that is evaluated and saved, with averaged weights once there are any."""
        if self.whole is not None:
            return self.whole
        begun = self._average is not None and int(self._average.n_averaged) > 0
        return self._averaged if begun else self.model

    def stateful(self) -> dict[str, Stateful]:
        """Return the modules whose state a checkpoint holds, by name."""
        return {"model": self.trained, **({} if self._average is None else {"average": self._average})}


def _mean(averages: list[Tensor], values: list[Tensor], count: Any) -> None:
    """Update a mean of ``count`` earlier values; integer buffers take the newest value."""
    if averages[0].is_floating_point():
        get_swa_multi_avg_fn()(averages, values, count)  # type: ignore[no-untyped-call]
    else:
        torch._foreach_copy_(averages, values)


def blank(model: nn.Module, in_chans: int, size: int) -> Tensor:
    """Two blank images (2, C, size, size), on the network's device."""
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    return torch.zeros(2, in_chans, size, size, device=device)
