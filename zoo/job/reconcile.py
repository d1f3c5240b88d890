"""Reconciliation of the user's choices with recipe values that were tuned together for other settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from zoo.job.layers import Layers
from zoo.plugin import Optimizer

OPTIMIZER, LR, HEAD_LR, DECAY = "train.optimizer.name", "train.lr", "train.head_lr", "train.weight_decay"
_START, _SIZE, _SHARE = "train.start_size", "train.image_size", "train.size_fraction"


def unchosen(source: str | None) -> bool:
    """Check that a value comes from a default, a recipe or a budget's variant, not from the user."""
    return source is None or source in ("default", "budget") or source.startswith("recipe ")


def reconcile_sizes(layers: Layers, before: Mapping[str, Any]) -> None:
    """Drop a recipe's reduced training sizes when the user chooses a smaller image size.

    Args:
        layers: merged layers, changed in place.
        before: values of recipe and defaults alone.
    """
    values, sources = layers.values, layers.sources
    start, size, usual = values.get(_START), values.get(_SIZE), before.get(_SIZE)
    if isinstance(size, int) and isinstance(usual, int) and size < usual and _advised(layers, _SHARE):
        layers.replace(sources[_SIZE], {_SHARE: 1.0})
    share = values.get(_SHARE, 1.0)
    if not (isinstance(start, int) and isinstance(size, int) and _is_number(share) and start > round(size * share)):
        return
    own = sources[_START]
    others = [source for source in map(sources.get, (_SIZE, _SHARE)) if source not in (None, "default", own)]
    if others and own not in ("--set", "command line"):
        layers.replace(str(others[0]), {_START: None})


def reconcile_freeze(layers: Layers) -> None:
    """Drop a recipe's schedule of freezing when the user chooses what to freeze."""
    source = layers.sources.get("train.freeze")
    if not unchosen(source):
        by_epochs = {"train.freeze_epochs": None, "train.unfreeze_epochs": 0}
        layers.replace(str(source), {path: none for path, none in by_epochs.items() if _advised(layers, path)})


def reconcile_rates(layers: Layers, before: Mapping[str, Any], own: Callable[[str], Optimizer | None]) -> None:
    """Rescale a recipe's learning rates and weight decay for another optimizer or learning rate.

    Learning rate and weight decay keep their ratio to the values that each optimizer was designed for; the rate of the
    last layer keeps its ratio to the learning rate.

    Args:
        layers: merged layers, changed in place.
        before: values of recipe and defaults alone.
        own: function of an optimizer's name that returns its component, or None where unknown.
    """
    name, usual = layers.values.get(OPTIMIZER), before.get(OPTIMIZER)
    now, then = (own(str(optimizer)) for optimizer in (name, usual))
    if name != usual and now is not None and then is not None:
        _scale(layers, LR, now.lr, then.lr, f"optimizer {name}")
        _scale(layers, DECAY, now.weight_decay, then.weight_decay, f"optimizer {name}")
    _scale(layers, HEAD_LR, layers.values.get(LR), before.get(LR), layers.sources.get(LR, ""))


def _scale(layers: Layers, path: str, now: Any, then: Any, source: str) -> None:
    """Scale a value that the user didn't choose in proportion to a changed number."""
    value = layers.values.get(path)
    if now != then and _advised(layers, path) and all(_is_number(x) for x in (value, now, then)):
        layers.replace(source, {path: float(f"{value * now / then:.6g}")})


def _advised(layers: Layers, path: str) -> bool:
    """Check that a value is set, and only by a recipe or a default."""
    return path in layers.values and unchosen(layers.sources.get(path))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
