"""Checks of callbacks: they are callbacks, take part in a short training, and restore their state."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from zoo.testing.checking import contract
from zoo.testing.outcome import need
from zoo.testing.subject import Subject

_SIDE, _CLASSES = 8, ("cat", "dog", "owl")


@contract("callback", "can be created", "Give every parameter that the zoo does not pass a default, or set an example.")
def _made(subject: Subject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        subject.try_to_make(**_given(Path(folder)))


@contract("callback", "derived from Callback", "Derive the class from zoo.api.running.Callback.")
def _derived(subject: Subject) -> None:
    from zoo.runner.callbacks import Callback

    with tempfile.TemporaryDirectory() as folder:
        made = subject.made(**_given(Path(folder)))
        need(isinstance(made, Callback), f"the factory returns a {type(made).__name__}")


@contract("callback", "events of a training", "Take each event of a training of two steps without an exception.")
def _events(subject: Subject) -> None:
    import torch

    from zoo.runner.train_state import TrainState

    with tempfile.TemporaryDirectory() as folder:
        made = subject.made(**_given(Path(folder)))
        model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * _SIDE**2, len(_CLASSES)))
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        schedule = torch.optim.lr_scheduler.ConstantLR(optimizer)
        state = TrainState(
            model=model,
            optimizer=optimizer,
            schedule=schedule,
            folder=Path(folder),
            classes=_CLASSES,
            epochs=1,
            steps_per_epoch=2,
        )
        made.train_start(state)
        state.epoch = 1
        made.epoch_start(state)
        for _ in range(2):
            _step(made, state)


def _step(callback: Any, state: Any) -> None:
    """Train one step on noise, with the events around it."""
    import torch

    state.step += 1
    state.images, state.targets = torch.rand(4, 3, _SIDE, _SIDE), torch.tensor([0, 1, 2, 0])
    callback.batch_start(state)
    logits = state.model(state.images)
    loss = torch.nn.functional.cross_entropy(logits, state.targets)
    state.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    state.optimizer.step()
    state.logits, state.loss = logits.detach(), loss.detach()
    callback.step_end(state)


@contract("callback", "restored state", "Let load_state_dict take what state_dict returns, of plain data and tensors.")
def _restored(subject: Subject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept = subject.made(**_given(Path(folder))).state_dict()
        need(isinstance(kept, dict), f"state_dict returns a {type(kept).__name__}")
        subject.made(**_given(Path(folder))).load_state_dict(kept)


def _given(folder: Path) -> dict[str, Any]:
    return {
        "folder": folder,
        "classes": list(_CLASSES),
        "num_classes": len(_CLASSES),
        "in_chans": 3,
        "image_size": _SIDE,
    }
