"""Layer groups of a network from stem to head, for freezing and layer-wise learning rates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

_MOST = 39


@dataclass(frozen=True)
class Block:
    """Parameters that are frozen together and share one learning rate.

    Args:
        name: common path of the parameters in the network, such as ``layer2.0``.
    """

    name: str
    parameters: tuple[nn.Parameter, ...]


def find_head(model: nn.Module, images: Tensor) -> str:
    """Find the path of the layer that maps features to logits.

    It is the result of the model's ``get_classifier()``, where defined (timm's convention), else the last layer with
    parameters to run. With several heads (see :func:`heads_of`) it is the first.

    Args:
        images: (N, C, H, W) float32, an input of the network.

    Raises:
        ValueError: no such layer exists, or it has no parameters.
    """
    told = _declared_heads(model)
    if told is None:
        last = _last_to_run(model, images)
        told = [] if last is None else [last]
    names = _paths(model, told)
    if not names or any(next(head.parameters(), None) is None for head in told):
        raise ValueError("the network has no last layer with weights")
    return names[0]


def heads_of(model: nn.Module, head: str) -> tuple[str, ...]:
    """Paths of all heads, where ``head`` is one of several whose outputs are averaged, as in distilled networks."""
    names = _paths(model, _declared_heads(model) or [])
    return names if head in names else (head,)


def _declared_heads(model: nn.Module) -> list[nn.Module] | None:
    """Heads that the network's ``get_classifier()`` returns; None where it has no such method."""
    ask: Any = getattr(model, "get_classifier", None)
    if not callable(ask):
        return None
    told = ask()
    return [part for part in (told if isinstance(told, tuple | list) else (told,)) if isinstance(part, nn.Module)]


def _paths(model: nn.Module, modules: list[nn.Module]) -> tuple[str, ...]:
    """Paths of the modules in the network; empty unless all are found."""
    known = {module: name for name, module in model.named_modules() if name}
    return tuple(known[m] for m in modules) if all(m in known for m in modules) else ()


def _last_to_run(model: nn.Module, images: Tensor) -> nn.Module | None:
    ran: list[nn.Module] = []
    hooks: list[RemovableHandle] = [
        module.register_forward_pre_hook(lambda module, given: ran.append(module))
        for module in model.modules()
        if next(module.parameters(recurse=False), None) is not None
    ]
    try:
        _eval_logits(model, images)
    finally:
        for hook in hooks:
            hook.remove()
    return ran[-1] if ran else None


def is_last_step(model: nn.Module, head: str, images: Tensor) -> bool:
    """Check that the head takes one tensor and returns the network's output, so that it can be trained separately."""
    seen: list[tuple[tuple[object, ...], object]] = []
    hook = model.get_submodule(head).register_forward_hook(lambda module, given, out: seen.append((given, out)))
    try:
        logits = _eval_logits(model, images)
    finally:
        hook.remove()
    if len(seen) != 1 or len(seen[0][0]) != 1 or not isinstance(seen[0][0][0], Tensor):
        return False
    out = seen[0][1]
    return isinstance(out, Tensor) and out.shape == logits.shape and torch.equal(out, logits)


def _eval_logits(model: nn.Module, images: Tensor) -> Tensor:
    """Compute the network's logits in evaluation mode without gradients, and restore its mode."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():  # not inference_mode: networks keep tensors that they make, and must train with them
            return model(images)  # type: ignore[no-any-return]
    finally:
        model.train(training)


def blocks_of(model: nn.Module, head: str) -> list[Block]:
    """Group the trainable parameters into blocks, in the order of their definition, the head last.

    There are at most 40. A block is all under one number (``blocks.3``, ``layer2.0``), or a layer without a number;
    separate norms belong to the block before them, and bare parameters at the start, such as positions, to the stem.
    """
    rows: dict[str, list[nn.Parameter]] = {}
    heads = heads_of(model, head)
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        rows.setdefault(head if _inside(name, *heads) else _block_name(name), []).append(parameter)
    last = rows.pop(head, [])
    merged: list[tuple[str, list[nn.Parameter]]] = []
    loose: list[nn.Parameter] = []
    for name, parameters in rows.items():
        if all(p.ndim <= 1 for p in parameters) or _is_bare(model, name):
            (merged[-1][1] if merged else loose).extend(parameters)
        else:
            merged.append((name, [*loose, *parameters]))
            loose = []
    if loose:
        merged.append(("stem", loose))
    return [*_at_most(_MOST, merged), Block(head, tuple(last))]


def _at_most(most: int, rows: list[tuple[str, list[nn.Parameter]]]) -> list[Block]:
    """Join neighbouring blocks to a maximum number, since a rate that decays per block would vanish otherwise."""
    size = -(-len(rows) // most)
    groups = [rows[i : i + size] for i in range(0, len(rows), max(size, 1))]
    return [Block(group[0][0], tuple(p for _, parameters in group for p in parameters)) for group in groups]


def _is_bare(model: nn.Module, name: str) -> bool:
    """Check that a parameter belongs to the network itself and to no layer, such as a class token or positions."""
    return "." not in name and isinstance(getattr(model, name, None), nn.Parameter)


def _inside(name: str, *modules: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def _block_name(parameter: str) -> str:
    """``blocks.3.attn.proj.weight`` -> ``blocks.3``; ``conv1.weight`` -> ``conv1``; ``cls_token`` as it is."""
    *path, own = parameter.split(".")
    numbers = [i for i, part in enumerate(path) if part.isdigit()]
    if numbers:
        return ".".join(path[: numbers[-1] + 1])
    return ".".join(path) or own


def freeze(model: nn.Module, blocks: Iterable[Block], count: int) -> list[nn.Module]:
    """Freeze the first ``count`` blocks and make all others trainable.

    Returns:
        The layers to set to evaluation mode after each ``train()`` of the network: those whose own parameters are all
        frozen, such as norms; with a completely frozen backbone all of its layers, dropout included.
    """
    rows = list(blocks)
    for i, block in enumerate(rows):
        for parameter in block.parameters:
            parameter.requires_grad_(i >= count)
    if count >= len(rows) - 1 > 0:  # the whole backbone: all of it but the head, layers without weights too
        keep = heads_of(model, rows[-1].name)
        return [module for name, module in model.named_modules() if not _inside(name, *keep)]
    frozen = {id(p) for block in rows[:count] for p in block.parameters}
    own = ((module, list(module.parameters(recurse=False))) for module in model.modules())
    return [module for module, parameters in own if parameters and all(id(p) in frozen for p in parameters)]
